"""`front`: of many candidates with costs and a score, those that nothing beats, and the best within limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forerun.note import DataError, text_table
from forerun.units import format_quantity

Array = np.ndarray


@dataclass(frozen=True, repr=False)
class Front:
    """What :func:`forerun.front` found: ``rows`` of the candidates that nothing beats, by their first cost.

    ``candidates`` holds every column that was given, (n,); ``costs`` and ``score`` name those that were compared, and
    ``lowest`` says that a low score is good.
    """

    candidates: Mapping[str, Array] = field(repr=False)
    costs: tuple[str, ...]
    score: str
    lowest: bool
    rows: Array

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> Array:
        """A column along the front, (len(front),)."""
        return self.candidates[name][self.rows]

    def best(self, **limits: float) -> dict[str, Any]:
        """The candidate with the best score whose costs are at most ``limits``: every column by name, and its ``row``.

        Of equal scores the cheapest by the first cost. Raises :class:`DataError` where nothing is that cheap.

        >>> models = {"model": ["s", "m", "l"], "gmacs": [0.5, 2.0, 9.0], "accuracy": [0.70, 0.78, 0.80]}
        >>> front(models, costs="gmacs", score="accuracy").best(gmacs=4)["model"]
        'm'
        """
        if unknown := [name for name in limits if name not in self.costs]:
            advice = f"Its costs are {', '.join(self.costs)}"
            raise DataError("unknown-cost", f"the front has no cost {unknown[0]!r}", advice=advice)
        fits = np.ones(len(self.rows), bool)
        for name, limit in limits.items():
            least = self[name].min()
            if not limit >= least:
                message = f"no candidate has {name} of at most {format_quantity(limit)}"
                raise DataError("no-candidate", message, advice=f"The least is {format_quantity(float(least))}")
            fits &= self[name] <= limit
        if not fits.any():
            said = ", ".join(f"{name} {format_quantity(limit)}" for name, limit in limits.items())
            raise DataError("no-candidate", f"no candidate keeps all limits: {said}", advice="Loosen one of them")
        score = self[self.score][fits]
        place = int(self.rows[fits][score.argmin() if self.lowest else score.argmax()])
        return {"row": place, **{name: column[place].item() for name, column in self.candidates.items()}}

    def to_dict(self) -> dict[str, Any]:
        """The front as JSON has it."""
        columns = {name: self[name].tolist() for name in self.candidates}
        return {"costs": list(self.costs), "score": self.score, "lowest": self.lowest, "rows": self.rows.tolist(),
                "of": len(self.candidates[self.score]), "columns": columns}  # fmt: skip

    def plot(self, *, size: str = "page") -> Any:
        """A matplotlib figure: all candidates by their first cost, and the front among them."""
        from forerun.report import front_figure

        return front_figure(self, size=size)

    def __str__(self) -> str:
        words = [name for name, column in self.candidates.items() if column.dtype.kind != "f"]
        header = [*words, *self.costs, self.score]
        lines = [[_shown(self.candidates[name][row]) for name in header] for row in self.rows.tolist()]
        goal = "lowest" if self.lowest else "highest"
        told = f"{len(self)} of {len(self.candidates[self.score])} candidates are beaten by none ({goal} {self.score})"
        return f"{told}\n\n{text_table(header, lines, words=words)}"

    __repr__ = __str__


def front(
    candidates: Mapping[str, Sequence[Any] | Array], *, costs: str | Sequence[str], score: str, lowest: bool = False
) -> Front:
    """The candidates that no other beats: none is at most as costly in every one of ``costs`` and has a better score.

    ``candidates`` has columns (n,) by name, numbers for ``costs`` and ``score``, anything for the rest: models that were
    measured, subnets of one model, settings with a forecast. ``lowest`` says that a low score is good, as for a loss. Of
    equals the first stays. Several costs leave more candidates: with many nearly all of them. The front takes scores as
    they are, so it collects the lucky ones: where noise is as large as the steps between neighbours, the best at a
    budget is too good, and what lies close below is as good. Raises :class:`DataError` for columns that are missing or
    of different lengths, and for costs and scores that are not finite.

    >>> models = {"model": ["a", "b", "c", "d"], "gmacs": [1.0, 2.0, 2.5, 4.0], "accuracy": [0.70, 0.76, 0.74, 0.80]}
    >>> found = front(models, costs="gmacs", score="accuracy")
    >>> found["model"].tolist()
    ['a', 'b', 'd']
    """
    names = (costs,) if isinstance(costs, str) else tuple(costs)
    table = _columns(candidates, (*names, score))
    sign = 1.0 if lowest else -1.0
    values = np.stack([*(table[name] for name in names), sign * table[score]], axis=1)
    order = np.lexsort(values.T[::-1])  # by the first cost, then the next; whoever beats a candidate stands before it
    kept = order[_unbeaten(values[order])]
    return Front(table, names, score, lowest, kept)


def _columns(candidates: Mapping[str, Any], needed: tuple[str, ...]) -> dict[str, Array]:
    """The candidates as arrays of one length, numbers where they are compared; else ``DataError``."""
    if missing := [name for name in needed if name not in candidates]:
        advice = f"They have: {', '.join(candidates)}"
        raise DataError("missing-column", f"the candidates have no {missing[0]!r}", advice=advice)
    table = {name: np.asarray(column) for name, column in candidates.items()}
    length = len(table[needed[0]]) if table[needed[0]].ndim == 1 else 0
    for name, column in table.items():
        if column.shape != (length,) or not length:
            message = f"{name} has shape {column.shape} and {needed[0]} has {table[needed[0]].shape}"
            raise DataError("bad-candidates", message, advice="Give columns of one length, with at least one row")
    for name in needed:
        try:
            table[name] = table[name].astype(float)
        except ValueError:
            message = f"{name} holds words, and costs and scores are numbers"
            raise DataError("bad-candidates", message, advice="Name another column") from None
        if not np.isfinite(table[name]).all():
            row = int(np.flatnonzero(~np.isfinite(table[name]))[0])
            raise DataError("bad-cell", "the value is missing or infinite", advice="Leave it out", row=row, column=name)
    return table


def _unbeaten(values: Array) -> Array:
    """Which rows of (n, k) no other is at most in all columns: sorted, so that only rows before one can beat it."""
    if values.shape[1] == 2:
        least = np.minimum.accumulate(values[:, 1])
        return np.append(True, values[1:, 1] < least[:-1])
    kept = np.zeros(len(values), bool)
    for i, row in enumerate(values):
        kept[i] = not (values[:i][kept[:i]] <= row).all(axis=1).any()
    return kept


def _shown(value: Any) -> str:
    return format_quantity(float(value)) if isinstance(value, float) else str(value)
