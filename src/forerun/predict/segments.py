"""A series in its levels, the slope of every part of it, and how large a slope noise alone would show somewhere."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from forerun.fitting.percentile import percentiles
from forerun.note import DataError

Array = np.ndarray
MOST_LEVELS = 20  # above which neighbouring values of the axis are averaged
FEWEST_LEVELS = 3  # a turn has two sides
LEAST_FREEDOM = 3  # squares that an estimate of the noise rests on
ROUNDING = 1e-12  # of the outcome, below which scatter is none


@dataclass(frozen=True)
class Series:
    """A series in m levels: their ``place`` on the axis and ``at`` its log10, mean outcome ``y`` and its ``weight``, (m,).

    With ``known`` standard errors the weights are inverse variances; otherwise they count rows, ``noise`` is that of
    one row, and ``within`` and ``freedom`` are the squares of rows about their level and how many of them are free.
    ``averaged`` says that levels hold rows of several values of the axis.
    """

    place: Array
    at: Array
    y: Array
    weight: Array
    known: bool
    averaged: bool
    within: float
    freedom: int

    @property
    def noise(self) -> float:
        """Standard deviation that the weights are in units of: 1 for known errors that the scatter does not exceed."""
        if self.known and not self.averaged:
            return 1.0
        smallest = 1.0 if self.known else ROUNDING * float(np.abs(self.y).max())
        return max(float(self.scatter(self.y, self.within)), smallest)

    def scatter(self, y: Array, within: Array | float) -> Array:
        """Noise of ``y`` (..., m) from how far each level lies from the line through its neighbours, and from rows within.

        A smooth trend leaves almost nothing there (Gasser, Sroka and Jennen-Steinmetz 1986, Biometrika 73, 625).
        """
        left = (self.at[2:] - self.at[1:-1]) / (self.at[2:] - self.at[:-2])
        right = 1.0 - left
        apart = y[..., 1:-1] - left * y[..., :-2] - right * y[..., 2:]
        size = 1.0 / self.weight[1:-1] + left**2 / self.weight[:-2] + right**2 / self.weight[2:]
        return np.sqrt(((apart**2 / size).sum(-1) + within) / (len(left) + self.freedom))

    @cached_property
    def segments(self) -> Segments:
        """The straight line through every part of the series itself."""
        return self.lines(self.y)

    def lines(self, y: Array) -> Segments:
        """The straight line through every part of outcomes ``y`` (..., m) at these levels."""
        return Segments.of(self.at, y, self.weight)

    def draws(self, count: int, seed: int) -> tuple[Array, Array]:
        """Noise of the levels, (count, m), in units of ``noise``, and the squares of rows about their level, (count,)."""
        rng = np.random.default_rng(seed)
        levels = rng.standard_normal((count, len(self.at))) / np.sqrt(self.weight)
        return levels, rng.chisquare(self.freedom, count) if self.freedom else np.zeros(count)

    def critical(self, levels: Array, within: Array, share: float) -> float:
        """How many standard errors the steepest part of pure noise reaches at most in a ``share`` of the draws."""
        pure = self.lines(levels)
        steepest = np.nanmax(np.abs(pure.slope / pure.error), axis=(-2, -1))
        if not self.known:
            steepest = steepest / self.scatter(levels, within)
        elif self.averaged:
            steepest = steepest / np.maximum(self.scatter(levels, within), 1.0)
        return float(percentiles(steepest, [share])[0])


@dataclass(frozen=True)
class Segments:
    """Weighted lines through levels i to j: ``slope``, squares left over ``rest`` (..., m, m), ``error`` (m, m) at noise 1.

    NaN unless i < j.
    """

    slope: Array
    error: Array
    rest: Array

    @classmethod
    def of(cls, at: Array, y: Array, weight: Array) -> Segments:
        """Lines through every part of ``y`` (..., m)."""
        x, y = at - at.mean(), y - y.mean(-1, keepdims=True)
        w, a, b = (_sums(v) for v in (weight, weight * x, weight * x * x))
        t, ty, tt = (_sums(v) for v in (weight * y, weight * x * y, weight * y * y))
        apart = np.tril(np.full((len(at), len(at)), np.nan)) + 1.0
        with np.errstate(invalid="ignore", divide="ignore"):
            width = apart * (b - a * a / w)
            slope = (ty - a * t / w) / width
            return cls(slope, 1.0 / np.sqrt(width), np.maximum(tt - t * t / w - slope**2 * width, 0.0))

    def two_lines(self) -> Array:
        """Squares left over by two lines that meet at each inner level, (..., m - 2)."""
        return self.rest[..., 0, 1:-1] + self.rest[..., 1:-1, -1]


def _sums(values: Array) -> Array:
    """Sums over the levels i to j, both included, (..., m, m)."""
    total = np.concatenate([np.zeros((*values.shape[:-1], 1)), np.cumsum(values, -1)], -1)
    return total[..., None, 1:] - total[..., :-1, None]


def series_of(axis: Array, y: Array, error: Array | None) -> Series:
    """The series of outcomes ``y`` (n,) with standard errors, if any: equal values of the axis are one level.

    More than ``MOST_LEVELS`` values are averaged in neighbouring groups, which also makes noise that is alike in
    neighbouring rows visible as noise. Raises :class:`DataError` where no turn or no noise could be seen.
    """
    values = sorted(set(axis.tolist()))
    if len(values) < FEWEST_LEVELS:
        message = f"{len(values)} different values of the axis show no trend that could turn"
        raise DataError("too-few-runs", message, advice=f"At least {FEWEST_LEVELS} are needed")
    averaged = len(values) > MOST_LEVELS
    groups = np.array_split(np.arange(len(values)), MOST_LEVELS if averaged else len(values))
    number = np.repeat(np.arange(len(groups)), [len(g) for g in groups])
    level = number[np.searchsorted(np.array(values), axis)]
    weight = np.ones(len(y)) if error is None else error**-2.0

    def total(x: Array) -> Array:
        return np.bincount(level, x, len(groups))

    weights = total(weight)
    at, mean = total(weight * np.log10(axis)) / weights, total(weight * y) / weights
    freedom = 0 if averaged or error is not None else len(y) - len(groups)
    if error is None and len(groups) - 2 + freedom < LEAST_FREEDOM:
        message = f"{len(y)} rows at {len(values)} values of the axis do not show their noise"
        raise DataError(
            "too-few-runs", message, advice="Name the column of their standard errors as role se, or add runs"
        )
    within = float((weight * (y - mean[level]) ** 2).sum()) if freedom else 0.0
    place = 10.0**at if averaged else np.array(values)
    return Series(place, at, mean, weights, error is not None, averaged, within, freedom)
