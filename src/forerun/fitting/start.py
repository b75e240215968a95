"""The global stage: where to begin. Linear parameters are projected out and only the rest is searched, in one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from forerun.fitting.objective import Objective, find
from forerun.fitting.percentile import percentiles
from forerun.fitting.prediction import parts, predict
from forerun.laws import Law, Param

Array = np.ndarray
GRID = {0: 1, 1: 200, 2: 25}  # points per axis; more axes share SCREENED points of a low-discrepancy sequence
SCREENED = 2000
MOST_ROWS = 160
REWEIGHTINGS = 3
EXACT_SUBSETS = 5  # up to so many non-negative linear parameters their active sets are enumerated
BASINS = 8
APART = 0.08  # of the searched range: starts closer than this count as one


def screen(
    law: Law, inputs: Sequence[Array], y: Array, trials: Array | None, objective: Objective, weights: Array
) -> Array:
    """Candidate parameter vectors in natural units, best first, (K, p)."""
    objective = find("lad") if objective.scaled else objective  # as robust, and it needs no scale
    rows = _sample(inputs, y)
    inputs, y, weights = [x[rows] for x in inputs], y[rows], weights[rows]
    trials = None if trials is None else trials[rows]
    columns = {**dict(zip(law.inputs, inputs)), "y": y if trials is None else y / trials}
    names = list(law.params)
    ranges = {n: _range(p, columns) for n, p in law.params.items()}
    linear = [] if objective.rho is None else linear_parameters(law, inputs, y, ranges)
    searched = [n for n in names if n not in linear]
    points = np.zeros((_count(len(searched)), len(names)))
    for n, u in zip(searched, _unit_points(len(searched))):
        points[:, names.index(n)] = _place(u, law.params[n], ranges[n])
    value = np.empty(len(points))
    for part in parts(len(points), len(y)):
        if linear:
            where = [names.index(n) for n in linear]
            points[part] = _project(law, inputs, y, objective, weights, points[part], where)
        with np.errstate(all="ignore"):
            f = predict(law, inputs, points[part])
            value[part] = objective.terms(f, y, trials, order=0)[0] @ weights
    best = np.argsort(np.where(np.isfinite(value), value, np.inf), kind="stable")
    return points[best[np.isfinite(value[best])]]


def basins(law: Law, candidates: Array, most: int = BASINS) -> Array:
    """The best candidates that lie apart from each other, at most ``most``."""
    logs = np.array([p.scale == "log" for p in law.params.values()])
    with np.errstate(all="ignore"):
        place = np.where(logs, np.log(np.maximum(candidates, 1e-300)), candidates)
    place = place[:400]
    low, high = percentiles(place, [0.05, 0.95])
    place = (place - low) / np.maximum(high - low, 1e-12)
    chosen: list[int] = []
    for i in range(len(place)):
        if all(np.abs(place[i] - place[j]).max() > APART for j in chosen):
            chosen.append(i)
        if len(chosen) == most:
            break
    return candidates[chosen]


def linear_parameters(
    law: Law, inputs: Sequence[Array], y: Array, ranges: Mapping[str, tuple[float, float]]
) -> list[str]:
    """The largest set of parameters that enters linearly: second and mixed differences vanish at random points.

    Of an implicit law it is the residual, in the solver's coordinates, that is tested.
    """
    names = list(law.params)
    rng = np.random.default_rng(0)
    some = slice(0, 16)
    inputs, y = [x[some] for x in inputs], y[some]
    allowed = [n for n in names if law.params[n].linear]
    zero = {frozenset(pair): True for pair in [*combinations(allowed, 2), *[(n, n) for n in allowed]]}
    for _ in range(4):
        u = rng.uniform(0.2, 0.8, len(names))
        at = np.array([_place(u[i : i + 1], law.params[n], ranges[n])[0] for i, n in enumerate(names)])
        at = _coordinates(law, at[None])[0]
        width = _coordinates(law, np.array([[ranges[n][1] for n in names]])) - _coordinates(
            law, np.array([[ranges[n][0] for n in names]])
        )
        step = 0.37 * (np.abs(at) + 1e-3 * np.abs(width[0]))
        pairs = [pair for pair, still in zero.items() if still]
        if not pairs:
            break
        corners = np.repeat(at[None], 4 * len(pairs), 0).reshape(len(pairs), 4, len(names))
        for corner, pair in zip(corners, pairs):
            one, *two = [names.index(n) for n in pair]
            corner[[1, 3], one] += step[one]
            corner[[2, 3], two[0] if two else one] += step[two[0] if two else one]
        f = _response(law, inputs, y, corners.reshape(-1, len(names))).reshape(len(pairs), 4, -1)
        with np.errstate(invalid="ignore"):
            left = np.abs(f[:, 0] - f[:, 1] - f[:, 2] + f[:, 3]).max(1)
            flat = np.isfinite(f).all((1, 2)) & (left <= 1e-9 * np.abs(f).max((1, 2)))
        zero |= dict(zip(pairs, flat.tolist()))
    single = [n for n in allowed if zero[frozenset((n, n))]]
    for size in range(len(single), 0, -1):
        for subset in combinations(single, size):
            if all(zero[frozenset(pair)] for pair in combinations(subset, 2)):
                return list(subset)
    return []


def _response(law: Law, inputs: Sequence[Array], y: Array, params: Array) -> Array:
    """What the linear parameters enter: the outcome, or the residual of an implicit law at the observed outcome.

    ``params`` are as :func:`_coordinates` gives them.
    """
    if law.between is None:
        return predict(law, inputs, params)
    named = {n: params[:, i : i + 1] for i, n in enumerate(law.params)}
    with np.errstate(over="ignore"):
        named |= {n: np.exp(named[n]) for n, p in law.params.items() if p.scale == "log"}
    low, high = (named[n] for n in law.between)
    inside = np.clip(y, low + 1e-3 * (high - low), high - 1e-3 * (high - low))
    with np.errstate(all="ignore"):
        return np.broadcast_to(law.body(inside, *inputs, **named), (len(params), len(y)))


def _coordinates(law: Law, params: Array) -> Array:
    """Parameters as `_response` takes them: an implicit law is looked at in the solver's coordinates."""
    logs = np.array([p.scale == "log" and law.between is not None for p in law.params.values()])
    return np.where(logs, np.log(np.where(logs & (params > 0), params, 1.0)), params)


