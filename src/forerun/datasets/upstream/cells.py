"""What all converters share: rows of a CSV file in, a CSV table out, and numbers in the digits of the tables."""

from __future__ import annotations

import ast
import csv
import io
import re
from collections.abc import Iterable, Sequence


def records(data: bytes) -> list[dict[str, str]]:
    """The rows of a CSV file by column name."""
    return list(csv.DictReader(io.StringIO(data.decode("utf-8"), newline="")))


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A CSV table as the registered ones are written: commas, line feeds, quotes only where they are needed."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8")


def digits(cell: str, count: int) -> str:
    """A number with ``count`` significant digits; an empty cell stays empty.

    >>> digits("0.2514285714285714", 8), digits("12800000000.0", 8), digits("", 8)
    ('0.25142857', '1.28e+10', '')
    """
    return f"{float(cell):.{count}g}" if cell else ""


def literal(source: str, name: str) -> list[float]:
    """The list of numbers that a Python file assigns to ``name``, without running it.

    >>> literal("x = np.array([1, 2, 3])", "x")
    [1, 2, 3]
    """
    found = re.search(rf"^{name} = (?:np\.array\()?(\[[^\]]*\])", source, re.MULTILINE)
    if found is None:
        raise ValueError(f"the file assigns no list to {name}")
    numbers: list[float] = ast.literal_eval(found[1])
    return numbers
