"""Sweeps whose growth is known cross where they should, what is not known is said, and real sweeps say true things."""

from __future__ import annotations

import csv
import json
import math
from collections import Counter

import jsonschema
import numpy as np
import pytest

import forerun as fr
from forerun import cli, datasets
from forerun.schemas import schema

pytestmark = pytest.mark.capability("instability-early-warning")

RATES = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1)
SIZES = np.geomspace(1e7, 3e8, 6)
CURVE = float(np.mean([math.log(rate / 1e-2) ** 2 for rate in RATES]))  # LR sensitivity of a parabola of height one
LIMITS = {"lr_sensitivity": 0.1 * CURVE, "logit": 3e3}
TABLES = 60


def columns(*, bend=0.4, logit=0.6, noise=0.03, seed=0, best=1e-2, sizes=SIZES):
    """Parabolas in log learning rate that get narrower as N^bend, and logits that grow as N^logit, with noise a size."""
    rng = np.random.default_rng(seed)
    rows = []
    for size in sizes:
        narrow = 0.01 * (size / 1e7) ** bend * np.exp(noise * rng.standard_normal())
        high = 50 * (size / 1e7) ** logit * np.exp(noise * rng.standard_normal())
        for rate in RATES:
            loss = 2 + 3 * (size / 1e7) ** -0.1 + narrow * math.log(rate / best) ** 2
            rows.append((size, rate, loss, high * (rate / 1e-2) ** 0.5))
    return dict(zip(("N", "lr", "loss", "logit"), map(list, zip(*rows))))


def warned(settings=None, **how):
    asked = {"limit": LIMITS["lr_sensitivity"], "watch": {"logit": LIMITS["logit"]}, "ceiling": 11.0}
    return fr.early_warning(fr.read_runs(columns(**how)), **{**asked, **(settings or {})})


def codes(found):
    return {note.code for note in found.notes}


def test_the_true_crossing_lies_in_the_interval_as_often_as_it_promises():
    true = {"lr_sensitivity": 1e7 * 10 ** (1 / 0.4), "logit": 1e7 * 60 ** (1 / 0.6)}
    held, answers = Counter(), Counter()
    for seed in range(TABLES):
        for name, growth in warned(seed=seed).growths.items():
            answers[name, growth.answer] += 1
            held[name] += growth.crossing_low <= true[name] <= growth.crossing_high
    for name in true:
        assert 3e8 < true[name] < 3e10, "beyond the data and within two decades"
        assert answers[name, "crosses"] >= 0.9 * TABLES, answers
        assert held[name] >= 0.85 * TABLES, held


def test_the_interval_of_the_growth_holds_the_true_exponent_and_tells_it_from_zero():
    found = warned()
    for name, true in (("lr_sensitivity", 0.4), ("logit", 0.6)):
        growth = found.growths[name]
        assert 0 < growth.low < true < growth.high
        assert growth.low < growth.exponent < growth.high


def test_tables_without_growth_are_seldom_said_to_cross():
    answers = Counter()
    for seed in range(TABLES):
        found = warned(bend=0.0, logit=0.0, noise=0.3, seed=seed)
        answers += Counter(growth.answer for growth in found.growths.values())
    assert answers["crosses"] <= 0.1 * 2 * TABLES, answers
    assert answers["not decided"] + answers["not reached"] >= 0.9 * 2 * TABLES, answers


def test_no_growth_and_little_noise_is_not_reached_and_much_noise_is_not_decided():
    quiet, loud = (warned(logit=0.0, noise=noise, seed=2).growths["logit"] for noise in (0.01, 1.0))
    assert (quiet.answer, quiet.crossing_low) == ("not reached", math.inf)
    assert (loud.answer, loud.reason) == ("not decided", "the growth is not sure")


def test_a_limit_that_a_measured_size_is_over_is_crossed_already():
    found = warned({"watch": {"logit": 100.0}})
    assert found.growths["logit"].answer == "crossed"
    assert found.verdict.startswith("logit is over 100 at N = 38.98M already")


