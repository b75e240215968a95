"""The records that ship: each a number that somebody printed, where it comes from, and how it is asked for again.

A file ``<group>.toml`` beside this one holds ``[[study]]`` tables (one table of runs with one law and its settings, so
that it is fitted once) with their ``[[study.record]]`` tables. The checks of ``laws/published/*.toml`` are records too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any

from forerun import laws
from forerun.note import DataError, nearest

STATUSES = {
    "published": "printed in the source, or in a file that its authors released",
    "recomputed": "computed from the table by an independent program",
    "memory": "recalled and never compared with a source: shown, not asserted",
    "not-reproduced": "printed or recomputed elsewhere, and not what comes out here, for the reason given",
}
TOLERANCES = ("digits", "relative", "absolute", "interval")


@dataclass(frozen=True)
class Tolerance:
    """How near is near enough: a kind and a number.

    ``digits``: equal when rounded to so many significant digits; ``relative`` and ``absolute``: at most so far apart;
    ``interval``: the interval of the answer holds the expected number and is not wider than this.

    >>> Tolerance("digits", 3).holds(0.36718, 0.367), Tolerance("digits", 4).holds(0.36718, 0.3671)
    (True, False)
    """

    kind: str
    size: float

    def holds(self, got: float, expected: float, limits: tuple[float, float] | None = None) -> bool:
        """Whether ``got`` is as near to ``expected`` as this asks."""
        if self.kind == "interval":
            return limits is not None and limits[0] <= expected <= limits[1] and limits[1] - limits[0] <= self.size
        if self.kind == "digits":
            last = 10.0 ** (math.floor(math.log10(abs(expected))) - self.size + 1)
            allowed = 0.5 * last
        else:
            allowed = self.size * (abs(expected) if self.kind == "relative" else 1.0)
        return abs(got - expected) <= allowed * (1.0 + 1e-9)

    def __str__(self) -> str:
        plain = {"digits": f"{self.size:g} digits", "relative": f"{self.size:.2g} relative"}
        return plain.get(self.kind) or f"{'within' if self.kind == 'absolute' else 'interval up to'} {self.size:g}"


@dataclass(frozen=True, eq=False)
class Study:
    """What is computed once for all of its records: a table, how it is read, and what is made of it.

    ``table`` names a public table (empty: no table, the coefficients ``set`` of the law are used as they are); ``roles``,
    ``where``, ``drop``, ``final``, ``N_counts`` and ``loss_unit`` are those of :func:`forerun.read_runs`, ``outliers``
    is ``"rule:count"``. Rows that meet one of the conditions ``fitted`` are fitted (all if there is none), those that meet
    one of ``held`` are held out; ``each`` names the columns whose values part the table into one fit each; ``prepare``
    names steps of :mod:`forerun.records.preparing` that the fitted rows go through.
    ``law`` with ``objective`` is fitted (``draws`` of the bootstrap, 0 for none), or ``isoflop`` has the settings of
    :func:`forerun.isoflop`.
    """

    group: str
    table: str = ""
    roles: Mapping[str, Any] = field(default_factory=dict)
    where: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    final: bool = False
    N_counts: str | None = None
    loss_unit: str | None = None
    outliers: str = ""
    fitted: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    each: tuple[str, ...] = ()
    prepare: tuple[str, ...] = ()
    law: str = ""
    set: str = ""
    objective: str = "huber"
    draws: int = 0
    isoflop: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """One number that can be computed again.

    ``ask`` is a question of :mod:`forerun.records.questions` with its details, ``over`` how the answers of several fits
    become one (``mean`` or ``median``). ``source`` says where ``expected`` stands, ``status`` is a key of ``STATUSES``,
    ``reason`` says why a number is not reproduced, or why the tolerance is what it is.

    >>> record = get("epoch-huber-beta")
    >>> record.study.table, record.study.law, str(record.tolerance), record.asserted
    ('chinchilla_epoch245', 'chinchilla', '6 digits', True)
    """

    id: str
    what: str
    study: Study
    ask: Mapping[str, Any]
    expected: float
    tolerance: Tolerance
    source: str
    status: str
    over: str = ""
    reason: str = ""

    @property
    def asserted(self) -> bool:
        """Whether a difference is a failure."""
        return self.status in ("published", "recomputed")


def names() -> list[str]:
    """Names of all records, group by group, in the order in which they are printed.

    >>> "gadre-held-out-error" in names()
    True
    """
    return list(_records())


def get(name: str) -> Record:
    """The record of that name; ``DataError`` with the nearest names when there is none. Nothing is computed.

    >>> get("epoch-huber-beta").status
    'recomputed'
    """
    found = _records()
    if name not in found:
        near = ", ".join(nearest(name, found))
        advice = f"Nearest: {near}" if near else "See them all with `forerun reproduce`"
        raise DataError("unknown-record", f"there is no record {name!r}", advice=advice)
    return found[name]


@cache
def _records() -> dict[str, Record]:
    import tomllib
    from importlib.resources import files

    found: dict[str, Record] = {}
    for page in sorted(files("forerun.records").iterdir(), key=lambda page: page.name):
        if page.name.endswith(".toml"):
            for entry in tomllib.loads(page.read_text(encoding="utf-8"))["study"]:
                for record in from_toml(page.name.removesuffix(".toml"), entry):
                    if found.setdefault(record.id, record) is not record:
                        raise ValueError(f"{page.name} has a second record {record.id!r}")
    return found | {record.id: record for record in _of_coefficients()}


def from_toml(group: str, entry: Mapping[str, Any]) -> Iterator[Record]:
    """The records of one ``[[study]]``; ``source`` and ``status`` of the study hold where a record has none.

    >>> study = {"law": "kaplan-n", "set": "section 3", "source": "us", "status": "memory"}
    >>> record = {"id": "a", "what": "b", "ask": {"value": "alpha_N"}, "expected": 0.076, "digits": 2}
    >>> [r.status for r in from_toml("own", {**study, "record": [record]})]
    ['memory']
    """
    known = {f.name for f in fields(Study)}
    settings: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items() if k in known}
    common = {k: entry[k] for k in ("source", "status", "over", "reason") if k in entry}
    if unknown := set(entry) - known - set(common) - {"record"}:
        raise ValueError(f"group {group}: a study has no {sorted(unknown)}")
    study = Study(group, **settings)
    for item in entry["record"]:
        given = {**common, **item}
        kinds = [kind for kind in TOLERANCES if kind in given]
        if len(kinds) != 1:
            raise ValueError(f"record {item['id']}: one tolerance of {', '.join(TOLERANCES)} is needed, not {kinds}")
        yield Record(study=study, tolerance=Tolerance(kinds[0], given.pop(kinds[0])), **given)


def _of_coefficients() -> Iterator[Record]:
    """The checks that stand with published coefficients, as records; a set that nobody verified is memory."""
    for name in laws.names():
        for one in laws.get(name).published:
            study = Study("published coefficients", law=name, set=one.name)
            for number, check in enumerate(one.checks, 1):
                ask = {k: check[k] for k in ("at", "ratio", "flops", "quantity") if k in check}
                yield Record(
                    "-".join(f"{name} {one.name} {number}".split()), check["what"], study, ask, check["published"],
                    Tolerance("relative", check["rel_tol"]), one.source, "published" if one.verified else "memory",
                )  # fmt: skip
