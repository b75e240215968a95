"""`front_figure`: all candidates by cost and score, and those among them that nothing beats."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from forerun.planning import Front
from forerun.report.axis import input_label, scale
from forerun.report.labels import place
from forerun.report.style import DATA, FONT, LINE, TICKS, caption, dots, left_out, sheet, some

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAMED = {"page": 8, "slide": 4}  # most candidates of the front whose names are written beside them


def front_figure(front: Front, *, size: str = "page") -> Figure:
    """Every candidate by its first cost and its score, with the best score that each cost buys as a stepped line.

    Where the candidates have a column of words, a few of those on the line are named by its first. With several costs
    the line is that of the first alone, and candidates that are kept for another cost lie off it.

    It misleads because the line runs through the luckiest candidates: those close below it may be as good.

    >>> import forerun as fr
    >>> from forerun.report import front_figure
    >>> models = {"gmacs": [1.0, 2.0, 2.5, 4.0], "accuracy": [0.70, 0.76, 0.74, 0.80]}
    >>> front_figure(fr.front(models, costs="gmacs", score="accuracy")).axes[0].get_xlabel()
    'gmacs'
    """
    cost, score = front.candidates[front.costs[0]], front.candidates[front.score]
    x, y = front[front.costs[0]], front[front.score]
    best = np.minimum.accumulate(y) if front.lowest else np.maximum.accumulate(y)
    steps = np.append(True, best[1:] != best[:-1])
    with sheet(size) as figure:
        ax = figure.add_subplot()
        shown = some(len(cost))
        ax.plot(cost[shown], score[shown], **dots(DATA, alpha=0.45))
        ax.plot(x, y, **dots(LINE))
        corners = np.append(x[steps], cost.max()), np.append(y[steps], best[-1])
        ax.step(*corners, where="post", color=LINE, zorder=2)
        across, up = TICKS[size]
        scale(ax, "x", cost, front.costs[0], across, margin=0.06)
        scale(ax, "y", score, "", up, margin=0.08)
        ax.set_xlabel(_label(front.costs[0]))
        ax.set_ylabel(_label(front.score))
        told = f"{len(front)} of {len(cost)} candidates are beaten by none"
        words = ["line: the best score at each cost", *left_out(len(cost))]
        caption(figure, f"{told} in {front.score} and {' and '.join(front.costs)}", footer=" · ".join(words))
        labels = next((c for c in front.candidates.values() if c.dtype.kind in "UO"), None)
        if labels is not None:
            chosen = np.unique(np.linspace(0, len(front) - 1, NAMED[size]).round().astype(int))
            points = [(float(x[i]), float(y[i])) for i in chosen]
            texts = [str(labels[front.rows[i]]) for i in chosen]
            turns = np.column_stack([corners[0][1:], corners[1][:-1]])
            avoid = np.concatenate([np.column_stack([cost, score]), turns, np.column_stack(corners)])
            place(ax, points, texts, avoid, 0.85 * FONT[size])
    return figure


def _label(name: str) -> str:
    """The words beside an axis: those of a known column, without saying its name twice."""
    return input_label(name).replace(f" {name} {name}", f" {name}")
