"""Records, checked: what comes out now, beside what was published."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean, median

from forerun.records.questions import Answer, answer
from forerun.records.registry import Record, Study, get, names
from forerun.records.solving import Solved, here, solve

AGREES, DIFFERS, KNOWN, SHOWN, NO_TABLE = "agrees", "differs", "not reproduced", "shown only", "no table here"
VERDICTS = (AGREES, DIFFERS, KNOWN, SHOWN, NO_TABLE)
MOST_DIGITS = 12
Cache = dict[Study, tuple[Solved, ...]]


@dataclass(frozen=True)
class Outcome:
    """A record and what came out of it: ``got`` (None where the table is not here), its interval, and the verdict.

    Only ``"differs"`` is a failure: ``"not reproduced"`` is a difference that is known and explained, ``"shown only"``
    a number that nobody compared with a source, and ``"no table here"`` was not computed.
    """

    record: Record
    got: float | None
    limits: tuple[float, float] | None
    verdict: str

    @property
    def difference(self) -> float | None:
        """``got`` relative to what was expected, minus one."""
        return None if self.got is None else self.got / self.record.expected - 1.0

    @property
    def digits(self) -> int | None:
        """Leading digits in which both agree: the relative difference is below half a unit of the last of them."""
        if self.difference is None:
            return None
        apart = 2.0 * abs(self.difference)
        return MOST_DIGITS if apart < 10.0**-MOST_DIGITS else max(0, math.floor(-math.log10(apart)))


def check(record: Record, cache: Cache | None = None) -> Outcome:
    """What comes out of a record now. A table that is not on this machine is no error; the outcome says so.

    Agreement shows that forerun computes what the source computed, not that the source is right.

    >>> from forerun import records
    >>> outcome = records.check(records.get("kaplan-n-section-3-1"))
    >>> outcome.verdict, round(outcome.got, 4)
    ('agrees', 0.9487)
    """
    if not here(record.study):
        return Outcome(record, None, None, NO_TABLE)
    cache = {} if cache is None else cache
    if record.study not in cache:
        cache[record.study] = solve(record.study)
    found = _reduced([answer(one, record.ask) for one in cache[record.study]], record)
    return Outcome(record, found.value, found.limits, _verdict(record, found))


def check_all(which: Iterable[str] | None = None) -> list[Outcome]:
    """The outcomes of the named records, or of all; records of one study share its fit. All take several seconds.

    >>> [outcome.verdict for outcome in check_all(["kaplan-n-section-3-1"])]
    ['agrees']
    """
    cache: Cache = {}
    return [check(record, cache) for record in [get(name) for name in (names() if which is None else which)]]


def _verdict(record: Record, found: Answer) -> str:
    if record.status == "memory":
        return SHOWN
    holds = record.tolerance.holds(found.value, record.expected, found.limits)
    return AGREES if holds else DIFFERS if record.asserted else KNOWN


def _reduced(found: list[Answer], record: Record) -> Answer:
    if record.over:
        return Answer((fmean if record.over == "mean" else median)([one.value for one in found]))
    if len(found) != 1:
        raise ValueError(f"record {record.id}: {len(found)} fits need over = 'mean' or 'median'")
    return found[0]
