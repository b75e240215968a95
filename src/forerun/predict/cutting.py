"""Where a table of runs is cut in two for a back-test: what stays, what is hidden, and how far out it lies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from forerun.fitting.observations import outcome
from forerun.laws import Law
from forerun.note import DataError
from forerun.runs import Runs
from forerun.units import format_quantity

Array = np.ndarray
AXES = ("C", "D", "x", "N", "step")  # tried in this order where none is named
ROWS_PER_PARAMETER = 2


@dataclass(frozen=True)
class Split:
    """One way to hide part of n runs: ``keep`` (n,) are fitted, the rest is hidden and lies ``distance`` (h,) decades outside."""

    label: float | str
    keep: Array
    distance: Array

    @property
    def place(self) -> str:
        """Where the cut is, as a person reads it."""
        return self.label if isinstance(self.label, str) else format_quantity(self.label, 4)

    @property
    def hidden(self) -> Array:
        """Indices of the hidden runs, (h,), in the order of ``distance``."""
        return np.flatnonzero(~self.keep)


def axis_of(runs: Runs, axis: str | None = None) -> str:
    """The role along which ``runs`` are cut: ``axis``, else the first of C, D, x, N, step that changes in them."""
    if axis is None:
        axis = next((role for role in AXES if role in runs and np.ptp(runs[role]) > 0), None)
        if axis is None:
            raise DataError(
                "no-axis", "the runs have none of the columns C, D, x, N, step that change", advice="Name one with axis"
            )
    values = runs[axis]
    if values.dtype == object or not (values > 0).all() or np.ptp(values) == 0:
        raise DataError(
            "bad-axis", f"{axis} cannot order the runs: it must be positive and change", advice="Use C, N, D, x or step"
        )
    return axis


def cuts_by_size(runs: Runs, axis: str, wanted: int | Sequence[float], needed: int) -> list[Split]:
    """Cuts that leave at least ``needed`` runs to fit: at given places, or up to a number of them.

    A number of cuts is evenly spread in the logarithm of the axis. Raises :class:`DataError` for a given place that
    leaves too few runs below it, or none above.
    """
    values = runs[axis]
    if isinstance(wanted, int | float):
        levels = np.array(sorted(set(values.tolist())))
        fitting = [level for level in levels[1:] if (values < level).sum() >= needed]
        if not fitting:
            return []
        logs = np.log(np.array(fitting))
        places = [
            fitting[int(np.abs(logs - np.log(w)).argmin())] for w in np.geomspace(fitting[0], fitting[-1], wanted)
        ]
    else:
        places = sorted(wanted)
        for place in places:
            below = int((values < place).sum())
            if below < needed or below == len(runs):
                message = f"a cut at {axis} = {place:g} leaves {below} of {len(runs)} runs to fit"
                advice = f"At least {needed} are needed, and one to predict; the runs have {axis} {values.min():g} to {values.max():g}"
                raise DataError("too-few-runs", message, advice=advice)
    return [
        Split(float(c), values < c, np.log10(values[values >= c] / values[values < c].max()))
        for c in dict.fromkeys(places)
    ]


def cuts_by_label(law: Law, runs: Runs, role: str, needed: int) -> Iterator[Split]:
    """One cut for each label of a column: its runs are hidden, as far out as they lie outside the ranges of the others."""
    labels = runs[role]
    if labels.dtype != object:
        raise DataError("bad-axis", f"{role} is a number, not a label", advice="leave_out takes for example family")
    for label in dict.fromkeys(labels.tolist()):
        keep = labels != label
        if keep.sum() >= needed:
            yield Split(str(label), keep, _outside(runs, keep, _scales(law, runs)))


def nearest_errors(law: Law, runs: Runs, split: Split) -> Array:
    """Relative error of taking for each hidden run the outcome of the kept run that is nearest in its inputs, (h,).

    Infinite where the hidden outcome is not above zero.
    """
    below, hidden = runs.where(split.keep), runs.where(~split.keep)
    gaps = np.zeros((len(hidden), len(below)))
    for role in _scales(law, runs):
        gaps += np.abs(np.log(hidden[role][:, None] / below[role][None, :]))
    guess, observed = outcome(law, below)[0][gaps.argmin(axis=1)], outcome(law, hidden)[0]
    some = observed > 0
    return np.where(some, guess / np.where(some, observed, 1.0) - 1.0, np.inf)


def _scales(law: Law, runs: Runs) -> list[str]:
    """The inputs of the law and the compute, as far as they are positive numbers."""
    roles = [r for r in dict.fromkeys((*law.inputs, "N", "D", "C")) if r in runs and runs[r].dtype.kind == "f"]
    return [role for role in roles if (runs[role] > 0).all()]


def _outside(runs: Runs, keep: Array, roles: list[str]) -> Array:
    """How far each hidden run lies outside the ranges of the others, in decades: (h,)."""
    most = np.zeros(int((~keep).sum()))
    for role in roles:
        logs = np.log10(runs[role])
        most = np.maximum(most, np.maximum(logs[~keep] - logs[keep].max(), logs[keep].min() - logs[~keep]))
    return most
