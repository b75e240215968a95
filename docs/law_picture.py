"""What a law says, as a picture: its outcome against one input, a curve for each of three values of another one."""

from __future__ import annotations

import hashlib
import io
import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from forerun.fitting.prediction import predict
from forerun.laws import Law, Term
from forerun.report import axis, style
from forerun.units import Column

Array = np.ndarray
POINTS = 60
LINE, UPRIGHT = 52, 46  # letters in a line below an axis, and in one beside it
FONTS = "'DejaVu Sans', Verdana, sans-serif"  # Verdana is as wide, where the first is not installed
WIDE = 4.0  # factor from which a range is walked in equal ratios
DIGITS = 4  # of what is drawn, in the mark that tells whether a picture is fresh
# Against which input and by which other one (the same: one curve); others are drawn against their first, by their last.
CHOSEN = {
    "average-parameters": ("sparsity", "sparsity"),
    "data-constrained": ("D", "U"),
    "diloco-interval": ("sync_interval", "replicas"),
    "granularity": ("granularity", "N"),
    "idle-experts": ("sparsity", "N"),
    "kumar-precision": ("weight_bits", "N"),
    "kumar-quantisation": ("D", "bits"),
    "low-precision-parameters": ("weight_bits", "activation_bits"),
    "moe-factors": ("active_experts", "shared_experts"),
    "ouyang-quantisation": ("D", "bits"),
    "routed-parameters": ("experts", "N"),
    "stream-parameters": ("streams", "streams"),
    "sun-floating-point": ("exponent_bits", "mantissa_bits"),
    "text-tokens": ("vocabulary", "vocabulary"),
    "upcycling": ("D", "D_dense"),
    "vocabulary-loss": ("N_v", "N"),
    "weight-sparsity": ("sparsity", "N"),
    "width-depth": ("width", "depth"),
}
LEVELS = {"repeated": (0.0, 1.0), "bits": (2.0, 3.0, 4.0)}  # where a round middle of the typical range says little
PEAK, STEPS = 3e-4, 20_000  # learning rate and length of the three schedules
SCHEDULES = {
    "constant": lambda t: np.ones_like(t),
    "cosine to a tenth": lambda t: 0.1 + 0.45 * (1 + np.cos(np.pi * t)),
    "linear fall at the end": lambda t: np.minimum(1.0, (1.0 - t) / 0.2 + 0.05),
}


@dataclass(frozen=True)
class Drawing:
    """What a picture shows, as numbers and words: enough to draw it, and to tell whether a drawn one is fresh."""

    title: str
    across: str
    outcome: str
    x: Array
    curves: tuple[tuple[str, Array], ...]
    legend: str
    footer: str
    share: bool

    @property
    def mark(self) -> str:
        """A digest of all that is shown, of numbers to four digits."""
        words = [self.title, self.legend, self.footer, self.across, self.outcome]
        for name, y in (("x", self.x), *self.curves):
            words += [name, *(f"{v:.{DIGITS}g}" for v in y)]
        return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]


def drawing(item: Law | Term) -> Drawing:
    """What the picture of a law or a term shows, at the parameter values of :func:`values`."""
    indices = item.indices if isinstance(item, Law) else ()
    law = item.over(**{index: ["a", "b", "c"] for index in indices}) if isinstance(item, Law) and indices else item
    names, held, over = list(law.inputs), {}, ""
    across, by = main_inputs(law)
    if isinstance(law, Law) and law.prepare:
        x, curves, legend = _schedules(law)
    elif law is not item:
        across = next(n for n in names if "[" in n)
        held = {n: float(levels(n, c)[1]) for n, c in law.inputs.items() if "[" not in n}
        x, curves, legend = _mixtures(law, held)
    else:
        over = (
            law.output.role if isinstance(law, Term) and law.output.role in names and law.output.role != across else ""
        )
        held = {n: float(levels(n, c)[1]) for n, c in law.inputs.items() if n not in (across, by)}
        x, legend = _walk(law.inputs[across], POINTS), by if by != across else ""
        curves = []
        for level in levels(by, law.inputs[by]) if legend else [0.0]:
            at = {**held, by: level, across: x}
            y = _outcome(law, [at[n] + 0.0 * x for n in names])
            curves.append((axis.number(level) if legend else "", y / at[over] if over else y))
        legend = _short(legend, law.inputs[by]) if legend else ""
    fixed = [f"{n} = {axis.number(v)}" for n, v in held.items() if n != over]
    share = getattr(item, "trials", None) is not None or item.output.unit == "of 1"
    title = item.answers if isinstance(item, Law) else summary(item)
    return Drawing(
        title=title,
        across=label(across, law.inputs[across]),
        outcome=f"effective {over} over {over}" if over else _outcome_label(item),
        x=x,
        curves=tuple(curves),
        legend=legend,
        footer=", ".join([f"{item.name} {values(item)[1]}", *fixed]) + ".",
        share=share,
    )


def summary(term: Term) -> str:
    """What a term is, in the first words of its description."""
    return re.split(r"[;:]|\.(?:\s|$)", term.doc)[0].replace("`", "")


def main_inputs(item: Law | Term) -> tuple[str, str]:
    """The input that a picture is drawn against, and the one that its curves differ in (the same for a single curve)."""
    names = list(item.inputs)
    return CHOSEN.get(item.name, (names[0], names[-1]))


