"""Rules that leave out runs before parabolas are fitted to budgets, each named, in order, and counted.

They are those of the quality control of Open-Athena's scaling-law-analysis (2026), stated here with their constants.
They decide the exponents as much as the runs do: on the digitised Chinchilla curves they move that of D from 0.488 to
0.457. So they are never applied unless asked for, and the result says what it would be without them.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from forerun.fitting.curves import akima
from forerun.fitting.limits import student_quantile

Array = np.ndarray
SAME_SIZE = 0.01  # of log N: a second run of a size
LEAST_RUNS = 6  # of a budget
OFF_CENTRE = 1.5  # how much farther a run may lie from the vertex than the nearer end of the grid, in its distances
OUTLIER = 6.0  # robust deviations of a loss from the interpolation of the others
SURE = 0.95  # confidence that a budget bends upwards
MAD = 0.6745  # median absolute deviation of a standard normal


def cleaned(groups: Iterable[Array], n: Array, d: Array, c: Array, loss: Array) -> dict[str, Array]:
    """For each rule, by name and in order, the rows that it leaves out. ``groups`` are the rows of each budget."""
    x, y = np.log(n), np.log(loss)
    error = np.round(np.abs(6.0 * n * d / c - 1.0), 9)
    live = [rows[np.argsort(x[rows], kind="stable")] for rows in groups]
    gone: dict[str, list[Array]] = {}

    def leave(rule: str, kept: list[Array]) -> None:
        nonlocal live
        gone[rule] = [np.setdiff1d(before, after) for before, after in zip(live, kept)]
        live = kept

    leave("repeated size", [_one_a_size(rows, x, error, loss) for rows in live])
    leave("too few runs", [rows if len(rows) >= LEAST_RUNS else rows[:0] for rows in live])
    leave("off centre", [_centred(rows, x, y) for rows in live])
    left = [_left_over(x[rows], loss[rows]) for rows in live]
    pooled = np.concatenate([*left, np.zeros(0)])
    middle = np.median(pooled) if len(pooled) else 0.0
    spread = np.median(np.abs(pooled - middle)) / MAD if len(pooled) else 0.0
    leave("outlier", [rows[np.abs(e - middle) <= OUTLIER * spread] for rows, e in zip(live, left)])
    leave("weak curvature", [rows if _bends(x[rows], y[rows]) else rows[:0] for rows in live])
    leave("too few runs left", [rows if len(rows) >= LEAST_RUNS else rows[:0] for rows in live])
    return {rule: np.concatenate(parts) for rule, parts in gone.items()}


def _one_a_size(rows: Array, x: Array, error: Array, loss: Array) -> Array:
    """Of runs of one size the one nearest to the budget, then the one with the lower loss."""
    kept, first = [], -np.inf
    for row in rows.tolist():
        if x[row] - first > SAME_SIZE:
            kept.append(row)
            first = x[row]
        elif (error[row], loss[row]) < (error[kept[-1]], loss[kept[-1]]):
            kept[-1] = row
    return np.array(kept, int)


def _centred(rows: Array, x: Array, y: Array) -> Array:
    if len(rows) < 3:
        return rows
    bend, slope, _ = _quadratic(x[rows], y[rows])[0]
    if bend <= 0:
        return rows
    vertex = -0.5 * slope / bend
    nearer = min(vertex - x[rows].min(), x[rows].max() - vertex)
    return rows[np.abs(x[rows] - vertex) <= nearer * (1.0 + OFF_CENTRE)] if nearer >= 0 else rows[:0]


def _left_over(x: Array, loss: Array) -> Array:
    """How far each loss lies from Akima's interpolation of the others, continued beyond the ends."""
    left = np.zeros(len(x))
    for i in range(len(x)):
        others = np.arange(len(x)) != i
        left[i] = loss[i] - akima(x[others], loss[others][None], x[i : i + 1])[0, 0]
    return left


def _bends(x: Array, y: Array) -> bool:
    """Whether the budget bends upwards beyond doubt."""
    if len(x) < 4:
        return len(x) == 3 and bool(_quadratic(x, y)[0][0] > 0)
    (bend, _, _), error = _quadratic(x, y)
    return bool(bend - student_quantile(0.5 + SURE / 2.0, len(x) - 3) * error > 0)


def _quadratic(x: Array, y: Array) -> tuple[Array, float]:
    """Coefficients of a quadratic, highest power first, and the standard error of the first."""
    middle = x.mean()
    u = x - middle
    design = np.stack([u * u, u, np.ones_like(u)], axis=1)
    (bend, slope, height), *_ = np.linalg.lstsq(design, y, rcond=None)
    rest = y - design @ np.array([bend, slope, height])
    noise = float(rest @ rest) / max(len(x) - 3, 1)
    error = float(np.sqrt(noise * np.linalg.inv(design.T @ design)[0, 0]))
    return np.array([bend, slope - 2.0 * bend * middle, height]), error