def test_lr_sensitivity_is_the_mean_of_clipped_losses_above_the_best_over_shared_rates():
    """By hand: rates 1, 2 and 3e-3 are shared; the runs at 9 and 99 count as the loss at initialisation, 7."""
    cells = [(n, rate, loss) for n, losses in ((1e6, (5, 4, 9)), (2e6, (4, 3, 99)), (4e6, (3.5, 2, 6)))
             for rate, loss in zip((1e-3, 2e-3, 3e-3), losses)]  # fmt: skip
    cells.append((1e6, 5e-4, 6.9))
    table = fr.read_runs(dict(zip(("N", "lr", "loss"), map(list, zip(*cells)))))
    found = fr.early_warning(table, ceiling=7.0)
    assert found.shared == (1e-3, 2e-3, 3e-3)
    assert [s.lr_sensitivity for s in found.sweeps] == pytest.approx([4 / 3, 5 / 3, 5.5 / 3])
    assert [s.over_ceiling for s in found.sweeps] == [1, 1, 0]
    plain = fr.early_warning(table)
    assert plain.sweeps[1].lr_sensitivity == pytest.approx(97 / 3)
    assert "no-ceiling" in codes(plain) - codes(found)


def test_three_sizes_give_growth_without_an_interval_and_say_so():
    growth = (found := warned(sizes=SIZES[:3])).growths["logit"]
    assert (growth.low, growth.crossing_low, growth.answer) == (None, None, "not decided")
    assert "3 sizes give no interval" in found.verdict
    assert "few-sizes" in codes(found)


def test_the_best_learning_rate_is_the_vertex_of_the_parabola():
    assert [s.best_lr for s in warned(best=5e-3).sweeps] == pytest.approx([5e-3] * 6)
    assert not any(s.edge for s in warned(best=5e-3).sweeps)


@pytest.mark.parametrize(("best", "edge"), [(1.0, "highest"), (1e-5, "lowest")])
def test_an_edge_of_the_search_is_said(best, edge):
    found = warned(best=best, bend=0.0)
    assert [s.edge for s in found.sweeps] == [edge] * 6
    assert "edge-of-search" in codes(found)
    assert "edge-of-search" not in codes(warned())


def test_diverged_runs_that_were_left_out_are_asked_for():
    runs = fr.read_runs(columns())
    assert "learning-rates-missing" not in codes(fr.early_warning(runs))
    found = fr.early_warning(runs.drop("N > 2e8 and lr > 0.2"))
    assert len(found.shared) == 6
    note = next(n for n in found.notes if n.code == "learning-rates-missing")
    assert note.evidence["missing"] == [{"size": SIZES[-1], "learning_rates": [0.3]}]


def test_an_empty_loss_is_refused_and_the_loss_at_initialisation_stands_for_it():
    table = columns()
    table["loss"][-1] = None
    with pytest.raises(fr.DataError, match="empty or NaN"):
        fr.read_runs(table)
    table["loss"][-1] = 11.0
    assert fr.early_warning(fr.read_runs(table), ceiling=11.0).sweeps[-1].over_ceiling == 1


def test_seeds_are_averaged_and_other_repeats_refused():
    first, second = columns(seed=1), columns(seed=2)
    both = {name: first[name] + second[name] for name in first}
    with pytest.raises(fr.DataError, match="rows 1 and 43 have the same N, learning rate"):
        fr.early_warning(fr.read_runs(both))
    found = fr.early_warning(fr.read_runs(both | {"seed": ["1"] * 42 + ["2"] * 42}), watch={"logit": 1e4})
    one, two = (fr.early_warning(fr.read_runs(c), watch={"logit": 1e4}) for c in (first, second))
    for name in found.growths:
        means = np.mean([one.growths[name].values, two.growths[name].values], axis=0)
        assert found.growths[name].values == pytest.approx(means)


def test_columns_are_watched_at_the_best_rate_of_the_largest_size_or_at_the_one_that_is_named():
    default, asked = warned(), warned({"lr": 0.1})
    assert (default.lr, asked.lr) == (1e-2, 0.1)
    ratio = np.array(asked.growths["logit"].values) / default.growths["logit"].values
    assert ratio == pytest.approx(10**0.5)
    assert asked.growths["logit"].crossing < default.growths["logit"].crossing


def test_growth_that_bends_against_a_power_law_and_far_crossings_are_said():
    table = columns(noise=0.0)
    straight = fr.early_warning(fr.read_runs(table), watch={"logit": 3e3})
    assert "growth-bends" not in codes(straight)
    assert "far-extrapolation" in codes(straight), "9.2 G is 1.5 decades beyond 300 M"
    assert "far-extrapolation" not in codes(fr.early_warning(fr.read_runs(table), watch={"logit": 500}))
    table["logit"] = [50 * 10 ** (0.3 * math.log10(n / 1e7) ** 2) for n in table["N"]]
    assert "growth-bends" in codes(fr.early_warning(fr.read_runs(table), watch={"logit": 1e4}))


