"""Runs sorted into compute budgets, which of these show an optimum, and the power law through the optima."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forerun.fitting.allocation import Interval, Scaling
from forerun.fitting.percentile import percentiles
from forerun.note import DataError
from forerun.runs import Runs
from forerun.units import format_quantity

Array = np.ndarray
SAME_BUDGET = 0.02  # decades of compute within which runs belong to one budget
FEW_SIZES = 4  # different sizes below which a budget shows no minimum
FEW_BUDGETS = 3
NO_BUDGETS = "Use method surface, or name the column of the nominal budget as C"


@dataclass(frozen=True)
class Budgets:
    """Runs sorted into budgets and padded: log size ``n`` and log tokens ``d``, loss ``y``, all (L, m); zero ``mask``."""

    flops: Array
    n: Array
    d: Array
    y: Array
    mask: Array


def grouped(compute: Array) -> tuple[Array, Array]:
    """Rows in order of compute, and where each budget begins among them."""
    order = np.argsort(compute, kind="stable")
    logs = np.log10(compute[order])
    first = np.flatnonzero(np.concatenate([[True], np.diff(logs) > SAME_BUDGET]))
    if any(np.ptp(part) > 2 * SAME_BUDGET for part in np.split(logs, first[1:])):
        message = "the compute of these runs does not form budgets, it runs on without gaps"
        raise DataError("no-budgets", message, advice=NO_BUDGETS)
    return order, first


def sort_into_budgets(runs: Runs) -> Budgets:
    """The runs by budget; ``DataError`` where their compute runs on without gaps."""
    compute = runs["C"]
    order, first = grouped(compute)
    group = np.zeros(len(order), int)
    group[first[1:]] = 1
    group = np.cumsum(group)
    sizes = np.diff(np.append(first, len(order)))
    within = np.arange(len(order)) - first[group]
    padded = {}
    for name, values in (
        ("n", np.log(runs["N"])),
        ("d", np.log(runs["D"])),
        ("y", runs["loss"]),
        ("mask", np.ones(len(runs))),
    ):
        padded[name] = np.zeros((len(first), int(sizes.max())))
        padded[name][group, within] = values[order]
    return Budgets(np.exp(np.add.reduceat(np.log(compute[order]), first) / sizes), **padded)


def refusals(budgets: Budgets, n: Array, d: Array) -> list[str]:
    """Why each budget cannot be used, empty where it can."""
    reasons = []
    for i, shown in enumerate(budgets.mask > 0):
        reason = ""
        if len(set(np.round(budgets.n[i, shown], 6).tolist())) < FEW_SIZES:
            reason = f"fewer than {FEW_SIZES} sizes"
        elif not (np.isfinite(n[i]) and np.isfinite(d[i])):
            reason = "its parabola opens downwards or is flat, it has no minimum"
        else:
            for value, x in ((n[i], budgets.n[i, shown]), (d[i], budgets.d[i, shown])):
                if not x.min() * (1 + 1e-12) < value < x.max() * (1 - 1e-12):
                    reason = "its minimum lies at or beyond the edge of the sizes that were trained"
        reasons.append(reason)
    return reasons


def enough(kept: Sequence[bool], flops: Array, refused: Sequence[str]) -> Array:
    """Which budgets are kept, (L,); ``DataError`` that says what is wrong with the others where too few are."""
    if sum(kept) < FEW_BUDGETS and sum(r.startswith("fewer") for r in refused) > len(refused) / 2:
        message = (
            f"the compute of these runs forms {len(refused)} budgets, most of them with fewer than {FEW_SIZES} sizes"
        )
        raise DataError("no-budgets", message, advice=NO_BUDGETS)
    if sum(kept) < FEW_BUDGETS:
        why = "; ".join(f"C = {format_quantity(c)}: {r}" for c, r in list(zip(flops, refused)) if r)[:300]
        message = f"{sum(kept)} of {len(kept)} budgets have a minimum, at least {FEW_BUDGETS} are needed"
        raise DataError("too-few-budgets", message + (f" ({why})" if why else ""),
                        advice="Train more sizes around the optimum of each budget, or use method surface")  # fmt: skip
    return np.array(kept, bool)


def interval_of(samples: Array, level: float) -> Interval | None:
    """Percentiles of log ``samples`` in natural units, None where none of them is a number."""
    samples = samples[np.isfinite(samples)]
    if not len(samples):
        return None
    tail = (1.0 - level) / 2.0
    low, high = np.exp(percentiles(samples, [tail, 1.0 - tail])).tolist()
    return low, high


def power_law(flops: Array, best: Array, drawn: Array | None, kept: Array, level: float, weights: Array | None = None
             ) -> Scaling:  # fmt: skip
    """The straight line through the minima of the kept budgets in logs, and through those of each draw."""
    c = np.log(flops[kept])
    w = np.ones(len(c)) if weights is None else weights[kept]
    intercept, slope = lines(c, best[None, kept], w)
    samples = np.empty((0, 2))
    if drawn is not None:
        samples = np.stack(lines(c, drawn[:, kept], w), axis=1)
        samples = samples[np.isfinite(samples).all(1)]
    return Scaling(
        float(np.exp(intercept[0])),
        float(slope[0]),
        samples,
        level,
        (float(flops[kept].min()), float(flops[kept].max())),
    )


def lines(c: Array, values: Array, w: Array) -> tuple[Array, Array]:
    """Weighted straight lines through ``values`` (B, L) over ``c`` (L,), leaving out those that are not numbers."""
    there = np.isfinite(values)
    weights, values = np.where(there, w, 0.0), np.where(there, values, 0.0)
    with np.errstate(all="ignore"):
        total = weights.sum(1)
        middle, height = weights @ c / total, (weights * values).sum(1) / total
        apart = c - middle[:, None]
        slope = (weights * apart * values).sum(1) / (weights * apart**2).sum(1)
        slope = np.where(there.sum(1) >= 2, slope, np.nan)
        return height - slope * middle, slope