def _range(param: Param, columns: Mapping[str, Array]) -> tuple[float, float]:
    return param.search(columns) if callable(param.search) else param.search


def _place(u: Array, param: Param, where: tuple[float, float]) -> Array:
    """Points of the unit interval on the searched range, spread by ratios where the range is positive and wide."""
    low, high = where
    if low > 0 and (param.role == "exponent" or param.scale == "log"):
        return low * (high / low) ** u
    return low + (high - low) * u


def _count(axes: int) -> int:
    return GRID[axes] ** max(axes, 1) if axes in GRID else SCREENED


def _unit_points(axes: int) -> list[Array]:
    """A grid for one or two axes; for more an additive recurrence with the generalised golden ratio."""
    if axes in GRID:
        one = np.linspace(0.0, 1.0, GRID[axes]) if axes else np.zeros(1)
        return [m.ravel() for m in np.meshgrid(*[one] * axes, indexing="ij")]
    root = 2.0
    for _ in range(50):
        root = (1.0 + root) ** (1.0 / (axes + 1))
    return [(0.5 + np.arange(1, SCREENED + 1) * root ** -(k + 1)) % 1.0 for k in range(axes)]


def _sample(inputs: Sequence[Array], y: Array) -> Array:
    """At most MOST_ROWS rows, evenly over the order of the outcome: the start needs no more."""
    if len(y) <= MOST_ROWS:
        return np.arange(len(y))
    return np.argsort(y, kind="stable")[np.linspace(0, len(y) - 1, MOST_ROWS).astype(int)]


