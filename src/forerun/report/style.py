"""How every picture looks: sizes, colours, fonts, the lines of words around it, and how it is saved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from forerun.note import DataError, MissingExtra, Note, worst

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZES = {"page": (7.0, 4.5), "slide": (3.4, 2.6)}  # inches: the width of a page, and of a column or half a slide
FONT = {"page": 9.0, "slide": 7.0}  # points
TICKS = {"page": (7, 6), "slide": (5, 6)}  # most labelled ticks of a whole x axis and y axis
ENDINGS = (".svg", ".png", ".pdf")
LEVELS = 7  # groups of runs that one can still tell apart
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", "p", ">")
# Okabe and Ito 2008, "Color Universal Design", dark enough on white; every group has its own marker as well.
GROUPS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
INK, FAINT, DATA, LINE, ALARM = "#222222", "#767676", "#56606B", "#0072B2", "#B23C00"
MOST_POINTS = 3000
TOUCHING = 0.3  # of the font size in pixels at 200 dots an inch: labels nearer than this are thinned out
LINE_HEIGHT = 1.3  # of the font size
MARGIN = 0.07  # inches around everything
SALT = "forerun"  # makes the identifiers inside an SVG the same every time


def require() -> Any:
    """The module matplotlib; raises ``MissingExtra`` where it is not installed."""
    try:
        import matplotlib
    except ImportError:
        raise MissingExtra("matplotlib", "plot", "a picture") from None
    return matplotlib


@contextmanager
def looks(size: str) -> Iterator[None]:
    """Our look inside the block, whatever the user's settings are; those are untouched afterwards."""
    if size not in SIZES:
        raise DataError("bad-size", f"there is no size {size!r}", advice=f"Use one of: {', '.join(SIZES)}")
    matplotlib, font = require(), FONT[size]
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {
                "font.family": "DejaVu Sans", "font.size": font, "axes.labelsize": font, "legend.fontsize": 0.9 * font,
                "legend.title_fontsize": 0.9 * font, "xtick.labelsize": 0.9 * font, "ytick.labelsize": 0.9 * font,
                "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.08 * font,
                "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": FAINT, "xtick.color": FAINT,
                "ytick.color": FAINT, "xtick.labelcolor": INK, "ytick.labelcolor": INK, "lines.linewidth": 0.16 * font,
                "lines.markersize": 0.55 * font, "lines.markeredgewidth": 0.04 * font, "legend.frameon": False,
                "axes.grid": True, "grid.color": "#E8E8E8", "grid.linewidth": 0.06 * font, "axes.axisbelow": True,
                "xtick.major.width": 0.08 * font, "ytick.major.width": 0.08 * font, "xtick.minor.width": 0.05 * font,
                "ytick.minor.width": 0.05 * font, "xtick.minor.size": 1.5, "ytick.minor.size": 1.5,
                "svg.fonttype": "path", "svg.hashsalt": SALT, "pdf.fonttype": 42, "axes.formatter.useoffset": False,
            }
        )  # fmt: skip
        yield


@contextmanager
def sheet(size: str) -> Iterator[Figure]:
    """An empty figure of a size, with our look while the block runs. The figure belongs to no global state."""
    with looks(size):
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=SIZES[size], dpi=200, layout="constrained")
        FigureCanvasAgg(figure)
        yield figure


def caption(figure: Figure, title: str, *, notes: Iterable[Note] = (), footer: str = "") -> None:
    """Lay the figure out under its title (with the gravest error note below it) and above a footer that explains it."""
    font = FONT["page" if figure.get_figwidth() > 5 else "slide"]
    height, step = float(figure.get_figheight()), LINE_HEIGHT / 72.0
    y = height - MARGIN
    for text, part, most, colour, weight in (
        (title, 1.05 * font, 3, INK, "bold"),
        (gravest(notes), 0.85 * font, 2, ALARM, "normal"),
    ):
        for line in wrapped(figure, text, part, most, weight):
            place: dict[str, Any] = {"fontsize": part, "color": colour, "fontweight": weight, "va": "top"}
            figure.text(MARGIN / float(figure.get_figwidth()), y / height, line, **place)
            y -= part * step
    small = 0.85 * font
    lines = wrapped(figure, footer, small, 3, "normal")
    below = MARGIN + len(lines) * small * step
    for i, line in enumerate(lines):
        place = {"fontsize": small, "color": FAINT, "va": "bottom"}
        figure.text(MARGIN / float(figure.get_figwidth()), (below - (i + 1) * small * step) / height, line, **place)
    engine: Any = figure.get_layout_engine()
    gap = 0.06
    engine.set(rect=(0.0, below / height, 1.0, (y - below) / height), w_pad=gap, h_pad=gap, wspace=0.02, hspace=0.02)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for ax in figure.axes:
        _thin(ax.xaxis)
        _thin(ax.yaxis)


