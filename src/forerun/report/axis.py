"""Axes that say what they measure: labels with units, logarithmic ticks written 10M or 1B, and room for the data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from forerun.fitting import Fit
from forerun.fitting.observations import outcome
from forerun.runs import Runs
from forerun.units import COLUMNS, LOSS, Column, format_quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = np.ndarray
LONGEST = 30  # letters of an outcome and its unit that fit beside the axis of the smallest picture
WIDE = 4.0  # factor between smallest and largest from which an axis is logarithmic
WIDE_OUTCOME = 2.0  # the same for an outcome
COUNTED = ("N", "D", "U")  # roles whose ticks are written 10M, 1B
SUFFIXES = ((1e12, 1e12, "T"), (1e9, 1e9, "B"), (1e6, 1e6, "M"), (1e4, 1e3, "k"))
MANTISSAS = ((1, 1.5, 2, 2.5, 3, 4, 5, 6, 8), (1, 2, 3, 4, 5, 7), (1, 2, 3, 5), (1, 2, 5), (1, 3), (1,))


def number(value: float, digits: int = 3) -> str:
    """A number as it stands in a picture: ``70B``, ``350k``, ``5.76e23``.

    >>> number(7e10), number(3.5e5), number(5.76e23), number(1.81722)
    ('70B', '350k', '5.76e23', '1.82')
    """
    rounded = float(f"{value:.{digits}g}")
    if not 1e-4 <= abs(rounded) < 1e15 and rounded != 0:
        return format_quantity(value, digits).replace("e+", "e").replace("e-0", "e-")
    size, suffix = next(((s, t) for least, s, t in SUFFIXES if abs(rounded) >= least), (1.0, ""))
    return f"{rounded / size:.12g}{suffix}"


def input_label(name: str, column: Column | None = None) -> str:
    """The words under the axis of an input: meaning, symbol, and the unit where the meaning does not say it.

    >>> input_label("N"), input_label("C")
    ('model parameters N', 'training compute C (FLOP)')
    """
    column = column or COLUMNS.get(name.split("[")[0])
    if column is None:
        return name
    unit = "" if not column.unit or column.unit.split("/")[0] in column.meaning else f" ({column.unit})"
    return f"{column.meaning.removeprefix('the ')} {name}{unit}"


def short_label(name: str) -> str:
    """The symbol of an input with its unit, where room is scarce."""
    column = COLUMNS.get(name.split("[")[0])
    return f"{name} ({column.unit})" if column is not None and column.unit else name


def observed(fit: Fit, runs: Runs) -> Array:
    """The outcome of each run, (n,): for counts the share of successes."""
    y, trials = outcome(fit.law, runs)
    return y if trials is None else y / trials


def outcome_words(fit: Fit, runs: Runs) -> tuple[str, str, str]:
    """A word for the outcome, the long words, and its unit: ``("loss", "validation loss", "nats/token")``."""
    column = fit.law.output
    if fit.law.trials is not None:
        return "share of successes", "share of successes", "of trials"
    if column.role == "loss" or (column.role == "y" and "y" not in runs and "loss" in runs):
        return "loss", LOSS.meaning, fit.runs.conventions.loss_unit
    meaning = column.meaning.removeprefix("the ")
    words = meaning if meaning.endswith(column.role) else f"{meaning} {column.role}"
    return column.role, words if len(words) + len(column.unit) <= LONGEST else column.role, column.unit


def outcome_factor(fit: Fit) -> float:
    """The factor from which the outcome is drawn on a logarithmic axis; never for shares."""
    return WIDE_OUTCOME if fit.law.trials is None and fit.law.output.role != "score" else np.inf


def outcome_label(fit: Fit, runs: Runs, before: str = "") -> str:
    """The words beside the axis of the outcome; the short word where ``before`` says more of it."""
    word, words, unit = outcome_words(fit, runs)
    return f"{before} {word if before else words}{f' ({unit})' if unit else ''}".strip()


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """Round places for at most ``most`` ticks on a logarithmic axis, as many as there is room for.

    >>> log_ticks(3e7, 2e10, 7)
    [30000000.0, 100000000.0, 300000000.0, 1000000000.0, 3000000000.0, 10000000000.0]
    """
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for mantissas in MANTISSAS:
        ticks = [m * 10.0**e for e in range(first, last + 1) for m in mantissas if low <= m * 10.0**e <= high]
        gaps = np.diff(np.log(ticks)) / np.log(high / low)
        if 2 <= len(ticks) <= most and gaps.min() > 0.5 / most:
            return ticks
    for step in (2, 3, 5, 10, 20):
        ticks = [10.0**e for e in range(first, last + 1) if e % step == 0 and low <= 10.0**e <= high]
        if 2 <= len(ticks) <= most:
            return ticks
    from matplotlib.ticker import MaxNLocator

    even = MaxNLocator(nbins=most - 1, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    return [float(t) for t in even if low <= t <= high]


def tick_labels(ticks: Sequence[float], name: str) -> list[str]:
    """Words for ticks: counts as 10M, powers of ten as such, all with the digits that tell them apart."""
    decades = all(t > 0 and abs(math.log10(t) - round(math.log10(t))) < 1e-9 for t in ticks)
    if decades and name not in COUNTED and max(ticks) >= 1e4:
        return [rf"$10^{{{round(math.log10(t))}}}$" for t in ticks]
    for digits in range(1, 8):
        labels = [number(t, digits) for t in ticks]
        exact = all(abs(float(f"{t:.{digits}g}") - t) <= 1e-9 * abs(t) for t in ticks)
        if exact and len(set(labels)) == len(ticks):
            break
    return labels


def wide(values: Array, factor: float = WIDE) -> bool:
    """Whether values are positive and far enough apart for a logarithmic axis."""
    return bool(values.min() > 0 and values.max() > factor * values.min())


def scale(
    ax: Axes, which: str, values: Any, name: str, most: int, *, factor: float = WIDE, margin: float = 0.04
) -> None:
    """Give axis ``which`` ("x" or "y") the range of ``values`` with some room, a scale, and ticks with words."""
    from matplotlib.ticker import FixedLocator, MaxNLocator, NullFormatter

    values = np.asarray(values, float)
    values = values[np.isfinite(values)]
    axis = ax.xaxis if which == "x" else ax.yaxis
    limits = ax.set_xlim if which == "x" else ax.set_ylim
    if wide(values, factor):
        low, high = np.log10(values.min()), np.log10(values.max())
        room = margin * (high - low)
        low, high = float(10.0 ** (low - room)), float(10.0 ** (high + room))
        (ax.set_xscale if which == "x" else ax.set_yscale)("log")
        ticks = log_ticks(low, high, most)
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)))
        small = [m * 10.0**e for e in decades for m in range(2, 10)] if len(decades) <= 8 else []
        axis.set_minor_locator(FixedLocator([t for t in small if low <= t <= high]))
        axis.set_minor_formatter(NullFormatter())
    else:
        span = float(np.ptp(values)) or abs(float(values[0])) * 0.1 or 1.0
        low, high = float(values.min()) - margin * span, float(values.max()) + margin * span
        even = MaxNLocator(nbins=most, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
        ticks = [0.0 if abs(t) < 1e-12 * span else float(t) for t in even if low <= t <= high]
    limits(low, high)
    axis.set_ticks(ticks, labels=tick_labels(ticks, name))


def within(values: Array, core: Array, share: float = 0.4) -> Array:
    """The ends of ``core``, widened towards ``values`` by at most a share of its span: curves do not dwarf the data."""
    span = float(np.ptp(core)) or abs(float(core[0])) * 0.1
    low = max(float(values.min()), float(core.min()) - share * span)
    high = min(float(values.max()), float(core.max()) + share * span)
    return np.array([min(low, float(core.min())), max(high, float(core.max()))])