def label(name: str, column: Column, line: int = LINE) -> str:
    """The words beside an axis: meaning, the symbol where the meaning does not hold it, and the unit likewise."""
    own = re.search(rf"\b{re.escape(name.split('[')[0])}\b", column.meaning)
    words = column.meaning.removeprefix("the ") + ("" if own else f", {name}")
    told = not column.unit or column.unit in ("count", "units") or column.unit.split("/")[0] in column.meaning
    return "\n".join(textwrap.wrap(words + ("" if told else f" ({column.unit})"), line))


def levels(name: str, column: Column) -> Array:
    """Three values of an input: the ends of its typical range and a round one between them."""
    if name in LEVELS:
        return np.array(LEVELS[name])
    low, middle, high = _walk(column, 3)
    return np.array([low, float(f"{middle:.1g}"), high])


def values(item: Law | Term) -> tuple[dict[str, float], str]:
    """The parameter values that a picture is drawn at, and where they are from in words."""
    if isinstance(item, Term):
        return {n: float(p.typical) for n, p in item.params.items()}, "at typical parameters"
    found = dict(item.typical())
    name = next((s.name for s in item.published if s.verified and dict(s.values) == found), "")
    return found, f"at the published coefficients {name!r}" if name else "at typical parameters"


def draw(shown: Drawing) -> Any:
    """The figure of a drawing."""
    with style.sheet("page") as figure:
        ax = figure.add_subplot()
        factor = np.inf if shown.share else axis.WIDE_OUTCOME
        every = np.concatenate([y for _, y in shown.curves])
        straight = np.ptp(np.diff(shown.x)) < 1e-6 * np.ptp(shown.x)
        ticks = style.TICKS["page"]
        axis.scale(ax, "x", shown.x, shown.across[-1], ticks[0], margin=0.02, factor=np.inf if straight else WIDE)
        axis.scale(ax, "y", every, "N" if every.max() > 1e6 else "", ticks[1], factor=factor)
        colours = style.shades(len(shown.curves)) if shown.curves[0][0] else [style.LINE]
        lines = [ax.plot(shown.x, y, color=c)[0] for (_, y), c in zip(shown.curves, colours)]
        ax.set_xlabel(shown.across)
        ax.set_ylabel(shown.outcome)
        if shown.legend:
            style.legend(ax, lines, [name for name, _ in shown.curves], shown.legend)
        style.caption(figure, shown.title, footer=shown.footer)
    return figure


def write(figure: Any, mark: str, path: Path) -> Path:
    """The picture as a small SVG, with its mark inside: letters are letters, not outlines, and numbers are rounded."""
    made = io.StringIO()
    with style.looks("page"):
        style.require().rcParams["svg.fonttype"] = "none"
        figure.savefig(made, format="svg", metadata={"Date": None})
    text = made.getvalue().replace("'DejaVu Sans'", FONTS)
    text = re.sub(r"<metadata>.*?</metadata>\s*", f"<metadata>{mark}</metadata>", text, flags=re.DOTALL)
    text = re.sub(r"\s*<!--.*?-->|<!DOCTYPE.*?>\n", "", text, flags=re.DOTALL)
    text = re.sub(r"<[^>]*>", lambda tag: re.sub(r"\d+\.\d{3,}", _shorter, tag[0]), text)  # never what is written
    path.write_text(re.sub(r"\n\s*", "\n", text), encoding="utf-8")
    return path


def _shorter(place: re.Match[str]) -> str:
    return f"{float(place[0]):.2f}".rstrip("0").rstrip(".")


def _outcome_label(item: Law | Term) -> str:
    if getattr(item, "trials", None):
        return "share of successes"
    effective = isinstance(item, Term) and item.output.role in item.inputs
    return label(f"effective {item.output.role}" if effective else item.output.role, item.output, UPRIGHT)


def _short(name: str, column: Column) -> str:
    told = not column.unit or column.unit in ("count", "of 1") or column.unit in name
    return name if told else f"{name} ({column.unit})"


def _walk(column: Column, count: int) -> Array:
    """Values over the typical range of a column, in equal ratios where it is wide; shares in equal steps."""
    low, high = column.typical
    wide = low > 0 and high > WIDE * low and column.unit != "of 1"
    return np.geomspace(low, high, count) if wide else np.linspace(low, high, count)


def _outcome(law: Any, arrays: list[Array]) -> Array:
    if isinstance(law, Term):
        return np.asarray(law(*arrays, **values(law)[0]), float)
    found = law.typical()
    return predict(law, arrays, np.array([[found[name] for name in law.params]]))[0]


def _schedules(law: Law) -> tuple[Array, list[tuple[str, Array]], str]:
    """The last part of three runs of one length; each schedule is read from its first step on."""
    assert law.prepare is not None
    step = np.unique(np.linspace(1, STEPS, 10 * POINTS).astype(int)).astype(float)
    shown = step > 0.3 * STEPS
    curves = []
    for name, shape in SCHEDULES.items():
        arrays = [a[shown] for a in law.prepare(step, PEAK * shape(step / step[-1]))]
        curves.append((name, _outcome(law, arrays)))
    return step[shown], curves, f"schedule, peak {PEAK:g}"


def _mixtures(law: Law, held: Mapping[str, float]) -> tuple[Array, list[tuple[str, Array]], str]:
    a, curves = np.linspace(0.0, 1.0, POINTS), []
    for name, b in {"all b": 1.0, "half b, half c": 0.5, "all c": 0.0}.items():
        shares = iter([a, (1 - a) * b, (1 - a) * (1 - b)])
        curves.append((name, _outcome(law, [held[n] + 0.0 * a if n in held else next(shares) for n in law.inputs])))
    return a, curves, "of the rest"
