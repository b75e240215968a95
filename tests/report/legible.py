"""What can be read in a picture: no two texts overlap, none is cut off."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from matplotlib.text import Text


def boxes(figure):
    """The visible texts of a figure with their boxes in pixels."""
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    parts = [part for ax in figure.axes for part in (ax, ax.xaxis, ax.yaxis)]
    hidden = {t for part in parts if not part.get_visible() for t in part.findobj(Text)}
    found = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip() and t not in hidden]
    return [(t.get_text(), t.get_window_extent(renderer)) for t in found]


def assert_legible(figure):
    width, height = figure.get_size_inches() * figure.dpi
    texts = boxes(figure)
    assert texts
    for text, box in texts:
        inside = min(box.x0, box.y0, width - box.x1, height - box.y1) >= 0
        assert inside, f"{text!r} is cut off"
    for (one, a), (two, b) in combinations(texts, 2):
        apart = a.x1 <= b.x0 + 1 or b.x1 <= a.x0 + 1 or a.y1 <= b.y0 + 1 or b.y1 <= a.y0 + 1
        assert apart, f"{one!r} overlaps {two!r}"
    smallest = min(t.get_fontsize() for t in figure.findobj(Text) if t.get_text().strip())
    assert smallest >= 5.5, "too small to read"
    for ax in figure.axes:
        assert ax.get_window_extent().width > 0.2 * figure.dpi
        assert ax.get_window_extent().height > 0.2 * figure.dpi


def words(figure):
    """Everything that is written in a figure, as one text."""
    return " ".join(text for text, _ in boxes(figure))


def lines(ax, label):
    """The drawn lines of a label."""
    return [line for line in ax.lines if line.get_label() == label]


def points(ax, label="runs"):
    """The points of a label, (m, 2)."""
    return np.concatenate([np.column_stack(line.get_data()) for line in lines(ax, label)])


def assert_within(ax, xy):
    """Every point lies inside the axes."""
    (x0, x1), (y0, y1) = ax.get_xlim(), ax.get_ylim()
    assert ((xy[:, 0] >= x0) & (xy[:, 0] <= x1) & (xy[:, 1] >= y0) & (xy[:, 1] <= y1)).all()
