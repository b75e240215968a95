"""`forecast_figure`: how far the question lies beyond the runs."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from forerun.fitting import Fit, Forecast
from forerun.fitting.forecast import interval
from forerun.fitting.observations import group_labels
from forerun.note import DataError
from forerun.report.axis import input_label, number, observed, outcome_factor, outcome_label, scale, wide, within
from forerun.report.labels import place
from forerun.report.of_fit import title
from forerun.report.style import ALARM, DATA, FAINT, FONT, LINE, TICKS, caption, dots, left_out, sheet, some
from forerun.runs import Runs
from forerun.units import SCALE, derive_scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = np.ndarray
POINTS = 120
BAR = 20
LABELLED = 5  # most questions whose values are written beside them


@dataclass(frozen=True)
class Path:
    """The law on the way from the runs to the question, and what is held on that way."""

    x: Array
    outcome: Array
    band: tuple[Array, Array] | None
    words: str


def forecast_figure(forecast: Forecast, fit: Fit, runs: Runs, *, size: str = "page") -> Figure:
    """The runs, the question beyond them, and the law that leads from one to the other.

    The question is an error bar at ``forecast.level`` (of several questions each is one), its distance from the runs in
    decades is written above the gap. Laws of N and D are drawn against compute, along the tokens per parameter of the
    question; other laws against the input that lies farthest outside, the others held as in the question.

    It misleads because a smooth line across an empty gap looks like knowledge: the interval is the doubt about the
    parameters of this law. Whether the law holds out there, the picture cannot show.

    >>> import forerun as fr
    >>> from forerun.report import forecast_figure
    >>> runs = fr.simulate("chinchilla")
    >>> fit = fr.fit("chinchilla", runs, draws=50)
    >>> forecast_figure(fit.forecast(N=70e9, D=1.4e12), fit, runs).axes[0].get_xlabel()
    'training compute C (FLOP)'
    """
    _refuse(forecast, fit)
    name, x, asked = _axis(forecast, fit, runs)
    value = np.atleast_1d(np.asarray(forecast.value, float))
    far = int(np.argmax(np.abs(np.log(asked / np.median(x))))) if asked.min() > 0 and x.min() > 0 else 0
    path = _path(forecast, fit, name, x, asked, far)
    y = observed(fit, runs)
    with sheet(size) as figure:
        ax = figure.add_subplot()
        rows = _rows(forecast, fit, runs)
        shown = some(len(y))
        ax.plot(x[shown], y[shown], **dots(DATA, alpha=0.8 if rows.all() else 0.35))
        if not rows.all():
            ax.plot(x[rows], y[rows], **dots(DATA))
        _law(ax, path, x)
        ends = _question(ax, forecast, asked, value, FONT[size])
        across, up = TICKS[size]
        scale(ax, "x", np.append(x, asked), name, across, margin=0.06)
        heights = np.append(within(path.outcome, np.append(y, value)), ends)
        scale(ax, "y", heights, "", up, factor=outcome_factor(fit), margin=0.1)
        ax.set_xlabel(input_label(name, fit.law.inputs.get(name)))
        ax.set_ylabel(outcome_label(fit, runs))
        _gap(ax, forecast, x, float(asked[far]), float(value[far]))
        footer = " · ".join([path.words, _doubt(forecast), *left_out(len(y))])
        caption(figure, title(fit, runs, _said(forecast)), notes=forecast.notes, footer=footer)
        points = list(zip(asked.tolist(), value.tolist())) if len(value) <= LABELLED else []
        bar = np.column_stack([np.full(BAR, asked[far]), np.linspace(ends.min(), ends.max(), BAR)])
        avoid = [np.column_stack([x, y]), np.column_stack([path.x, path.outcome]), bar]
        place(ax, points, [number(v, 4) for _, v in points], np.concatenate(avoid), 0.9 * FONT[size])
    return figure


def _refuse(forecast: Forecast, fit: Fit) -> None:
    if forecast.target == "input":
        message = "the answer of invert is an input, and forecast_figure draws outcomes"
        raise DataError("no-picture", message, advice="Ask fit.forecast at that input")
    if fit.law.prepare is not None:
        message = f"{fit.law.name} takes a curve for every run, so a forecast has no single place"
        raise DataError("no-picture", message, advice="Use fit_figure")


def _doubt(forecast: Forecast) -> str:
    if forecast.low is None:
        return "no interval: no uncertainty was estimated"
    if forecast.target == "new-run":
        return f"bar: {forecast.level:.0%} interval of one new run, band: of the mean"
    return f"band and bar: {forecast.level:.0%} interval of the mean"


def _law(ax: Axes, path: Path, x: Array) -> None:
    """The law with its band: a line among the runs, dashed beyond them."""
    low, high = float(x.min()), float(x.max())
    within_runs = (path.x >= low) & (path.x <= high)
    for part, style in ((within_runs, "-"), (path.x >= high, "--"), (path.x <= low, "--")):
        if part.sum() > 1:
            ax.plot(path.x[part], path.outcome[part], style, color=LINE, zorder=4, label="law")
    if path.band is not None:
        ax.fill_between(path.x, *path.band, color=LINE, alpha=0.18, linewidth=0, zorder=2)


def _question(ax: Axes, forecast: Forecast, asked: Array, value: Array, font: float) -> Array:
    """Each question as an error bar; returns what its heights are."""
    limits = [np.atleast_1d(np.asarray(v, float)) for v in (forecast.low, forecast.high) if v is not None]
    finite = len(limits) == 2 and all(np.isfinite(v).all() for v in limits)
    spread = np.abs(np.array(limits) - value) if finite else None
    mark: dict[str, Any] = {"fmt": "D", "color": ALARM, "markeredgecolor": "white", "ecolor": ALARM, "zorder": 5}
    ax.errorbar(asked, value, yerr=spread, capsize=0.45 * font, label="question", **mark)
    return np.concatenate([value, *limits]) if finite else value


def _said(forecast: Forecast) -> str:
    inputs = {k: v for k, v in forecast.inputs.items() if k not in ("C", "M") or not {"N", "D"} <= set(forecast.inputs)}
    if np.ndim(forecast.value):
        return f"forecast at {np.size(forecast.value)} questions"
    return "forecast at " + ", ".join(
        f"{k} = {v if isinstance(v, str) else number(float(v))}" for k, v in inputs.items()
    )


def _axis(forecast: Forecast, fit: Fit, runs: Runs) -> tuple[str, Array, Array]:
    """The input to draw against, with its values in the runs and in the questions."""
    inputs = {k: np.atleast_1d(np.asarray(v, float)) for k, v in forecast.inputs.items() if not isinstance(v, str)}
    names = list(fit.law.inputs)
    if len(names) > 1 and {"N", "D"} <= set(derive_scale({k: 1.0 for k in names if k in SCALE})):
        known = derive_scale({k: runs[k] for k in names if k in SCALE})
        return "C", known["C"], derive_scale({k: inputs[k] for k in names if k in SCALE})["C"]

    def outside(name: str) -> float:
        x = runs[name]
        if x.min() <= 0 or inputs[name].min() <= 0:
            return 0.0
        return float(max(np.log10(inputs[name].max() / x.max()), np.log10(x.min() / inputs[name].min())))

    name = max(names, key=outside)
    return name, runs[name], inputs[name]


def _path(forecast: Forecast, fit: Fit, name: str, x: Array, asked: Array, far: int) -> Path:
    """The law from the runs to the question: places, outcome, band, and what is held on the way."""
    space = np.geomspace if wide(np.append(x, asked), 1.0) else np.linspace
    knots = sorted({float(x.min()), float(x.max()), *asked.tolist()})
    grid = np.unique(np.concatenate([space(a, b, POINTS) for a, b in pairwise(knots)]))
    labels = {k: v for k, v in forecast.inputs.items() if isinstance(v, str)}
    one = {k: float(np.ravel(v)[far if np.ndim(v) else 0]) for k, v in forecast.inputs.items() if k not in labels}
    if name not in fit.law.inputs or (name == "C" and "M" in fit.law.inputs):
        inputs: dict[str, Any] = {k: np.full(len(grid), v) for k, v in one.items() if k not in SCALE}
        inputs |= derive_scale({"C": grid, "M": np.full(len(grid), one["M"])})
        words = f"line: the law at {number(one['M'])} tokens per parameter, as asked"
    else:
        inputs = {k: np.full(len(grid), v) for k, v in one.items()} | {name: grid}
        held = [f"{k} = {number(v)}" for k, v in one.items() if k in fit.law.inputs and k != name]
        words = f"line: the law{' at ' if held else ''}{', '.join(held[:3])}"
    band = interval(fit.sample(inputs | labels), fit.level) if len(fit.draws) else None
    return Path(grid, fit.predict(inputs | labels), band, words)


def _rows(forecast: Forecast, fit: Fit, runs: Runs) -> Array:
    """The runs that belong to the group of the question; all of them without groups."""
    if not fit.law.shared:
        return np.ones(len(runs), bool)
    return np.asarray(group_labels(runs[fit.law.shared[1]]) == str(forecast.inputs[fit.law.shared[1]]), bool)


def _gap(ax: Axes, forecast: Forecast, x: Array, asked: float, value: float) -> None:
    """Mark where the runs end, and how far from there the question lies, on the side where the law is not."""
    if forecast.decades_outside <= 0 or x.min() <= asked <= x.max():
        return
    edge = float(x.max()) if asked > x.max() else float(x.min())
    ax.axvline(edge, color=FAINT, linestyle=":", zorder=1, label="end of the runs")
    height = float(ax.transAxes.inverted().transform(ax.transData.transform((asked, value)))[1])
    up = 0.95 if height < 0.5 else 0.05
    arrow = {"arrowstyle": "<->", "color": FAINT, "lw": 0.8, "shrinkA": 0.0, "shrinkB": 0.0}
    at = ax.get_xaxis_transform()
    ax.annotate("", (asked, up), (edge, up), xycoords=at, textcoords=at, arrowprops=arrow)
    ax.annotate(
        f"{forecast.decades_outside:.1f} decades outside", (asked, up), (0, -4 if up > 0.5 else 4), xycoords=at,
        textcoords="offset points", ha="right" if asked > edge else "left", va="top" if up > 0.5 else "bottom",
        fontsize=0.9 * float(ax.xaxis.label.get_fontsize()), bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0}, zorder=6,
    )  # fmt: skip
