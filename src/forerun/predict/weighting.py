"""How much each candidate counts: by how it missed the hidden runs; and the median of weighted predictions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forerun.predict.cutting import Split
from forerun.predict.trials import SCORED, Trial

Array = np.ndarray
DECIDED_CUTS = 4  # cuts that must agree before one law is said to be better: three do by chance once in eight
PAIRED = 4.0  # standard errors by which hidden runs must speak for it: equal laws stay below in 98 % of tables
UNANIMOUS = 0.7  # and the share of the reference's miss that a challenger may have
SMALLEST_MISS = 1e-6  # of a log error: rounding of exact data
FARTHER = 1 / 8  # what a cut counts beside the next one towards the largest run
EVIDENCE = 3  # runs that the last cut must hide for that; fewer may be luck, and then all cuts count alike


def misses(trials: Sequence[Trial], cuts: int) -> Array:
    """Root mean square log error of each trial at each cut, (k, cuts); where one had no fit it counts as the worst there."""
    found = np.array([[trial.miss(cut) for cut in range(cuts)] for trial in trials]).reshape(len(trials), cuts)
    known = ~np.isnan(found)
    worst = np.where(known, found, -np.inf).max(0, initial=-np.inf)
    return np.where(known, found, np.where(np.isfinite(worst), worst, np.nan))


def weigh(trials: Sequence[Trial], cuts: int, farther: float = FARTHER) -> Array:
    """Weights (k,) that sum to one: the inverse of the mean squared miss over the last cuts; equal without any cut.

    The last cut counts most, each one before it ``farther`` times as much: who was right far from the largest run may have
    been right about what is over. Runs that are spaced by ratios leave too few beyond the last cut to say so.
    """
    found = misses(trials, cuts)[:, :SCORED]
    known = np.flatnonzero(~np.isnan(found).any(0))
    if not len(known):
        return np.full(len(trials), 1.0 / len(trials))
    hidden = max(len(errors) for t in trials if (errors := t.errors[known[0]]) is not None)
    counts = (farther if hidden >= EVIDENCE else 1.0) ** known
    weight = 1.0 / np.maximum((found[:, known] ** 2) @ (counts / counts.sum()), SMALLEST_MISS**2)
    return weight / weight.sum()


def challenger(trials: Sequence[Trial], splits: Sequence[Split]) -> int:
    """Which trial stands for all: the first, unless another missed clearly less at every cut and on most hidden runs.

    One lucky cut is no reason to leave a law that was right elsewhere, and cuts that hide the same runs agree easily.
    """
    found = np.array([[trial.miss(cut) for cut in range(len(splits))] for trial in trials])
    found = found.reshape(len(trials), len(splits))
    best, ratio = 0, UNANIMOUS
    for i in range(1, len(trials)):
        both = ~np.isnan(found[i]) & ~np.isnan(found[0])
        if both.sum() < DECIDED_CUTS or not (found[i] < found[0])[both].all():
            continue
        own = float(np.sqrt((found[i][both] ** 2).mean() / (found[0][both] ** 2).mean()))
        if own < ratio and standard_errors(trials[i], trials[0], splits) >= PAIRED:
            best, ratio = i, own
    return best


def standard_errors(first: Trial, second: Trial, splits: Sequence[Split]) -> float:
    """By how many standard errors hidden runs speak for the first: each run counts once, with its mean over the cuts."""
    count = len(splits[0].keep) if splits else 0
    gaps = np.zeros((2, count))  # sum and number
    for split, one, two in zip(splits, first.errors, second.errors):
        if one is not None and two is not None:
            rows = split.hidden[np.isfinite(split.distance)]
            gaps[0, rows] += np.abs(two) - np.abs(one)
            gaps[1, rows] += 1.0
    mean = gaps[0][gaps[1] > 0] / gaps[1][gaps[1] > 0]
    if len(mean) < 2 or not np.isfinite(mean).all():
        return 0.0
    spread = float(mean.std(ddof=1)) / len(mean) ** 0.5
    return float(mean.mean()) / spread if spread > 0 else 0.0


def weighted_median(values: Array, weights: Array) -> Array:
    """The median over the first axis of ``values`` (k, m) under ``weights`` (k,), interpolated between neighbours."""
    order = np.argsort(values, axis=0, kind="stable")
    ordered, weight = np.take_along_axis(values, order, axis=0), weights[order]
    place = np.cumsum(weight, axis=0) - 0.5 * weight
    place /= weight.sum(0)
    above = (place >= 0.5).argmax(axis=0)
    above = np.where((place >= 0.5).any(0), above, len(values) - 1)
    below = np.maximum(above - 1, 0)
    columns = np.arange(values.shape[1])
    low, high = place[below, columns], place[above, columns]
    part = np.where(high > low, (0.5 - low) / np.where(high > low, high - low, 1.0), 1.0)
    part = np.clip(part, 0.0, 1.0)
    return (1.0 - part) * ordered[below, columns] + part * ordered[above, columns]
