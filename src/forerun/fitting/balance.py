"""How much an objective counts for a unit of log likelihood: what a prior is weighed against the rows with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from forerun.fitting.polish import polish
from forerun.fitting.problem import Problem

Array = np.ndarray
SETTLED = 0.01  # relative change of the balance at which it has settled
MOST_TURNS = 20
LEAST = 1e-30  # of a fit through all its points: its prior then only chooses among such fits


def dispersion(problem: Problem, z: Array, freedom: float) -> float:
    """Mean square of the objective's slopes over its mean curvature at ``z`` (p,): the variance, for least squares.

    A likelihood has one. For Huber functions and absolute deviations it is the counterpart that robust tests use
    (Heritier and Ronchetti 1994). ``freedom`` is the number of rows less that of parameters.
    """
    if problem.objective.rho is None or problem.objective.scaled:
        return 1.0
    r, weights = -problem.residuals(z), problem.row_weights
    smooth = problem.smoothed(z).objective
    assert smooth.rho is not None
    slope = problem.objective.rho(r, problem.objective.delta)[1]
    bend = smooth.rho(r, smooth.delta)[2]
    return float(weights @ slope**2) / freedom / max(float(weights @ bend) / float(weights.sum()), 1e-300)


def weighed(problem: Problem, z: Array) -> Problem:
    """The problem with its prior weighed by the noise around the vector ``z`` (p,); the same where nothing is borrowed."""
    if problem.prior is None:
        return problem
    freedom = max(problem.rows - _effective_parameters(problem, z), 1.0)
    return replace(problem, prior=replace(problem.prior, balance=max(dispersion(problem, z, freedom), LEAST)))


def _effective_parameters(problem: Problem, z: Array) -> float:
    """How many parameters the rows tell: all that are not borrowed, and the share of each other that the prior leaves.

    It is the trace of the rows' curvature times the inverse of the whole (MacKay 1992).
    """
    assert problem.prior is not None
    whole = problem.curvature(z)
    rows = whole.copy()
    rows[problem.prior.columns, problem.prior.columns] -= problem.prior.precision
    scale = np.sqrt(np.maximum(np.abs(np.diag(whole)), 1e-300))
    inverse = np.linalg.pinv(whole / np.outer(scale, scale), rcond=1e-12, hermitian=True)
    told = float(np.trace(inverse @ (rows / np.outer(scale, scale))))
    return min(max(told, problem.told_by_rows), len(problem.names))


def balanced(problem: Problem, begin: Array) -> Problem:
    """The problem with its prior weighed by the noise around its own optimum, from starts (B, p)."""
    if problem.prior is None:
        return problem
    z, last = begin, None
    for _ in range(MOST_TURNS):
        values = problem.values(z)
        problem = weighed(problem, z[int(np.argmin(np.where(np.isfinite(values), values, np.inf)))])
        assert problem.prior is not None
        if last is not None and abs(problem.prior.balance / last - 1.0) <= SETTLED:
            break
        last = problem.prior.balance
        z = polish(problem, z).z
    return problem
