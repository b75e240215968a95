"""Batched damped Newton inside bounds: from starts to verified optima, every problem with its own row weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forerun.fitting.problem import Evaluation, Problem

Array = np.ndarray
MAX_STEPS = 1000
FINISHED = 1e-12  # predicted decrease over the objective's value at which a problem leaves the batch
QUADRATIC = 1e-6  # the same, below which a step that keeps its promise to within FINISHED leaves nothing to gain
EXACT = 1e-26  # objective per unit of weight below which a fit goes through all its points
LARGEST_DAMPING = 1e10
FAR_OFF, CLOSE = 0.1, 1e-6  # damping of the first step from a start, and of refits, which begin near the end
SMALL = 0.1  # damping, in units of the metric, below which the promise of a step is close to that of Newton's
ROUNDING = 1e-10  # relative difference of two objectives that is none
FLAT = 1e-9  # scaled curvature that counts as none
REFRESH = 5  # steps after which the metric of problems that need damping is brought up to date
STRAY = 3  # steps by which a walk may stray from its best point
CAREFUL, LEAST_CARE = 100.0, 1e-2  # times the damping, and the least, with which it returns to the floor of the valley
SMALL_BATCH = 24  # systems up to which their eigenvalues cost least
LATER, LATE = 2, 30  # other starts may take so many times the steps of the lowest, and these more


@dataclass(frozen=True)
class Optimum:
    """Where each problem of a batch ended: vectors (B, p), objective (B,), whether solved to the end (B,), steps."""

    z: Array
    value: Array
    finished: Array
    steps: int

    @property
    def best(self) -> int:
        """Which ended lowest; of those that only rounding tells apart, one that was solved to the end."""
        return int(ranking(self.value, self.finished).argmin())


@np.errstate(all="ignore")  # steps may leave the domain of the law; they are then refused
def polish(problem: Problem, z: Array, weights: Array | None = None, max_steps: int = MAX_STEPS) -> Optimum:
    """Minimise from each row of ``z`` (B, p), under ``weights`` (B, n) where given.

    Without weights the rows are starts of one problem: what is far from solved when the lowest has long been is left.

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
    """Damped Newton from each row of ``z``.

    A step that rises is not taken back at once: in a curved valley it has left the floor sideways, and one to three careful
    steps from there lead back to the floor, farther along it than a shorter step would have come. Only where these do not
    end below the point that was left does the walk return to it, with more damping.
    """
    z = np.clip(z, problem.lower, problem.upper)
    count = len(z)
    state = problem.evaluate(z, weights)
    metric = np.repeat(problem.metric(z[:1]), count, 0) if weights is not None else problem.metric(z)
    damping = np.full(count, FAR_OFF if weights is None else CLOSE)
    finished = np.zeros(count, bool)
    place, seen = z.copy(), _take(state, np.arange(count))  # where each walk stands, off its best point while it strays
    strayed, promised = np.zeros(count, int), np.zeros(count)
    nothing = EXACT * _mass(problem, weights, count)
    todo = np.flatnonzero(np.isfinite(state.value))
    steps, lead = 0, 0  # lead: the step at which the lowest was solved, 0 while it is not
    while len(todo) and steps < max_steps and not (lead and steps >= LATER * lead + LATE):
        steps += 1
        away = strayed[todo] > 0
        careful = np.where(away, np.maximum(CAREFUL * damping[todo], LEAST_CARE), damping[todo])
        move, gain, promise = _step(problem, place[todo], _take(seen, todo), metric[todo], careful)
        trial = np.clip(place[todo] + move, problem.lower, problem.upper)
        there = problem.evaluate(trial, None if weights is None else weights[todo])
        promised[todo] = gain = np.where(away, promised[todo], gain)
        value = state.value[todo]
        drop = value - there.value
        tiny = FINISHED * value + nothing[todo]
        kept = (promise <= QUADRATIC * value) & (np.abs(drop - gain) <= tiny)
        small = ~away & ((promise <= tiny) | kept) & (damping[todo] < SMALL)
        accept = ((drop > 1e-4 * gain) & (drop > 0)) | (small & (drop >= -1e-14 * value))
        stray = ~accept & ~small & (strayed[todo] < STRAY) & (damping[todo] < SMALL) & np.isfinite(there.value)
        ratio = np.where(gain > 0, drop / np.maximum(gain, 1e-300), np.sign(drop))
        damped = np.where(ratio > 0.5, damping[todo] * 0.03, damping[todo])
        damped = np.where((ratio < 0.25) & ~stray, np.maximum(damping[todo] * 10.0, 1e-2), damped)
        if steps == 1:  # a start that is an optimum already is asked again almost without damping, which then ends it
            damped = np.where(promise <= tiny, CLOSE, damped)
        damping[todo] = np.where(damped < 1e-9, 0.0, damped)
        moved = todo[accept]
        z[moved] = trial[accept]
        _put(state, moved, _take(there, accept))
        strayed[todo] = np.where(stray, strayed[todo] + 1, 0)
        place[todo] = np.where(stray[:, None], trial, z[todo])
        _put(seen, todo[stray], _take(there, stray))
        _put(seen, todo[~stray], _take(state, todo[~stray]))
        finished[todo[small]] = True
        todo = todo[~(small | (damping[todo] > LARGEST_DAMPING))]
        if weights is None:
            lead = (lead or steps) if finished[ranking(state.value, finished).argmin()] else 0
        hard = todo[damping[todo] >= SMALL]
        if steps % REFRESH == 0 and len(hard):
            metric[hard] = problem.metric(z[hard], None if weights is None else weights[hard])
    return Optimum(z, state.value, finished, steps)


