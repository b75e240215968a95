"""`read_runs`: a table of runs from a file, a data frame or records, checked cell by cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from forerun.note import DataError, Note
from forerun.runs.cells import numbers, shown, word
from forerun.runs.condition import did_you, flag
from forerun.runs.conventions import N_COUNTS, Conventions
from forerun.runs.source import load
from forerun.runs.table import Runs, check_column
from forerun.units import COLUMNS, Column, format_quantity

Array = np.ndarray
GUESSED = ("N", "D", "C", "loss", "M", "U", "x", "y", "step", "lr", "trials", "run", "family", "seed", "tokenizer")
DISPENSABLE = ("C", "M", "U", "run", "family", "seed")  # a guess is given up where a cell of it cannot be used
CONVENTIONS = ("N_counts", "loss_unit", "flop_rule")
GAP = 1e4  # a factor between neighbouring sizes that no sweep has, but a change of unit does


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
    given = _flatten_roles(roles)
    columns, name = load(source, _words(given))
    for role, column in given.items():
        if column not in columns:
            message = f"no column of the table has this name, which was given for {role}"
            raise DataError("missing-column", message, advice=did_you(column, columns), column=column)
    guessed, others = _guess(columns, given)
    length = len(next(iter(columns.values())))
    raw = Runs(columns, given | guessed, Conventions(), np.arange(1, length + 1), name)
    for condition in [where] if isinstance(where, str) else where:
        raw = raw.where(condition)
    for condition in [drop] if isinstance(drop, str) else drop:
        raw = raw.drop(condition)
    checked, skipped = _check(raw, guessed)
    guessed = {role: column for role, column in guessed.items() if role not in skipped}
    flat = given | guessed
    stated = {"N_counts": N_counts, "flop_rule": flop_rule, "loss_unit": loss_unit, "tokenizer": tokenizer}
    conventions = _conventions(checked, flat, raw.rows, stated)
    runs = Runs(checked, flat, conventions, raw.rows, name, raw.audit)
    notes = (*_guess_notes(guessed, others), *skipped.values(), *_flop_notes(runs), *_gap_notes(runs))
    return Runs(checked, flat, conventions, raw.rows, name, raw.audit, notes)


def _words(given: Mapping[str, str]) -> set[str]:
    """Names, in lower case, of columns that hold labels and so must not be read as numbers."""
    labels = {s.lower() for column in COLUMNS.values() if column.label for s in column.synonyms}
    return labels | {name.lower() for role, name in given.items() if role in COLUMNS and COLUMNS[role].label}


def _flatten_roles(roles: Mapping[str, Any]) -> dict[str, str]:
    flat: dict[str, str] = {}
    for role, column in roles.items():
        plain = role.split("[")[0]
        if plain not in COLUMNS and not plain.isidentifier():
            advice = f"Use a name such as x or temperature, or one of {', '.join(list(COLUMNS)[:7])}"
            raise DataError("unknown-role", f"{shown(role)} cannot be a role", advice=advice)
        if isinstance(column, Mapping):
            flat |= {f"{role}[{member}]": str(name) for member, name in column.items()}
        elif column is not None:
            flat[role] = str(column)
    return flat


def _guess(columns: Mapping[str, Array], given: Mapping[str, str]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Roles found by usual column names, and for each the other columns that might have been meant."""
    taken, found, others = set(given.values()), {}, {}
    lower = {name.lower(): name for name in reversed(list(columns))}
    for role in GUESSED:
        if role in given:
            continue
        names = [
            s if s in columns else lower.get(s.lower()) for s in COLUMNS[role].synonyms if len(s) > 1 or s in columns
        ]
        fitting = list(dict.fromkeys(n for n in names if n is not None and n not in taken))
        fitting = [n for n in fitting if COLUMNS[role].label or not _all_words(columns[n])]
        if fitting:
            found[role] = fitting[0]
            others[role] = fitting[1:]
            taken.add(fitting[0])
    return found, others


def _all_words(cells: Array) -> bool:
    """Whether the first cells of a column hold no number at all: it cannot be meant as a quantity then."""
    few = cells[:20]
    return cells.dtype.kind != "f" and all(
        numbers(few[i : i + 1])[1] is not None and few[i] not in ("True", "False") for i in range(len(few))
    )


def _check(raw: Runs, guessed: Mapping[str, str]) -> tuple[dict[str, Array], dict[str, Note]]:
    """Every column, those with a role as checked numbers or words; and a note for each guess that was given up."""
    columns, skipped = dict(raw.columns), {}
    for role, name in raw.roles.items():
        try:
            columns[name] = _checked(role, name, columns[name], raw.rows)
        except DataError as error:
            if role not in guessed or role not in DISPENSABLE:
                raise
            message = f"column {shown(name)} was not read as {role}: in row {error.row} {error.message}"
            advice = f"Correct it if you need {role}."
            skipped[role] = Note("column-skipped", "warning", message, {"column": name, "row": error.row}, advice)
    return columns, skipped


def _checked(role: str, name: str, cells: Array, rows: Array) -> Array:
    column = COLUMNS.get(role.split("[")[0], Column(role, "", role))
    if not column.label:
        values = cells if cells.dtype.kind == "f" else _numbers(name, cells, rows)
        check_column(role, name, values, rows, column)
        return values
    words = np.empty(len(cells), object)
    words[:] = [word(cell) for cell in cells.tolist()]
    empty = np.flatnonzero(words == "")
    if empty.size:
        advice = f"Fill it, or drop such rows with {flag('--drop', name, 'is missing')}"
        message = f"the cell is empty, so the {role} is not known" + _such(empty.size)
        raise DataError("bad-cell", message, advice=advice, row=int(rows[empty[0]]), column=name)
    return words


