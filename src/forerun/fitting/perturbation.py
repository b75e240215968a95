"""Refits with the outcome of one run after the other raised and lowered by a small share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from forerun.fitting.problem import SCALE, Problem
from forerun.fitting.recall import Recalled, posed, vector
from forerun.fitting.refit import refit
from forerun.fitting.result import Fit

Array = np.ndarray
AT_ONCE = 128  # units whose two refits each are one call
MOST_WEIGHTS = 4_000_000  # that one call holds
AS_IT_WAS, RAISED, LOWERED = range(3)


def refit_perturbed(fit: Fit, again: Recalled, labels: Array, units: Array, error: float) -> tuple[Array, Array]:
    """Parameters (units, 2, p) with the outcomes of each unit raised and lowered by ``error``, and whether solved (units, 2).

    ``labels`` (n,) number the unit of each of the runs that were recalled. The rows of some units at a time stand in
    the problem three times, as they were, raised and lowered, and the weights say which of them counts: so that all
    refits are one call of the engine that draws the bootstrap.
    """
    z = vector(posed(fit, again), fit)
    params, finished = [], []
    at_once = min(max(MOST_WEIGHTS // (6 * len(labels)), 1), AT_ONCE)
    for part in np.array_split(units, -(-len(units) // at_once)):
        problem, places, kinds = _problem(fit, again, np.flatnonzero(np.isin(labels[again.order], part)), error)
        own = labels[again.order][places] == part[:, None]
        weights = np.stack([np.where(own, kinds == k, kinds == AS_IT_WAS) for k in (RAISED, LOWERED)], axis=1)
        ended = refit(problem, z[None], weights.reshape(-1, len(places)).astype(float), seed=0)
        params.append(_params(problem, ended.z))
        finished.append(ended.finished)
    return np.concatenate(params).reshape(len(units), 2, -1), np.concatenate(finished).reshape(-1, 2)


def step_perturbed(fit: Fit, again: Recalled, labels: Array, error: float) -> Array:
    """Where one Newton step leads with the outcomes of each unit raised and lowered: parameters (units, 2, p)."""
    n, plain = len(again.runs), posed(fit, again)
    z = vector(plain, fit)
    problem, places, kinds = _problem(fit, again, np.arange(n), error)
    gradients = np.empty((3, n, len(z)))
    gradients[kinds, places] = np.concatenate([rows for _, rows in problem.row_gradients(z)])
    change = np.zeros((int(labels.max()) + 1, 2, len(z)))
    for side in (RAISED, LOWERED):
        np.add.at(change[:, side - 1], labels[again.order], gradients[side] - gradients[AS_IT_WAS])
    free = (z > problem.lower) & (z < problem.upper)
    curved = np.where(np.outer(free, free), plain.curvature(z), 0.0)
    scale = np.sqrt(np.maximum(np.abs(np.diag(curved)), 1e-300))
    inverse = np.linalg.pinv(curved / np.outer(scale, scale), rcond=1e-12, hermitian=True) / np.outer(scale, scale)
    moved = np.clip(z - np.where(free, change, 0.0) @ inverse, problem.lower, problem.upper)
    return _params(problem, moved.reshape(-1, len(z))).reshape(len(moved), 2, -1)


def _problem(fit: Fit, again: Recalled, rows: Array, error: float) -> tuple[Problem, Array, Array]:
    """The problem of the fit with two more copies of ``rows``, raised and lowered; of each row its place, and its kind."""
    n = len(again.runs)
    places, kinds = np.concatenate([np.arange(n), rows, rows]), np.repeat([0, 1, 2], [n, len(rows), len(rows)])
    if again.table.groups is not None:  # equal groups must stand side by side
        first = {g: i for i, g in enumerate(dict.fromkeys(again.table.groups.tolist()))}
        order = np.argsort([first[g] for g in again.table.groups[places].tolist()], kind="stable")
        places, kinds = places[order], kinds[order]
    table = again.table.taken(places)
    table = replace(table, y=table.y * np.array([1.0, 1.0 + error, 1.0 - error])[kinds])
    return posed(fit, replace(again, table=table)), places, kinds


def _params(problem: Problem, z: Array) -> Array:
    """Natural parameters of the law, without the scale of the residuals."""
    return problem.natural(z)[:, [i for i, name in enumerate(problem.names) if name != SCALE]]
