"""`Backtest`: how wrong a law was about runs that it had not seen, against how far outside its runs they lay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forerun.fitting.forecast import plain
from forerun.note import Note, note_lines, text_table
from forerun.units import format_quantity

Array = np.ndarray
FEW_CUTS = 3  # below which nothing is said of how far one may extrapolate


@dataclass(frozen=True)
class Cut:
    """One cut: runs from ``hidden_from`` on (or of one family) were hidden, the rest fitted, the hidden ones predicted.

    ``median_error`` is the median relative error, ``bias`` the median signed one (positive: predicted too high),
    ``absolute_error`` the median distance of predicted and observed in the unit of the outcome,
    ``coverage`` the share of hidden runs inside their interval (None without draws), ``decades`` how far the farthest
    hidden run lies outside the fitted ones, ``nearest_error`` the median error of taking the nearest fitted outcome.
    """

    hidden_from: float | str
    fitted: int
    n: int
    median_error: float
    bias: float
    absolute_error: float
    coverage: float | None
    decades: float
    nearest_error: float
    outcome: str


@dataclass(frozen=True)
class Group:
    """The hidden runs of all cuts that share a value of a column (a family, a data set), scored as in :class:`Cut`."""

    name: str
    n: int
    median_error: float
    bias: float
    absolute_error: float
    coverage: float | None


@dataclass(frozen=True, repr=False)
class Backtest:
    """The cuts of a roll-out, every hidden run's error against its distance, and what follows. See :func:`backtest`.

    ``distance`` (decades outside the fitted runs), ``error`` (log predicted minus log observed) and ``inside`` (whether
    the interval held the run, NaN without) are over all hidden runs of all cuts, (k,). ``horizon`` is how many decades
    outside the runs errors stayed within ``wished`` for a share ``level`` of hidden runs; None where there are too few
    cuts to say. ``groups`` are the scores for each value of the column that ``by`` named. ``share`` says that the
    outcome is a share (a score, an error rate), whose absolute errors the text shows in points, hundredths of it.
    """

    law: str
    axis: str
    cuts: tuple[Cut, ...]
    distance: Array = field(repr=False)
    error: Array = field(repr=False)
    inside: Array = field(repr=False)
    wished: float
    level: float
    horizon: float | None
    verdict: str
    groups: tuple[Group, ...] = ()
    share: bool = False
    notes: tuple[Note, ...] = ()

    @property
    def coverage(self) -> float | None:
        """Share of hidden runs inside their interval, over all cuts."""
        known = self.inside[~np.isnan(self.inside)]
        return float(known.mean()) if len(known) else None

    @property
    def median_error(self) -> float:
        """Median relative error over all hidden runs of all cuts."""
        return float(np.median(np.abs(np.expm1(self.error))))

    def plot(self, *, size: str = "page") -> Any:
        """A matplotlib figure: the error of every hidden run against its distance."""
        from forerun.report import backtest_figure

        return backtest_figure(self, size=size)

    def to_dict(self) -> dict[str, Any]:
        """The keys of the JSON schema ``backtest``."""
        return {
            "schema": 1,
            "law": self.law,
            "axis": self.axis,
            "cuts": [_plain(cut) for cut in self.cuts],
            "groups": [_plain(group) for group in self.groups],
            "median_error": plain(self.median_error),
            "coverage": plain(self.coverage),
            "wished_error": self.wished,
            "level": self.level,
            "horizon": plain(self.horizon),
            "verdict": self.verdict,
            "notes": [n.to_dict() for n in self.notes],
        }

    def __str__(self) -> str:
        header = [
            f"{self.axis} hidden from",
            "fitted",
            "hidden",
            "decades",
            *self._scored,
            "nearest run's",
        ]
        rows = [
            [c.hidden_from if isinstance(c.hidden_from, str) else format_quantity(c.hidden_from), str(c.fitted), str(c.n),
             f"{c.decades:.2f}", *self._scores(c), _percent(c.nearest_error)]
            for c in self.cuts
        ]  # fmt: skip
        lines = [f"back-test of {self.law} over {self.axis}", "", text_table(header, rows), ""]
        if self.groups:
            apart = [[g.name, str(g.n), *self._scores(g)] for g in self.groups]
            lines += [text_table(["of these", "hidden", *self._scored], apart), ""]
        lines.append(self.verdict)
        return "\n".join([*lines, *(["", "notes"] if self.notes else []), *note_lines(self.notes)])

    __repr__ = __str__

    @property
    def _scored(self) -> list[str]:
        return ["median error", "bias", *(["points off"] if self.share else []), "covered"]

    def _scores(self, of: Cut | Group) -> list[str]:
        covered = "-" if of.coverage is None else f"{of.coverage:.0%}"
        points = [f"{100 * of.absolute_error:.1f}"] if self.share else []
        return [_percent(of.median_error), f"{100 * of.bias:+.2f}%", *points, covered]


def _plain(of: Cut | Group) -> dict[str, Any]:
    return {k: v if isinstance(v, str | int) else plain(v) for k, v in vars(of).items()}


def _percent(share: float) -> str:
    return f"{100 * share:.2f}%"


def horizon_of(distance: Array, error: Array, wished: float, level: float, cuts: Sequence[Cut]) -> float | None:
    """How many decades out errors stayed within ``wished`` for a share ``level`` of the hidden runs, from the first on.

    None with fewer than ``FEW_CUTS`` cuts. The runs are looked at in order of distance, a window of them at a time, and the
    first window that fails ends it.
    """
    if len(cuts) < FEW_CUTS:
        return None
    order = np.argsort(distance, kind="stable")
    good = np.abs(np.expm1(error[order])) <= wished
    window = max(5, len(good) // 10)
    reached = 0.0
    for end in range(min(window, len(good)), len(good) + 1):
        if good[max(0, end - window) : end].mean() < level:
            return reached
        reached = float(distance[order][end - 1])
    return reached
