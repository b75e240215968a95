"""`isoflop_figure`: the loss along each compute budget, and how the best size and token count grow with compute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from forerun.fitting.allocation import IsoFlop, Level
from forerun.fitting.forecast import interval
from forerun.report.axis import WIDE_OUTCOME, input_label, number, scale, short_label
from forerun.report.labels import place
from forerun.report.style import (
    ALARM,
    FAINT,
    FONT,
    GROUPS,
    MARKERS,
    TICKS,
    caption,
    dots,
    left_out,
    shades,
    sheet,
    some,
)
from forerun.runs import Runs
from forerun.units import LOSS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = np.ndarray
SAME = 0.04  # decades of compute within which a run belongs to a budget
BEYOND = 10.0  # factor of compute by which the power laws go on beyond their budgets
LABELLED = {"page": 7, "slide": 4}  # most budgets that are named beside their curves
POINTS = 80


def isoflop_figure(result: IsoFlop, runs: Runs, *, size: str = "page") -> Figure:
    """Each budget with its runs, curve and minimum, and beside it the power laws through the minima.

    On the left the bar at a minimum is the interval of the best size, and the thick part of a curve is what is
    near-optimal; budgets that were refused have hollow points and no curve. On the right the best N and D of each
    budget with their intervals, the power laws with their band, dashed beyond the budgets.

    It misleads where the minima lie at the edge of the sizes that were trained, and where parabolas are fitted to wide
    grids: then the exponents are biased by more than their bands show, which the notes of the result say.

    >>> import forerun as fr, numpy as np
    >>> from forerun.report import isoflop_figure
    >>> budget, spread = np.meshgrid([1e18, 1e19, 1e20], np.geomspace(0.25, 4, 7))
    >>> N = (0.09 * budget**0.5 * spread).ravel()
    >>> runs = fr.simulate("chinchilla", inputs={"N": N, "D": budget.ravel() / 6 / N})
    >>> len(isoflop_figure(fr.isoflop(runs, draws=50), runs).axes)
    2
    """
    unit = runs.conventions.loss_unit
    words = ["numbers: FLOP of the budget"]
    if any(x.near_optimal for x in result.levels):
        words.append(f"thick: within {result.tolerance:.2%} of the least loss")
    drawn = any(len(s.lines) for s in result.scaling.values())
    words.append(f"bars and bands: {result.level:.0%} interval" if drawn else "no intervals: no draws were made")
    words.append("dashed: beyond the budgets")
    refused = sum(bool(x.refused) for x in result.levels)
    if refused:
        words.append(f"hollow: {refused} budget{'s' if refused > 1 else ''} left out")
    with sheet(size) as figure:
        left, right = figure.subplots(1, 2, width_ratios=[1.15, 1.0])
        ends = _budgets(left, result, runs, size)
        left.set_xlabel(input_label("N") if size == "page" else short_label("N"))
        left.set_ylabel(f"{LOSS.meaning} ({unit})")
        _growth(right, result, size)
        exponents = " and ".join(f"{k} as C^{s.exponent:.2f}" for k, s in result.scaling.items())
        head = (
            f"{result.method} over {len(result.levels)} budgets: the best {exponents.replace('and ', 'and the best ')}"
        )
        footer = " · ".join([*words, *left_out(len(runs))])
        caption(figure, head.replace(" as C", " grows as C"), notes=result.notes, footer=footer)
        _name_budgets(left, ends, size)
        scaling = result.scaling
        at = float(np.sqrt(np.prod(scaling["N"].fitted)))
        points = [(at, float(s.at(np.array(at)))) for s in scaling.values()]
        avoid = np.concatenate([line.get_xydata() for line in right.lines])
        place(right, points, [f"best {k}" for k in scaling], avoid, 0.9 * FONT[size])
    return figure


def _members(result: IsoFlop, runs: Runs) -> Array:
    """The budget that each run belongs to, by its place; -1 for none."""
    apart = np.abs(np.log10(runs["C"])[:, None] - np.log10([x.flops for x in result.levels])[None])
    return np.where(apart.min(1) <= SAME, apart.argmin(1), -1)


def _budgets(ax: Axes, result: IsoFlop, runs: Runs, size: str) -> list[tuple[float, float, str]]:
    """Runs, curve and minimum of each budget; returns where each curve ends, with the name of its budget."""
    N, loss, member, shown = runs["N"], runs["loss"], _members(result, runs), some(len(runs))
    rest = shown & (member < 0)
    if rest.any():
        ax.plot(N[rest], loss[rest], **{**dots(FAINT, alpha=0.25), "label": "other runs"})
    ends = []
    for i, (budget, colour) in enumerate(zip(result.levels, shades(len(result.levels)))):
        rows = shown & (member == i)
        mark = dots(colour, marker=MARKERS[i % len(MARKERS)])
        mark |= {"markerfacecolor": "white", "markeredgecolor": colour} if budget.refused else {}
        ax.plot(N[rows], loss[rows], **mark)
        if not budget.refused:
            ends += _budget(ax, budget, N[member == i], colour)
    across, up = TICKS[size]
    kept = [x for x in result.levels if not x.refused]
    heights = np.append(loss[member >= 0], [x.loss for x in kept])
    sizes = np.append(N[member >= 0], [x.N for x in kept])
    scale(ax, "x", sizes, "N", across // 2 + 1, margin=0.08)
    scale(ax, "y", heights, "", up, factor=WIDE_OUTCOME)
    return ends


def _budget(ax: Axes, budget: Level, N: Array, colour: Any) -> list[tuple[float, float, str]]:
    """Curve, near-optimal part and minimum of one budget."""
    ends = [(budget.N, budget.loss, number(budget.flops, 2))]
    if len(N) > 1:
        grid = np.geomspace(float(N.min()), float(N.max()), POINTS)
        curve = budget.curve(grid)
        ax.plot(grid, curve, color=colour, zorder=4, label="curve")
        if budget.near_optimal is not None and np.isfinite(curve).any():
            low, high = np.clip(budget.near_optimal, grid[0], grid[-1]).tolist()
            near = np.geomspace(low, high, POINTS)
            width = 5.0 * float(ax.lines[-1].get_linewidth())
            fat: dict[str, Any] = {"linewidth": width, "alpha": 0.25, "solid_capstyle": "butt", "label": "near-optimal"}
            ax.plot(near, budget.curve(near), color=colour, zorder=2, **fat)
            there = np.flatnonzero(np.isfinite(curve))
            ends = [(float(grid[there[-1]]), float(curve[there[-1]]), number(budget.flops, 2))]
    spread = None
    if budget.N_interval is not None:
        spread = np.array([[budget.N - budget.N_interval[0]], [budget.N_interval[1] - budget.N]]).clip(0.0)
    mark: dict[str, Any] = {"fmt": "*", "color": ALARM, "markeredgecolor": "white", "ecolor": ALARM, "zorder": 5}
    big = 1.6 * float(ax.lines[0].get_markersize())
    ax.errorbar([budget.N], [budget.loss], xerr=spread, capsize=2.0, markersize=big, label="minimum", **mark)
    return ends


def _name_budgets(ax: Axes, ends: list[tuple[float, float, str]], size: str) -> None:
    """Write the compute of a budget where its curve ends, of some where there are many."""
    step = -(-len(ends) // LABELLED[size])
    named = ends[::-1][::step]
    curves = [line.get_xydata() for line in ax.lines]
    place(ax, [(x, y) for x, y, _ in named], [text for _, _, text in named], np.concatenate(curves), 0.85 * FONT[size])


def _growth(ax: Axes, result: IsoFlop, size: str) -> None:
    """The best N and D of each budget, and the power laws through them."""
    kept = [x for x in result.levels if not x.refused]
    flops = np.array([x.flops for x in kept])
    grid = np.geomspace(flops.min() / 1.5, flops.max() * BEYOND, POINTS)
    heights = []
    for (name, law), colour, marker in zip(result.scaling.items(), GROUPS, MARKERS):
        best = np.array([getattr(x, name) for x in kept])
        limits = [getattr(x, f"{name}_interval") for x in kept]
        spread = None
        if all(pair is not None for pair in limits):
            spread = np.abs(np.array(limits).T - best)
        mark: dict[str, Any] = {"fmt": marker, "color": colour, "markeredgecolor": "white", "ecolor": colour}
        ax.errorbar(flops, best, yerr=spread, capsize=2.0, zorder=5, label=f"best {name}", **mark)
        low, high = law.fitted
        inside = (grid >= low) & (grid <= high)
        for part, style in ((inside, "-"), (grid >= high, "--"), (grid <= low, "--")):
            ax.plot(grid[part], law.at(grid[part]), style, color=colour, zorder=4, label="law")
        if len(law.lines):
            ax.fill_between(
                grid, *interval(law.sample(grid), law.level), color=colour, alpha=0.18, linewidth=0, zorder=2
            )
        heights += [best, law.at(grid), *([np.array(limits).ravel()] if spread is not None else [])]
    across, up = TICKS[size]
    scale(ax, "x", grid, "C", across // 2 + 1)
    scale(ax, "y", np.concatenate(heights), "N", up)
    ax.set_xlabel(input_label("C") if size == "page" else short_label("C"))
    ax.set_ylabel("best N (parameters), best D (tokens)" if size == "page" else "parameters N, tokens D")
