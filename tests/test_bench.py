"""The benchmarks' own code: the peer solves the same problem, records say what they must, and coverage is noticed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench import peer  # noqa: E402
from bench.coverage import trials  # noqa: E402
from bench.record import single, table  # noqa: E402
from bench.reference import exponential_weights, small_runs, solved  # noqa: E402
from bench.refits import compare  # noqa: E402

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
            assert m["n"] >= 1, path
            assert m["spread"][0] <= m["median"] <= m["spread"][1], path


def pooled_coverage(engine: str) -> float:
    """Share of the 90 % intervals of one table size that hold the truth, over all quantities."""
    return float(np.nanmean(trials(60, "normal", range(REPETITIONS), engine, DRAWS)))


def test_intervals_cover_what_they_promise():
    assert BAND[0] <= pooled_coverage("") <= BAND[1]


def test_the_same_check_fails_an_engine_whose_refits_stop_early():
    assert not BAND[0] <= pooled_coverage("l-bfgs") <= BAND[1]
