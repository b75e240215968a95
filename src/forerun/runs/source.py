"""Where a table comes from: a text file, Parquet, a data frame, columns or records, as arrays by column name."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from forerun.note import DataError, MissingExtra, nearest
from forerun.runs.cells import column, shown, text_column, word

Array = np.ndarray
BLOCK = 20_000  # lines that are text at one time
ENDINGS = (".csv", ".tsv", ".jsonl", ".parquet")
FORMATS = "Use .csv, .tsv or .jsonl (each also .gz), or .parquet"


def load(source: Any, words: Collection[str]) -> tuple[dict[str, Array], str]:
    """All columns of ``source`` by name, and what to call it. Columns with a name in ``words`` (lower case) stay text."""
    if isinstance(source, str | Path):
        path = Path(source)
        return _nonempty(_from_path(path, words), path.name), path.name
    if isinstance(source, Mapping):
        columns = {str(k): _given(str(k), v, words) for k, v in source.items()}
        lengths = {k: len(v) for k, v in columns.items()}
        if len(set(lengths.values())) > 1:
            (one, first), (two, other) = next(
                (a, b) for a in lengths.items() for b in lengths.items() if a[1] != b[1]
            )  # fmt: skip
            message = f"column {shown(one)} has {first} values and {shown(two)} has {other}"
            raise DataError("ragged", message, advice="Give every column the same rows")
        return _nonempty(columns, "the mapping"), "columns"
    if isinstance(source, Sequence) and not isinstance(source, bytes | bytearray):
        return _nonempty(_from_records(source, "record", words), "the list of records"), "records"
    return _nonempty(_from_frame(source, words), "the data frame"), "data frame"


def _nonempty(columns: dict[str, Array], what: str) -> dict[str, Array]:
    if not columns or not len(next(iter(columns.values()))):
        raise DataError("empty", f"{what} has no rows", advice="Give named columns and at least one run")
    return columns


def _given(name: str, values: Any, words: Collection[str]) -> Array:
    if isinstance(values, str) or not isinstance(values, Iterable):
        values = [values]
    return column(list(values), words=name.lower() in words)


def _from_path(path: Path, words: Collection[str]) -> dict[str, Array]:
    kind = Path(path.name.removesuffix(".gz")).suffix.lower()
    try:
        if not path.exists():
            siblings = [p.name for p in path.parent.glob("*")] if path.parent.is_dir() else []
            near = nearest(path.name, siblings)
            advice = f"Nearest: {', '.join(near)}" if near else "Check the path"
            raise DataError("no-file", f"there is no file {path}", advice=advice)
        if path.is_dir():
            raise DataError("not-a-file", f"{path} is a directory", advice="Name one file: .csv, .jsonl or .parquet")
        if kind not in ENDINGS or path.name.endswith(".parquet.gz"):
            ending = "".join(path.suffixes[-2:] if path.suffix == ".gz" else path.suffixes[-1:])
            message = f"{path.name} has the ending {ending!r}" if ending else f"{path.name} has no ending"
            raise DataError("unknown-format", message, advice=FORMATS)
        if not path.is_file():
            raise DataError("not-a-file", f"{path} is not a regular file", advice="Copy its content to a file first")
        if kind == ".parquet":
            return _from_parquet(path, words)
        with gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb") as stream:
            lines = io.TextIOWrapper(_checked(stream, path), encoding="utf-8-sig", newline="")
            if kind == ".jsonl":
                return _from_records(_json_lines(lines, path), "line", words)
            return _from_csv(lines, path, "\t" if kind == ".tsv" else ",", words)
    except UnicodeDecodeError:
        raise DataError("not-text", f"{path.name} is not UTF-8 text", advice="Save it as UTF-8") from None
    except (gzip.BadGzipFile, EOFError, zlib.error):
        advice = "Copy or download it again, or drop the ending .gz if it is plain text"
        raise DataError("bad-gzip", f"{path.name} is not a complete gzip file", advice=advice) from None
    except PermissionError:
        raise DataError("unreadable", f"{path} may not be read", advice="Check its permissions") from None
    except (OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        why = getattr(error, "strerror", None) or error
        raise DataError("unreadable", f"cannot read {shown(str(path))}: {why}", advice="Check the path") from None


def _checked(stream: Any, path: Path) -> Any:
    """The stream, after a look at its first bytes for what a text table never has."""
    head = stream.read(4096)
    stream.seek(0)
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError("not-text", f"{path.name} is UTF-16 text", advice="Save it as UTF-8")
    if head[:2] == b"\x1f\x8b":
        raise DataError("not-text", f"{path.name} is compressed", advice=f"Rename it to {path.name}.gz")
    if b"\0" in head:
        advice = "Give a text table, or name it .parquet if it is one"
        raise DataError("not-text", f"{path.name} is a binary file", advice=advice)
    if not head.strip(b"\xef\xbb\xbf \t\r\n"):
        raise DataError("empty", f"{path.name} is empty", advice="Give a header and at least one run")
    return stream


def _from_csv(lines: Iterable[str], path: Path, delimiter: str, words: Collection[str]) -> dict[str, Array]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        rows = (row for row in reader if row)
        header = [h.strip() or f"column_{i}" for i, h in enumerate(next(rows), 1)]
        _check_header(header, path, delimiter)
        parts: list[list[Array]] = []
        start = 1
        while block := list(islice(rows, BLOCK)):
            for i, row in enumerate(block):
                if len(row) != len(header):
                    message = f"the row has {len(row)} cells and the header {len(header)}"
                    advice = "Complete it, or quote cells that contain the separator"
                    raise DataError("ragged", message, advice=advice, row=start + i)
            parts.append([text_column(c, words=h.lower() in words) for h, c in zip(header, zip(*block))])
            start += len(block)
    except csv.Error as error:
        message = f"line {reader.line_num} of {path.name} is not CSV: {error}"
        raise DataError("bad-csv", message, advice="Look for a quote that is not closed, or export it again") from None
    return {name: _join([p[i] for p in parts]) for i, name in enumerate(header)} if parts else {}


def _check_header(header: list[str], path: Path, delimiter: str) -> None:
    double = [h for i, h in enumerate(header) if h in header[:i]]
    if double:
        message = f"the header has {shown(double[0])} {header.count(double[0])} times"
        raise DataError("duplicate-column", message, advice="Rename or remove one of them", column=double[0])
    other = next((s for s in (";", "\t", ",", "|") if s != delimiter and len(header) == 1 and s in header[0]), None)
    if other is not None:
        message = f"the cells of {path.name} seem to be separated by {other!r}, not by {delimiter!r}"
        advice = "Name it .tsv" if other == "\t" else "Save it with commas"
        raise DataError("wrong-separator", message, advice=advice)


def _join(parts: list[Array]) -> Array:
    if len({p.dtype.kind for p in parts}) > 1:
        parts = [p if p.dtype.kind == "O" else np.array([word(v) for v in p.tolist()], dtype=object) for p in parts]
    return np.concatenate(parts)


def _json_lines(lines: Iterable[str], path: Path) -> Iterator[Any]:
    number = 0
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield json.loads(line, object_pairs_hook=_object)
            except (ValueError, RecursionError) as error:
                if isinstance(error, DataError):
                    error.row = number
                    raise
                why = getattr(error, "msg", "nested too deep or a number too long")
                message = f"line {number} of {path.name} is not JSON ({why})"
                raise DataError("bad-json", message, advice="Write one object a line") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        message = f"the record has {shown(double)} more than once"
        raise DataError("duplicate-column", message, advice="Keep one of them", column=double)
    return found


def _from_records(records: Iterable[Any], what: str, words: Collection[str]) -> dict[str, Array]:
    cells: dict[str, list[Any]] = {}
    for count, record in enumerate(records, 1):
        if not isinstance(record, Mapping):
            raise DataError(
                "bad-record", f"this {what} holds {shown(record)}, not values by column",
                advice='Write it as {"params": 7e9, "tokens": 1e11, "loss": 2.5}', row=count,
            )  # fmt: skip
        for key, value in record.items():
            name = str(key)
            if name not in cells:
                cells[name] = [None] * (count - 1)
            elif len(cells[name]) == count:
                message = f"this {what} has {shown(name)} twice"
                raise DataError("duplicate-column", message, advice="Rename one of them", row=count, column=name)
            cells[name].append(value)
        if len(record) < len(cells):
            for values in cells.values():
                if len(values) < count:
                    values.append(None)
    return {name: column(values, words=name.lower() in words) for name, values in cells.items()}


def _from_parquet(path: Path, words: Collection[str]) -> dict[str, Array]:
    try:
        import pyarrow
        import pyarrow.parquet as library

        bad: tuple[type[Exception], ...] = (pyarrow.ArrowException, OSError)
    except ModuleNotFoundError:
        try:
            import polars as library
        except ModuleNotFoundError:
            raise MissingExtra("pyarrow or polars", "parquet", "reading .parquet") from None
        bad = (library.exceptions.PolarsError, OSError)
    read = library.read_table if hasattr(library, "read_table") else library.read_parquet
    try:
        table = read(path)
    except PermissionError:
        raise
    except bad:
        message = f"{path.name} is not a Parquet file, or it is damaged"
        raise DataError("bad-parquet", message, advice="Write it again, or give .csv or .jsonl") from None
    return _from_frame(table, words)


def _from_frame(frame: Any, words: Collection[str]) -> dict[str, Array]:
    import narwhals.stable.v1 as nw
    from narwhals.exceptions import NarwhalsError

    try:
        table = nw.from_native(frame, eager_only=True)
        names = list(table.columns)
        columns = [table[name] for name in names]
    except TypeError:
        advice = "Give a path, a pandas or Polars data frame (collected), columns or records"
        raise DataError("unknown-source", f"cannot read runs from {type(frame).__name__}", advice=advice) from None
    except NarwhalsError as error:
        message = f"the data frame cannot be read: {str(error).strip().splitlines()[0]}"
        raise DataError("bad-frame", message, advice="Give every column its own name") from None
    return {str(n): _frame_column(c, words=str(n).lower() in words) for n, c in zip(names, columns)}


def _frame_column(series: Any, *, words: bool) -> Array:
    import narwhals.stable.v1 as nw

    if series.dtype.is_numeric() and not words:
        return np.array(series.cast(nw.Float64()).to_numpy(), dtype=float)
    return column(series.to_list(), words=words)
