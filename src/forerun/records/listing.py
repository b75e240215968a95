"""Outcomes as text and as JSON: what `forerun reproduce` prints."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from textwrap import shorten, wrap
from typing import Any

from forerun.fitting.forecast import plain
from forerun.note import text_table
from forerun.records.checking import AGREES, DIFFERS, KNOWN, NO_TABLE, SHOWN, VERDICTS, Outcome

WIDTH = 120
HEADER = ("  record", "what", "got", "published", "apart", "agrees")
ADVICE = "Set FORERUN_DATA_DIR to a folder that has the tables; see `forerun datasets list`"


def outcomes_text(outcomes: Sequence[Outcome]) -> str:
    """The outcomes group by group, what is known to differ with its reason, and counts in the last line.

    >>> from forerun import records
    >>> print(outcomes_text(records.check_all(["kaplan-n-section-3-1"])).splitlines()[-1])
    1 record: 1 agrees, 0 differs, 0 not reproduced, 0 shown only, 0 no table here
    """
    parts = []
    for group, members in groupby(outcomes, key=lambda o: o.record.study.group):
        some = list(members)
        cells = [[f"  {o.record.id}", o.record.what, *_numbers(o), _word(o)] for o in some]
        taken = 10 + sum(max(len(row[i]) for row in (HEADER, *cells)) for i in (0, 2, 3, 4, 5))
        cells = [
            [name, shorten(what, max(WIDTH - taken, 24), placeholder=" ..."), *rest] for name, what, *rest in cells
        ]
        table = text_table(HEADER, cells, words=("what", "agrees"))
        parts.append("\n".join([group, table, *_reasons(some)]))
    if any(o.verdict == NO_TABLE for o in outcomes):
        parts.append("\n".join(wrap(ADVICE, WIDTH)))
    return "\n\n".join([*parts, _counted(outcomes)])


def outcome_item(outcome: Outcome) -> dict[str, Any]:
    """The outcome under the keys of the JSON schema ``reproduce``; numbers that are not there are null.

    >>> from forerun import records
    >>> outcome_item(records.check(records.get("kaplan-n-section-3-1")))["agrees"]
    True
    """
    record, study = outcome.record, outcome.record.study
    return {
        "id": record.id,
        "group": study.group,
        "table": study.table or None,
        "law": study.law or None,
        "what": record.what,
        "ask": {k: _jsonable(v) for k, v in record.ask.items()},
        "got": None if outcome.got is None else plain(outcome.got),
        "interval": None if outcome.limits is None else [plain(x) for x in outcome.limits],
        "expected": record.expected,
        "difference": None if outcome.difference is None else plain(outcome.difference),
        "digits": outcome.digits,
        "tolerance": {"kind": record.tolerance.kind, "size": record.tolerance.size},
        "source": record.source,
        "status": record.status,
        "asserted": record.asserted,
        "agrees": None if outcome.verdict in (NO_TABLE, SHOWN) else outcome.verdict == AGREES,
        "verdict": outcome.verdict,
        "reason": record.reason,
    }


def to_dict(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The answer of `forerun reproduce --json`.

    >>> to_dict([])["counts"]["agrees"]
    0
    """
    return {"schema": 1, "items": [outcome_item(o) for o in outcomes], "counts": _counts(outcomes)}


def _counts(outcomes: Sequence[Outcome]) -> dict[str, int]:
    return {verdict: sum(o.verdict == verdict for o in outcomes) for verdict in VERDICTS}


def _counted(outcomes: Sequence[Outcome]) -> str:
    counted = ", ".join(f"{count} {verdict}" for verdict, count in _counts(outcomes).items())
    return f"{len(outcomes)} record{'' if len(outcomes) == 1 else 's'}: {counted}"


def _numbers(outcome: Outcome) -> list[str]:
    """What came out, to two digits more than are asserted, what was expected, and how far apart they are."""
    expected = f"{outcome.record.expected:.10g}"
    if outcome.got is None or outcome.difference is None:
        return ["-", expected, "-"]
    tolerance = outcome.record.tolerance
    digits = int(tolerance.size) + 1 if tolerance.kind == "digits" else 4
    return [f"{outcome.got:.{min(digits, 9)}g}", expected, f"{outcome.difference:+.0e}" if outcome.difference else "0"]


def _word(outcome: Outcome) -> str:
    """The verdict in a word; ``inside``: the published number lies in the interval of ours."""
    if outcome.verdict == AGREES:
        return "inside" if outcome.record.tolerance.kind == "interval" else "yes"
    return {DIFFERS: "NO", KNOWN: "known no", SHOWN: "shown", NO_TABLE: "no table"}[outcome.verdict]


def _reasons(outcomes: Sequence[Outcome]) -> list[str]:
    """Why records are not reproduced: neighbours with one reason together."""
    some = [o for o in outcomes if o.verdict == KNOWN]
    lines = []
    for reason, members in groupby(some, key=lambda o: o.record.reason):
        text = f"{', '.join(o.record.id for o in members)}: {reason}"
        lines += wrap(text, WIDTH, initial_indent="    ", subsequent_indent="      ", break_on_hyphens=False)
    return ["  not reproduced", *lines] if lines else []


def _jsonable(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