def _project(law: Law, inputs: Sequence[Array], y: Array, objective: Objective, weights: Array, points: Array,
             linear: Sequence[int]) -> Array:  # fmt: skip
    """Fill the linear parameters of each point by weighted least squares, reweighted towards absolute deviations."""
    logs = [p.scale == "log" for p in law.params.values()]
    implicit = law.between is not None
    out, points = points, _coordinates(law, points)
    points[:, linear] = 0.0
    base = _response(law, inputs, y, points)
    design = np.empty((len(points), len(linear), len(y)))
    for row, k in enumerate(linear):
        moved = points.copy()
        moved[:, k] = 1.0
        design[:, row] = _response(law, inputs, y, moved) - base
    with np.errstate(invalid="ignore"):
        target = -base if implicit else y - base
    bounds = [list(law.params.values())[k].bounds[0] for k in linear]
    positive = np.array([b >= 0 and not (implicit and logs[k]) for b, k in zip(bounds, linear)])
    size = np.ones_like(y) if implicit or objective.residual == "plain" else 1.0 / y
    w = np.broadcast_to(weights * size * size, base.shape)
    robust = not objective.name.startswith("squared")
    found = np.zeros((len(points), len(linear)))
    with np.errstate(all="ignore"):
        for turn in range(REWEIGHTINGS if robust else 1):
            if turn:
                rest = np.abs(target - np.matmul(found[:, None, :], design)[:, 0]) * size
                middle = rest.shape[1] // 2
                typical = np.partition(rest, middle, axis=1)[:, middle : middle + 1]
                w = weights * size * size / np.maximum(rest, 0.1 * typical + 1e-300)
            found = _nonnegative(design, target, w, positive)
    for row, k in enumerate(linear):
        low, high = list(law.params.values())[k].bounds
        value = np.exp(np.clip(found[:, row], -90.0, 90.0)) if implicit and logs[k] else found[:, row]
        smallest = low if not logs[k] or implicit else max(low, 1e-12 * float(np.abs(y).max()))
        out[:, k] = np.clip(np.nan_to_num(value), smallest, high)
    return out


def _nonnegative(design: Array, target: Array, w: Array, positive: Array) -> Array:
    """Weighted least squares for each point, (B, k), with some coefficients held at zero or above."""
    k = design.shape[1]
    weighted = design * w[:, None, :]
    normal = np.matmul(weighted, design.transpose(0, 2, 1))
    right = np.matmul(weighted, target[:, :, None])[:, :, 0]
    scale = np.sqrt(np.maximum(np.diagonal(normal, axis1=1, axis2=2), 1e-300))
    normal = normal / (scale[:, :, None] * scale[:, None, :])
    right = right / scale
    broken = ~(np.isfinite(normal).all((1, 2)) & np.isfinite(right).all(1))
    normal[broken], right[broken] = np.eye(k), 0.0
    best = _solve(normal, right)
    bad = np.flatnonzero((best < 0)[:, positive].any(1))
    if len(bad) and positive.sum() <= EXACT_SUBSETS:
        best[bad] = _active_sets(normal[bad], right[bad], positive)
    best = np.where(positive & (best < 0), 0.0, best)
    return best / scale


def _solve(normal: Array, right: Array) -> Array:
    ridge = 1e-12 * np.eye(normal.shape[1])
    return np.linalg.solve(normal + ridge, right[:, :, None])[:, :, 0]


def _active_sets(normal: Array, right: Array, positive: Array) -> Array:
    """The exact optimum: of all subsets of coefficients held at zero, the admissible one that fits best."""
    k = normal.shape[1]
    held_options = [set(s) for n in range(1, positive.sum() + 1) for s in combinations(np.flatnonzero(positive), n)]
    best, gain = np.zeros_like(right), np.zeros(len(right))
    for held in held_options:
        free = [i for i in range(k) if i not in held]
        if not free:
            continue
        x = np.zeros_like(right)
        x[:, free] = _solve(normal[:, free][:, :, free], right[:, free])
        explained = (x * right).sum(1)
        admissible = (x >= 0)[:, positive].all(1) & (explained > gain)
        best[admissible], gain[admissible] = x[admissible], explained[admissible]
    return best
