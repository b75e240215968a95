"""`fit_figure`: the runs with the fitted law through them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from forerun.fitting import Fit
from forerun.fitting.forecast import interval
from forerun.fitting.observations import group_labels
from forerun.note import DataError
from forerun.report.axis import (
    input_label,
    number,
    observed,
    outcome_factor,
    outcome_label,
    outcome_words,
    scale,
    wide,
    within,
)
from forerun.report.of_observed import observed_panel
from forerun.report.style import (
    DATA,
    GROUPS,
    LEVELS,
    LINE,
    MARKERS,
    TICKS,
    caption,
    dots,
    left_out,
    legend,
    shades,
    sheet,
    some,
)
from forerun.runs import Runs
from forerun.units import SCALE, derive_scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = np.ndarray
SAME = 0.03  # decades within which two values are the same level
FEW = 10  # levels of an input up to which it is taken as the one that was held fixed
AHEAD = 10.0  # factor up to which a curve goes on beyond its runs, but not beyond twice the largest run
ASIDE = 1.6  # the same to both sides along a budget
MANY = 400  # runs that overlap so much that they are drawn thin
ACROSS = {"N": "C", "D": "N", "C": "N"}  # what the loss is drawn against, by the input that labels the curves


@dataclass(frozen=True)
class Curve:
    """One curve: its label, its runs, where it is evaluated, and the span of its runs."""

    label: str
    rows: Array
    x: Array
    inputs: dict[str, Any]
    span: tuple[float, float]


def fit_figure(fit: Fit, runs: Runs, *, by: str | None = None, size: str = "page") -> Figure:
    """The runs and the fitted law: how the outcome falls with scale, and how well the law goes through the runs.

    A law of one input is one curve (one for each group of a shared law). A law of N and D is a curve for each level of
    ``by`` (``"N"``, ``"D"`` or ``"C"``; by default the input that the runs held fixed, else N), at most seven: many
    sizes are put in groups with the curve at the middle of each, so that its runs scatter about it more than about the
    law. Bands are the draws at ``fit.level``; curves are dashed beyond their runs. Every other law is shown as observed
    against predicted.

    It misleads most where it looks best: a curve that passes through the runs says little about twice their scale, and
    the bands know the noise of the runs, not whether the law is right.

    >>> import forerun as fr
    >>> from forerun.report import fit_figure
    >>> runs = fr.simulate("chinchilla")
    >>> fit_figure(fr.fit("chinchilla", runs, draws=50), runs).axes[0].get_xlabel()
    'training compute C (FLOP)'
    """
    law = fit.law
    scales = law.prepare is None and law.shared is None and len(law.inputs) > 1 and set(law.inputs) <= set(SCALE)
    if by is not None and not (scales and by in ACROSS):
        message = f"{law.name} cannot be drawn by {by!r}"
        raise DataError("bad-option", message, advice="Laws of N, D and C are drawn by one of those; leave it out")
    groups = sorted(set(group_labels(runs[law.shared[1]]).tolist())) if law.shared else []
    with sheet(size) as figure:
        ax = figure.add_subplot()
        if scales:
            x, name, curves, held = _by_level(fit, runs, by)
            words = [f"curves: the law at each {held}", _doubt(fit, f"dashed: beyond the runs of that {held}")]
        elif len(law.inputs) == 1 and law.prepare is None and len(groups) <= LEVELS:
            x, name, curves = _of_one_input(fit, runs, groups)
            held = law.shared[1] if law.shared else ""
            words = ["line: the law", _doubt(fit, "dashed: beyond its runs")]
        else:
            words = observed_panel(ax, fit, runs, size)
            caption(figure, title(fit, runs, "observed against predicted"), notes=fit.notes, footer=" · ".join(words))
            return figure
        _draw(ax, fit, runs, x, name, curves, held, size)
        against = {"C": "compute", "N": "model size", "D": "tokens"}.get(name, name)
        what = f"{outcome_words(fit, runs)[0]} against {against}"
        caption(figure, title(fit, runs, what), notes=fit.notes, footer=" · ".join([*words, *left_out(len(runs))]))
    return figure


def title(fit: Fit, runs: Runs, what: str) -> str:
    """What one sees: the law, the runs, and ``what`` is drawn."""
    rows = "rows" if runs.checkpoints else "runs"
    on = f"{fit.law.name} on {len(runs)} {rows}"
    if runs.fingerprint != fit.runs.fingerprint:
        on = f"{fit.law.name} (fitted to {fit.runs.n} {rows}) on {len(runs)} other {rows}"
    return f"{on}: {what}"


def _doubt(fit: Fit, beyond: str) -> str:
    band = f"band: {fit.level:.0%} interval of the mean" if len(fit.draws) else "no band: no uncertainty was estimated"
    return f"{band} · {beyond}"


def levels(values: Array, most: int = LEVELS) -> list[Array]:
    """Rows of each level of ``values``, lowest first: what is the same to 7 %; where that is more than ten, ``most`` groups."""
    rows = distinct(values)
    if len(rows) <= len(MARKERS):
        return rows
    middles = np.repeat(np.arange(len(rows)), [len(r) for r in rows])  # levels stay whole
    order = np.concatenate(rows)
    group = np.floor(most * np.arange(len(order)) / len(order))
    first = np.array([group[middles == k][0] for k in range(len(rows))])
    return [order[first[middles] == g] for g in range(most) if (first == g).any()]


def distinct(values: Array) -> list[Array]:
    """Rows that share a value up to 7 %, lowest first."""
    order = np.argsort(values, kind="stable")
    logs, starts = np.log10(values[order]), [0]
    while (end := int(np.searchsorted(logs, logs[starts[-1]] + SAME, "right"))) < len(logs):
        starts.append(end)
    return np.split(order, starts[1:])


def _by_level(fit: Fit, runs: Runs, by: str | None) -> tuple[Array, str, list[Curve], str]:
    """The compute or size of each run, and a curve for each level of the input that is held."""
    known = derive_scale({role: runs[role] for role in fit.law.inputs})
    if by is None:
        counts = {role: len(distinct(known[role])) for role in ACROSS}
        by = min(counts, key=lambda role: counts[role])
        by = by if counts[by] <= FEW else "N"
    name = ACROSS[by]
    x, curves = known[name], []
    for rows in levels(known[by]):
        level, low, high = float(np.median(known[by][rows])), float(x[rows].min()), float(x[rows].max())
        ends = (low / ASIDE, high * ASIDE) if by == "C" else (low, max(high, min(high * AHEAD, 2.0 * x.max())))
        grid = _grid(ends[0], low, high, ends[1], log=True)
        inputs = derive_scale({name: grid, by: np.full(len(grid), level)})
        curves.append(Curve(_level_label(known[by], rows, level), rows, grid, inputs, (low, high)))
    held = {"N": "model size N", "D": "number of tokens D", "C": "budget C"}[by]
    return x, name, curves, held


def _level_label(values: Array, rows: Array, level: float) -> str:
    low, high = float(values[rows].min()), float(values[rows].max())
    if np.log10(high / low) <= SAME:
        return number(level)
    return f"{number(low, 2)} – {number(high, 2)}"


def _of_one_input(fit: Fit, runs: Runs, groups: list[str]) -> tuple[Array, str, list[Curve]]:
    name = next(iter(fit.law.inputs))
    x = runs[name]
    log = wide(x)
    labels = group_labels(runs[fit.law.shared[1]]) if fit.law.shared else np.full(len(x), "", object)
    curves = []
    for group in groups or [""]:
        rows = np.flatnonzero(labels == group)
        low, high = float(x[rows].min()), float(x[rows].max())
        ahead = (float(x.max()) / float(x.min())) ** 0.25 if log else 0.25 * float(np.ptp(x))
        end = max(high, float(x.max())) * ahead if log else float(x.max()) + ahead
        grid = _grid(low, low, high, end, log)
        inputs = {name: grid, **({fit.law.shared[1]: group} if fit.law.shared else {})}
        curves.append(Curve(group, rows, grid, inputs, (low, high)))
    return x, name, curves


def _grid(start: float, low: float, high: float, end: float, log: bool) -> Array:
    space = np.geomspace if log else np.linspace
    return np.unique(
        np.concatenate(
            [space(a, b, k) for a, b, k in ((start, low, 20), (low, high, 60), (high, end, 40)) if b > a or k == 60]
        )
    )


def _draw(ax: Axes, fit: Fit, runs: Runs, x: Array, name: str, curves: list[Curve], held: str, size: str) -> None:
    """Runs, curves and bands."""
    y = observed(fit, runs)
    shown = some(len(y))
    palette = list(GROUPS) if fit.law.shared else shades(len(curves)) if len(curves) > 1 else [LINE]
    handles, heights = [], [y]
    for curve, colour, marker in zip(curves, palette, MARKERS):
        f = fit.predict(curve.inputs)
        rows = curve.rows[shown[curve.rows]]
        ink, alpha = DATA if len(curves) == 1 else colour, 0.6 if len(y) > MANY else 0.95
        ax.plot(x[rows], y[rows], **dots(ink, marker=marker, alpha=alpha))
        inside = (curve.x >= curve.span[0]) & (curve.x <= curve.span[1])
        for part, style in ((inside, "-"), (curve.x <= curve.span[0], "--"), (curve.x >= curve.span[1], "--")):
            if part.sum() > 1:
                ax.plot(curve.x[part], f[part], style, color=colour, zorder=4, label="law")
        if len(fit.draws):
            low, high = interval(fit.sample(curve.inputs), fit.level)
            ax.fill_between(curve.x, low, high, color=colour, alpha=0.18, linewidth=0, zorder=2)
        handles += ax.plot([], [], color=colour, marker=marker, markeredgecolor="white")
        heights.append(f)
    across, up = TICKS[size]
    scale(ax, "x", np.concatenate([x, *(c.x for c in curves)]), name, across - 2 * (len(curves) > 1))
    core = np.concatenate(heights)
    scale(ax, "y", within(core[np.isfinite(core)], y), "", up, factor=outcome_factor(fit))
    ax.set_xlabel(input_label(name, fit.law.inputs.get(name)))
    ax.set_ylabel(outcome_label(fit, runs))
    if len(curves) > 1:
        legend(ax, handles, [c.label for c in curves], held.split()[-1])
