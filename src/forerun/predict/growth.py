"""How a quantity grows with size, as a power of N, and the size at which it crosses a limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from forerun.fitting import fit
from forerun.fitting.forecast import FAR, interval, plain
from forerun.fitting.percentile import percentiles
from forerun.laws import Law
from forerun.laws.registry import get
from forerun.note import Note
from forerun.runs import Runs, read_runs

Array = np.ndarray
ANSWERS = ("crossed", "crosses", "not reached", "not decided", "no limit")
HORIZON = 2.0  # decades beyond the largest size within which a crossing is looked for
FEW_SIZES = 5  # below which an interval rests on two or fewer free residuals
DRAWS = 2000
STEEPEST = 20.0  # power of N beyond which no growth is told apart from a step
LARGEST_LOG = 138.0  # of 1e60, the largest number of a table


@dataclass(frozen=True)
class Growth:
    """A quantity measured at several sizes as a power law of size, value = A N^exponent, and where it crosses ``limit``.

    ``low`` and ``high`` are the interval of the exponent, None for fewer than four sizes. ``answer`` is one of
    ``ANSWERS``: ``crossed`` (measured at or over the limit at a size of the table), ``crosses`` (within two decades
    beyond the largest size), ``not reached`` (there, with the confidence of the level), ``not decided`` (``reason`` says
    why), ``no limit``. ``crossing`` is the size where the power law crosses, with its interval; infinite is never.
    """

    quantity: str
    limit: float | None
    sizes: tuple[float, ...]
    values: tuple[float, ...]
    exponent: float
    low: float | None
    high: float | None
    crossing: float | None
    crossing_low: float | None
    crossing_high: float | None
    answer: str
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The keys of a growth in the JSON schema ``stability``."""
        return {name: list(v) if isinstance(v, tuple) else plain(v) for name, v in vars(self).items()}


def growth_of(
    quantity: str, sizes: Sequence[float], values: Sequence[float], limit: float | None, *, level: float, seed: int
) -> tuple[Growth, tuple[Note, ...]]:
    """The growth of positive ``values`` with ``sizes``, and what is doubtful about it.

    One point a size is fitted with equal weight in log value. The interval is that of the sandwich with Student's t, as
    the sizes are few: refits under random weights of five points held the true crossing in 67 % of simulated tables at
    a level of 90 %, this one in 95 %.
    """
    middle = float(np.exp(np.log(sizes).mean()))
    points = read_runs({"x": np.asarray(sizes, float) / middle, "y": np.asarray(values, float)}, x="x", y="y")
    fitted = fit(_steep(), points, objective="squared-log", uncertainty="sandwich", draws=DRAWS, level=level, seed=seed)
    best = np.array([[fitted.params["A"], fitted.params["alpha"]]])
    low = high = at_low = at_high = None
    at = None if limit is None else float(_crossings(best, limit, middle)[0])
    if len(fitted.draws):
        low, high = (float(x) for x in interval(-fitted.draws[:, 1], level))
        if limit is not None:
            at_low, at_high = (float(x) for x in interval(_crossings(fitted.draws, limit, middle), level))
    found = Growth(quantity, limit, tuple(sizes), tuple(values), -fitted.params["alpha"], low, high, at, at_low, at_high, *_answer(limit, sizes, values, low, (at, at_low)))  # fmt: skip
    return found, tuple(_doubts(found, points, fitted.outcome, level, seed))


def _steep() -> Law:
    """The power law with exponents of either sign as steep as a sudden instability makes them."""
    law = get("power-law")
    return replace(law, params={**law.params, "alpha": replace(law.params["alpha"], bounds=(-STEEPEST, STEEPEST), search=(-2.0, 2.0))})  # fmt: skip


def _crossings(params: Array, limit: float, middle: float) -> Array:
    """The size from which A (N / middle)^-alpha is over the limit, for rows of A, alpha: infinite where it does not rise."""
    amplitude, alpha = params.T
    rises = alpha < 0
    log = np.where(rises, np.log(middle) + np.log(amplitude / limit) / np.where(rises, alpha, -1.0), np.inf)
    return np.where(log > LARGEST_LOG, np.inf, np.exp(np.clip(log, -LARGEST_LOG, LARGEST_LOG)))


def _answer(
    limit: float | None,
    sizes: Sequence[float],
    values: Sequence[float],
    low: float | None,
    crossing: tuple[float | None, float | None],
) -> tuple[str, str]:
    """One of ``ANSWERS``, and why it is not decided."""
    at, at_low = crossing
    far = max(sizes) * 10.0**HORIZON
    if limit is None:
        return "no limit", ""
    if max(values) >= limit:
        return "crossed", ""
    if at is None or at_low is None or low is None:
        return "not decided", f"{len(sizes)} sizes give no interval"
    if at_low > far:
        return "not reached", ""
    if low <= 0:
        return "not decided", "the growth is not sure"
    if at > far:
        return "not decided", "it crosses beyond two decades, or earlier"
    return "crosses", ""


def _doubts(found: Growth, points: Runs, outcome: str, level: float, seed: int) -> list[Note]:
    notes = []
    name, largest = found.quantity, max(found.sizes)
    if outcome != "converged":
        message = f"the power law of {name} did not settle ({outcome})"
        notes.append(
            Note("growth-not-settled", "warning", message, {"outcome": outcome}, "Look at its values by size.")
        )
    if found.answer == "crosses" and found.crossing is not None and found.crossing > largest * 10.0**FAR:
        decades = float(np.log10(found.crossing / largest))
        message = f"{name} crosses its limit {decades:.2f} decades beyond the largest size"
        advice = (
            "The interval knows the scatter of the sizes, not whether the power law holds there; train a size between."
        )
        notes.append(Note("far-extrapolation", "warning", message, {"decades_outside": decades}, advice))
    bend = _bend(np.log10(points["x"]), np.log10(points["y"]), level, seed)
    if bend is not None:
        message = f"{name} bends {'up' if bend > 0 else 'down'} against a power law beyond its scatter"
        advice = f"The crossing comes {'earlier' if bend > 0 else 'later'} than the power law says, if it goes on so."
        notes.append(Note("growth-bends", "warning", message, {"curvature": bend}, advice))
    return notes


def _bend(x: Array, y: Array, level: float, seed: int) -> float | None:
    """The second-order coefficient of log10 value in log10 size where Student's t test tells it from zero, else None."""
    free = len(x) - 3
    if free < 2:
        return None
    design = np.stack([np.ones(len(x)), x - x.mean(), (x - x.mean()) ** 2], axis=1)
    inverse = np.linalg.pinv(design.T @ design)
    beta = inverse @ design.T @ y
    left = y - design @ beta
    error = float(np.sqrt(left @ left / free * inverse[2, 2]))
    # Its quantile from a sample: NumPy has none of Student's t.
    reach = float(percentiles(np.abs(np.random.default_rng(seed).standard_t(free, 20_000)), [level])[0])
    return float(beta[2]) if abs(beta[2]) > max(reach * error, 1e-9) else None
