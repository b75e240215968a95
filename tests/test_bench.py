"""The benchmarks' own code: the peer solves the same problem, records say what they must, and coverage is noticed."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench import comparisons, ladder_throughput, matrix_products, peer, peers  # noqa: E402
from bench.coverage import trials  # noqa: E402
from bench.peers import environment, tables  # noqa: E402
from bench.plain_training import PlainTraining  # noqa: E402
from bench.record import single, table, unmeasured  # noqa: E402
from bench.reference import exponential_weights, small_runs, solved  # noqa: E402
from bench.refits import compare  # noqa: E402

from forerun.ladder import Rung  # noqa: E402

POINT = np.array([6.17, 7.67, 0.6, 0.348, 0.366])
REPETITIONS, DRAWS = 60, 100
BAND = (0.78, 0.98)  # around 0.9, three binomial standard errors of 60 independent tables down and two up


@pytest.fixture(scope="module")
def small():
    runs, _ = small_runs()
    return runs, solved(runs)


@pytest.mark.parametrize("kind", [peer.Standard, peer.Lean])
def test_the_peer_has_the_gradient_of_its_objective(small, kind):
    runs, _ = small
    objective = kind(np.log(runs["N"]), np.log(runs["D"]), np.log(runs["loss"]), np.linspace(0.5, 2.0, len(runs)))
    _, gradient = objective(POINT)
    for k in range(5):
        step = 1e-6 * np.eye(5)[k]
        difference = (objective(POINT + step)[0] - objective(POINT - step)[0]) / 2e-6
        assert gradient[k] == pytest.approx(difference, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("kind", [peer.Standard, peer.Lean])
def test_the_peer_minimises_the_same_objective_as_forerun(small, kind):
    runs, engine = small
    z = engine.optimum.z[[engine.best]]
    x = peer.from_natural(engine.problem.natural(z), list(engine.problem.names))[0]
    objective = kind(np.log(runs["N"]), np.log(runs["D"]), np.log(runs["loss"]), np.ones(len(runs)))
    assert objective(x)[0] * peer.DELTA == pytest.approx(float(engine.problem.values(z)[0]), rel=1e-10)


def test_the_standard_grid_has_4500_starts():
    assert peer.starts().shape == (4500, 5)
    assert len(np.unique(peer.starts(), axis=0)) == 4500


def test_batched_refits_of_a_small_table_reach_a_thorough_search(small):
    _, engine = small
    found, _ = compare(engine, exponential_weights(300, engine.problem.rows, 0), 100)
    assert found["value"] >= 99.0


def test_a_requirement_is_judged_by_the_figure_and_never_given():
    assert single("share", 90.2, 100, "%", required="87 to 93").holds is True
    assert single("share", 80.0, 100, "%", required="87 to 93").holds is False
    assert single("time", 5.0, 9, "s", ratio=250.0, required=">= 300").holds is False
    assert single("time", 5.0, 9, "s").holds is None


def test_every_record_that_stands_has_what_makes_it_repeatable():
    for path in sorted((ROOT / "bench" / "records").glob("*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        assert {"date", "machine", "python", "numpy", "scipy", "commit", "seeds", "command", "data"} <= set(record), (
            path
        )
        assert len(table(record["measures"])) == 2 + len(record["measures"])
        for m in record["measures"]:
            if m["n"] == 0:
                assert m["median"] is None, path
                assert m["note"], path
                continue
            assert m["spread"][0] <= m["median"] <= m["spread"][1], path


@pytest.fixture(scope="module")
def problem(small, tmp_path_factory):
    """What the tasks of the peers read, for twelve rows and few draws."""
    runs, engine = small
    best = dict(zip(engine.problem.names, engine.problem.natural(engine.optimum.z)[engine.best].tolist()))
    path = tmp_path_factory.mktemp("peers") / "problem.json"
    path.write_text(json.dumps(peers.as_problem(runs, best, quick=True) | {"draws": 20}))
    return path


def run_here(script, task, problem, tmp_path):
    """A task in the interpreter of the tests: what it needs is NumPy and SciPy, never the peers' environment."""
    return peers.run(script, task, sys.executable, problem, environment.variables(tmp_path))


def judged(found, runs):
    return tables.objective(found["params"], *(np.log(runs[name]) for name in ("N", "D", "loss")))


def test_peers_are_judged_by_the_objective_that_forerun_minimises(small):
    runs, engine = small
    params = dict(zip(engine.problem.names, engine.problem.natural(engine.optimum.z)[engine.best].tolist()))
    assert judged({"params": params}, runs) == pytest.approx(float(engine.optimum.value.min()), rel=1e-10)


def test_forerun_and_a_well_started_scipy_reach_one_optimum(small, problem, tmp_path):
    runs, _ = small
    own = run_here("forerun", "W1", problem, tmp_path)
    theirs = run_here("scipy", "W1 least_squares", problem, tmp_path)
    assert judged(theirs, runs) == pytest.approx(judged(own, runs), rel=1e-4)
    row = tables.work_rows(
        "W1", [("SciPy", "W1", own, theirs)], lambda p: judged({"params": p}, runs), judged(own, runs)
    )
    assert [m.name for m in row] == ["W1: forerun", "W1: forerun's objective above the lowest known", "W1: SciPy"]
    assert row[2].ratio == pytest.approx(theirs["cpu"] / own["cpu"])


