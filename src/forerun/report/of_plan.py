"""`plan_figure`: the loss along the budget, the optimum on it, and what is as good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from forerun.fitting import Fit
from forerun.fitting.forecast import interval
from forerun.planning import Plan
from forerun.report.axis import WIDE_OUTCOME, input_label, log_ticks, number, scale, tick_labels
from forerun.report.labels import place
from forerun.report.style import ALARM, FAINT, FONT, GROUPS, INK, LINE, TICKS, caption, sheet
from forerun.units import FLOPS_PER_PARAMETER_AND_TOKEN, derive_scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = np.ndarray
AROUND = 2.0  # factor by which the sizes drawn go beyond what is near-optimal, in doubt or over-trained
POINTS = 160


def plan_figure(plan: Plan, fit: Fit, *, size: str = "page") -> Figure:
    """The predicted loss of every way to spend the budget, against the model size.

    The optimum is marked with its value and the interval of where it lies; the near-optimal range is shaded, and the
    over-trained models of the plan lie on the curve. The upper axis is tokens per parameter: at a fixed budget a
    smaller model means more tokens. ``fit`` must be the one that the plan was made with.

    It misleads by its flatness as well as by its minimum: the curve is as flat as the law says, far outside the runs
    nobody has seen it, and the band is common to all sizes, so the doubt about the best size is smaller than it looks.

    >>> import forerun as fr
    >>> from forerun.report import plan_figure
    >>> fit = fr.fit("chinchilla", fr.simulate("chinchilla"), draws=50)
    >>> plan_figure(fr.plan(fit, flops=1e21), fit).axes[0].get_xlabel()
    'model parameters N'
    """
    flops, best = float(plan.choice["C"]), float(plan.choice["N"])
    lowest = float(plan.forecast.value)
    others = plan.cost["overtraining"]
    ends = [best, *plan.near_optimal["N"], *plan.choice.get("N_interval", ()), *(o["N"] for o in others)]
    N = np.geomspace(min(ends) / AROUND, max(ends) * AROUND, POINTS)
    inputs = derive_scale({"N": N, "D": flops / FLOPS_PER_PARAMETER_AND_TOKEN / N})
    f = fit.predict(inputs)
    heights = np.concatenate([f, [o["loss"] for o in others]])
    words = _words(plan, fit)
    with sheet(size) as figure:
        ax = figure.add_subplot()
        ax.axvspan(*plan.near_optimal["N"], color=GROUPS[4], alpha=0.22, linewidth=0, zorder=1)
        ax.plot(N, f, color=LINE, zorder=4, label="law")
        if len(fit.draws):
            low, high = interval(fit.sample(inputs), fit.level)
            ax.fill_between(N, low, high, color=LINE, alpha=0.18, linewidth=0, zorder=2)
            heights = np.concatenate([heights, low[np.isfinite(low)], high[np.isfinite(high)]])
        _mark(ax, plan, best, lowest)
        across, up = TICKS[size]
        scale(ax, "x", N, "N", across, margin=0.0)
        scale(ax, "y", np.clip(heights, None, 2.0 * f.max()), "", up, factor=WIDE_OUTCOME)
        ax.set_xlabel(input_label("N"))
        ax.set_ylabel(f"predicted {plan.forecast.quantity} ({plan.forecast.unit})")
        _tokens_per_parameter(ax, flops, across)
        text = f"{number(flops)} FLOP: {number(best)} parameters on {number(float(plan.choice['D']))} tokens"
        caption(figure, f"{fit.law.name} plans {text}", notes=plan.notes, footer=" · ".join(words))
        points = [(float(o["N"]), float(o["loss"])) for o in others] + [(best, lowest)]
        names = [f"{o['factor']:g}× smaller" for o in others] + [f"best: {number(best)}"]
        place(ax, points, names, np.column_stack([N, f]), 0.85 * FONT[size])
    return figure


def _words(plan: Plan, fit: Fit) -> list[str]:
    """What is said below."""
    words = [f"shaded: within {plan.near_optimal['tolerance']:.2%} of the lowest loss"]
    if plan.forecast.decades_outside > 0:
        words.append(f"{plan.forecast.decades_outside:.1f} decades outside the runs")
    level = f"{fit.level:.0%} interval"
    words.append(f"band: {level} of the mean" if len(fit.draws) else "no band: no uncertainty was estimated")
    return [*words, f"bar: {level} of the best size"] if "N_interval" in plan.choice else words


def _mark(ax: Axes, plan: Plan, best: float, lowest: float) -> None:
    """The optimum with the interval of its place, and the over-trained models."""
    dots: dict[str, Any] = {"linestyle": "", "markeredgecolor": "white", "zorder": 5}
    others = plan.cost["overtraining"]
    ax.plot([o["N"] for o in others], [o["loss"] for o in others], marker="D", color=INK, **dots, label="overtrained")
    if "N_interval" in plan.choice:
        low, high = plan.choice["N_interval"]
        ax.errorbar([best], [lowest], xerr=[[best - low], [high - best]], color=ALARM, capsize=3.0, zorder=5)
    big = 1.9 * float(ax.lines[0].get_markersize())
    ax.plot([best], [lowest], marker="*", color=ALARM, markersize=big, **dots, label="optimum")


def _tokens_per_parameter(ax: Axes, flops: float, most: int) -> None:
    """A second axis above: at a fixed budget the size decides how many tokens each parameter sees."""

    def swap(value: Any) -> Any:
        return flops / FLOPS_PER_PARAMETER_AND_TOKEN / np.square(value)

    low, high = ax.get_xlim()
    ticks = log_ticks(swap(high), swap(low), most)
    top = ax.twiny()
    top.set_xscale("log")
    top.set_xlim(low, high)
    places = np.sqrt(flops / FLOPS_PER_PARAMETER_AND_TOKEN / np.array(ticks))
    top.set_xticks(places, labels=tick_labels(ticks, "M"))
    top.set_xticks([], minor=True)
    top.grid(False)
    top.spines["top"].set_visible(True)
    top.spines["top"].set_color(FAINT)
    top.set_xlabel("tokens per parameter M")
