"""`backtest_figure`: how wrong the law was about runs that it had not seen, against how far out they lay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from forerun.predict import Backtest
from forerun.report.axis import number, scale
from forerun.report.style import ALARM, FAINT, LEVELS, MARKERS, TICKS, caption, dots, legend, shades, sheet, some
from forerun.units import format_quantity

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray


def backtest_figure(result: Backtest, *, size: str = "page") -> Figure:
    """The signed relative error of every hidden run against its distance from the fitted runs, a colour for each cut.

    The grey band is the wished error, the vertical line the horizon. Points far from zero on one side are bias: the law
    is wrong there, and no interval of its parameters knows it.

    It misleads where the next decade differs from the last ones, which no hidden run has seen.

    >>> import forerun as fr
    >>> from forerun.report import backtest_figure
    >>> result = fr.backtest("chinchilla", fr.simulate("chinchilla", n=60), draws=20)
    >>> backtest_figure(result).axes[0].get_xlabel()
    'decades outside the fitted runs (C)'
    """
    percent = 100.0 * np.expm1(np.where(np.isfinite(result.error), result.error, np.nan))  # a score of 0 has none
    counts = [cut.n for cut in result.cuts]
    starts = np.concatenate([[0], np.cumsum(counts)])
    with sheet(size) as figure:
        ax = figure.add_subplot()
        ax.axhspan(-100 * result.wished, 100 * result.wished, color="#EDEDED", zorder=0)
        ax.axhline(0.0, color=FAINT, zorder=1)
        colours = shades(len(counts))
        handles, labels = [], []
        for i, cut in enumerate(result.cuts):
            part = slice(starts[i], starts[i + 1])
            shown = some(cut.n)
            look = dots(colours[i], marker=MARKERS[i % len(MARKERS)], alpha=0.85)
            (handle,) = ax.plot(result.distance[part][shown], percent[part][shown], **look)
            handles.append(handle)
            labels.append(cut.hidden_from if isinstance(cut.hidden_from, str) else format_quantity(cut.hidden_from, 3))
        if result.horizon:
            ax.axvline(result.horizon, color=ALARM, linestyle="--")
        ticks, up = TICKS[size]
        scale(ax, "y", np.append(percent[np.isfinite(percent)], [-100 * result.wished, 100 * result.wished]), "", up)
        scale(ax, "x", np.append(result.distance, 0.0), "", ticks)
        ax.set_xlabel(f"decades outside the fitted runs ({result.axis})")
        ax.set_ylabel("predicted above observed (%)")
        if len(counts) <= LEVELS:
            legend(ax, handles, labels, title="hidden from")
        words = [f"grey: errors within {number(100 * result.wished)} %"]
        if result.horizon:
            words.append(f"dashed: horizon, {result.horizon:.2f} decades")
        if result.coverage is not None:
            words.append(f"{result.level:.0%} intervals held {result.coverage:.0%}")
        title = f"{result.law} on runs it had not seen: median error {100 * result.median_error:.2g} %"
        caption(figure, title, notes=result.notes, footer=" · ".join(words))
    return figure