def _numbers(name: str, cells: Array, rows: Array) -> Array:
    values, bad = numbers(cells)
    if bad is not None:
        drop = flag("--drop", name, "==", cells[bad])
        raise DataError(
            "bad-cell", f"expected a number such as 7e9 or 70B, received {shown(cells[bad])}",
            advice=f"Correct it, or drop such rows with {drop}" if drop else "Correct it",
            row=int(rows[bad]), column=name,
        )  # fmt: skip
    known = np.isfinite(values)
    lettered = np.array([bool(c) and c[-1] in "mMbBgGtTpP" for c in cells.tolist()]) & known
    bare = known & ~lettered & (np.abs(values) < 1e4) & (values != 0)
    bare &= np.array([bool(c) and c[-1] not in "kK" for c in cells.tolist()])
    if lettered.any() and bare.any():
        few, many = (bare, lettered) if bare.sum() <= lettered.sum() else (lettered, bare)
        i, k = int(few.argmax()), int(many.argmax())
        message = f"received {shown(cells[i])} here and {shown(cells[k])} in row {rows[k]}, which look like two units"
        advice = "Write all of them with a suffix such as M or B, or none"
        raise DataError("mixed-units", message, advice=advice, row=int(rows[i]), column=name)
    return values


def _conventions(
    columns: Mapping[str, Array], roles: Mapping[str, str], rows: Array, stated: Mapping[str, str | None]
) -> Conventions:
    """What was stated, by a word or by a column that must then hold one value."""
    found: dict[str, str] = {}
    for name, value in stated.items():
        if value is not None and value in columns and not (name == "N_counts" and value in N_COUNTS):
            found[name] = _single(columns[value], value, name, rows)
        elif value is not None:
            found[name] = value
    for name in CONVENTIONS:
        if name not in found and name in columns:
            found[name] = _single(columns[name], name, name, rows)
    per_token = found.get("loss_unit", "nats/token").endswith("/token")
    if "tokenizer" in roles and "tokenizer" not in found and per_token:
        found["tokenizer"] = _single(columns[roles["tokenizer"]], roles["tokenizer"], "tokenizer", rows)
    return Conventions(**found, assumed=tuple(n for n in ("N_counts", "flop_rule", "loss_unit") if n not in found))


def _single(values: Array, column: str, what: str, rows: Array) -> str:
    words = [word(v) for v in values.tolist()]
    kinds = list(dict.fromkeys(words))
    if len(kinds) > 1:
        advice = f"Fit them apart, for example with {flag('--where', column, '==', kinds[0]) or 'two files'}"
        if what == "tokenizer":
            advice += ", or convert the losses to bits/byte"
        message = f"the table mixes {what} {shown(kinds[0])} and {shown(kinds[1])}"
        row = int(rows[words.index(kinds[1])])
        raise DataError("conventions-mixed", message, advice=advice, row=row, column=column)
    return kinds[0]


def _such(count: int) -> str:
    return f" ({count} such rows)" if count > 1 else ""


def _guess_notes(guessed: Mapping[str, str], others: Mapping[str, Sequence[str]]) -> list[Note]:
    if not guessed:
        return []
    said = ", ".join(
        f"{role} = column {shown(column)}" + "".join(f" (not {shown(o)})" for o in others[role])
        for role, column in guessed.items()
    )
    advice = "Name them yourself if that is wrong."
    return [Note("columns-guessed", "info", f"Read {said} by their names", dict(guessed), advice)]


LEAST = {"N": 1e3, "D": 1e4, "C": 1e8}  # a largest value below these is hardly a count


def _gap_notes(runs: Runs) -> list[Note]:
    """A factor of ten thousand between neighbouring sizes: most likely one part of the column is in another unit."""
    notes = []
    for role in ("N", "D", "C"):
        if role not in runs.roles:
            continue
        sizes = np.sort(runs[role])
        if sizes[-1] < LEAST[role]:
            message = f"{role} is at most {sizes[-1]:g} {COLUMNS[role].unit} (column {runs.roles[role]!r})"
            advice = "Scale the column if it is in millions or billions; counts are taken as they are."
            notes.append(Note("units-suspect", "warning", message, {"high": float(sizes[-1])}, advice))
        steps = sizes[1:] / sizes[:-1]
        if len(steps) and steps.max() >= GAP:
            i = int(steps.argmax())
            low, high = float(sizes[i]), float(sizes[i + 1])
            row = int(runs.rows[np.flatnonzero(runs[role] == low)[0]])
            message = (
                f"{role} jumps from {format_quantity(low)} (row {row}) to {format_quantity(high)} with nothing between"
            )
            advice = "Check that all rows are in one unit, not some in millions."
            notes.append(Note("units-suspect", "warning", message, {"low": low, "high": high, "row": row}, advice))
    return notes


def _flop_notes(runs: Runs) -> list[Note]:
    if not all(role in runs.roles for role in ("N", "D", "C")):
        return []
    ratio = runs["C"] / (6.0 * runs["N"] * runs["D"])
    low, high = float(ratio.min()), float(ratio.max())
    evidence = {"low": low, "high": high}
    if high / low > 2.0:
        message = f"C is between {low:.3g} and {high:.3g} times 6ND in this table, so FLOPs or parameters seem to be counted in two ways"
        advice = "Recount them in one way before you plan."
        return [Note("conventions-mixed", "warning", message, evidence, advice)]
    if low > 1.25 or high < 0.8:
        message = f"C is {float(np.median(ratio)):.3g} times 6ND in this table"
        advice = "State flop_rule, and remember that plans count C = 6ND."
        return [Note("flop-rule", "warning", message, evidence, advice)]
    return []
