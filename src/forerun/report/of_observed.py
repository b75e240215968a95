"""Observed against predicted: the picture of a fit that works for every law."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from forerun.fitting import Fit
from forerun.fitting import objective as objectives
from forerun.fitting.observations import group_labels
from forerun.report.axis import observed, outcome_factor, outcome_label, scale, wide
from forerun.report.style import DATA, FAINT, GROUPS, LEVELS, MARKERS, TICKS, dots, left_out, legend, some
from forerun.runs import Runs

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = np.ndarray
MANY = 400  # runs that overlap so much that they are drawn thin


def predicted(fit: Fit, runs: Runs) -> Array:
    """The fitted outcome of each run, (n,); groups and curves as in the fit."""
    residual, y = fit.residuals(runs), observed(fit, runs)
    log = fit.law.trials is None and objectives.find(fit.objective).residual == "log"
    return y * np.exp(-residual) if log else y - residual


def observed_panel(ax: Axes, fit: Fit, runs: Runs, size: str) -> list[str]:
    """Each run at its predicted and observed outcome, with the line where both are equal; returns the words below."""
    y, f = observed(fit, runs), predicted(fit, runs)
    words = ["line: observed as predicted"]
    labels = group_labels(runs[fit.law.shared[1]]) if fit.law.shared else np.full(len(y), "", object)
    names, counts = np.unique(labels.astype(str), return_counts=True)
    order = names[np.argsort(-counts, kind="stable")]
    largest = order if len(order) <= LEVELS else order[: LEVELS - 1]
    shown, alpha = some(len(y)), 0.6 if len(y) > MANY else 0.95
    parts = [(str(name), labels == name) for name in sorted(largest)]
    if len(largest) < len(order):
        parts.append((f"{len(order) - len(largest)} others", ~np.isin(labels.astype(str), largest)))
    handles = []
    for (_, rows), colour, marker in zip(parts, GROUPS if len(parts) > 1 else [DATA], MARKERS):
        handles += ax.plot(f[rows & shown], y[rows & shown], **dots(colour, marker=marker, alpha=alpha))
    both = np.concatenate([f, y])
    ends = [float(both.min()), float(both.max())]
    ax.plot(ends, ends, color=FAINT, zorder=2, label="equal")
    across, up = TICKS[size]
    factor = outcome_factor(fit)
    factor = factor if wide(f, factor) and wide(y, factor) else np.inf
    scale(ax, "x", both, "", min(across, up), factor=factor)
    scale(ax, "y", both, "", min(across, up), factor=factor)
    ax.set_aspect("equal", adjustable="box")
    ax.set_xlabel(outcome_label(fit, runs, "predicted"))
    ax.set_ylabel(outcome_label(fit, runs, "observed"))
    if len(parts) > 1:
        assert fit.law.shared is not None
        legend(ax, handles, [_clipped(name) for name, _ in parts], fit.law.shared[1])
    relative = fit.law.trials is None and both.min() > 0
    off = np.median(np.abs(y / f - 1.0) if relative else np.abs(y - f))
    words.append(f"half of the runs lie within {f'{off:.2%}' if relative else f'{off:.2g}'} of it")
    return [*words, *left_out(len(y))]


def _clipped(name: str, most: int = 16) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"