def bad(**changes):
    return columns() | changes


BAD = {
    "no learning rate": (lambda: {k: v for k, v in columns().items() if k != "lr"}, {}, "--role lr=COLUMN"),
    "one learning rate": (lambda: bad(lr=[1e-3] * 42, loss=list(range(1, 43))), {}, "all runs have the one learning rate 0.001"),
    "one size": (lambda: columns(sizes=SIZES[:1]), {}, "has 1 size"),
    "two sizes": (lambda: columns(sizes=SIZES[:2]), {}, "has 2 sizes"),
    "a rate of zero": (lambda: bad(lr=[0.0, *columns()["lr"][1:]]), {}, "must be above zero"),
    "no shared rates": (lambda: bad(lr=[rate * (1 + i // 7) for i, rate in enumerate(columns()["lr"])]), {}, "learning rates"),
    "several D a size": (lambda: bad(D=[1e9, *[2e9] * 41]), {}, "D from 1B to 2B"),
    "losses alike": (lambda: bad(loss=[3.0] * 42), {}, "end at the same loss"),
    "a ceiling below all losses": (columns, {"ceiling": 2.0}, "at or over the ceiling 2"),
    "a limit of zero": (columns, {"limit": 0.0}, "received 0"),
    "a watched column that is not there": (columns, {"watch": {"logits": 1e4}}, "Nearest: 'logit'"),
    "a watched column of words": (lambda: bad(logit=["high"] * 42), {"watch": {"logit": 1e4}}, "received 'high'"),
    "a watched column below zero": (lambda: bad(logit=[-1.0] * 42), {"watch": {"logit": 1e4}}, "above zero, received -1"),
    "a watched column that is empty": (lambda: bad(logit=[None] * 42), {"watch": {"logit": 1e4}}, "0 of 6 sizes have a value"),
    "a rate that was not swept": (columns, {"lr": 0.02}, "All have: 0.0003, 0.001"),
    "a level in percent": (columns, {"level": 90}, "Write 90 % as 0.9"),
    "a negative seed": (columns, {"seed": -1}, "received -1"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_gets_one_plain_line(kind):
    table, settings, words = BAD[kind]
    with pytest.raises(fr.DataError) as error:
        fr.early_warning(fr.read_runs(table()), **settings)
    assert words in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300


@pytest.fixture
def sweeps(tmp_path):
    path = tmp_path / "sweeps.csv"
    table = columns()
    path.write_text("\n".join([",".join(table), *(",".join(map(str, row)) for row in zip(*table.values()))]))
    return str(path)


ASKED = ["--N", "N", "--loss", "loss", "--role", "lr=lr", "--watch", "logit=3e3", "--limit", "0.5", "--ceiling", "11"]


def test_the_command_prints_the_verdict_first_and_json_that_keeps_to_the_schema(sweeps, capsys):
    assert cli.main(["stability", sweeps, *ASKED]) == 0
    text = capsys.readouterr().out
    runs = fr.read_runs(sweeps, N="N", loss="loss", lr="lr")
    found = fr.early_warning(runs, watch={"logit": 3e3}, limit=0.5, ceiling=11.0)
    assert text == f"{found}\n"
    assert text.splitlines()[0] == found.verdict
    assert found.verdict.index("LR sensitivity crosses 0.5") < found.verdict.index("; logit crosses 3000")
    assert cli.main(["stability", sweeps, *ASKED, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    jsonschema.validate(data, schema("stability"))
    assert data == json.loads(json.dumps(found.to_dict()))


def test_a_crossing_that_never_comes_is_null_in_json(sweeps, capsys):
    path = ["stability", sweeps, "--role", "lr=lr", "--watch", "N=1e4", "--watch", "loss=100", "--json"]
    assert cli.main(path) == 0
    data = json.loads(capsys.readouterr().out, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    jsonschema.validate(data, schema("stability"))
    by = {growth["quantity"]: growth for growth in data["growths"]}
    assert (by["lr_sensitivity"]["answer"], by["N"]["answer"]) == ("no limit", "crossed")
    assert (by["loss"]["answer"], by["loss"]["crossing"]) == ("not reached", None)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--watch", "logit"], "--watch logit_max=1e4"),
        (["--watch", "logit=big"], "'big'"),
        (["--lr", "fast"], "'fast'"),
    ],
)
def test_wrong_options_get_one_plain_line(options, words, sweeps, capsys):
    assert cli.main(["stability", sweeps, "--role", "lr=lr", *options]) == 1
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def rows_of(path, keep):
    with path.open(encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if keep(row)]


def test_dense_sweeps_with_growing_budgets_prefer_lower_rates_at_larger_sizes(table):
    """(Mis)Fitting: six sizes of eight rates each, with about five to eighteen tokens a parameter.

    Over all rates LR sensitivity falls with size, as the smallest models are far from trained at low rates; over the
    four highest alone it grows. Both are true, and the range of rates must be stated.
    """
    budget = {"12M": 262144000, "25M": 524288000, "50M": 1048576000, "100M": 2097152000, "200M": 4194304000, "400M": 8388608000}  # fmt: skip
    rows = rows_of(table("misfitting_dense_lr"), lambda r: float(r["tokens"]) == budget.get(r["model"]))
    runs = fr.read_runs(rows, N="params", D="tokens", loss="loss_c4")
    found = fr.early_warning(runs, limit=2.0, ceiling=10.8)
    best = [s.best_lr for s in found.sweeps]
    assert best == sorted(best, reverse=True)
    assert len(found.shared) == 8
    assert best[0] > 3 * best[-1]
    assert "edge-of-search" not in codes(found)
    growth = found.growths["lr_sensitivity"]
    assert growth.high < 0
    assert growth.answer == "not reached"
    high = fr.early_warning(runs.where("lr >= 1e-3"), limit=2.0, ceiling=10.8)
    assert len(high.shared) == 4
    assert high.growths["lr_sensitivity"].low > 0
    assert high.growths["lr_sensitivity"].answer == "crosses"


def test_step_law_sweeps_show_a_jump_that_no_power_law_may_carry_on(table):
    """Step Law at batch 256 and about 18.6 tokens a parameter: from 429M on the highest shared rate diverges."""
    rows = rows_of(
        table("steplaw_dense"),
        lambda r: r["batch_sequences"] == "256" and 18 < float(r["tokens"]) / float(r["params_non_embedding"]) < 19,
    )
    runs = fr.read_runs(rows, N="params_non_embedding", D="tokens", loss="loss")
    found = fr.early_warning(runs, limit=1.0, ceiling=11.0)
    values = found.growths["lr_sensitivity"].values
    assert [s.size for s in found.sweeps] == [214663680, 268304384, 429260800, 536872960, 1073741824]
    assert min(values[2:]) > 10 * max(values[:2])
    assert found.growths["lr_sensitivity"].answer == "not decided"
    assert fr.early_warning(runs, limit=0.3, ceiling=11.0).verdict == "LR sensitivity is over 0.3 at N = 429.3M already"


def test_a_table_of_several_batch_sizes_is_refused_until_one_is_chosen(table):
    where = "tokens <= 8e9 and tokens != 11400000000"
    runs = fr.read_runs(table("steplaw_dense"), N="params_non_embedding", D="tokens", loss="loss", where=where)
    with pytest.raises(fr.DataError, match="have the same N, learning rate"):
        fr.early_warning(runs)
    assert len(fr.early_warning(runs.where("batch_sequences == 256")).sweeps) == 3


def test_the_grid_that_chose_its_shapes_at_one_learning_rate_is_no_sweep(table):
    runs = fr.read_runs(table("gadre_hyperparameter_grid"), N="d_model", D="tokens", loss="loss", lr="lr")
    with pytest.raises(fr.DataError, match="all runs have the one learning rate"):
        fr.early_warning(runs)


@pytest.mark.parametrize("batch", [2, 4, 8])
def test_sweeps_of_our_own_that_are_stable_raise_no_alarm(batch):
    """Four sizes from 26k to 229k parameters, no run diverged: LR sensitivity stays within a twentieth of a nat."""
    roles = {"N": "parameters", "D": "tokens", "loss": "loss", "lr": "lr"}
    runs = datasets.read("ladder-lr-batch", **roles, where=(f"batch == {batch}",))
    found = fr.early_warning(runs, limit=0.2, ceiling=math.log(256)).growths["lr_sensitivity"]
    assert max(found.values) < 0.055
    assert found.answer in ("not reached", "not decided")
    assert found.low < 0.0 < found.high
