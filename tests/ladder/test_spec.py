"""A ladder file means the runs that it says, and whatever is wrong in it gets one line that names the key."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys

import pytest

from forerun.ladder.designs import design, sizes
from forerun.ladder.rung import Rung
from forerun.ladder.spec import expand, parse_spec, read_spec
from forerun.note import DataError


def fixed(rung):
    """Tokens per second of an imaginary machine: slower for larger models, with an overhead a step."""
    return 1.0 / (2e-5 + 6 * rung.parameters / 3e10)


def test_a_grid_is_every_combination():
    spec = parse_spec(
        {"run": {"batch": 8}, "grid": [{"size": ["32x2", "48x3"], "flops": ["3e11", 1e12], "seed": [0, 1]}]}
    )
    ladder = expand(spec)
    assert len(ladder.rungs) == 8
    assert {r.batch for r in ladder.rungs} == {8}
    assert {r.size for r in ladder.rungs} == {"32x2", "48x3"}
    for rung in ladder.rungs:
        assert min(abs(rung.flops / level - 1) for level in (3e11, 1e12)) < 0.002


@pytest.mark.parametrize(
    ("amount", "check"),
    [
        ({"steps": 300}, lambda r: r.steps == 300),
        ({"tokens": "1M"}, lambda r: abs(r.tokens - 1e6) <= 256),
        ({"tokens_per_parameter": 20}, lambda r: abs(r.tokens / r.parameters - 20) < 0.02),
        ({"flops": 1e12}, lambda r: math.isclose(r.flops, 1e12, rel_tol=1e-3)),
        ({"device_time": "30s"}, lambda r: math.isclose(r.tokens / fixed(r), 30.0, rel_tol=1e-3)),
    ],
)
def test_each_amount_of_training(amount, check):
    (rung,) = expand(parse_spec({"grid": [{"size": "32x2", **amount}]}), fixed).rungs
    assert check(rung)


@pytest.mark.capability("equal-compute-protocol")
def test_equal_device_time_gives_models_of_other_throughput_other_amounts_of_text():
    spec = parse_spec(
        {"grid": [{"size": ["24x2", "48x3", "96x4"], "optimizer": ["muon", "adamw"], "device_time": "2m"}]}
    )
    rungs = expand(spec, fixed).rungs
    assert len(rungs) == 6
    assert [r.tokens / fixed(r) for r in rungs] == pytest.approx([120.0] * 6, rel=1e-3)
    assert len({r.tokens for r in rungs}) == 3


def test_one_sweep_moves_both_learning_rates():
    spec = parse_spec(
        {"run": {"adam_lr_ratio": 2}, "grid": [{"steps": 300, "lr": [0.01, 0.02]}, {"steps": 300, "adam_lr": 0.5}]}
    )
    assert [(r.lr, r.adam_lr) for r in expand(spec).rungs] == [(0.01, 0.02), (0.02, 0.04), (0.02, 0.5)]
    with pytest.raises(DataError, match="give adam_lr or adam_lr_ratio, not both"):
        parse_spec({"grid": [{"adam_lr": 0.1, "adam_lr_ratio": 2}]})


def test_mixtures_and_unique_text_are_axes_like_any_other():
    mixtures = [{"prose": 0.25, "code": 0.75}, {"prose": 1.0, "code": 0.0}]
    ladder = expand(
        parse_spec(
            {
                "grid": [
                    {"size": "32x2", "steps": 900, "mixture": mixtures},
                    {"size": "32x2", "steps": 900, "unique": ["100k", 50_000]},
                ]
            }
        )
    )
    assert [dict(rung.mixture) for rung in ladder.rungs[:2]] == mixtures
    assert [rung.unique for rung in ladder.rungs[2:]] == [100_000, 50_000]
    assert len({rung.digest for rung in ladder.rungs}) == 4
    again = [Rung(**json.loads(json.dumps(rung.to_dict()))) for rung in ladder.rungs]
    assert again == list(ladder.rungs)


def test_runs_of_earlier_ladders_keep_their_names():
    assert Rung(width=32, depth=2, steps=100).digest == "dbf9e5bb1285e5e6"


def test_what_a_grid_says_replaces_what_all_share():
    spec = parse_spec({"run": {"size": "64x4", "steps": 500}, "grid": [{"width": 32, "depth": 2}, {"flops": 1e12}]})
    first, second = expand(spec).rungs
    assert (first.size, first.steps) == ("32x2", 500)
    (deep,) = expand(parse_spec({"run": {"depth": 2, "steps": 300}, "grid": [{"width": 32}]})).rungs
    assert deep.size == "32x2"
    assert second.size == "64x4"
    assert math.isclose(second.flops, 1e12, rel_tol=1e-2)


def test_short_runs_are_left_out_and_counted():
    spec = parse_spec({"minimum_steps": 300, "grid": [{"size": "32x2", "steps": [100, 299, 300, 301]}]})
    ladder = expand(spec)
    assert [r.steps for r in ladder.rungs] == [300, 301]
    assert [r.steps for r in ladder.left_out] == [100, 299]


@pytest.mark.parametrize(("budget", "fits"), [("1e11", False), ("1e12", True), ("1s", False), ("10m", True)])
def test_a_ladder_that_needs_more_than_its_budget_is_refused(budget, fits):
    spec = parse_spec({"budget": budget, "grid": [{"size": "32x2", "steps": [1000, 2000]}]})
    if fits:
        assert len(expand(spec, fixed).rungs) == 2
    else:
        with pytest.raises(DataError, match=r"the runs need .* budget"):
            expand(spec, fixed)


def test_a_run_named_twice_is_one_run():
    spec = parse_spec(
        {"grid": [{"size": "32x2", "steps": 300}, {"size": "32x2", "steps": [300, 400], "held_back": True}]}
    )
    ladder = expand(spec)
    assert [r.steps for r in ladder.rungs] == [300]
    assert [r.steps for r in ladder.held_back] == [400]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (
            "[[grid]]\nsize = '64*4'\nsteps = 300",
            r"grid.1.size.1: a size is width x depth, such as 64x4, received '64\*4'",
        ),
        ("[[grid]]\nsize = '64x4'\nstep = 300", "grid.1.step is not a key of a ladder. Did you mean steps"),
        ("[[grid]]\nsize = '64x4'\nsteps = 300\nflops = 1e9", "grid.1: give one of steps, tokens"),
        ("[[grid]]\nsize = '64x4'\nwidth = 3", "give size, or width and depth, not both"),
        ("[[grid]]\nsteps = -3", "grid.1.steps.1: input should be greater than 0, received -3"),
        ("[[grid]]\nlr = 'fast'", "grid.1.lr.1: expected a number such as 7e9"),
        ("[[grid]]\noptimizer = 'sgd'", "grid.1.optimizer.1: input should be 'muon' or 'adamw', received 'sgd'"),
        ("[[grid]]\ndevice_time = 'soon'", "grid.1.device_time.1: expected a duration"),
        ("[[grid]]\nlr = nan", "grid.1.lr.1"),
        ("[[grid]]\nsize = []", "grid.1.size"),
        ("minimum_steps = 3", "grid is missing"),
        ("[watch]\npoint = 3\n[[grid]]\nsteps = 300", "watch.point is not a key of a ladder. Did you mean points"),
        ("[[grid]\nsteps = 300", "is not TOML"),
        ("[[grid]]\nsize = '64x4'\nsteps = 20", "all 1 runs would have fewer than minimum_steps = 200 steps"),
    ],
)
def test_a_wrong_file_gets_one_line(tmp_path, text, part):
    path = tmp_path / "ladder.toml"
    path.write_text(text)
    with pytest.raises(DataError, match=part) as caught:
        expand(read_spec(path))
    assert "\n" not in str(caught.value)


def test_a_missing_file_gets_one_line(tmp_path):
    with pytest.raises(DataError, match="there is no file"):
        read_spec(tmp_path / "none.toml")


def test_the_text_of_a_file_is_named_from_where_the_file_is(tmp_path):
    (tmp_path / "ladder.toml").write_text("corpus = 'texts'\n[[grid]]\nsteps = 300")
    assert read_spec(tmp_path / "ladder.toml").corpus == tmp_path / "texts"


@pytest.mark.parametrize(("seconds", "runs"), [(60, 6), (300, 12), (7200, 18)])
def test_a_designed_ladder_fits_its_time(seconds, runs):
    fitted, held = design(seconds, fixed)
    taken = sum(r.tokens / fixed(r) for r in (*fitted, *held))
    assert 0.75 * seconds < taken <= 0.85 * seconds
    assert len(fitted) >= runs
    assert len(held) == 1
    assert held[0].flops > 3 * max(r.flops for r in fitted)
    assert all(r.steps >= 200 for r in fitted)
    assert max(r.parameters for r in fitted) > 2 * min(r.parameters for r in fitted)


def test_too_little_time_is_refused():
    with pytest.raises(DataError, match="too short for a ladder"):
        design(2, fixed)


def test_sizes_rise():
    counts = [Rung(width=w, depth=d).parameters for w, d in sizes()]
    assert counts == sorted(counts)


@pytest.mark.parametrize(
    ("setting", "part"),
    [
        ({"width": 33}, "width is 33. Give an even number"),
        ({"width": 0}, "width is 0. Give a whole number above zero"),
        ({"width": 32.0}, "width is 32.0. Give a whole number above zero"),
        ({"steps": 0}, "steps is 0"),
        ({"warmup": -1}, "warmup is -1. Give a whole number, zero or more"),
        ({"lr": 0.0}, "lr is 0.0. Give a number above zero"),
        ({"adam_lr": math.inf}, "adam_lr is inf"),
        ({"weight_decay": -0.1}, "weight_decay is -0.1"),
        ({"cooldown": 1.5}, "cooldown is 1.5. Give a share from 0 to 1"),
        ({"optimizer": "sgd"}, "optimizer is 'sgd'. Use one of: muon, adamw"),
        ({"schedule": "Cosine"}, "schedule is 'Cosine'"),
        ({"mixture": {"prose": 0.7, "code": 0.2}}, "code 0.2, prose 0.7"),
        ({"unique": 0}, "unique is 0"),
        ({"unique": 10, "mixture": {"prose": 1.0}}, "unique is 10"),
        ({"scaling": "muP"}, "scaling is 'muP'"),
    ],
)
def test_a_run_that_cannot_be_is_refused(setting, part):
    with pytest.raises(DataError, match=part):
        Rung(**setting)


def test_an_odd_width_in_a_file_gets_one_line():
    with pytest.raises(DataError, match="width is 33"):
        expand(parse_spec({"grid": [{"size": "33x2", "steps": 300}]}))


def test_device_time_without_a_speed_is_refused():
    with pytest.raises(DataError, match="tokens per second are not known"):
        expand(parse_spec({"grid": [{"size": "32x2", "device_time": "30s"}]}))
    with pytest.raises(DataError, match="tokens per second are not known"):
        expand(parse_spec({"budget": "1s", "grid": [{"size": "32x2", "steps": 1000}]}))


def test_what_is_wrong_with_a_speed_is_not_taken_for_a_budget_in_flops():
    def broken(rung):
        raise DataError("small-corpus", "there is too little text")

    with pytest.raises(DataError, match="too little text"):
        expand(parse_spec({"budget": "15m", "grid": [{"size": "32x2", "steps": 1000}]}), broken)


def test_a_ladder_of_held_back_runs_only_is_refused():
    with pytest.raises(DataError, match="every run is held back"):
        expand(parse_spec({"grid": [{"size": "32x2", "steps": 1000, "held_back": True}]}))


def test_a_folder_instead_of_a_file_gets_one_line(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_spec(tmp_path)


def test_a_file_is_read_as_utf8_wherever_it_is(tmp_path):
    (tmp_path / "ladder.toml").write_bytes("corpus = 'bücher'\n[[grid]]\nsteps = 300".encode())
    code = "import sys; from forerun.ladder import read_spec; print(ascii(read_spec(sys.argv[1]).corpus.name))"
    words = [sys.executable, "-X", "utf8=0", "-c", code, str(tmp_path / "ladder.toml")]
    done = subprocess.run(
        words, env=os.environ | {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}, capture_output=True, text=True
    )
    assert done.stdout == "'b\\xfccher'\n", done.stderr


def test_the_longest_context_of_a_file_is_known():
    assert parse_spec({"grid": [{"steps": 300}]}).context == 128
    assert parse_spec({"run": {"context": 32}, "grid": [{"steps": 300}, {"context": [16, 64]}]}).context == 64
