"""Conditions on rows: ``params > 1e8 and dataset == c4``, how they are read, and how an advice writes one that works."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from forerun.note import DataError, nearest
from forerun.runs.cells import is_missing, numbers, shown
from forerun.units import format_quantity, parse_quantity

if TYPE_CHECKING:
    from forerun.runs.table import Runs

Array = np.ndarray
_QUOTED = r"\"[^\"]*\"|`[^`]*`|'[^']*'"
_CLAUSE = re.compile(rf"\s*({_QUOTED}|.+?)\s*(==|!=|<=|>=|<|>|\bis\s+missing\b)\s*(.*?)\s*")
_AND = re.compile(rf"(?<![^\s=<>!])(?:{_QUOTED})|\band\b")
_PLAIN = re.compile(r"(?!')[^\s\"`<>=!]+( (?!')[^\s\"`<>=!]+)*")
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "==": np.equal, "!=": np.not_equal, "<": np.less, ">": np.greater, "<=": np.less_equal, ">=": np.greater_equal,
}  # fmt: skip
FORMS = 'Write it as "COLUMN > 1e8", "COLUMN == text" or "COLUMN is missing"'


def satisfied(runs: Runs, condition: str) -> Array:
    """Booleans (n,): the rows of ``runs`` for which every clause of ``condition`` holds.

    A column is named by name or by role, in quotes or backticks where its name holds spaces, signs or the word ``and``.
    Cells such as ``70B`` compare as numbers. Raises ``DataError`` for what cannot be read or compared.
    """
    return np.logical_and.reduce([_clause(runs, clause) for clause in _clauses(condition)])


def described(runs: Runs, condition: str) -> str:
    """One sentence on the values of the first column of ``condition``: why no row was left."""
    name, values = _find(runs, _parts(next(_clauses(condition)))[0])
    if values.dtype.kind == "f" and np.isfinite(values).any():
        low, high = np.nanmin(values), np.nanmax(values)
        return f"{shown(name)} goes from {format_quantity(float(low))} to {format_quantity(float(high))}"
    kinds = list(dict.fromkeys(map(str, values.tolist())))
    return f"{shown(name)} holds {', '.join(map(shown, kinds[:4]))}{', ...' if len(kinds) > 4 else ''}"


def flag(option: str, name: str, rest: str, value: str | None = None) -> str | None:
    """``--drop 'name rest value'`` as it can be pasted into a shell; None where no such text would be read back.

    >>> flag("--drop", "val loss", "is missing")
    "--drop 'val loss is missing'"
    >>> flag("--drop", "a and b", "==", "x<y")
    '--drop \\'"a and b" == "x<y"\\''
    """
    parts = [_quote(name), rest, *([] if value is None else [_quote(value)])]
    if None in parts or len(name) + len(value or "") > 80:
        return None
    text = " ".join(map(str, parts))
    simple = "'" in text and not set(text) & set('"$`\\!')
    return f"{option} " + (f'"{text}"' if simple else shlex.quote(text))


def did_you(name: str, known: Iterable[str]) -> str:
    """The columns that were meant, perhaps: those with the nearest names, else those that there are."""
    names = list(known)
    near = nearest(name, names) or nearest(name.lower(), [n.lower() for n in names])
    near = [n for n in names if n in near or n.lower() in near]
    listed = near or names
    more = f" and {len(listed) - 5} more" if len(listed) > 5 else ""
    return f"{'Nearest' if near else 'The table has'}: {', '.join(map(shown, listed[:5]))}{more}"


def _quote(text: str) -> str | None:
    if not text.isprintable() or text != text.strip() or not text:
        return None
    if _PLAIN.fullmatch(text) and not re.search(r"\band\b|\bis\s+missing\b", text):
        return text
    return next((f"{mark}{text}{mark}" for mark in "\"`'" if mark not in text), None)


def _clauses(condition: str) -> Iterator[str]:
    start = 0
    for match in _AND.finditer(condition):
        if match[0] == "and":
            yield condition[start : match.start()]
            start = match.end()
    yield condition[start:]


def _parts(clause: str) -> tuple[str, str, str]:
    match = _CLAUSE.fullmatch(clause)
    if match is None or (match[2].startswith("is")) == bool(match[3]):
        raise DataError("bad-condition", f"cannot read the condition {shown(clause.strip())}", advice=FORMS)
    return match[1], match[2], match[3]


def _bare(text: str) -> str:
    return text[1:-1] if re.fullmatch(_QUOTED, text) else text


def _find(runs: Runs, token: str) -> tuple[str, Array]:
    """The column that a clause names: as it stands, without its quotes, by role, or with its spaces run together."""
    for name in (token, _bare(token)):
        if name in runs.columns:
            return name, runs.columns[name]
        if name in runs:
            return name, runs[name]
    name = _bare(token)
    alike = [c for c in runs.columns if " ".join(c.split()) == " ".join(name.split())]
    if len(alike) == 1:
        return alike[0], runs.columns[alike[0]]
    raise DataError("unknown-column", f"there is no column {shown(name)}", advice=did_you(name, runs.columns))


def _clause(runs: Runs, clause: str) -> Array:
    token, operator, text = _parts(clause)
    name, values = _find(runs, token)
    if operator.startswith("is"):
        return np.isnan(values) if values.dtype.kind == "f" else np.array([is_missing(v) for v in values], bool)
    text = _bare(text)
    if values.dtype.kind == "f":
        return np.asarray(_COMPARE[operator](values, _number(name, text)))
    found, bad = numbers(values)
    if bad is None and not np.isnan(found).all():
        try:
            return np.asarray(_COMPARE[operator](found, parse_quantity(text)))
        except ValueError:
            pass  # a word, compared as such below
    if operator in ("==", "!="):
        return np.asarray(_COMPARE[operator](np.array([str(v) for v in values]), text))
    if bad is None:
        _number(name, text)
    i = bad or 0
    if all(numbers(values[k : k + 1])[1] == 0 for k in range(min(len(values), 100))):
        raise DataError("bad-condition", f"column {shown(name)} holds text, which {operator} cannot compare",
                        advice="Use == or !=", column=name)  # fmt: skip
    raise DataError(
        "bad-condition", f"received {shown(values[i])}, which {operator} cannot compare with a number",
        advice=f"Correct it, or put {flag('--where', name, '!=', values[i]) or 'a condition'} before this one",
        row=int(runs.rows[i]), column=name,
    )  # fmt: skip


def _number(name: str, text: str) -> float:
    try:
        return float(text) if "inf" in text.lower() else parse_quantity(text)
    except ValueError:
        raise DataError(
            "bad-condition", f"column {shown(name)} holds numbers and is compared with {shown(text)}",
            advice="Write a number such as 7e9, 70B or 1.4T",
        ) from None  # fmt: skip
