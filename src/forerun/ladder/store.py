"""The queue of record of a ladder: one SQLite file with every run, its state, and what came of it."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forerun.ladder.rung import Rung
from forerun.note import DataError

FILE = "ladder.db"
LEASE = 60.0  # seconds without a heartbeat after which a run is taken from its worker
ATTEMPTS = 5  # that got no further than those before them, until a run is given up
OPEN = ("waiting", "running")
TABLES = """
CREATE TABLE IF NOT EXISTS runs (
    id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, config TEXT NOT NULL, trunk TEXT, flops REAL NOT NULL,
    held_back INTEGER NOT NULL, state TEXT NOT NULL DEFAULT 'waiting', attempts INTEGER NOT NULL DEFAULT 0,
    worker TEXT, heartbeat REAL, step INTEGER NOT NULL DEFAULT 0, reached INTEGER NOT NULL DEFAULT 0, train_loss REAL,
    result TEXT, error TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS curves (run INTEGER NOT NULL, step INTEGER NOT NULL, point TEXT NOT NULL, PRIMARY KEY (run, step)) STRICT;
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""


@dataclass(frozen=True)
class Row:
    """One run of the ladder as the store has it; ``result`` is there once its state is ``done`` or ``diverged``."""

    id: int
    rung: Rung
    held_back: bool
    state: str
    attempts: int
    worker: str | None
    heartbeat: float | None
    step: int
    train_loss: float | None
    result: Mapping[str, Any] | None
    error: str | None


class LostLease(Exception):
    """Another worker has this run now: what this one still does with it is not recorded."""


class Store:
    """The store in a folder; every call is one transaction, and many processes may use it at once, on several machines too.

    It keeps SQLite's rollback journal: a write-ahead log needs memory that only processes of one machine share.
    The clocks of the machines must agree to within a few seconds.

    ``waiting`` runs are claimed, cheapest first; a ``running`` one belongs to its worker as long as its heartbeat is
    younger than 60 seconds. Runs end ``done``, ``diverged`` (kept, flagged) or ``failed`` (five attempts that got no further).
    """

    def __init__(self, folder: str | Path, *, create: bool = False) -> None:
        self.folder = Path(folder)
        self.path = self.folder / FILE
        if create:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                message = f"cannot make the folder {self.folder}: {error.strerror}"
                raise DataError("cannot-write", message, advice="Name another folder") from None
        elif not self.is_in(self.folder):
            message = f"{self.folder} holds no ladder (no file {FILE})"
            raise DataError("no-ladder", message, advice="Start one with: forerun ladder run --into FOLDER")
        try:
            if create:
                with self._transaction() as db:
                    for statement in TABLES.split(";"):
                        db.execute(statement)
            self.fact("corpus")
        except sqlite3.DatabaseError as error:
            message = f"{self.path} cannot be used as a ladder: {error}"
            raise DataError("bad-ladder", message, advice="Name another folder") from None

    @staticmethod
    def is_in(folder: str | Path) -> bool:
        """Whether there is a ladder in ``folder``: while another process makes its tables, the file is there and empty."""
        file = Path(folder) / FILE
        return file.exists() and file.stat().st_size > 0

    @property
    def checkpoints(self) -> Path:
        """Where runs keep their checkpoints."""
        return self.folder / "checkpoints"

    @contextmanager
    def _transaction(self, *, writes: bool = True) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self.path, timeout=60.0, isolation_level=None)
        db.row_factory = sqlite3.Row
        try:
            db.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
            yield db
            db.execute("COMMIT")
        finally:
            db.close()  # rolls back what was not committed

    def add(self, rungs: Iterable[Rung], *, held_back: bool = False) -> int:
        """Queue runs; those that are there already, finished or not, stay as they are. How many are new."""
        with self._transaction() as db:
            before = db.total_changes
            db.executemany(
                "INSERT OR IGNORE INTO runs (digest, config, trunk, flops, held_back) VALUES (?, ?, ?, ?, ?)",
                [(r.digest, json.dumps(r.to_dict()), r.trunk, r.flops, held_back) for r in rungs],
            )
            return db.total_changes - before

    def retry(self) -> int:
        """Queue the runs that were given up once more; how many there were."""
        with self._transaction() as db:
            return db.execute("UPDATE runs SET state = 'waiting', attempts = 0 WHERE state = 'failed'").rowcount

    def claim(self, worker: str, *, held_back: bool = False) -> Row | None:
        """The next run for ``worker``, now its own, or ``None`` if none can be had at present.

        Of the runs that share a trunk one is trained at a time, because each later one begins where it left.
        """
        with self._transaction() as db:
            self._release(db, "heartbeat < ?", (time.time() - LEASE,))
            found = db.execute(
                """SELECT id FROM runs WHERE state = 'waiting' AND held_back = ? AND (trunk IS NULL OR trunk NOT IN
                   (SELECT trunk FROM runs WHERE state = 'running' AND trunk IS NOT NULL)) ORDER BY flops, id LIMIT 1""",
                (held_back,),
            ).fetchone()
            if found is None:
                return None
            db.execute(
                "UPDATE runs SET state = 'running', attempts = attempts + 1, worker = ?, heartbeat = ? WHERE id = ?",
                (worker, time.time(), found["id"]),
            )
            return _row(db.execute("SELECT * FROM runs WHERE id = ?", (found["id"],)).fetchone())

    def beat(self, row: Row, step: int, train_loss: float, points: Sequence[Mapping[str, Any]] = ()) -> None:
        """Say that ``row`` is still being trained, how far it is, and which points its curve has got since.

        Raises :class:`LostLease` if it is no longer its worker's.
        """
        with self._transaction() as db:
            changed = db.execute(
                """UPDATE runs SET heartbeat = ?, step = ?, train_loss = ?, attempts = CASE WHEN ? > reached THEN 1 ELSE attempts END,
                   reached = max(reached, ?) WHERE id = ? AND worker = ? AND state = 'running'""",
                (time.time(), step, train_loss, step, step, row.id, row.worker),
            ).rowcount
            if not changed:
                raise LostLease
            _put_points(db, row.id, points)

    def finish(self, row: Row, state: str, result: Mapping[str, Any], curve: Sequence[Mapping[str, Any]]) -> None:
        """Record what came of ``row``: ``state`` is ``done`` or ``diverged``. Raises :class:`LostLease` as :meth:`beat` does."""
        with self._transaction() as db:
            changed = db.execute(
                """UPDATE runs SET state = ?, result = ?, step = ?, worker = NULL, heartbeat = NULL, error = NULL
                   WHERE id = ? AND worker = ? AND state = 'running'""",
                (state, json.dumps(result), row.rung.steps, row.id, row.worker),
            ).rowcount
            if not changed:
                raise LostLease
            db.execute("DELETE FROM curves WHERE run = ?", (row.id,))
            _put_points(db, row.id, curve)

    def fail(self, row: Row, error: str) -> None:
        """Give ``row`` back with the error that ended the attempt."""
        with self._transaction() as db:
            db.execute("UPDATE runs SET error = ? WHERE id = ? AND worker = ?", (error, row.id, row.worker))
            self._release(db, "id = ? AND worker = ?", (row.id, row.worker))

    def release(self, worker: str, *, asked: bool = False) -> None:
        """Give back what ``worker``, which is gone, was training; that it was ``asked`` to go is no failed attempt."""
        with self._transaction() as db:
            if asked:
                db.execute("UPDATE runs SET attempts = attempts - 1 WHERE state = 'running' AND worker = ?", (worker,))
            self._release(db, "worker = ?", (worker,))

    def _release(self, db: sqlite3.Connection, condition: str, values: tuple[Any, ...]) -> None:
        db.execute(
            f"""UPDATE runs SET state = CASE WHEN attempts >= ? THEN 'failed' ELSE 'waiting' END, worker = NULL, heartbeat = NULL,
                error = CASE WHEN attempts >= ? THEN coalesce(error, 'its workers ended without a word') ELSE error END
                WHERE state = 'running' AND {condition}""",
            (ATTEMPTS, ATTEMPTS, *values),
        )

    def rows(self) -> list[Row]:
        """All runs, cheapest first, held-back ones last."""
        with self._transaction(writes=False) as db:
            found = db.execute("SELECT * FROM runs ORDER BY held_back, flops, id").fetchall()
        return [_row(r) for r in found]

    def curve(self, row: Row) -> list[dict[str, Any]]:
        """The points of the loss curve of ``row`` so far."""
        with self._transaction(writes=False) as db:
            found = db.execute("SELECT point FROM curves WHERE run = ? ORDER BY step", (row.id,)).fetchall()
        return [json.loads(r["point"]) for r in found]

    def open(self, *, held_back: bool) -> int:
        """How many runs are not finished yet."""
        with self._transaction(writes=False) as db:
            query = "SELECT count(*) FROM runs WHERE state IN (?, ?) AND held_back = ?"
            return int(db.execute(query, (*OPEN, held_back)).fetchone()[0])

    def fact(self, name: str) -> Any:
        """What was stored under ``name``, or ``None``."""
        with self._transaction(writes=False) as db:
            found = db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if found is None else json.loads(found["value"])

    def set_fact(self, name: str, value: Any) -> None:
        """Store ``value`` (as JSON) under ``name``."""
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, json.dumps(value)))


def _put_points(db: sqlite3.Connection, run: int, points: Sequence[Mapping[str, Any]]) -> None:
    rows = [(run, point["step"], json.dumps(point)) for point in points]
    db.executemany("INSERT OR REPLACE INTO curves VALUES (?, ?, ?)", rows)


def _row(found: sqlite3.Row) -> Row:
    return Row(
        found["id"],
        Rung(**json.loads(found["config"])),
        bool(found["held_back"]),
        found["state"],
        found["attempts"],
        found["worker"],
        found["heartbeat"],
        found["step"],
        found["train_loss"],
        json.loads(found["result"]) if found["result"] else None,
        found["error"],
    )
