"""`draws_figure`: what the draws say about each parameter, and about pairs of them."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from forerun.fitting import Fit
from forerun.fitting.forecast import why_not
from forerun.note import DataError
from forerun.report.axis import number, scale, wide
from forerun.report.style import ALARM, FAINT, LINE, caption, dots, sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = np.ndarray
CORNER = {"page": 6, "slide": 3}  # most parameters of which every pair is drawn
GRID = {"page": (3, 5), "slide": (2, 3)}  # rows and columns of panels for more parameters
PAIRS = {"page": 5, "slide": 1}  # most correlated pairs among those panels
LEAST_DRAWS = 10
BINS = 30
MOST_DOTS = 400
TAIL = 0.002  # share of draws at each end that may lie outside the panels


def draws_figure(fit: Fit, *, size: str = "page") -> Figure:
    """The draws of the parameters: a histogram each with value and interval, and panels of pairs.

    Few parameters get every pair; of more, only the most correlated pairs are shown. A thin slanted cloud is a ridge:
    the two parameters are known together, not apart, and neither should be read alone. A histogram with two hills means
    that refits end in different optima.

    It misleads when the axes are not read: every panel fills its box, so a well known parameter looks as wide as a loose
    one (and up to 0.4 % of the draws, the farthest, lie outside it). Draws know the noise of the runs only; they do not know another form of the law.

    >>> import forerun as fr
    >>> from forerun.report import draws_figure
    >>> len(draws_figure(fr.fit("power-law", fr.simulate("power-law"))).axes)
    3
    """
    if len(fit.draws) < LEAST_DRAWS:
        reason = why_not(fit.notes) if not len(fit.draws) else f"there are only {len(fit.draws)}"
        advice = "Fit with uncertainty='bootstrap' and a few hundred draws"
        raise DataError("no-draws", f"no draws can be shown: {reason}", advice=advice)
    names, finite = list(fit.params), np.isfinite(fit.draws).all(1)
    moving = [i for i in range(len(names)) if np.ptp(fit.draws[finite, i]) > 0]
    words = [f"{fit.level:.0%} interval shaded, value of the fit marked"]
    still = [names[i] for i in range(len(names)) if i not in moving]
    if still:
        words.append(f"the same in all draws: {', '.join(still)}")
    with sheet(size) as figure:
        if len(moving) <= CORNER[size]:
            _corner(figure, fit, moving, size)
        else:
            words += _largest(figure, fit, moving, size)
        what = f"{len(fit.draws)} draws of {len(names)} parameters"
        caption(figure, f"{fit.law.name} on {fit.runs.n} rows: {what}", notes=fit.notes, footer=" · ".join(words))
        _shorten(figure)
    return figure


def _corner(figure: Figure, fit: Fit, moving: list[int], size: str) -> None:
    """Histograms on the diagonal, pairs below it."""
    count = len(moving)
    axes = figure.subplots(count, count, squeeze=False)
    for row, i in enumerate(moving):
        for column, j in enumerate(moving):
            ax = axes[row, column]
            if column > row:
                ax.remove()
                continue
            if row == column:
                _histogram(ax, fit, i)
            else:
                _pair(ax, fit, j, i, size)
            last, first = row == count - 1, column == 0
            ax.tick_params(labelbottom=last, labelleft=first and row > 0)
            ax.set_xlabel(_name(fit, j) if last else "")
            ax.set_ylabel(_name(fit, i) if first and row > 0 else "")


def _largest(figure: Figure, fit: Fit, moving: list[int], size: str) -> list[str]:
    """As many histograms as there is room for, then the most correlated pairs; returns what was left out."""
    correlation = np.corrcoef(np.array([_values(fit, i) for i in moving]))
    pairs = sorted(combinations(range(len(moving)), 2), key=lambda p: -abs(correlation[p]))
    rows, columns = GRID[size]
    shown = moving[: rows * columns - PAIRS[size]]
    chosen = pairs[: min(PAIRS[size], rows * columns - len(shown))]
    rows = -(-(len(shown) + len(chosen)) // columns)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax, i in zip(axes, shown):
        _histogram(ax, fit, i)
        ax.set_xlabel(_name(fit, i))
    for ax, (a, b) in zip(axes[len(shown) :], chosen):
        _pair(ax, fit, moving[a], moving[b], size)
        ax.set_xlabel(_name(fit, moving[a]))
        r = f"r {correlation[a, b]:.2f}"
        _above(ax, *(f"{_name(fit, moving[b], most)}, {r}" for most in (17, 9, 6)), r)
    for ax in axes[len(shown) + len(chosen) :]:
        ax.remove()
    left = len(moving) - len(shown)
    said = [f"r: correlation; pairs: the most correlated {len(chosen)} of {len(pairs)}"]
    return said + ([f"not shown: {left} of {len(moving)} parameters"] if left else [])


def _name(fit: Fit, i: int, most: int = 17) -> str:
    name = list(fit.params)[i]
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _above(ax: Axes, *words: str) -> None:
    """What is said above a panel: the first of ``words`` that is no wider than the panel; see :func:`_shorten`."""
    small = 0.85 * float(ax.xaxis.label.get_fontsize())
    ax.set_title(words[0], fontsize=small, color=FAINT, pad=2.0, loc="left").set_gid("\n".join(words))


def _shorten(figure: Figure) -> None:
    """Choose the words above each panel, now that its width is known."""
    for ax in figure.axes:
        title: Any = next((t for t in ax.get_children() if t.get_gid()), None)
        for words in title.get_gid().split("\n") if title else ():
            title.set_text(words)
            if title.get_window_extent().width <= ax.get_window_extent().width:
                break


def _values(fit: Fit, i: int) -> Array:
    """The draws of a parameter, in logarithms where that is how it is spread."""
    values = fit.draws[np.isfinite(fit.draws).all(1), i]
    return np.log(values) if wide(values) else values


def _range(fit: Fit, i: int) -> Array:
    """Where nearly all draws and the value of the fit lie."""
    values = fit.draws[np.isfinite(fit.draws).all(1), i]
    low, high = np.quantile(values, [TAIL, 1.0 - TAIL])
    value = list(fit.params.values())[i]
    return np.array([min(low, value), max(high, value)])


def _histogram(ax: Axes, fit: Fit, i: int) -> None:
    name, value = list(fit.params.items())[i]
    values, ends = fit.draws[np.isfinite(fit.draws).all(1), i], _range(fit, i)
    low, high = ends.tolist()
    edges = np.geomspace(low, high, BINS + 1) if wide(ends) else np.linspace(low, high, BINS + 1)
    counts, _ = np.histogram(values, edges)
    ax.stairs(counts, edges, fill=True, color="#B9C4CE", zorder=2)
    limits = fit.intervals[name]
    if limits is not None:
        ax.axvspan(*limits, color=LINE, alpha=0.18, linewidth=0, zorder=1)
    ax.axvline(value, color=ALARM, zorder=3, label="value")
    scale(ax, "x", ends, "", 3, margin=0.02)
    ax.set_ylim(0.0, 1.08 * float(max(counts.max(), 1)))
    ax.set_yticks([])
    spans = [f"{number(value)} ({number(limits[0], d)} to {number(limits[1], d)})" for d in (3, 2)] if limits else []
    _above(ax, *spans, number(value))
    ax.spines["left"].set_visible(False)
    ax.grid(False)


def _pair(ax: Axes, fit: Fit, i: int, j: int, size: str) -> None:
    finite = fit.draws[np.isfinite(fit.draws).all(1)]
    finite = finite[np.random.default_rng(0).permutation(len(finite))[:MOST_DOTS]]
    small = {"markeredgewidth": 0.0, "markersize": 1.6 if size == "page" else 1.1, "label": "draws"}
    ax.plot(finite[:, i], finite[:, j], **{**dots(LINE, alpha=0.25), **small})
    values = list(fit.params.values())
    ax.plot([values[i]], [values[j]], marker="P", linestyle="", color=ALARM, markeredgecolor="white", label="value")
    scale(ax, "x", _range(fit, i), "", 3, margin=0.02)
    scale(ax, "y", _range(fit, j), "", 3, margin=0.02)
    r = float(np.corrcoef(_values(fit, i), _values(fit, j))[0, 1])
    _above(ax, f"r {r:.2f}")
    ax.grid(False)