def ranking(value: Array, finished: Array) -> Array:
    """What optima are ranked by: their value, and where only rounding tells some apart, those first that are solved."""
    return value + np.where(finished, 0.0, ROUNDING * np.abs(value))


def _mass(problem: Problem, weights: Array | None, count: int) -> Array:
    """Total weight of the rows of each problem; an objective without residuals has none and counts as one."""
    if problem.objective.rho is None:
        return np.ones(count)
    if weights is None:
        return np.full(count, problem.row_weights.sum())
    return weights[:, : problem.rows] @ problem.row_weights


def _free(problem: Problem, z: Array, gradient: Array) -> Array:
    """Which coordinates may still move: not those on a bound with the objective falling outwards."""
    held = ((z <= problem.lower) & (gradient > 0)) | ((z >= problem.upper) & (gradient < 0))
    return ~held


def _reduced(problem: Problem, z: Array, state: Evaluation, metric: Array) -> tuple[Array, Array, Array, Array]:
    """Gradient, Hessian and metric in coordinates in which the metric's diagonal is one, and the scale of these.

    Coordinates that a bound holds are taken out: their gradient is zero and they are coupled to nothing.
    """
    diagonal = np.sqrt(np.abs(np.diagonal(metric, axis1=1, axis2=2)))
    scale = np.maximum(diagonal, 1e-8 * diagonal.max(1, keepdims=True) + 1e-150)
    free = _free(problem, z, state.gradient)
    both = free[:, :, None] & free[:, None, :]
    square = scale[:, :, None] * scale[:, None, :]
    hessian, metric = np.where(both, state.hessian / square, 0.0), np.where(both, metric / square, 0.0)
    every = np.arange(z.shape[1])
    hessian[:, every, every] += ~free
    metric[:, every, every] += ~free
    return np.where(free, state.gradient / scale, 0.0), hessian, metric, scale


def _step(problem: Problem, z: Array, state: Evaluation, metric: Array, damping: Array) -> tuple[Array, Array, Array]:
    """The damped step, the decrease that the quadratic model promises for it, and half its slope along the gradient.

    A step that ends on another bound is never the last: its slope counts as infinite.
    """
    gradient, hessian, metric, scale = _reduced(problem, z, state, metric)
    damped = hessian + damping[:, None, None] * metric
    step = _descending(damped, gradient)
    target = z - step / scale
    outside = (target < problem.lower) | (target > problem.upper)
    beyond = np.flatnonzero(outside.any(1))
    if len(beyond):
        step[beyond] = _to_bounds(
            problem, z[beyond], damped[beyond], gradient[beyond], scale[beyond], outside[beyond], step[beyond]
        )
    move = np.clip(z - step / scale, problem.lower, problem.upper) - z
    model = -(state.gradient * move).sum(1) - 0.5 * np.einsum("bi,bij,bj->b", move, state.hessian, move)
    return move, model, np.where(outside.any(1), np.inf, 0.5 * (gradient * step).sum(1))