def test_the_passes_of_the_engine_are_counted(problem, tmp_path):
    counted = run_here("forerun", "passes", problem, tmp_path)["passes"]
    assert counted["W2"]["evaluate"] > counted["W1"]["evaluate"] > 0


def test_parabolas_by_hand_and_forerun_find_the_exponents_of_symmetric_budgets(problem, tmp_path):
    budget, shift = (x.ravel() for x in np.meshgrid(np.geomspace(1e18, 1e21, 4), np.linspace(-0.5, 0.5, 7)))
    size = 10**shift * budget**0.46
    table = {
        "N": size.tolist(),
        "D": (budget / 6 / size).tolist(),
        "C": budget.tolist(),
        "loss": (2 + shift**2).tolist(),
    }
    path = tmp_path / "problem.json"
    path.write_text(json.dumps(json.loads(problem.read_text()) | {"isoflop": table}))
    by_hand, own = (run_here(script, "W3", path, tmp_path)["exponents"] for script in ("numpy", "forerun"))
    assert by_hand == pytest.approx({"N": 0.46, "D": 0.54}, abs=1e-6)
    assert own == pytest.approx(by_hand, abs=1e-6)


def test_a_peer_that_cannot_be_had_or_fails_is_a_row(problem, tmp_path):
    found = run_here("vpnls", "W1", problem, tmp_path)
    rows = tables.work_rows("W2", [("vpnls", "W2", {"failed": "no"}, found)], lambda p: 1.0, 1.0)
    assert [m.n for m in rows] == [0, 0]
    assert rows[1].note.startswith("not to be had: ")
    assert run_here("scipy", "no such task", problem, tmp_path)["failed"] == "KeyError: 'no such task'"
    assert len(table([unmeasured("x", "why").__dict__ | {"holds": None}])) == 3


def test_every_task_of_the_comparison_is_in_its_script():
    for script, task, _ in peers.TASKS:
        text = (ROOT / "bench" / "peers" / f"by_{script}.py").read_text(encoding="utf-8")
        assert f'"{task}": ' in text, (script, task)
        assert f'"{tables.work_of(task)}": ' in (ROOT / "bench" / "peers" / "by_forerun.py").read_text(encoding="utf-8")


def test_the_peers_are_pinned_and_stay_out_of_the_extras():
    names = environment.requirements(environment.REQUIREMENTS.read_text(encoding="utf-8"))
    assert [n for n in names if "==" not in n] == ["vpnls"]  # it is not on the index
    extras = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for name in ("lmfit", "chinchilla", "simple-scaling-laws", "numpyro"):
        assert name in map(environment.bare, names)
        assert not re.search(rf'"{name}[><=]', extras)


@pytest.mark.parametrize("tables", comparisons.TABLES)
@pytest.mark.parametrize("case", comparisons.CASES)
def test_simulated_methods_differ_as_they_are_said_to(case, tables):
    """At the smallest noise two comparisons out of two come out as the case says, with the true multiplier close by."""
    _, multiplier, right = comparisons.CASES[case]
    assert comparisons.true_multiplier(case) == pytest.approx(multiplier, rel=0.05)
    found = comparisons.trials(case, 60, 0.001, tables, range(2))
    assert [t.winner for t in found] == [right] * 2
    assert all(np.isfinite(t.narrowing) == (tables == "same grid and seeds") for t in found)


def test_a_cell_in_which_nothing_was_decided_has_no_figure():
    trials = [comparisons.Trial("not decided", 1.0, np.nan, np.nan)] * 3
    (row,) = comparisons._cell(("crossing", 20, 0.01, "other runs"), trials)
    assert (row.n, row.median) == (0, None)
    assert row.note.startswith("3 of 3 not decided")


def pooled_coverage(engine: str) -> float:
    """Share of the 90 % intervals of one table size that hold the truth, over all quantities."""
    return float(np.nanmean(trials(60, "normal", range(REPETITIONS), engine, DRAWS)))


def test_intervals_cover_what_they_promise():
    assert BAND[0] <= pooled_coverage("") <= BAND[1]


def test_the_same_check_fails_an_engine_whose_refits_stop_early():
    assert not BAND[0] <= pooled_coverage("l-bfgs") <= BAND[1]


RUNG = Rung(width=48, depth=2, context=32, batch=4, steps=100)


def test_the_products_beside_a_trainer_are_those_that_are_counted():
    assert sum(p.flops for p in matrix_products.products(RUNG)) == RUNG.flops / RUNG.steps


def test_the_plain_decoder_takes_the_same_products():
    training = PlainTraining(RUNG, np.arange(1000, dtype=np.uint8))
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        torch.autograd.backward(training.model(*training.batch()))
    assert counter.get_total_flops() == RUNG.flops / RUNG.steps


def test_the_plain_decoder_learns():
    training = PlainTraining(RUNG, np.frombuffer(b"ships sail north " * 200, dtype=np.uint8))
    losses = [training.step() for _ in range(60)]
    assert losses[0] == pytest.approx(np.log(256), rel=0.05)
    assert losses[-1] < 0.7 * losses[0]


def test_loops_that_take_turns_are_timed_equally_often():
    steps = {"one": lambda: None, "other": lambda: sum(range(20_000))}
    seconds = ladder_throughput.interleaved(steps, 3)
    assert [len(values) for values in seconds.values()] == [3, 3]
    found = ladder_throughput.rows("x", RUNG, {k: [0.2, 0.1] for k in ("products", "plain", "Muon", "AdamW")})
    assert [m.median for m in found] == [100.0, 1.0, 100.0, 1.0]
