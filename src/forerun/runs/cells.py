"""One cell of a table: what counts as missing, how numbers and words are read, and how a cell is shown in a message."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from forerun.units import parse_quantity

Array = np.ndarray
MISSING = frozenset({"", "nan", "none", "null", "na", "n/a", "<na>", "nat"})
SHOWN = 40  # characters of a cell or a name in a message
_WHOLE = re.compile(r"([+-]?\d+)\.0+")


def is_missing(text: str) -> bool:
    """Whether a cell of text says that there is no value.

    >>> is_missing(" NA "), is_missing("0")
    (True, False)
    """
    return text.strip().lower() in MISSING


def shown(value: Any) -> str:
    """A cell or a name as messages quote it: on one line, cut where it is long.

    >>> shown("7 apples")
    "'7 apples'"
    """
    text = repr(value if isinstance(value, str) else str(value))
    return text if len(text) <= SHOWN + 2 else text[:SHOWN] + "..." + text[0]


def word(value: Any) -> str:
    """A label: text as it stands, whole numbers without a decimal point, nothing for what is missing.

    >>> word(3.0), word(20240101), word(" a "), word(None)
    ('3', '20240101', 'a', '')
    """
    if isinstance(value, str):
        text = value.strip()
        whole = _WHOLE.fullmatch(text)
        return whole[1] if whole else text
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return ""
    if isinstance(value, float | np.floating):
        number = float(value)
        if np.isnan(number):
            return ""
        return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
    try:
        return str(value).strip()
    except ValueError:  # an integer of more digits than Python prints
        return "inf"


def column(values: Sequence[Any], *, words: bool = False) -> Array:
    """Values of one column, (n,): float where all are numbers or missing, else text; always text for ``words``."""
    if not words and all(v is None or _is_number(v) for v in values):
        return np.array([np.nan if v is None else _float(v) for v in values], float)
    out = np.empty(len(values), object)
    out[:] = [word(v) for v in values]
    return out


def text_column(cells: Sequence[str], *, words: bool = False) -> Array:
    """Cells of text as one column, (n,): float where all are plain numbers or empty, else the text."""
    if not words:
        try:
            return np.array([c or "nan" for c in cells], dtype=float)
        except ValueError:
            pass
    out = np.empty(len(cells), object)
    out[:] = [c.strip() for c in cells]
    return out


def numbers(cells: Array) -> tuple[Array, int | None]:
    """The numbers (n,) that cells of text hold, NaN where missing; and where the first cell is that holds none."""
    out = np.full(len(cells), np.nan)
    for i, cell in enumerate(cells.tolist()):
        if is_missing(cell):
            continue
        try:
            out[i] = float(cell) if "inf" in cell.lower() else parse_quantity(cell)
        except ValueError:
            return out, i
    return out, None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer beyond 1e308
        return np.inf if value > 0 else -np.inf
