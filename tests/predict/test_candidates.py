"""The best of many candidates, and how sure it is."""

from __future__ import annotations

import json

import numpy as np
import pytest

import forerun as fr
from forerun.predict import best_inputs


@pytest.fixture(scope="module")
def fit():
    return fr.fit("chinchilla", fr.simulate("chinchilla", noise=0.005, seed=1), draws=200)


def budget(flops, points=2000):
    size = np.geomspace(1e7, 1e12, points)
    return {"N": size, "D": flops / 6 / size}


def test_the_best_cell_of_a_budget_is_the_optimum_of_the_plan(fit):
    best = best_inputs(fit, budget(1e21))
    plan = fr.plan(fit, flops=1e21)
    step = np.log(1e5) / 1999
    assert abs(np.log(best.inputs["N"] / plan.choice["N"])) < step
    assert best.limits["N"][0] < best.inputs["N"] < best.limits["N"][1]
    assert best.edges == ()
    assert "of the draws agree" in str(best)
    assert json.loads(json.dumps(best.to_dict(), allow_nan=False))["candidates"] == 2000


def test_many_candidates_in_blocks_give_what_all_at_once_give(fit, monkeypatch):
    whole = best_inputs(fit, budget(1e21, 700))
    monkeypatch.setattr("forerun.predict.candidates.BLOCK", 64)
    assert best_inputs(fit, budget(1e21, 700)).to_dict() == whole.to_dict()


def test_a_best_at_the_edge_and_far_outside_says_so(fit):
    best = best_inputs(fit, {"N": 1e9, "D": np.geomspace(1e10, 1e16, 50)})
    assert best.edges == ("D",)
    assert {"edge-of-candidates", "far-extrapolation"} <= {note.code for note in best.notes}


def test_without_draws_there_is_no_interval_and_it_is_said(fit):
    best = best_inputs(fr.fit("chinchilla", fit.table, uncertainty="none"), budget(1e21))
    assert best.share is None
    assert best.limits["N"] is None
    assert "no interval because" in str(best)


@pytest.mark.parametrize(
    ("candidates", "words"),
    [({"N": [1e9, 2e9]}, "do not say D"), ({"N": [1e9, 2e9], "D": [1e10, 2e10, 3e10]}, "one length")],
)
def test_candidates_that_do_not_fit_together_are_refused(fit, candidates, words):
    with pytest.raises(fr.DataError, match=words):
        best_inputs(fit, candidates)
