"""Engines that stop early, to show that the coverage check would notice: refits warm-started and left unfinished."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from scipy.optimize import minimize

from forerun.fitting import uncertainty
from forerun.fitting.polish import polish
from forerun.fitting.problem import Problem
from forerun.fitting.refit import Refits

Array = np.ndarray
CRIPPLED = {
    "l-bfgs": "refits by SciPy L-BFGS-B with default settings on the mean objective, from the optimum",
    "one-step": "refits of a single damped Newton step from the optimum",
    "two-steps": "refits of two damped Newton steps from the optimum",
}


@contextmanager
def crippled_engine(name: str) -> Iterator[None]:
    """Within it, the bootstrap of ``fr.fit`` refits with the engine of that name; everything else stays."""
    original = uncertainty.refit
    uncertainty.refit = ENGINES[name]
    try:
        yield
    finally:
        uncertainty.refit = original


def _stopped_newton(steps: int) -> Callable[[Problem, Array, Array, int], Refits]:
    def refit(problem: Problem, starts: Array, weights: Array, seed: int, *, again: bool = False) -> Refits:
        ended = polish(problem, np.repeat(starts[:1], len(weights), 0), weights, max_steps=steps)
        return Refits(ended.z, ended.value, np.ones(len(weights), bool), np.zeros(len(weights), bool))

    return refit


def _mean_lbfgs(problem: Problem, starts: Array, weights: Array, seed: int, *, again: bool = False) -> Refits:
    """The mean of a Huber(1e-3) is so small that default tolerances are met at once."""
    bounds = list(zip(problem.lower, problem.upper))
    z, value = np.empty((len(weights), len(problem.names))), np.empty(len(weights))
    for i, w in enumerate(weights):

        def mean(x: Array, w: Array = w) -> tuple[float, Array]:
            here = problem.evaluate(x[None], w[None])
            return here.value[0] / problem.rows, here.gradient[0] / problem.rows

        ended = minimize(mean, starts[0], jac=True, method="L-BFGS-B", bounds=bounds)
        z[i], value[i] = ended.x, ended.fun * problem.rows
    return Refits(z, value, np.ones(len(weights), bool), np.zeros(len(weights), bool))


ENGINES = {"l-bfgs": _mean_lbfgs, "one-step": _stopped_newton(1), "two-steps": _stopped_newton(2)}
