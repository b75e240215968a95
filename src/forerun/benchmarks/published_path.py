"""M1 to M4 by the estimator that they were published with, whose path decides where it ends: for comparison only.

Alabdulmohsin et al. 2022 (arXiv:2209.06640) minimise the mean square of log(y - e) - log(b x^c) (M4: of log(y - e) -
a log(e0 - y) - log(b x^c)), whose global minimum is often degenerate: e goes to zero and M2 becomes M1. Their numbers
come from a local optimum: regressions of b and c (and a) in turn with many short gradient steps on e from just below the
smallest outcome, then damped Newton steps. This file takes the same steps, for all curves of a batch at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

Array = np.ndarray
Curve = Callable[[Array], Array]
MARGIN = 1e-3  # between e and the smallest outcome, e0 and the largest
RATE, SHORT_STEPS, SHORT_TURNS = 1e-8, 1000, 100  # gradient steps of a turn, and turns of them
NEWTON_RATE, NEWTON_STEPS = 0.1, 100
MOST_TURNS = 10_000
STOP = 1e-10  # change of b that ends it
GRID = 10_000  # places between e and e0 among which M4 is solved for y
FLAT = 1e-5


def published(form: str, curves: Sequence[tuple[Array, Array]]) -> list[Curve]:
    """The published estimate of a form (``m1`` to ``m4``) for each curve (x, y), as functions of x."""
    if form == "m3":
        return [_flattened(x, y) for x, y in curves]
    found: list[Curve] = []
    for x, y in curves:
        found.append(_m4(x, y) if form == "m4" else _power(x, y, floor=form == "m2"))
    return found


def _line(logs: Array, labels: Array) -> tuple[float, float]:
    """Intercept and slope of a straight line by least squares."""
    centre = logs - logs.mean()
    slope = float(centre @ labels / (centre @ centre))
    return float(labels.mean() - slope * logs.mean()), slope


def _power(x: Array, y: Array, *, floor: bool) -> Curve:
    logs, e, highest = np.log(x), 0.0, float(y.min()) - MARGIN
    if not floor:
        log_b, c = _line(logs, np.log(y))
        return lambda at: np.exp(log_b + c * np.log(at))
    e, before = highest, 1.0
    for turn in range(MOST_TURNS):
        log_b, c = _line(logs, np.log(y - e))
        fitted = log_b + c * logs
        for _ in range(SHORT_STEPS if turn < SHORT_TURNS else NEWTON_STEPS):
            inverse = 1.0 / (y - e)
            rest = np.log(y - e) - fitted
            slope = -(rest @ inverse) / len(y)
            step = RATE * slope
            if turn >= SHORT_TURNS:
                step = NEWTON_RATE * slope / (((1.0 - rest) * inverse) @ inverse / len(y))
            e = min(max(e - step, 0.0), highest)
        b = float(np.exp(log_b))
        if abs(b - before) < STOP and turn > SHORT_TURNS + 1:
            break
        before = b
    return lambda at: e + np.exp(log_b + c * np.log(at))


def _flattened(x: Array, y: Array) -> Curve:
    """M3: regressions of b and c in turn with the best g among those that pass through one of the points."""
    g, before, labels = 0.0, 1.0, np.log(y)
    log_b = c = 0.0
    for _ in range(MOST_TURNS):
        log_b, c = _line(np.log(1.0 / x + g), labels)
        c = max(0.0, c)
        with np.errstate(all="ignore"):
            tried = np.append(g, (y * np.exp(-log_b)) ** (1.0 / c) - 1.0 / x)
            rest = labels - log_b - c * np.log(1.0 / x[None] + tried[:, None])
        size = np.where((tried >= 0) & np.isfinite(tried), (rest * rest).sum(1), np.inf)
        g = float(tried[int(np.nanargmin(size))])
        b = float(np.exp(log_b))
        if abs(b - before) < STOP:
            break
        before = b
    return lambda at: np.exp(log_b + c * np.log(1.0 / at + g))


def _m4(x: Array, y: Array) -> Curve:
    lowest_e0, highest = float(y.max()) + MARGIN, float(y.min()) - MARGIN
    e, e0 = highest, 1.0 if y.max() < 1.0 else lowest_e0
    solve = _nonnegative(np.stack([np.ones_like(x), -np.log(x), np.log(e0 - y)], axis=1))
    before = 1.0
    log_b = c = a = 0.0
    for turn in range(MOST_TURNS):
        log_b, c, a = solve(np.log(y - e))
        fitted = log_b - c * np.log(x)
        for _ in range(SHORT_STEPS if turn < SHORT_TURNS else NEWTON_STEPS):
            up, down = 1.0 / (y - e), 1.0 / (e0 - y)
            rest = np.log(y - e) - a * np.log(e0 - y) - fitted
            slope_e, slope_0 = -(rest @ up) / len(y), -a * (rest @ down) / len(y)
            if turn < SHORT_TURNS:
                e, e0 = e - RATE * slope_e, e0 - RATE * slope_0
            else:
                bend_e, bend_0 = ((1.0 - rest) * up) @ up / len(y), a * (((a + rest) * down) @ down) / len(y)
                e -= NEWTON_RATE * slope_e / bend_e if abs(bend_e) > FLAT else 0.0
                e0 -= NEWTON_RATE * slope_0 / bend_0 if abs(bend_0) > FLAT else 0.0
            e, e0 = min(max(e, 0.0), highest), max(e0, lowest_e0)
        b = float(np.exp(log_b))
        if abs(b - before) < STOP and turn > SHORT_TURNS + 1:
            break
        before = b
    return lambda at: _solved(at, e, e0, a, log_b, c)


def _solved(at: Array, e: float, e0: float, a: float, log_b: float, c: float) -> Array:
    """M4 for y: the best of an even grid between e and e0, as published."""
    power = np.exp(log_b - c * np.log(at))
    if abs(a) < FLAT:
        return e + power
    w = np.linspace(0.0, e0 - e, GRID)
    best = [int(np.abs(w - p * (e0 - e - w) ** a).argmin()) for p in power]
    return e + w[best]


def _nonnegative(design: Array) -> Callable[[Array], tuple[float, float, float]]:
    """Least squares with all three coefficients at zero or above: the best admissible of the eight sets held at zero."""
    normal = design.T @ design
    sets = [[i for i in range(3) if mask >> i & 1] for mask in range(1, 8)]
    inverses = [np.linalg.pinv(normal[np.ix_(free, free)]) for free in sets]

    def solve(labels: Array) -> tuple[float, float, float]:
        right = design.T @ labels
        best, gain = np.zeros(3), 0.0
        for free, inverse in zip(sets, inverses):
            found = inverse @ right[free]
            explained = float(found @ right[free])
            if (found >= 0).all() and explained > gain:
                best, gain = np.zeros(3), explained
                best[free] = found
        return float(best[0]), float(best[1]), float(best[2])

    return solve
