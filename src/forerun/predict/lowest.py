"""The lowest outcome that a method reaches along an axis, for its fit and for each draw, and where two of them cross."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forerun.fitting.percentile import percentiles
from forerun.fitting.result import Fit
from forerun.spending import along, sizes

Array = np.ndarray
PER_DECADE = 12  # points along the axis
RATIOS = (1e-2, 1e5)  # tokens per parameter between which the best is looked for at each compute
SIZES = 50  # model sizes among these
FAR = 4.0  # decades to both sides in which equal outcomes and crossings are looked for


@dataclass(frozen=True)
class Curve:
    """Outcomes on a grid ``logs`` (m,) in the logarithm of the axis: of the fit (m,) and of each draw (draws, m)."""

    logs: Array
    value: Array
    draws: Array

    def at(self, place: float) -> tuple[float, Array]:
        """The outcome of the fit and of each draw at one value of the axis."""
        where = (np.log(place) - self.logs[0]) / (self.logs[1] - self.logs[0])
        left = int(np.clip(where, 0, len(self.logs) - 2))
        part = where - left
        value, draws = ((1.0 - part) * y[..., left] + part * y[..., left + 1] for y in (self.value, self.draws))
        return float(value), draws

    def needed(self, value: float, outcomes: Array) -> tuple[float, Array]:
        """Where the fit first falls to ``value`` and each draw to its own of ``outcomes``: infinite where it does not."""
        return float(_first_fall(self.value[None], self.logs, np.array([value]))[0]), _first_fall(
            self.draws, self.logs, outcomes
        )


@dataclass(frozen=True)
class Crossing:
    """Where two fitted curves cross, ``at``, and its limits over the draws: zero or infinite where draws do not cross.

    Below it the method of number ``below`` (0 or 1) is better, above it the other.
    """

    at: float
    low: float
    high: float
    below: int


def curve(fit: Fit, axis: str, low: float, high: float) -> Curve:
    """The lowest outcomes of ``fit`` from ``FAR`` decades below ``low`` to as many above ``high``.

    Along C = 6ND the lowest over tokens per parameter, by a parabola through the best three of ``RATIOS``; along the
    one input of another law its outcome.
    """
    decades = np.log10(high / low) + 2.0 * FAR
    logs = np.linspace(
        np.log(low) - FAR * np.log(10.0), np.log(high) + FAR * np.log(10.0), int(PER_DECADE * decades) + 1
    )
    params = np.concatenate([np.array([list(fit.params.values())]), fit.draws])
    if axis == "C" and set(fit.law.inputs) != {"C"}:
        y = np.empty((len(params), len(logs)))
        for i, compute in enumerate(np.exp(logs)):
            y[:, i] = _minimum(fit.outcomes(params, along(float(compute), sizes(float(compute), RATIOS, SIZES))))
    else:
        y = fit.outcomes(params, {axis: np.exp(logs)})
    return Curve(logs, y[0], y[1:])


def crossings(one: Curve, two: Curve, low: float, high: float, level: float) -> tuple[Crossing, ...]:
    """Where the fitted curves cross between ``low`` and ``high``, each with an interval over the draws.

    A draw's crossing is its nearest in the same direction, anywhere on the grid. A draw that has none counts as
    infinite where the method that should fall behind stays ahead, and as zero where it is behind from the start.
    """
    logs, gap, draws = one.logs, one.value - two.value, one.draws - two.draws
    found = []
    for sign, below in ((1.0, 0), (-1.0, 1)):
        for left in np.flatnonzero((sign * gap[:-1] < 0) & (sign * gap[1:] >= 0)).tolist():
            place = _between(logs, gap[left : left + 2][None], np.array([left]))[0]
            if not np.log(low) <= place <= np.log(high):
                continue
            tail = (1.0 - level) / 2.0
            first, last = np.exp(percentiles(_nearest(logs, sign * draws, place), [tail, 1.0 - tail])).tolist()
            found.append(Crossing(float(np.exp(place)), first, last, below))
    return tuple(sorted(found, key=lambda c: c.at))


def _minimum(y: Array) -> Array:
    """The lowest of each row, (B,), by a parabola through the best point and its neighbours."""
    rows = np.arange(len(y))
    best = np.clip(y.argmin(axis=1), 1, y.shape[1] - 2)
    left, middle, right = (y[rows, best + k] for k in (-1, 0, 1))
    bend = left - 2.0 * middle + right
    with np.errstate(all="ignore"):
        vertex = middle - (right - left) ** 2 / (8.0 * bend)
    inside = (bend > 0) & (np.abs(right - left) < 2.0 * bend)
    return np.where(inside, vertex, y.min(axis=1))


def _first_fall(curves: Array, logs: Array, outcomes: Array) -> Array:
    """Where each curve (B, m) first falls to its outcome (B,)."""
    falling = np.minimum.accumulate(curves, axis=1)
    there = falling <= outcomes[:, None]
    first = there.argmax(axis=1)
    left, rows = np.maximum(first - 1, 0), np.arange(len(curves))
    high, low = falling[rows, left], falling[rows, first]
    part = np.where(high > low, (high - outcomes) / np.where(high > low, high - low, 1.0), 0.0)
    at = np.exp(logs[left] + np.clip(part, 0.0, 1.0) * (logs[1] - logs[0]))
    return np.where(there.any(axis=1), at, np.inf)


def _between(logs: Array, ends: Array, left: Array) -> Array:
    """Where lines through ``ends`` (k, 2), at the grid points ``left`` and the next ones, pass zero."""
    return logs[left] + ends[:, 0] / (ends[:, 0] - ends[:, 1]) * (logs[1] - logs[0])


def _nearest(logs: Array, gaps: Array, place: float) -> Array:
    """For each row of ``gaps`` (draws, m) its crossing from below zero that is nearest to ``place``, in the logarithm."""
    crossed = (gaps[:, :-1] < 0) & (gaps[:, 1:] >= 0)
    rows, left = np.nonzero(crossed)
    here = int(np.clip(np.searchsorted(logs, place), 0, len(logs) - 1))
    out = np.where(gaps[:, here] < 0, np.inf, -np.inf)
    at = _between(logs, np.stack([gaps[rows, left], gaps[rows, left + 1]], axis=1), left)
    order = np.argsort(-np.abs(at - place), kind="stable")  # the nearest of each draw is written last
    out[rows[order]] = at[order]
    return out