def _thin(axis: Any) -> None:
    """Leave out every second label of an axis until no two of them touch."""
    labels = [t.get_text() for t in axis.get_ticklabels()]
    while len(labels) > 2:
        boxes = [t.get_window_extent() for t in axis.get_ticklabels() if t.get_visible() and t.get_text()]
        gap = float(axis.get_ticklabels()[0].get_fontsize()) * TOUCHING
        if not any(a.padded(gap).overlaps(b) for a, b in pairwise(boxes)):
            return
        kept = [i for i, label in enumerate(labels) if label][::2]
        labels = [label if i in kept else "" for i, label in enumerate(labels)]
        if len(kept) < 2:
            return
        axis.set_ticks(axis.get_ticklocs(), labels=labels)


def gravest(notes: Iterable[Note]) -> str:
    """The first error note as a line of text, empty where there is none."""
    errors = [n for n in notes if n.severity == "error"]
    rest = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"error {errors[0].code}: {errors[0].message}{rest}" if worst(errors) == "error" else ""


def wrapped(figure: Figure, text: str, font: float, most: int, weight: str) -> list[str]:
    """The text in at most ``most`` lines as wide as the figure; what does not fit ends in an ellipsis."""
    from matplotlib.font_manager import FontProperties

    renderer: Any = figure.canvas
    renderer = renderer.get_renderer()
    properties = FontProperties(family="DejaVu Sans", size=font, weight=weight)
    room = (float(figure.get_figwidth()) - 2 * MARGIN) * figure.dpi

    def fits(line: str) -> bool:
        return bool(renderer.get_text_width_height_descent(line, properties, False)[0] <= room)

    lines: list[str] = []
    for word in text.split():
        if lines and fits(f"{lines[-1]} {word}"):
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    if len(lines) > most:
        lines = [*lines[: most - 1], " ".join(lines[most - 1 :])]
    while lines and not fits(lines[-1]):
        lines[-1] = lines[-1][:-2].rstrip(" .,;:…") + "…"
    return lines


def shades(count: int) -> list[Any]:
    """Colours for ordered levels, dark to light, and never so light that they vanish on white or in grey."""
    from matplotlib import colormaps

    return [colormaps["viridis"](0.86 * i / max(count - 1, 1)) for i in range(count)]


def dots(colour: Any, *, marker: str = "o", alpha: float = 0.95) -> dict[str, Any]:
    """How the runs are drawn."""
    return {
        "marker": marker, "linestyle": "", "color": colour, "markeredgecolor": "white", "alpha": alpha, "zorder": 3,
        "label": "runs",
    }  # fmt: skip


def some(count: int) -> Any:
    """Whether each of ``count`` runs is drawn, (count,): all of them, or as many as a picture can hold."""
    shown = np.zeros(count, bool)
    shown[np.random.default_rng(0).permutation(count)[:MOST_POINTS]] = True
    return shown


def left_out(count: int) -> list[str]:
    """What to say below when :func:`some` leaves runs out."""
    return [f"{MOST_POINTS} of {count} rows are drawn"] if count > MOST_POINTS else []


def legend(ax: Axes, handles: Sequence[Any], labels: Sequence[str], title: str = "") -> None:
    """A legend to the right of the axes, outside the data."""
    ax.legend(
        handles, labels, title=title or None, loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0,
        handlelength=1.6, handletextpad=0.5, labelspacing=0.45, alignment="left", borderpad=0.1,
    )  # fmt: skip


def check_path(path: Path) -> None:
    """Raise ``DataError`` where no picture can be saved: another ending, or a folder that is not there."""
    require()
    if path.suffix.lower() not in ENDINGS:
        message = f"a picture cannot be saved as {str(path)!r}"
        raise DataError("bad-ending", message, advice=f"End the name in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}")
    if not path.parent.is_dir():
        message = f"cannot write {path}: there is no folder {path.parent}"
        raise DataError("cannot-write", message, advice="Choose another place")


def save(figure: Figure, path: str | Path) -> Path:
    """Write a figure as .svg, .png or .pdf, by the ending of ``path``, and return the path.

    The file appears whole or not at all, and the bytes of an SVG are the same every time for the same figure (for the
    same version of matplotlib). Raises ``DataError`` for another ending, a folder that is not there, or one that cannot
    be written to.

    >>> save(None, "picture.gif")
    Traceback (most recent call last):
        ...
    forerun.note.DataError: a picture cannot be saved as 'picture.gif'. End the name in .svg, .png or .pdf
    """
    path = Path(path)
    check_path(path)
    ending = path.suffix.lower()[1:]
    dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(ending)
    draft = path.with_name(f".{path.name}.part")
    try:
        with looks("page"):
            figure.savefig(draft, format=ending, metadata=dates)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        reason = error.strerror or error
        raise DataError("cannot-write", f"cannot write {path}: {reason}", advice="Choose another place") from None
    return path
