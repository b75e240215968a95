"""Newton's walk through curved valleys, where parameters of a law can be changed together with almost no loss."""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr
from forerun.fitting import objective as objectives
from forerun.fitting.estimate import solve
from forerun.fitting.observations import observe
from forerun.fitting.polish import polish


def solved(law, seed):
    runs, huber = fr.simulate(law, n=80, noise=0.005, seed=seed), objectives.find("huber")
    problem, _, optimum = solve(law, observe(law, runs, huber, np.ones(80)), huber)
    return problem, optimum, int(optimum.value.argmin())


@pytest.mark.parametrize("name", ["transfer-log", "d-cpt", "d-cpt-cross-domain", "weight-sparsity"])
def test_the_end_of_a_curved_valley_is_reached_and_is_an_optimum(name):
    """Walks that shortened every rising step took 740 steps and more here, or all thousand and stopped on the way."""
    for seed in range(3):
        problem, optimum, best = solved(fr.laws.get(name), seed)
        assert optimum.finished[best]
        assert optimum.steps <= 500
        again = polish(problem, optimum.z[best][None] + 1e-3 * (1.0 + np.abs(optimum.z[best])))
        assert again.value[0] == pytest.approx(optimum.value[best], rel=1e-6)


def test_starts_of_one_problem_do_not_go_on_long_after_the_lowest_is_solved():
    _, optimum, best = solved(fr.laws.get("idle-experts"), seed=0)
    assert optimum.finished[best]
    assert optimum.steps <= 300


@pytest.mark.parametrize("seed", range(3))
def test_refits_whose_floor_ends_at_zero_are_solved(seed):
    """Steps that were cut off at the bound, and moved the rest as if they were not, left up to 49 of 200 unfinished."""
    examples, truth = 200 * 2.0 ** np.arange(14), {"E": 0.06, "B": 2.7, "D_l": 1e-3, "beta": 0.041}
    runs = fr.simulate("rectified-fine-tuning", params=truth, inputs={"examples": examples}, noise=0.003, seed=seed)
    fit = fr.fit("rectified-fine-tuning", runs, draws=200)
    assert np.mean(fit.draws[:, list(fit.params).index("E")] == 0.0) > 0.05
    left = [note.evidence["unfinished"] for note in fit.notes if note.code == "refits-unfinished"]
    assert sum(left) <= 12


@pytest.mark.parametrize("seed", range(4))
def test_kinks_of_a_narrow_objective_hold_back_no_start(seed):
    """Under the narrow Huber function alone only five of eight starts reach the optimum of the first of these tables."""
    solution = fr.fit(
        "chinchilla", fr.simulate("chinchilla", n=80, noise=0.005, seed=seed), uncertainty="none"
    ).solution
    assert solution.agreeing >= solution.starts - 1


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("name", "objective"), [("tokens-per-character", "squared"), ("knowledge-capacity", "lad")])
def test_a_start_that_is_the_optimum_already_counts_as_solved(name, objective, seed):
    """The screening finds the optimum of parameters that enter linearly: no step from there can gain anything."""
    law = fr.laws.get(name)
    fit = fr.fit(law, fr.simulate(law, n=40, noise=0.01, seed=seed), objective=objective, uncertainty="none")
    assert fit.outcome != "not-converged"
