"""`reconcile`: which convention moves the exponent of the best size by how much, one switch after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from forerun.fitting.allocation import Interval, IsoFlop
from forerun.fitting.forecast import interval, plain
from forerun.fitting.isoflop import isoflop
from forerun.fitting.uncertainty import check_kind
from forerun.note import DataError, Note, note_lines, text_table
from forerun.runs import Runs

Array = np.ndarray


@dataclass(frozen=True)
class Shift:
    """A change of the exponent with its interval (None without draws), and whether that leaves its sign in doubt."""

    value: float
    limits: Interval | None

    @property
    def decided(self) -> bool:
        """Whether the interval lies on one side of zero."""
        return self.limits is not None and self.limits[0] * self.limits[1] > 0

    def to_dict(self) -> dict[str, Any]:
        """The shift as JSON has it."""
        limits = None if self.limits is None else [plain(x) for x in self.limits]
        return {"value": self.value, "interval": limits, "decided": self.decided}


@dataclass(frozen=True)
class Step:
    """One table on the way: the exponent of its best size, and the shift against the table before it (None for the first)."""

    name: str
    runs: int
    exponent: float
    limits: Interval | None
    shift: Shift | None
    found: IsoFlop = field(repr=False, compare=False)


@dataclass(frozen=True, repr=False)
class Reconciliation:
    """How the exponent a of N* ~ C^a moves from table to table. Get one from :func:`forerun.reconcile`.

    ``total`` is the shift from the first to the last; ``largest`` names the step with the largest shift, and
    ``largest_share`` is the share of draws in which it is the largest (None without draws).
    """

    steps: tuple[Step, ...]
    total: Shift
    largest: str
    largest_share: float | None
    method: str
    level: float
    notes: tuple[Note, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Steps, shifts and notes as JSON has them."""
        return {
            "schema": 1,
            "quantity": "exponent of the best N in C",
            "method": self.method,
            "level": self.level,
            "steps": [
                {
                    "name": s.name,
                    "runs": s.runs,
                    "exponent": s.exponent,
                    "interval": None if s.limits is None else [plain(x) for x in s.limits],
                    "shift": None if s.shift is None else s.shift.to_dict(),
                }
                for s in self.steps
            ],
            "total": self.total.to_dict(),
            "largest": self.largest,
            "largest_share": self.largest_share,
            "notes": [n.to_dict() for n in self.notes],
        }

    def __str__(self) -> str:
        share = f"{self.level:.0%}"
        rows = [[s.name, str(s.runs), f"{s.exponent:.3f}", _span(s.limits, ""), *_shown(s.shift)] for s in self.steps]
        lines = [
            f"exponent a of best N ~ C^a by {self.method}, from {self.steps[0].name} to {self.steps[-1].name}",
            "",
            text_table(["switched to", "runs", "a", share, "shift", share, "decided"], rows, words=("decided",)),
            "",
            f"altogether {self.total.value:+.3f} ({share} interval {_span(self.total.limits, '+')})",
        ]
        sure = "" if self.largest_share is None else f" (in {self.largest_share:.0%} of the draws)"
        lines.append(f"largest shift: {self.largest}{sure}")
        return "\n".join([*lines, *(["", "notes"] if self.notes else []), *note_lines(self.notes)])

    __repr__ = __str__


def reconcile(
    tables: Mapping[str, Runs], *, method: str = "akima", draws: int = 1000, level: float = 0.9, seed: int = 0
) -> Reconciliation:
    """How the compute-optimal exponent moves as conventions are switched one after the other.

    ``tables`` are runs on compute budgets by name, in order, each the one before it with one convention changed: what N
    and C count, the warm-up, the decay, whether runs were tuned. Each goes through :func:`forerun.isoflop` with
    ``method`` (interpolation by default, because parabolas are biased on grids that one of the conventions puts off
    centre). The draws of the tables are independent of each other, so that the interval of a shift is too wide where
    the same runs are only counted in another way. A shift is decided where its interval does not hold zero.

    Order matters: another one gives the same total and other steps. That one convention changes at a time is yours to
    see to. Raises :class:`DataError` for fewer than two tables, and where a table shows too few optima. The question
    and its first answer: Porian et al. 2024, arXiv:2406.19146.

    >>> import forerun as fr, numpy as np
    >>> budget, size = np.meshgrid([1e18, 1e19, 1e20, 1e21], np.linspace(-0.6, 0.6, 9))
    >>> def table(exponent):
    ...     n = 0.1 * budget**exponent * 10**size
    ...     columns = {"N": n, "C": budget, "loss": 2 + size**2 + 0.01 * np.random.default_rng(0).normal(size=n.shape)}
    ...     return fr.read_runs({name: values.ravel() for name, values in columns.items()}, C="C")
    >>> found = fr.reconcile({"first": table(0.7), "second": table(0.5)})
    >>> round(found.total.value, 2), found.total.decided, found.largest
    (-0.2, True, 'second')
    """
    check_kind("bootstrap", "row", draws, level)
    if len(tables) < 2:
        raise DataError("bad-value", f"a way needs two tables or more, received {len(tables)}",
                        advice='Give them in order, reconcile({"Kaplan": runs, "Chinchilla": others})')  # fmt: skip
    found = {
        name: isoflop(runs, method=method, draws=draws, level=level, seed=seed + place)
        for place, (name, runs) in enumerate(tables.items())
    }
    slopes = [(f.scaling["N"].exponent, f.scaling["N"].lines[:, 1]) for f in found.values()]
    shifts = [_shift(*pair, level) for pair in pairwise(slopes)]
    steps = tuple(
        Step(name, len(runs), f.scaling["N"].exponent, f.scaling["N"].exponent_interval, shift, f)
        for (name, runs), f, shift in zip(tables.items(), found.values(), [None, *shifts])
    )
    names = list(tables)[1:]
    place = int(np.argmax([abs(s.value) for s in shifts]))
    few = min(len(samples) for _, samples in slopes)
    moves = np.abs(np.diff([samples[:few] for _, samples in slopes], axis=0))
    sure = float((moves.argmax(0) == place).mean()) if few else None
    total = _shift(slopes[0], slopes[-1], level)
    return Reconciliation(steps, total, names[place], sure, method, level, _doubts(found))


def _shift(one: tuple[float, Array], two: tuple[float, Array], level: float) -> Shift:
    """From one exponent with its draws to another."""
    few = min(len(one[1]), len(two[1]))
    value = two[0] - one[0]
    if not few:
        return Shift(value, None)
    low, high = interval(two[1][:few] - one[1][:few], level)
    return Shift(value, (float(low), float(high)))


def _doubts(found: Mapping[str, IsoFlop]) -> tuple[Note, ...]:
    """Warnings and errors of the tables, each under the name of its table."""
    return tuple(
        Note(n.code, n.severity, f"{name}: {n.message}", n.evidence, n.advice)
        for name, one in found.items() for n in one.notes if n.severity != "info"
    )  # fmt: skip


def _shown(shift: Shift | None) -> list[str]:
    if shift is None:
        return ["-", "-", ""]
    return [f"{shift.value:+.3f}", _span(shift.limits, "+"), "yes" if shift.decided else "no"]


def _span(limits: Interval | None, sign: str) -> str:
    return "no draws" if limits is None else f"{limits[0]:{sign}.3f} to {limits[1]:{sign}.3f}"
