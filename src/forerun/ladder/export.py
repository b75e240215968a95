"""The runs of a ladder as files with which another training framework trains them."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from forerun.ladder import transformers
from forerun.ladder.spec import Ladder
from forerun.ladder.table import settings, table_text
from forerun.note import DataError

Described = dict[str, str]  # text by path below the folder of the export
INDEX, README = "index.csv", "README.txt"


def export_ladder(ladder: Ladder, folder: str | Path, *, to: str = "transformers") -> list[Path]:
    """Write every run of ``ladder``, held-back ones included, as files of another framework; the paths written.

    ``folder`` gets a folder for each run, ``index.csv`` with one line a run, and ``README.txt``, which says how to train one and
    what could not be carried over. The column ``differences`` of the index names that for each run: the losses are those of
    another trainer, on text that you choose. It is written in one piece, and over nothing but an earlier export that holds
    nothing else. Raises ``DataError`` for an unknown ``to``, and for a folder that holds anything else.

    >>> from forerun.ladder import Rung
    >>> with tempfile.TemporaryDirectory() as there:
    ...     files = export_ladder(Ladder((Rung(width=16, depth=1),)), Path(there) / "out")
    >>> [file.name for file in files]
    ['README.txt', 'index.csv', 'config.json', 'training_arguments.json']
    """
    folder = Path(folder)
    if to not in FORMATS:
        raise DataError("unknown-export", f"there is no export to {to!r}", advice=f"Use one of: {', '.join(FORMATS)}")
    if not (ladder.rungs or ladder.held_back):
        raise DataError("no-runs", "the ladder has no runs to export", advice="Give it at least one")
    texts = FORMATS[to](ladder)
    if folder.is_symlink() or (folder.exists() and not _replaceable(folder)):
        message = f"{folder} is there and holds more than an export of a ladder"
        raise DataError("would-overwrite", message, advice="Choose another folder with -o")
    try:
        _write(folder, texts)
    except OSError as error:
        message = f"cannot write {folder}: {error.strerror}"
        raise DataError("cannot-write", message, advice="Choose another place with -o") from None
    return [folder / name for name in texts]


def _for_transformers(ladder: Ladder) -> Described:
    """All files of an export to Hugging Face transformers."""
    rows: list[dict[str, Any]] = []
    files: Described = {}
    for rung in (*ladder.rungs, *ladder.held_back):
        run = transformers.exported(rung)
        name = f"{rung.size}-{rung.digest}"
        files |= {f"{name}/{file}": text for file, text in run.files.items()}
        rows.append(
            {
                **settings(rung), "held_back": rung in ladder.held_back, **run.columns, "folder": name,
                "differences": "; ".join(run.differences),
            }
        )  # fmt: skip
    differences = {name for row in rows for name in row["differences"].split("; ")}
    return {README: transformers.readme(rows[0]["folder"], differences), INDEX: table_text(rows), **files}


FORMATS: dict[str, Callable[[Ladder], Described]] = {"transformers": _for_transformers}


def _replaceable(folder: Path) -> bool:
    """Whether ``folder`` is empty, or an export to which nothing was added, such as models trained from it."""
    if not folder.is_dir():
        return False
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    return found <= _written(folder / INDEX) if found else True


def _written(index: Path) -> set[str]:
    """The files of the export that has this index; none if it is no such index."""
    try:
        with index.open(newline="", encoding="utf-8") as opened:
            rows = list(csv.DictReader(opened))
    except (OSError, UnicodeDecodeError, csv.Error):
        return set()
    if not rows or not {"run", "folder", "differences"} <= set(rows[0]):
        return set()
    return {INDEX, README, *(f"{row['folder']}/{file}" for row in rows for file in transformers.FILES)}


def _write(folder: Path, texts: Described) -> None:
    """Write beside ``folder`` and rename, so that it is the old export or the new one, never a part of one."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as beside:
        draft, old = Path(beside) / "new", Path(beside) / "old"
        for name, text in texts.items():
            path = draft / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        if folder.exists():
            os.replace(folder, old)
        try:
            os.replace(draft, folder)
        except OSError:
            if old.exists():
                os.replace(old, folder)
            raise
