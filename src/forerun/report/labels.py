"""Short labels beside points, where they cover neither each other nor the points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from forerun.report.style import FAINT, INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = np.ndarray
DIRECTIONS = 16
RADII = (1.0, 1.5, 2.2, 3.2, 4.5)  # distances that are tried, in font sizes


def place(ax: Axes, points: Sequence[tuple[float, float]], texts: Sequence[str], avoid: Array, font: float) -> None:
    """Write each text beside its point, in data coordinates, on the best of a few places around it.

    A place is worse for every point of ``avoid`` (m, 2) that it covers, for its distance, and much worse where it
    covers or is nearer to another of ``points``, covers a label, or leaves the axes. Call it when the layout is settled.
    """
    figure: Any = ax.figure
    renderer = figure.canvas.get_renderer()
    pixels, marks = (ax.transData.transform(np.reshape(p, (-1, 2))) for p in (avoid, points))
    unit = font * figure.dpi / 72.0
    taken = [t.get_window_extent(renderer) for t in ax.texts if t.get_text()]
    angles = np.arange(DIRECTIONS) * 2.0 * np.pi / DIRECTIONS + np.pi / 4.0
    for point, text in sorted(zip(points, texts), key=lambda pair: pair[0][1]):
        label = ax.text(*point, text, fontsize=font, color=INK, ha="center", va="center", zorder=6)
        size = label.get_window_extent(renderer)
        own = ax.transData.transform(point)
        half = np.array([size.width / 2.0 + 0.25 * unit, size.height / 2.0])
        places = [(r, own + (0.6 * r * unit + half) * (np.cos(a), np.sin(a))) for r in RADII for a in angles]
        frame = ax.get_window_extent(renderer)
        best = min(places, key=lambda p: 1.5 * p[0] + _cost(p[1], half, unit, own, pixels, marks, taken, frame))[1]
        label.set_position(tuple(ax.transData.inverted().transform(best)))
        taken.append(label.get_window_extent(renderer))
        if np.hypot(*(best - own)) > 2.0 * unit + half[0]:
            ends = ax.transData.inverted().transform([own, best])
            ax.plot(ends[:, 0], ends[:, 1], color=FAINT, linewidth=0.5, zorder=5, label="leader")


def _cost(
    at: Array, half: Array, unit: float, own: Array, pixels: Array, marks: Array, taken: list[Any], frame: Any
) -> float:
    """How bad it is to write a label of half width and height ``half`` at a place; all in pixels."""
    covered = (np.abs(pixels - at) < half).all(1).sum()
    under = (np.abs(marks - at) < half + 0.4 * unit).all(1).sum()
    nearer = np.hypot(*(marks - at).T).min() < np.hypot(*(own - at)) - 1.0
    boxes = np.array([[b.x0, b.y0, b.x1, b.y1] for b in taken]).reshape(-1, 4)
    clash = (np.abs((boxes[:, :2] + boxes[:, 2:]) / 2.0 - at) < half + (boxes[:, 2:] - boxes[:, :2]) / 2.0).all(1).sum()
    outside = (at - half < (frame.x0, frame.y0)).any() or (at + half > (frame.x1, frame.y1)).any()
    return float(covered + 20.0 * under + 40.0 * nearer + 100.0 * clash + 300.0 * outside)
