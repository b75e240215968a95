"""`residual_figure`: what the law leaves over, by scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from forerun.fitting import Fit
from forerun.fitting import objective as objectives
from forerun.note import DataError
from forerun.report.axis import input_label, number, outcome_words, scale, short_label
from forerun.report.labels import place
from forerun.report.of_fit import title
from forerun.report.style import ALARM, DATA, FAINT, FONT, LINE, TICKS, caption, dots, left_out, sheet, some
from forerun.runs import Runs
from forerun.units import derive_scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = np.ndarray
MOST = {"page": 6, "slide": 2}  # panels that stay legible
LEAST_RUNS = 20  # below this a running median says nothing
OUTLYING = 6.0  # farthest residual in units of the 90th percentile from which the axis is stretched
WINDOW = 4  # a running median takes one run in so many


def residual_figure(fit: Fit, runs: Runs, *, size: str = "page") -> Figure:
    """Residuals against each input, with a running median, its quartiles, and the rows that decide the fit.

    A law that holds leaves a level cloud around zero. A median that bends or rises with scale says that the form is
    wrong, and where: at its right end it hints at the error of an extrapolation. Laws of N and D also get a panel of
    the compute. Rows that a ``few-points-decide`` note names are ringed and numbered.

    It misleads where the runs themselves trend (small models at small budgets only): then a trend with one input shows
    up in the other as well. With fewer than twenty runs there is no median, and the eye sees trends in any seven points.

    >>> import forerun as fr
    >>> from forerun.report import residual_figure
    >>> runs = fr.simulate("chinchilla")
    >>> len(residual_figure(fr.fit("chinchilla", runs, draws=50), runs).axes)
    3
    """
    r = fit.residuals(runs)
    log = fit.law.trials is None and objectives.find(fit.objective).residual == "log"
    y = 100.0 * np.expm1(r) if log else r
    panels = _panels(fit, runs)
    if not panels:
        raise DataError("no-picture", "no input of these runs varies, so there is nothing to draw residuals against")
    shown, rest = panels[: MOST[size]], [name for name, _ in panels[MOST[size] :]]
    decisive = _decisive(fit, runs)
    words = _words(len(y), decisive, rest)
    word, _, unit = outcome_words(fit, runs)
    with sheet(size) as figure:
        across = min(len(shown), 3)
        axes = figure.subplots(-(-len(shown) // across), across, sharey=True, squeeze=False).ravel()
        for ax in axes[len(shown) :]:
            ax.set_visible(False)
        ticks, up = TICKS[size]
        for ax, (name, x) in zip(axes, shown):
            threshold = _stretch(ax, y, up)
            scale(ax, "x", x, name, max(ticks // across + (across > 1), 2))
            _panel(ax, x, y, decisive)
            label = input_label(name, fit.law.inputs.get(name))
            ax.set_xlabel(label if across == 1 else short_label(name))
        for ax in axes[: len(shown) : across]:
            ax.set_ylabel("above prediction (%)" if log else f"above prediction{f' ({unit})' if unit else ''}")
        if threshold:
            words.append(f"the axis is logarithmic beyond ±{number(threshold)}{' %' if log else ''}")
        caption(
            figure,
            title(fit, runs, f"residuals of {'the ' if len(word) > 1 else ''}{word}"),
            notes=fit.notes,
            footer=" · ".join(words),
        )
        for ax, (_, x) in zip(axes, shown):
            points = [(float(x[i]), float(y[i])) for i in decisive]
            names = [str(int(runs.rows[i])) for i in decisive]
            place(ax, points, names, np.column_stack([x, y]), 0.8 * FONT[size])
    return figure


def _words(count: int, decisive: list[int], rest: list[str]) -> list[str]:
    """What is said below about what is drawn, and what is not."""
    words = ["line: running median, band: its quartiles"] if count >= LEAST_RUNS else []
    if decisive:
        words.append("ringed: rows that decide the fit, by their number")
    if rest:
        words.append(f"not shown: {', '.join(rest)}")
    return words + left_out(count)


def _stretch(ax: Axes, y: Array, most: int) -> float | None:
    """Scale the residual axis; where a few rows are far out, logarithmic beyond a limit, which is returned."""
    usual, far = float(np.quantile(np.abs(y), 0.9)), float(np.abs(y).max())
    if far < OUTLYING * usual or usual == 0:
        scale(ax, "y", np.append(y, 0.0), "", most)
        return None
    step = 10.0 ** np.floor(np.log10(usual))
    limit = float(next(step * m for m in (1, 2, 3, 5, 10) if step * m >= usual))
    ax.set_yscale("symlog", linthresh=limit, linscale=1.2)
    outer = [limit * m for m in (3, 10, 30, 100, 300, 1000, 3000, 10000) if limit * m <= 1.2 * far]
    ticks = [-t for t in outer if t <= -1.2 * y.min()] + [-limit, 0.0, limit] + [t for t in outer if t <= 1.2 * y.max()]
    ax.set_ylim(min(1.35 * y.min(), -1.2 * limit), max(1.35 * y.max(), 1.2 * limit))
    ax.set_yticks(ticks, labels=[number(t) for t in ticks])
    ax.minorticks_off()
    return limit


def _panels(fit: Fit, runs: Runs) -> list[tuple[str, Array]]:
    """Each input that is a number and varies; for laws of N and D the compute as well."""
    found = {name: runs[name] for name in fit.law.inputs}
    if {"N", "D"} <= set(found):
        found["C"] = derive_scale({"N": found["N"], "D": found["D"]})["C"]
    return [(k, v) for k, v in found.items() if v.dtype.kind == "f" and np.ptp(v) > 0]


def _decisive(fit: Fit, runs: Runs) -> list[int]:
    """Places of the rows that a note names, as far as they are among ``runs``."""
    if runs.fingerprint != fit.runs.fingerprint:
        return []
    rows = {row for n in fit.notes if n.code == "few-points-decide" for row in n.evidence.get("rows", [])}  # type: ignore[attr-defined]
    return [i for i, row in enumerate(runs.rows.tolist()) if row in rows]


def _panel(ax: Axes, x: Array, y: Array, decisive: list[int]) -> None:
    ax.axhline(0.0, color=FAINT, zorder=1, label="zero")
    shown = some(len(y))
    ax.plot(x[shown], y[shown], **dots(DATA, alpha=0.55 if len(y) > 60 else 0.9))
    if len(y) >= LEAST_RUNS:
        at, low, middle, high = running(x, y)
        ax.fill_between(at, low, high, color=LINE, alpha=0.2, linewidth=0, zorder=3.5)
        ax.plot(at, middle, color=LINE, zorder=4, label="running median")
    rings = {"markerfacecolor": "none", "markeredgecolor": ALARM, "markeredgewidth": 1.0, "zorder": 5}
    rings |= {"markersize": 1.8 * float(ax.lines[1].get_markersize()), "label": "decisive"}
    ax.plot(x[decisive], y[decisive], **{**dots(DATA), **rings})


def _near(one: float, two: float, among: Array) -> bool:
    """Whether two places would be one on the axis."""
    x = np.log([one, two, among[0], among[-1]]) if among[0] > 0 else np.array([one, two, among[0], among[-1]])
    return bool(x[1] - x[0] < 0.01 * (x[3] - x[2]))


def running(x: Array, y: Array) -> tuple[Array, Array, Array, Array]:
    """Lower quartile, median and upper quartile of ``y`` among the runs with the nearest ranks in ``x``.

    Runs with the same ``x`` are taken together. Returns the places and the three curves.
    """
    order = np.argsort(x, kind="stable")
    s, half = x[order], max(len(x) // (2 * WINDOW), 6)
    centres = np.unique(np.linspace(0, len(x) - 1, 40).round().astype(int))
    places: list[float] = []
    curves = []
    for i in centres:
        if places and (s[i] == places[-1] or _near(places[-1], s[i], s)):
            continue
        low, high = s[max(i - half, 0)], s[min(i + half, len(x) - 1)]
        near = y[(x >= low) & (x <= high)]
        places.append(float(s[i]))
        curves.append(np.quantile(near, [0.25, 0.5, 0.75]))
    return np.array(places), *np.array(curves).T
