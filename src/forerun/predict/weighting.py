"""How much each candidate counts: by how it missed the hidden runs; and the median of weighted predictions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forerun.predict.trials import SCORED, Trial

Array = np.ndarray
UNANIMOUS = 0.7  # a challenger replaces the reference if it misses less at every cut, and by 30 % less over all
FEWEST_CUTS = 4  # below which no challenger can: three cuts agree by chance once in eight
SMALLEST_MISS = 1e-6  # of a log error: rounding of exact data


def misses(trials: Sequence[Trial], cuts: int) -> Array:
    """Root mean square log error of each trial at each cut, (k, cuts); where one had no fit it counts as the worst there."""
    found = np.array([[trial.miss(cut) for cut in range(cuts)] for trial in trials]).reshape(len(trials), cuts)
    known = ~np.isnan(found)
    worst = np.where(known, found, -np.inf).max(0, initial=-np.inf)
    return np.where(known, found, np.where(np.isfinite(worst), worst, np.nan))


def weigh(trials: Sequence[Trial], cuts: int) -> Array:
    """Weights (k,) that sum to one: the inverse of the mean squared miss over the last cuts; equal without any cut."""
    found = misses(trials, cuts)[:, :SCORED]
    found = found[:, ~np.isnan(found).any(0)]
    if not found.size:
        return np.full(len(trials), 1.0 / len(trials))
    weight = 1.0 / np.maximum((found * found).mean(1), SMALLEST_MISS**2)
    return weight / weight.sum()


def challenger(trials: Sequence[Trial], cuts: int) -> int:
    """Which trial stands for all: the first, unless another missed less at every cut, and clearly less over all.

    One lucky cut is no reason to leave a law that was right elsewhere.
    """
    found = np.array([[trial.miss(cut) for cut in range(cuts)] for trial in trials]).reshape(len(trials), cuts)
    best, ratio = 0, UNANIMOUS
    for i in range(1, len(trials)):
        both = ~np.isnan(found[i]) & ~np.isnan(found[0])
        if both.sum() < FEWEST_CUTS or not (found[i] < found[0])[both].all():
            continue
        own = float(np.sqrt((found[i][both] ** 2).mean() / (found[0][both] ** 2).mean()))
        if own < ratio:
            best, ratio = i, own
    return best


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
