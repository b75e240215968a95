"""`best_inputs`: of all candidates, the inputs at which a fitted outcome is lowest, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from forerun.fitting import Fit
from forerun.fitting.forecast import distance_notes, interval, plain
from forerun.note import DataError, Note, note_lines, text_table
from forerun.units import format_quantity

Array = np.ndarray
BLOCK = 4000  # candidates that are computed for all draws at once


@dataclass(frozen=True)
class BestInputs:
    """The candidate with the lowest outcome: its ``inputs`` by role and its ``outcome``.

    ``limits`` are those of the best candidate over the draws, at ``level``, for each input that varies; ``share`` of the
    draws choose this very candidate (None without draws). ``edges`` names inputs whose best is their smallest or
    largest candidate: the true best may lie beyond.
    """

    inputs: Mapping[str, float]
    outcome: float
    limits: Mapping[str, tuple[float, float] | None]
    share: float | None
    edges: tuple[str, ...]
    candidates: int
    level: float
    notes: tuple[Note, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values by name, for JSON."""
        limits = {k: None if v is None else list(v) for k, v in self.limits.items()}
        return {
            "inputs": dict(self.inputs), "outcome": self.outcome, "limits": limits, "share": plain(self.share),
            "edges": list(self.edges), "candidates": self.candidates, "level": self.level,
            "notes": [note.to_dict() for note in self.notes],
        }  # fmt: skip

    def __str__(self) -> str:
        rows = []
        for name, value in self.inputs.items():
            limits = self.limits.get(name)
            low, high = (format_quantity(x) for x in limits) if limits else ("-", "-")
            rows.append([name, format_quantity(value), low, high])
        header = ["input", "best", *(f"{self.level:.0%} {side}" for side in ("low", "high"))]
        how = (
            "no interval because the fit has no draws" if self.share is None else f"{self.share:.0%} of the draws agree"
        )
        lines = [text_table(header, rows), "", f"outcome  {self.outcome:.6g} of {self.candidates} candidates; {how}"]
        return "\n".join([*lines, *(["", "notes", *note_lines(self.notes)] if self.notes else [])])


def best_inputs(fit: Fit, candidates: Mapping[str, Any]) -> BestInputs:
    """The inputs of lowest outcome among ``candidates``: arrays (m,) by role, and numbers for what is the same in all.

    A grid along one input finds its turning point (the tokens beyond which a quantised model gets worse); the cells of a
    budget find the best precision, vocabulary or shape. Only candidates are looked at, so the answer is as fine as they
    are. It trusts the law between and beyond the runs: the notes say how far outside the best one lies. Raises
    :class:`DataError` for a role that is missing, lengths that differ, or an outcome that is not finite anywhere.

    >>> import forerun as fr
    >>> fit = fr.fit("chinchilla", fr.simulate("chinchilla"), draws=50)
    >>> size = np.geomspace(1e8, 1e10, 400)
    >>> best = best_inputs(fit, {"N": size, "D": 1e21 / 6 / size})
    >>> best.edges, best.limits["N"][0] < best.inputs["N"] < best.limits["N"][1]
    ((), True)
    """
    given = _table(fit, candidates)
    value = fit.predict(given)
    if not np.isfinite(value).any():
        raise DataError(
            "bad-candidates", "no candidate has a finite outcome", advice="Give candidates nearer to the runs"
        )
    best = int(np.nanargmin(value))
    inputs = {name: float(column[best]) for name, column in given.items()}
    varying = [name for name, column in given.items() if column.min() < column.max()]
    chosen = _chosen(fit, given) if len(fit.draws) else None
    limits: dict[str, tuple[float, float] | None] = dict.fromkeys(varying)
    if chosen is not None:
        for name in varying:
            low, high = interval(given[name][chosen], fit.level)
            limits[name] = float(low), float(high)
    edges = tuple(name for name in varying if inputs[name] in (given[name].min(), given[name].max()))
    share = None if chosen is None else float((chosen == best).mean())
    notes = (*fit.carried_notes, *_edge_notes(inputs, edges), *distance_notes(fit.decades_outside(inputs)))
    return BestInputs(inputs, float(value[best]), limits, share, edges, len(value), fit.level, notes)


def _table(fit: Fit, candidates: Mapping[str, Any]) -> dict[str, Array]:
    """The inputs of the law as columns of one length."""
    if missing := [name for name in fit.law.inputs if name not in candidates]:
        advice = f"The law takes {', '.join(fit.law.inputs)}"
        raise DataError("missing-input", f"the candidates do not say {missing[0]}", advice=advice)
    columns = {name: np.atleast_1d(np.asarray(candidates[name], float)) for name in fit.law.inputs}
    length = max(len(column) for column in columns.values())
    for name, column in columns.items():
        if len(column) not in (1, length):
            message = f"{name} has {len(column)} candidates and another input {length}"
            raise DataError("bad-candidates", message, advice="Give arrays of one length, or one number for all")
    return {name: np.broadcast_to(column, length) for name, column in columns.items()}


def _chosen(fit: Fit, given: Mapping[str, Array]) -> Array:
    """Which candidate each draw likes best, (draws,)."""
    length = len(next(iter(given.values())))
    lowest, chosen = np.full(len(fit.draws), np.inf), np.zeros(len(fit.draws), int)
    for start in range(0, length, BLOCK):
        values = fit.sample({name: column[start : start + BLOCK] for name, column in given.items()})
        values = np.where(np.isfinite(values), values, np.inf)
        place = values.argmin(axis=1)
        found = values[np.arange(len(values)), place]
        chosen = np.where(found < lowest, start + place, chosen)
        lowest = np.minimum(found, lowest)
    return chosen


def _edge_notes(inputs: Mapping[str, float], edges: tuple[str, ...]) -> tuple[Note, ...]:
    return tuple(
        Note(
            "edge-of-candidates", "warning", f"the best {name} is {format_quantity(inputs[name])}, at the edge of its candidates",
            {"input": name, "value": inputs[name]}, "Give candidates beyond it if there can be any.",
        )
        for name in edges
    )  # fmt: skip
