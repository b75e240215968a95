"""Batched damped Newton inside bounds: from starts to verified optima, every problem with its own row weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forerun.fitting.problem import Evaluation, Problem

Array = np.ndarray
MAX_STEPS = 200
FINISHED = 1e-12  # predicted decrease over the objective's value at which a problem leaves the batch
EXACT = 1e-26  # objective per unit of weight below which a fit goes through all its points
LARGEST_DAMPING = 1e14
FLAT = 1e-9  # scaled curvature that counts as none


@dataclass(frozen=True)
class Optimum:
    """Where each problem of a batch ended: vectors (B, p), objective (B,), conditions and steps (B,)."""

    z: Array
    value: Array
    slope: Array  # scaled norm of the gradient over the directions that bounds leave free, relative to the objective
    curvature: Array  # smallest scaled eigenvalue over those directions
    finished: Array
    steps: int


def polish(problem: Problem, z: Array, weights: Array | None = None, max_steps: int = MAX_STEPS) -> Optimum:
    """Minimise from each row of ``z`` (B, p), under ``weights`` (B, n) where given.

    An objective with a sequence of Huber widths is solved through them: that is how absolute deviations, which have
    no Hessian, are reached; the last width is far below any residual that is not exactly zero, so the condition on
    its gradient is the subgradient condition.
    """
    deltas = problem.objective.deltas or (problem.objective.delta,)
    best = None
    for delta in deltas:
        best = _newton(problem.with_objective(problem.objective.at(delta)), z, weights, max_steps)
        z = best.z
    assert best is not None
    return best


def _newton(problem: Problem, z: Array, weights: Array | None, max_steps: int) -> Optimum:
    z = np.clip(z, problem.lower, problem.upper)
    count = len(z)
    if problem.objective.rho is None:
        mass = np.ones(count)
    else:
        mass = np.full(count, problem.row_weights.sum()) if weights is None else weights @ problem.row_weights
    state = problem.evaluate(z, weights)
    scale = _scale(state.hessian)
    damping = np.full(count, 1e-3)
    finished = np.zeros(count, bool)
    todo = np.flatnonzero(np.isfinite(state.value))
    steps = 0
    while len(todo) and steps < max_steps:
        steps += 1
        here = _take(state, todo)
        scale[todo] = np.maximum(scale[todo], _scale(here.hessian))
        move, gain, gain_free = _step(problem, z[todo], here, scale[todo], damping[todo])
        trial = np.clip(z[todo] + move, problem.lower, problem.upper)
        there = problem.evaluate(trial, None if weights is None else weights[todo])
        drop = here.value - there.value
        small = gain_free <= FINISHED * here.value + EXACT * mass[todo]
        better = (drop > 1e-4 * gain) & (drop > 0)
        accept = better | (small & (drop >= -1e-14 * here.value))
        ratio = np.where(gain > 0, drop / np.maximum(gain, 1e-300), -1.0)
        damping[todo] = np.where(
            ratio > 0.75,
            damping[todo] * 0.1,
            np.where(ratio < 0.25, np.maximum(damping[todo], 1e-6) * 5.0, damping[todo]),
        )
        damping[todo] = np.where(damping[todo] < 1e-9, 0.0, damping[todo])
        moved = todo[accept]
        z[moved] = trial[accept]
        _put(state, moved, _take(there, accept))
        stuck = damping[todo] > LARGEST_DAMPING
        finished[todo[small]] = True
        todo = todo[~(small | stuck)]
    slope, curvature = _conditions(problem, z, state, _scale(state.hessian))
    return Optimum(z, state.value, slope, curvature, finished, steps)


def _free(problem: Problem, z: Array, gradient: Array) -> Array:
    """Which coordinates may still move: not those on a bound with the objective falling outwards."""
    held = ((z <= problem.lower) & (gradient > 0)) | ((z >= problem.upper) & (gradient < 0))
    return ~held


def _scale(hessian: Array) -> Array:
    diagonal = np.sqrt(np.abs(np.diagonal(hessian, axis1=1, axis2=2)))
    return np.maximum(diagonal, 1e-8 * diagonal.max(1, keepdims=True) + 1e-150)


def _reduced(problem: Problem, z: Array, state: Evaluation, scale: Array) -> tuple[Array, Array, Array]:
    """Gradient, eigenvalues and eigenvectors in scaled coordinates, with held coordinates taken out."""
    free = _free(problem, z, state.gradient)
    gradient = np.where(free, state.gradient / scale, 0.0)
    hessian = state.hessian / (scale[:, :, None] * scale[:, None, :])
    hessian = hessian * (free[:, :, None] & free[:, None, :])
    diagonal = np.arange(z.shape[1])
    hessian[:, diagonal, diagonal] += ~free
    eigenvalues, vectors = np.linalg.eigh(hessian)
    return gradient, eigenvalues, vectors


def _step(problem: Problem, z: Array, state: Evaluation, scale: Array, damping: Array) -> tuple[Array, Array, Array]:
    """The damped step, the decrease that the quadratic model promises for it, and that of the undamped step."""
    gradient, eigenvalues, vectors = _reduced(problem, z, state, scale)
    bent = np.maximum(np.abs(eigenvalues), FLAT)
    along = np.einsum("bij,bi->bj", vectors, gradient)
    coordinates = -along / (bent + damping[:, None])
    move = np.einsum("bij,bj->bi", vectors, coordinates) / scale
    move = np.clip(z + move, problem.lower, problem.upper) - z
    model = -(state.gradient * move).sum(1) - 0.5 * np.einsum("bi,bij,bj->b", move, state.hessian, move)
    return move, model, 0.5 * (along * along / bent).sum(1)


def _conditions(problem: Problem, z: Array, state: Evaluation, scale: Array) -> tuple[Array, Array]:
    gradient, eigenvalues, _ = _reduced(problem, z, state, scale)
    size = np.sqrt(np.maximum(state.value, 1e-300))
    return np.sqrt((gradient * gradient).sum(1)) / size, eigenvalues.min(1)


def _take(state: Evaluation, index: Array) -> Evaluation:
    return Evaluation(state.value[index], state.gradient[index], state.hessian[index])


def _put(state: Evaluation, index: Array, values: Evaluation) -> None:
    state.value[index], state.gradient[index], state.hessian[index] = values.value, values.gradient, values.hessian
