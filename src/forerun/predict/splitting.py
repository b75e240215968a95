"""`best_split`: how a total is shared between several fitted curves so that their sum is best, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from forerun.fitting import Fit
from forerun.fitting.forecast import distance_notes, interval
from forerun.note import DataError, Note, note_lines, text_table
from forerun.units import format_quantity

Array = np.ndarray
PARTS = 200  # equal parts that the total is cut into


@dataclass(frozen=True)
class Split:
    """The best ``amounts`` by name, which add up to ``total``, with the ``outcomes`` of each and their weighted sum.

    ``limits`` are those of the best amounts over the draws, at ``level``; None for fits without draws.
    """

    amounts: Mapping[str, float]
    limits: Mapping[str, tuple[float, float] | None]
    outcomes: Mapping[str, float]
    sum: float
    total: float
    level: float
    notes: tuple[Note, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values by name, for JSON."""
        limits = {k: None if v is None else list(v) for k, v in self.limits.items()}
        return {
            "amounts": dict(self.amounts), "limits": limits, "outcomes": dict(self.outcomes), "sum": self.sum,
            "total": self.total, "level": self.level, "notes": [note.to_dict() for note in self.notes],
        }  # fmt: skip

    def __str__(self) -> str:
        rows = []
        for name, amount in self.amounts.items():
            told = self.limits[name]
            low, high = (format_quantity(x) for x in told) if told else ("-", "-")
            rows.append([name, format_quantity(amount), low, high, f"{self.outcomes[name]:.5g}"])
        header = ["part", "amount", *(f"{self.level:.0%} {side}" for side in ("low", "high")), "outcome"]
        lines = [text_table(header, rows), "", f"weighted sum {self.sum:.6g} for {format_quantity(self.total)} in all"]
        return "\n".join([*lines, *(["", "notes", *note_lines(self.notes)] if self.notes else [])])


def best_split(
    fits: Mapping[str, Fit], total: float, *, weights: Mapping[str, float] | None = None, highest: bool = False
) -> Split:
    """The amounts, one for each fit of one input, that add up to ``total`` and make the weighted sum of outcomes least.

    For example fine-tuning examples of several abilities, each with its own curve. ``highest`` looks for the largest
    sum. The total is cut into 200 equal parts, of which each curve gets at least one, and all ways to hand them out are
    compared (dynamic programming), so that curves may have any shape. Draw i of one fit goes with draw i of the others.
    Each curve is taken to depend on its own amount alone: where one ability helps or hurts another, the split is as
    wrong as that. Raises :class:`DataError` for fewer than two fits, a law of several inputs, weights that do not name
    the fits, and a total that is not positive.

    >>> import forerun as fr
    >>> from forerun.predict import best_split
    >>> law, x = fr.laws.get("m1").fix(c=1.0), np.geomspace(1, 100, 20)
    >>> fits = {n: fr.fit(law, fr.read_runs({"x": x, "y": b / x}), uncertainty="none") for n, b in (("one", 1.0), ("two", 4.0))}
    >>> dict(best_split(fits, 30.0).amounts)
    {'one': 10.05, 'two': 19.95}
    """
    _check(fits, total, weights)
    weight = {name: 1.0 if weights is None else float(weights[name]) for name in fits}
    sign = -1.0 if highest else 1.0
    amounts = total * np.arange(1, PARTS + 1) / PARTS
    places = {name: {next(iter(fit.law.inputs)): amounts} for name, fit in fits.items()}
    fitted = {name: fit.predict(places[name])[None] for name, fit in fits.items()}
    best = _handed_out([sign * weight[name] * y for name, y in fitted.items()])[0]
    drawn = [len(fit.draws) for fit in fits.values()]
    limits: dict[str, tuple[float, float] | None] = dict.fromkeys(fits)
    level = min(fit.level for fit in fits.values())
    if min(drawn):
        curves = [sign * weight[name] * fit.sample(places[name])[: min(drawn)] for name, fit in fits.items()]
        chosen = amounts[_handed_out(curves) - 1]
        for i, name in enumerate(fits):
            low, high = interval(chosen[:, i], level)
            limits[name] = float(low), float(high)
    found = {name: float(amounts[best[i] - 1]) for i, name in enumerate(fits)}
    outcomes = {name: float(fitted[name][0, best[i] - 1]) for i, name in enumerate(fits)}
    notes: dict[str, Note] = {}
    for name, fit in fits.items():
        outside = fit.decades_outside({next(iter(fit.law.inputs)): found[name]})
        notes |= {note.message: note for note in (*fit.carried_notes, *distance_notes(outside))}
    whole = sum(weight[name] * outcomes[name] for name in fits)
    return Split(found, limits, outcomes, whole, float(total), level, tuple(notes.values()))


def _check(fits: Mapping[str, Fit], total: float, weights: Mapping[str, float] | None) -> None:
    if not 2 <= len(fits) <= PARTS // 2:
        raise DataError("bad-split", f"a total is split between 2 to {PARTS // 2} fits, received {len(fits)}")
    for name, fit in fits.items():
        if len(fit.law.inputs) != 1:
            message = f"{name} is a fit of {fit.law.name}, which takes {', '.join(fit.law.inputs)}"
            raise DataError("bad-split", message, advice="Fit a law of one input, or fix the others")
    if weights is not None and set(weights) != set(fits):
        raise DataError("bad-split", f"weights name {', '.join(weights)}", advice=f"Name {', '.join(fits)}")
    if not 0 < total < np.inf:
        raise DataError("bad-value", f"the total must be positive, received {total:g}")


def _handed_out(costs: list[Array]) -> Array:
    """How many parts each curve gets in the cheapest way to hand all out, (B, curves), at least one each.

    ``costs`` holds one array (B, PARTS) for each curve: what it costs with 1, 2, ... parts.
    """
    clean = [np.where(np.isfinite(c), c, np.inf) for c in costs]
    reached, choices = clean[0], []
    for cost in clean[1:]:
        whole = np.full_like(reached, np.inf)
        taken = np.ones(reached.shape, int)
        for used in range(1, PARTS):  # parts in all, less one
            ways = reached[:, used - 1 :: -1] + cost[:, :used]
            taken[:, used] = ways.argmin(axis=1) + 1
            whole[:, used] = ways.min(axis=1)
        reached = whole
        choices.append(taken)
    rows, left, parts = np.arange(len(reached)), np.full(len(reached), PARTS), []
    for taken in reversed(choices):
        parts.append(taken[rows, left - 1])
        left = left - parts[-1]
    return np.stack([left, *reversed(parts)], axis=1)
