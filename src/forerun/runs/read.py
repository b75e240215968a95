"""`read_runs`: a table of runs from a file, a data frame or records, checked cell by cell."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from forerun.note import DataError, MissingExtra, Note, nearest
from forerun.runs.conventions import N_COUNTS, Conventions
from forerun.runs.table import Runs, check_column
from forerun.units import COLUMNS, Column, parse_quantity

Array = np.ndarray
BLOCK = 20_000  # lines that are text at one time
SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")
GUESSED = ("N", "D", "C", "loss", "M", "U", "run", "family", "seed", "tokenizer")


def read_runs(
    source: Any,
    *,
    N_counts: str | None = None,
    flop_rule: str | None = None,
    loss_unit: str | None = None,
    tokenizer: str | None = None,
    where: str | Sequence[str] = (),
    drop: str | Sequence[str] = (),
    **roles: str,
) -> Runs:
    """A checked table of runs.

    ``source`` is a path (``.csv``, ``.tsv`` or ``.jsonl``, each also ``.gz``; ``.parquet``), a pandas or Polars data
    frame, a mapping of columns, or a list of records. Further keywords name columns by role: ``N="params"``,
    ``D="tokens"``, ``loss="val_loss"``, ``x=...``, ``run=...``, ``r={"web": "p1", "code": "p2"}`` for an indexed one.
    Roles that are not named are guessed from usual column names, and a note says so. ``where`` and ``drop`` filter rows
    before anything is checked (see :meth:`Runs.where`). ``N_counts`` (or a column that says it per row), ``flop_rule``,
    ``loss_unit`` and ``tokenizer`` state what the numbers mean.

    Numbers may be written ``70B`` or ``5.76e23``. Raises :class:`forerun.DataError` with row and column for whatever
    cannot be used; nothing is repaired in silence.

    >>> import forerun as fr
    >>> runs = fr.read_runs([{"params": "70M", "tokens": "1.4B", "loss": 3.4}, {"params": 1e8, "tokens": 2e9, "loss": 3.2}])
    >>> runs["C"].tolist()
    [5.88e+17, 1.2e+18]
    """
    columns, name = _load(source)
    flat = _flatten_roles(roles)
    for role, column in flat.items():
        if column not in columns:
            near = nearest(column, columns) or list(columns)
            shown = ", ".join(map(repr, near[:6]))
            raise DataError(
                "missing-column", f"there is no column {column!r} for {role}", advice=f"Nearest: {shown}", column=column
            )
    guessed = _guess(columns, flat)
    flat |= guessed
    length = len(next(iter(columns.values())))
    raw = Runs(columns, flat, Conventions(), np.arange(1, length + 1), name)
    for condition in [where] if isinstance(where, str) else where:
        raw = raw.where(condition)
    for condition in [drop] if isinstance(drop, str) else drop:
        raw = raw.drop(condition)
    checked = _check(raw)
    conventions = _conventions(
        checked, flat, N_counts=N_counts, flop_rule=flop_rule, loss_unit=loss_unit, tokenizer=tokenizer
    )
    notes = []
    if guessed:
        said = ", ".join(f"{role} = column {column!r}" for role, column in guessed.items())
        notes.append(
            Note(
                "columns-guessed",
                "info",
                f"Read {said} by their names",
                dict(guessed),
                "Name them yourself if that is wrong.",
            )
        )
    runs = Runs(checked, flat, conventions, raw.rows, name, raw.audit, tuple(notes))
    return Runs(checked, flat, conventions, raw.rows, name, raw.audit, (*notes, *_flop_notes(runs)))


def _load(source: Any) -> tuple[dict[str, Array], str]:
    if isinstance(source, str | Path):
        return _load_path(Path(source)), Path(source).name
    if isinstance(source, Mapping):
        columns = {str(k): _column(list(np.atleast_1d(v))) for k, v in source.items()}
        lengths = {k: len(v) for k, v in columns.items()}
        if len(set(lengths.values())) > 1:
            raise DataError("ragged", f"columns differ in length: {lengths}", advice="Give every column the same rows")
        return _nonempty(columns, "the mapping"), "columns"
    if isinstance(source, Sequence) and not isinstance(source, bytes):
        return _nonempty(_from_records(source, "record"), "the list of records"), "records"
    return _nonempty(_from_frame(source), "the data frame"), "data frame"


def _nonempty(columns: dict[str, Array], what: str) -> dict[str, Array]:
    if not columns or not len(next(iter(columns.values()))):
        raise DataError("empty", f"{what} has no rows", advice="Give at least a header and some runs")
    return columns


def _load_path(path: Path) -> dict[str, Array]:
    kind = path.name.removesuffix(".gz")[path.name.removesuffix(".gz").rfind(".") :].lower()
    if not path.exists():
        siblings = [p.name for p in path.parent.glob("*")] if path.parent.is_dir() else []
        near = nearest(path.name, siblings)
        raise DataError(
            "no-file", f"there is no file {path}", advice=f"Nearest: {', '.join(near)}" if near else "Check the path"
        )
    if path.is_dir():
        raise DataError("not-a-file", f"{path} is a directory", advice="Name one file: .csv, .jsonl or .parquet")
    if kind not in SUFFIXES:
        raise DataError(
            "unknown-format",
            f"{path.name} has the ending {kind or '(none)'!r}",
            advice=f"Use one of {', '.join(SUFFIXES)}, or .gz of the first three",
        )
    try:
        if kind == ".parquet":
            return _nonempty(_from_parquet(path), str(path))
        with gzip.open(path, "rb") if path.name.endswith(".gz") else open(path, "rb") as stream:
            lines = io.TextIOWrapper(_checked(stream, path), encoding="utf-8-sig", newline="")
            if kind == ".jsonl":
                return _nonempty(_from_records(_json_lines(lines, path), "line"), str(path))
            return _nonempty(_from_csv(lines, path, "\t" if kind == ".tsv" else ","), str(path))
    except UnicodeDecodeError:
        raise DataError("not-text", f"{path.name} is not UTF-8 text", advice="Save it as UTF-8") from None
    except (gzip.BadGzipFile, EOFError):
        raise DataError(
            "bad-gzip", f"{path.name} is not a complete gzip file", advice="Copy or download it again"
        ) from None
    except PermissionError:
        raise DataError("unreadable", f"{path} may not be read", advice="Check its permissions") from None
    except csv.Error as error:
        raise DataError(
            "bad-csv", f"{path.name} is not a CSV table: {error}", advice="Export it again as CSV"
        ) from None


def _checked(stream: Any, path: Path) -> Any:
    """The stream, after a look at its first bytes for what a text table never has."""
    head = stream.read(4096)
    stream.seek(0)
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError("not-text", f"{path.name} is UTF-16 text", advice="Save it as UTF-8")
    if b"\0" in head:
        raise DataError(
            "not-text", f"{path.name} is a binary file", advice="Give a text table, or .parquet with that ending"
        )
    if not head.strip():
        raise DataError("empty", f"{path.name} is empty", advice="Give a header and at least one run")
    return stream


def _from_csv(lines: Iterable[str], path: Path, delimiter: str) -> dict[str, Array]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    header = [h.strip() or f"column_{i}" for i, h in enumerate(next(reader), 1)]
    double = sorted({h for h in header if header.count(h) > 1})
    if double:
        raise DataError(
            "duplicate-column",
            f"the header has {double[0]!r} more than once",
            advice="Rename one of them",
            column=double[0],
        )
    parts: list[list[Array]] = []
    start = 1
    while rows := [row for row in islice(reader, BLOCK) if row]:
        for i, row in enumerate(rows):
            if len(row) != len(header):
                advice = "Quote cells that contain the separator, or complete the row"
                raise DataError(
                    "ragged", f"has {len(row)} cells, the header {len(header)}", advice=advice, row=start + i
                )
        parts.append([_cells(list(cells)) for cells in zip(*rows)])
        start += len(rows)
    return {name: _join([p[i] for p in parts]) for i, name in enumerate(header)} if parts else {}


def _cells(cells: list[str]) -> Array:
    """Numbers where all cells are plain numbers or empty, else the text."""
    try:
        return np.array([c or "nan" for c in cells], dtype=float)
    except ValueError:
        return np.array([c.strip() for c in cells], dtype=object)


def _join(parts: list[Array]) -> Array:
    if len({p.dtype.kind for p in parts}) > 1:
        parts = [p if p.dtype.kind == "O" else np.array([_plain(v) for v in p], dtype=object) for p in parts]
    return np.concatenate(parts)


def _plain(value: float) -> str:
    return "" if np.isnan(value) else repr(value)


def _json_lines(lines: Iterable[str], path: Path) -> Iterator[Any]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield json.loads(line)
            except json.JSONDecodeError as error:
                raise DataError(
                    "bad-json",
                    f"line {number} of {path.name} is not JSON ({error.msg})",
                    advice="Write one object a line",
                ) from None


def _from_records(records: Iterable[Any], what: str) -> dict[str, Array]:
    cells: dict[str, list[Any]] = {}
    count = 0
    for count, record in enumerate(records, 1):
        if not isinstance(record, Mapping):
            raise DataError(
                "bad-record",
                f"{what} {count} is {type(record).__name__}, not a mapping of columns",
                advice="Give dicts such as {'N': 7e9, 'D': 1e11, 'loss': 2.5}",
            )
        for key, value in record.items():
            cells.setdefault(str(key), [None] * (count - 1)).append(value)
        for values in cells.values():
            if len(values) < count:
                values.append(None)
    return {name: _column(values) for name, values in cells.items()}


def _column(values: list[Any]) -> Array:
    if all(v is None or isinstance(v, int | float | np.number) for v in values):
        return np.array([np.nan if v is None else float(v) for v in values], float)
    return np.array(["" if v is None else str(v).strip() for v in values], dtype=object)


def _from_parquet(path: Path) -> dict[str, Array]:
    try:
        import pyarrow.parquet as parquet
    except ModuleNotFoundError:
        try:
            import polars
        except ModuleNotFoundError:
            raise MissingExtra("pyarrow or polars", "parquet", "reading .parquet") from None
        try:
            return _from_frame(polars.read_parquet(path))
        except polars.exceptions.PolarsError as error:
            raise DataError("bad-parquet", f"{path.name} is not a Parquet file ({error})".split("\n")[0]) from None
    import pyarrow

    try:
        return _from_frame(parquet.read_table(path))
    except pyarrow.ArrowException as error:
        raise DataError("bad-parquet", f"{path.name} is not a Parquet file ({error})".split("\n")[0]) from None


def _from_frame(frame: Any) -> dict[str, Array]:
    import narwhals.stable.v1 as nw

    try:
        table = nw.from_native(frame, eager_only=True)
    except TypeError:
        raise DataError(
            "unknown-source",
            f"cannot read runs from {type(frame).__name__}",
            advice="Give a path, a pandas or Polars data frame, columns or records",
        ) from None
    return {name: _frame_column(table[name]) for name in table.columns}


def _frame_column(series: Any) -> Array:
    if series.dtype.is_numeric():
        return np.array(series.cast(_float64()).to_numpy(), dtype=float)
    return _column(series.to_list())


def _float64() -> Any:
    import narwhals.stable.v1 as nw

    return nw.Float64


def _flatten_roles(roles: Mapping[str, Any]) -> dict[str, str]:
    flat: dict[str, str] = {}
    for role, column in roles.items():
        plain = role.split("[")[0]
        if plain not in COLUMNS and not plain.isidentifier():
            raise DataError("unknown-role", f"{role!r} cannot be a role")
        if isinstance(column, Mapping):
            flat |= {f"{role}[{member}]": str(name) for member, name in column.items()}
        elif column is not None:
            flat[role] = str(column)
    return flat


def _guess(columns: Mapping[str, Array], given: Mapping[str, str]) -> dict[str, str]:
    taken, found = set(given.values()), {}
    lower = {name.lower(): name for name in reversed(list(columns))}
    for role in GUESSED:
        if role in given:
            continue
        for synonym in COLUMNS[role].synonyms:
            name = synonym if synonym in columns else lower.get(synonym.lower())
            if name is not None and name not in taken and not (len(synonym) == 1 and synonym not in columns):
                found[role] = name
                taken.add(name)
                break
    return found


def _check(raw: Runs) -> dict[str, Array]:
    """Every column, those with a numeric role as checked numbers."""
    columns = dict(raw.columns)
    for role, name in raw.roles.items():
        column = COLUMNS.get(role.split("[")[0], Column(role, "", role))
        if column.label:
            columns[name] = np.array(
                [f"{v:g}" if isinstance(v, float) else v for v in columns[name].tolist()], dtype=object
            )
            continue
        columns[name] = _numbers(name, columns[name], raw.rows)
        check_column(role, name, columns[name], raw.rows, column)
    return columns


def _numbers(name: str, cells: Array, rows: Array) -> Array:
    if cells.dtype.kind == "f":
        return cells
    out, suffixed, bare = np.empty(len(cells)), None, None
    for i, cell in enumerate(cells):
        try:
            out[i] = parse_quantity(cell) if cell and cell.lower() not in ("nan", "none", "null", "na") else np.nan
        except ValueError:
            infinite = cell.lower().lstrip("+-") in ("inf", "infinity")
            message = (
                "the value is infinite" if infinite else f"expected a number such as 7e9 or 70B, received {cell!r}"
            )
            raise DataError(
                "bad-cell",
                message,
                advice=f"Correct it, or drop such rows with --drop '{name} == {cell}'",
                row=int(rows[i]),
                column=name,
            ) from None
        if cell and cell[-1].isalpha() and suffixed is None:
            suffixed = i
        elif cell and abs(out[i]) < 1e4 and cell[-1].isdigit():
            bare = i if bare is None else bare
    if suffixed is not None and bare is not None:
        raise DataError(
            "mixed-units", f"{cells[bare]!r} has no unit while row {rows[suffixed]} has {cells[suffixed]!r}", advice="Write all of them with a suffix, or none",
            row=int(rows[bare]), column=name,
        )  # fmt: skip
    return out


def _conventions(columns: Mapping[str, Array], roles: Mapping[str, str], **stated: str | None) -> Conventions:
    """What was stated, by a word or by a column that must then hold one value."""
    found: dict[str, str] = {}
    for name, value in stated.items():
        if value is not None and value in columns and not (name == "N_counts" and value in N_COUNTS):
            found[name] = _single(columns[value], value, name)
        elif value is not None:
            found[name] = value
    per_token = found.get("loss_unit", "nats/token").endswith("/token")
    if "tokenizer" in roles and "tokenizer" not in found and per_token:
        found["tokenizer"] = _single(columns[roles["tokenizer"]], roles["tokenizer"], "tokenizer")
    for name in ("N_counts", "loss_unit", "flop_rule"):
        if name not in found and name in columns:
            found[name] = _single(columns[name], name, name)
    return Conventions(**found, assumed=tuple(n for n in ("N_counts", "flop_rule", "loss_unit") if n not in found))


def _single(values: Array, column: str, what: str) -> str:
    kinds = list(dict.fromkeys(str(v) for v in values))
    if len(kinds) > 1:
        row = next(i for i, v in enumerate(values) if str(v) == kinds[1]) + 1
        advice = f"Fit them apart, for example with --where '{column} == {kinds[0]}'"
        if what == "tokenizer":
            advice += ", or convert the losses to bits/byte"
        raise DataError(
            "conventions-mixed",
            f"the table mixes {what} {kinds[0]!r} and {kinds[1]!r}",
            advice=advice,
            row=row,
            column=column,
        )
    return kinds[0]


def _flop_notes(runs: Runs) -> list[Note]:
    if not all(role in runs.roles for role in ("N", "D", "C")):
        return []
    ratio = runs["C"] / (6.0 * runs["N"] * runs["D"])
    low, high = float(ratio.min()), float(ratio.max())
    if high / low > 2.0:
        message = f"C is between {low:.3g} and {high:.3g} times 6ND in this table, so FLOPs or parameters seem to be counted in two ways"
        return [
            Note(
                "conventions-mixed",
                "warning",
                message,
                {"low": low, "high": high},
                "Recount them in one way before you plan.",
            )
        ]
    if low > 1.25 or high < 0.8:
        message = f"C is {float(np.median(ratio)):.3g} times 6ND in this table"
        advice = "State flop_rule, and remember that plans count C = 6ND."
        return [Note("flop-rule", "warning", message, {"low": low, "high": high}, advice)]
    return []