def _to_bounds(
    problem: Problem, z: Array, matrix: Array, gradient: Array, scale: Array, outside: Array, step: Array
) -> Array:
    """The step again, with the coordinates that would leave their bounds put on them and the others moved in accordance."""
    there = np.where(step > 0, problem.lower, problem.upper)
    whole = np.where(outside, (z - np.where(outside, there, z)) * scale, 0.0)
    left = np.where(outside, 0.0, gradient - np.einsum("bij,bj->bi", matrix, whole))
    inside = ~outside
    held = np.where(inside[:, :, None] & inside[:, None, :], matrix, 0.0)
    every = np.arange(z.shape[1])
    held[:, every, every] += outside
    return whole + np.where(outside, 0.0, _descending(held, left))


def _descending(matrix: Array, right: Array) -> Array:
    """The solution (B, p) of each symmetric system; where a matrix is not positive definite its eigenvalues count by size.

    The eigenvalues of a few matrices cost less than the columns of Cholesky's method one by one; those of many six times
    as much.
    """
    if len(matrix) > SMALL_BATCH:
        solution, definite = _cholesky_solve(matrix, right)
        others = np.flatnonzero(~definite)
    else:
        solution, others = np.empty_like(right), np.arange(len(matrix))
    if len(others):
        eigenvalues, vectors = np.linalg.eigh(matrix[others])
        along = np.einsum("bij,bi->bj", vectors, right[others]) / np.maximum(np.abs(eigenvalues), FLAT)
        solution[others] = np.einsum("bij,bj->bi", vectors, along)
    return solution


def _cholesky_solve(matrix: Array, right: Array) -> tuple[Array, Array]:
    """Solve each symmetric system of a batch, (B, p, p) and (B, p), and say which matrices are positive definite.

    Column by column over the whole batch: NumPy's own stops at the first matrix that is not definite.
    """
    count, p = right.shape
    lower = np.zeros((p, p, count))
    definite = np.ones(count, bool)
    for j in range(p):
        pivot = matrix[:, j, j] - (lower[j, :j] ** 2).sum(0)
        definite &= pivot > FLAT
        lower[j, j] = np.sqrt(np.maximum(pivot, FLAT))
        for i in range(j + 1, p):
            lower[i, j] = (matrix[:, i, j] - (lower[i, :j] * lower[j, :j]).sum(0)) / lower[j, j]
    x = np.empty((p, count))
    for i in range(p):
        x[i] = (right[:, i] - (lower[i, :i] * x[:i]).sum(0)) / lower[i, i]
    for i in range(p - 1, -1, -1):
        x[i] = (x[i] - (lower[i + 1 :, i] * x[i + 1 :]).sum(0)) / lower[i, i]
    return x.T, definite


@np.errstate(all="ignore")
def conditions(problem: Problem, z: Array, weights: Array | None = None) -> tuple[Array, Array]:
    """First- and second-order conditions at each row of ``z``: scaled gradient norm and smallest scaled eigenvalue.

    ``weights`` (B, n) as in :func:`polish`. Both are taken over the directions that bounds leave free; the gradient is relative to the root of the objective.
    """
    state = problem.evaluate(z, weights)
    gradient, hessian, _, _ = _reduced(problem, z, state, problem.metric(z, weights))
    size = np.sqrt(np.maximum(state.value, 1e-300))
    slope = np.where(np.isfinite(state.value), np.sqrt((gradient * gradient).sum(1)) / size, np.inf)
    return slope, np.linalg.eigvalsh(hessian).min(1)


def _take(state: Evaluation, index: Array) -> Evaluation:
    return Evaluation(state.value[index], state.gradient[index], state.hessian[index])


def _put(state: Evaluation, index: Array, values: Evaluation) -> None:
    state.value[index], state.gradient[index], state.hessian[index] = values.value, values.gradient, values.hessian
