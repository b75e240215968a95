"""`turning_point`: where a fitted outcome turns along one input, lowest or highest, with an interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from forerun.fitting import Fit
from forerun.fitting.forecast import distance_notes, interval, plain
from forerun.note import DataError, Note, note_lines
from forerun.spending import find_lowest
from forerun.units import format_quantity

Array = np.ndarray
POINTS = 800
BEYOND = 10.0  # times the fitted range, to both sides, that is looked at


@dataclass(frozen=True)
class TurningPoint:
    """Where the outcome turns: ``at`` on the input ``along``, with its ``outcome`` there and the ``limits`` at ``level``.

    A draw that does not turn inside ``looked`` counts as zero or infinity, on the side where it is best; ``share`` of the
    draws do turn. Both are None for a fit without draws.
    """

    along: str
    at: float
    limits: tuple[float, float] | None
    outcome: float
    highest: bool
    share: float | None
    looked: tuple[float, float]
    inputs: Mapping[str, float]
    level: float
    notes: tuple[Note, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values by name, for JSON."""
        return {
            "along": self.along, "at": self.at, "limits": plain(self.limits), "outcome": self.outcome,
            "highest": self.highest, "share": plain(self.share), "looked": list(self.looked),
            "inputs": dict(self.inputs), "level": self.level, "notes": [note.to_dict() for note in self.notes],
        }  # fmt: skip

    def __str__(self) -> str:
        side = "highest" if self.highest else "lowest"
        how = "no interval because the fit has no draws"
        if self.limits is not None:
            low, high = (format_quantity(x) for x in self.limits)
            how = f"{self.level:.0%} interval {low} to {high}; {self.share:.0%} of the draws turn"
        lines = [f"{side} at {self.along} = {format_quantity(self.at)}, outcome {self.outcome:.6g}", how]
        return "\n".join([*lines, *(["", "notes", *note_lines(self.notes)] if self.notes else [])])


def turning_point(
    fit: Fit, along: str, *, highest: bool = False, between: tuple[float, float] | None = None, **inputs: float
) -> TurningPoint:
    """Where the fitted outcome is lowest (or ``highest``) along one input, all other ``inputs`` held, with an interval.

    It is looked for ``between`` two values, by default over ten times the fitted range to both sides, on a grid in the
    logarithm that is refined by a parabola. Of several turns the deepest is told. Against :func:`best_inputs` it is not
    tied to candidates, says which draws do not turn at all, and can look for the highest. It trusts the law on both
    sides of the turn: runs on one side alone decide nothing, which the interval shows only if the draws disagree.
    Raises :class:`DataError` for an input that is not there or may be zero, and where the fitted law does not turn.

    >>> import forerun as fr
    >>> from forerun.predict import turning_point
    >>> fit = fr.fit("reward-best-of-n", fr.simulate("reward-best-of-n"), objective="squared", draws=50)
    >>> best = turning_point(fit, "kl", highest=True)
    >>> round(best.at), best.limits[0] < 25 < best.limits[1]
    (25, True)
    """
    low, high = _range(fit, along, between)
    held = {name: inputs[name] for name in fit.law.inputs if name in inputs}
    stray = [name for name in inputs if name not in held or name == along]
    if stray:
        advice = f"Give {', '.join(n for n in fit.law.inputs if n != along) or 'no other input'}"
        raise DataError(
            "unknown-input", f"{stray[0]} cannot be held: not an input, or the one looked along", advice=advice
        )
    logs = np.linspace(np.log(low), np.log(high), POINTS)
    given = {along: np.exp(logs), **{name: np.full(POINTS, float(value)) for name, value in held.items()}}
    sign = -1.0 if highest else 1.0
    place, edge = find_lowest(logs, _finite(sign * fit.predict(given)[None]))
    if edge[0]:
        side, where = ("highest" if highest else "lowest"), format_quantity(float(np.exp(place[0])))
        message = f"the fitted outcome does not turn along {along}: it is {side} at the edge, {where}"
        raise DataError("no-turn", message, advice="Look between other values, or for the other kind of turn")
    at = float(np.exp(place[0]))
    outcome = float(
        fit.predict({along: np.array([at]), **{name: np.array([value]) for name, value in held.items()}})[0]
    )
    limits, share = None, None
    if len(fit.draws):
        places, edges = find_lowest(logs, _finite(sign * fit.sample(given)))
        found = np.where(edges, np.where(places > logs[0], np.inf, 0.0), np.exp(places))
        first, last = interval(found, fit.level)
        limits, share = (float(first), float(last)), float(1.0 - edges.mean())
    notes = (*fit.carried_notes, *_one_sided(fit, along, at), *distance_notes(fit.decades_outside({along: at, **held})))
    return TurningPoint(along, at, limits, outcome, highest, share, (low, high), held, fit.level, notes)


def _range(fit: Fit, along: str, between: tuple[float, float] | None) -> tuple[float, float]:
    if along not in fit.law.inputs:
        advice = f"It has: {', '.join(fit.law.inputs)}"
        raise DataError("unknown-input", f"{fit.law.name} has no input {along!r}", advice=advice)
    low, high = fit.runs.ranges[along]
    low, high = between or (low / BEYOND, high * BEYOND)
    if not 0 < low < high < np.inf:
        message = f"{along} is looked at between two positive values, received {low:g} and {high:g}"
        raise DataError("bad-value", message, advice="Give between=(low, high)")
    return float(low), float(high)


def _finite(values: Array) -> Array:
    return np.where(np.isfinite(values), values, np.inf)


def _one_sided(fit: Fit, along: str, at: float) -> tuple[Note, ...]:
    """The doubt about a turn that no run lies beyond."""
    low, high = fit.runs.ranges[along]
    if low < at < high:
        return ()
    message = f"the turn at {along} = {format_quantity(at)} lies outside the runs, which end at {format_quantity(low if at <= low else high)}"
    advice = "Add runs beyond the turn: until then it is the form of the law that turns."
    return (Note("turn-outside-runs", "warning", message, {"input": along, "value": at}, advice),)
