"""Limits of each parameter without samples of it: leave one out at a time, or profile the objective."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import NormalDist

import numpy as np

from forerun.fitting.balance import dispersion
from forerun.fitting.polish import polish
from forerun.fitting.problem import Problem
from forerun.fitting.refit import STEPS, refit
from forerun.note import DataError

Array = np.ndarray
MOST_WEIGHTS = 25_000_000  # rows times refits that the jackknife holds
WALKS = 40  # evaluations of one profile before its limit is called open
CLOSE = 1e-9  # of the threshold at which a profile's limit is found


def jackknife(problem: Problem, best: Array, starts: Array, labels: Array | None, level: float, seed: int) -> Array:
    """Limits (2, p) from refits that leave out each unit in turn, by Student's t (Tukey 1958; Efron and Stein 1981).

    In the solver's coordinates, so that a positive parameter keeps positive limits.
    """
    members = np.arange(problem.rows) if labels is None else labels
    units = int(members.max()) + 1
    if units * problem.rows > MOST_WEIGHTS:
        message = f"{units} refits of {problem.rows} rows are too many for the jackknife"
        raise DataError("too-large", message, advice="Use the sandwich, which it tends to for many rows")
    keep = (members[None, :] != np.arange(units)[:, None]).astype(float)
    without = refit(problem, np.concatenate([best[None], starts]), keep, seed).z
    error = np.sqrt((units - 1.0) / units * ((without - without.mean(0)) ** 2).sum(0))
    reach = student_quantile(0.5 + level / 2.0, units - problem.told_by_rows) * error
    return np.clip([best - reach, best + reach], problem.lower, problem.upper)


def profile(problem: Problem, best: Array, level: float) -> Array:
    """Limits (2, p) at which the objective, minimised over all other parameters, has risen by what the level allows.

    For least squares that is the F test (exact for a linear law); for other robust objectives its counterpart with the
    slope and curvature of the residuals in place of their variance (Heritier and Ronchetti 1994); for likelihoods the
    chi-squared limit. Infinite where the objective never rises so far.
    """
    least = float(problem.values(best[None])[0])
    rise = _threshold(problem, best, level)
    covariance = _inverse(problem, best)
    limits = np.array([best, best], float)
    for j in range(len(best)):
        for side, sign in enumerate((-1.0, 1.0)):
            limits[side, j] = _walk(problem, best, covariance[:, j], j, sign, least, rise)
    return limits


def _threshold(problem: Problem, best: Array, level: float) -> float:
    if problem.objective.rho is None or problem.objective.scaled:
        return 0.5 * NormalDist().inv_cdf(0.5 + level / 2.0) ** 2
    free = problem.rows - problem.told_by_rows
    return 0.5 * student_quantile(0.5 + level / 2.0, free) ** 2 * dispersion(problem, best, free)


def _inverse(problem: Problem, best: Array) -> Array:
    """Inverse curvature: along a column of it the other parameters follow a change of one."""
    hessian = problem.curvature(best)
    scale = np.sqrt(np.maximum(np.abs(np.diag(hessian)), 1e-300))
    return np.linalg.pinv(hessian / np.outer(scale, scale), rcond=1e-12, hermitian=True) / np.outer(scale, scale)


def _walk(problem: Problem, best: Array, direction: Array, j: int, sign: float, least: float, rise: float) -> float:
    """Where the profile of parameter ``j`` crosses ``least + rise`` on one side: secant steps on the root of the rise.

    The root rises linearly where the objective is a parabola, so that few steps are needed; steps that leave the
    bracket are replaced by its middle.
    """
    bound = float((problem.lower if sign < 0 else problem.upper)[j])
    if best[j] == bound or rise <= 0:
        return float(best[j])
    inside, outside = 0.0, math.inf  # distances from the optimum, below and above the crossing
    along = direction / direction[j] if direction[j] > 0 else np.eye(len(best))[j]
    distance = math.sqrt(2.0 * rise * direction[j]) if direction[j] > 0 else 0.01 * (1.0 + abs(best[j]))
    z, at = best, 0.0
    for _ in range(WALKS):
        distance = min(distance, abs(bound - best[j]))
        z = _pinned(problem, z + sign * (distance - at) * along, j, float(best[j] + sign * distance))
        at = distance
        risen = float(problem.values(z[None])[0]) - least
        if abs(risen - rise) <= CLOSE * rise:
            return float(z[j])
        if risen < rise:
            inside = distance
            if distance == abs(bound - best[j]):
                return bound
        else:
            outside = distance
        ahead = distance * math.sqrt(rise / risen) if risen > 0 else 2.0 * distance
        if outside == math.inf:
            ahead = min(max(ahead, 1.05 * distance), 4.0 * distance)
        distance = ahead if inside < ahead < outside else (inside + outside) / 2.0
        if outside < math.inf and outside - inside <= 1e-13 * outside:
            return float(best[j] + sign * outside)
    return float(best[j] + sign * distance) if outside < math.inf else sign * math.inf


def _pinned(problem: Problem, start: Array, j: int, value: float) -> Array:
    """The optimum with parameter ``j`` held at a value."""
    lower, upper = problem.lower.copy(), problem.upper.copy()
    lower[j] = upper[j] = value
    return polish(replace(problem, lower=lower, upper=upper), start[None], max_steps=STEPS).z[0]


def student_quantile(share: float, freedom: float) -> float:
    """The value that ``share`` (above one half) of Student's t with that many degrees of freedom lies below.

    >>> round(student_quantile(0.95, 10), 6), round(student_quantile(0.975, 1), 4)
    (1.812461, 12.7062)
    """
    nodes, weights = np.polynomial.legendre.leggauss(60)
    log_mass = math.lgamma(0.5) + math.lgamma(0.5 * freedom) - math.lgamma(0.5 * freedom + 0.5)

    def below(angle: float) -> float:
        """The share below sqrt(freedom) tan(angle): the integral of cos^(freedom - 1) is smooth."""
        inner = np.exp((freedom - 1.0) * np.log(np.cos(0.5 * angle * (nodes + 1.0))) - log_mass)
        return 0.5 + 0.5 * angle * float(weights @ inner)

    low, high = 0.0, 0.5 * math.pi
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if below(middle) < share else (low, middle)
    return math.sqrt(freedom) * math.tan(low)
