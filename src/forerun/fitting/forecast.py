"""`Forecast`: what a law says of a run that was not made, with its interval and the doubts about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forerun.fitting.percentile import percentiles
from forerun.note import Note, note_lines
from forerun.units import format_quantity

Array = np.ndarray
TARGETS = ("mean", "new-run")
FAR, VERY_FAR = 1.0, 3.0  # decades outside the data at which a forecast carries a warning, and an error


@dataclass(frozen=True, repr=False)
class Forecast:
    """A number (or one for each question), its interval, what the interval is for, and how far outside the data it is.

    ``low`` and ``high`` are None where there is no interval; ``notes`` then say why. ``layers`` names the sources of
    uncertainty that are in it. ``samples`` holds draws of the answer, (draws,) or (draws, questions).
    ``decades_outside`` is the largest distance of an input from the fitted range, in powers of ten.
    """

    inputs: Mapping[str, Any]
    value: Any
    low: Any
    high: Any
    level: float
    target: str
    layers: tuple[str, ...]
    decades_outside: float
    quantity: str
    unit: str
    notes: tuple[Note, ...] = ()
    samples: Array | None = field(default=None, repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """The keys of the JSON schema ``forecast``."""
        return {
            "schema": 1,
            "quantity": self.quantity,
            "unit": self.unit,
            "inputs": {k: plain(v) for k, v in self.inputs.items()},
            "value": plain(self.value),
            "low": plain(self.low),
            "high": plain(self.high),
            "level": self.level,
            "target": self.target,
            "layers": list(self.layers),
            "decades_outside": plain(self.decades_outside),
            "notes": [n.to_dict() for n in self.notes],
        }

    def plot(self, fit: Any, runs: Any = None, *, size: str = "page") -> Any:
        """A matplotlib figure: the way from the runs of ``fit`` to the question, with its interval."""
        from forerun.report import forecast_figure

        return forecast_figure(self, fit, fit.runs_or(runs), size=size)

    def __str__(self) -> str:
        return "\n".join([*self.lines(), *note_lines(self.notes)])

    __repr__ = __str__

    def lines(self) -> list[str]:
        """The answer as lines of text, without the notes."""
        at = ", ".join(f"{k} = {_short(v)}" for k, v in self.inputs.items())
        lines = [f"{self.quantity} at {at}"]
        for value, low, high in zip(*(np.atleast_1d(x) for x in (self.value, self.low, self.high))):
            lines.append(
                "  "
                + "  ".join(
                    p
                    for p in (f"{format_quantity(float(value), 5)} {self.unit}".rstrip(), self._interval(low, high))
                    if p
                )
            )
        if self.decades_outside > 0:
            lines.append(f"  {self.decades_outside:.2f} decades outside the fitted runs")
        return lines

    def _interval(self, low: Any, high: Any) -> str:
        if low is None:
            return f"no interval because {why_not(self.notes)}"
        whom = {"mean": " for the mean of such runs", "new-run": " for one new run", "input": ""}[self.target]
        shown = f"{format_quantity(float(low), 5)} to {format_quantity(float(high), 5)}"
        return f"{self.level:.0%} interval{whom}: {shown}"


def why_not(notes: tuple[Note, ...]) -> str:
    """The reason why there is no interval, from the notes."""
    for note in notes:
        if note.code in ("no-uncertainty", "limits-only"):
            return note.message[0].lower() + note.message[1:]
    return "no uncertainty was estimated"


def distance_notes(decades: float, tested: float | None = None) -> tuple[Note, ...]:
    """The doubt about a question that lies ``decades`` powers of ten outside the fitted runs.

    ``tested`` is how far back-tests behind the interval reached, None where there are none.
    """
    if decades <= FAR:
        return ()
    severity = "error" if decades > VERY_FAR else "warning"
    message = f"the question lies {decades:.2f} decades outside the fitted runs"
    advice = "The interval knows parameters only, not whether the law still holds there; train runs closer to it."
    if tested is not None:
        advice = f"The back-tests behind the interval reached {tested:.2f} decades; train runs closer to it."
    return (Note("far-extrapolation", severity, message, {"decades_outside": decades}, advice),)


def interval(samples: Array, level: float) -> tuple[Any, Any]:
    """Limits by percentile over the first axis; they may be infinite."""
    tail = (1.0 - level) / 2.0
    low, high = percentiles(samples, [tail, 1.0 - tail])
    return low, high


def plain(value: Any) -> Any:
    """A value as JSON has it: arrays as lists, and None for what is not a number."""
    if value is None or isinstance(value, str):
        return value
    if np.ndim(value):
        return [plain(v) for v in np.asarray(value).tolist()]
    return float(value) if np.isfinite(value) else None


def _short(value: Any) -> str:
    if isinstance(value, str):
        return value
    items = [format_quantity(float(v)) for v in np.atleast_1d(value)[:4]]
    return f"[{', '.join(items)}{', ...' if np.size(value) > 4 else ''}]" if np.ndim(value) else items[0]
