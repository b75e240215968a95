"""The queue of record: one owner a run, nothing lost when a worker dies, and an end to what never works."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest

from forerun.ladder import store as stores
from forerun.ladder.rung import Rung
from forerun.ladder.store import ATTEMPTS, LEASE, LostLease, Store
from forerun.note import DataError

TINY = Rung(width=16, depth=1, steps=100)


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path, create=True)
    made.add([replace(TINY, steps=steps) for steps in (300, 100, 200)])
    return made


def test_runs_are_claimed_cheapest_first_and_once(store):
    claimed = [store.claim(name) for name in ("a", "b", "c")]
    assert [row.rung.steps for row in claimed] == [100, 200, 300]
    assert store.claim("d") is None


def test_many_processes_never_get_the_same_run(tmp_path):
    store = Store(tmp_path, create=True)
    store.add([replace(TINY, seed=seed) for seed in range(60)])
    code = (
        "import sys; from forerun.ladder.store import Store\n"
        "store, name, got = Store(sys.argv[1]), sys.argv[2], []\n"
        "while (row := store.claim(name)) is not None:\n"
        "    got.append(row.id); store.finish(row, 'done', {'loss': 1.0}, [])\n"
        "print(*got)"
    )
    workers = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), name], stdout=subprocess.PIPE, text=True)
        for name in ("a", "b", "c", "d")
    ]
    got = [int(word) for worker in workers for word in worker.communicate()[0].split()]
    assert sorted(got) == sorted(row.id for row in store.rows())
    assert len(got) == 60


def test_a_run_without_heartbeat_goes_to_another_worker(store, monkeypatch):
    row = store.claim("slow")
    assert store.claim("other").rung.steps == 200
    now = time.time()
    monkeypatch.setattr(stores.time, "time", lambda: now + LEASE + 1)
    again = store.claim("other")
    assert again.id == row.id
    assert again.attempts == 2
    with pytest.raises(LostLease):
        store.beat(row, 10, 2.0)
    with pytest.raises(LostLease):
        store.finish(row, "done", {"loss": 1.0}, [])
    store.finish(again, "done", {"loss": 2.0}, [])
    assert [r.result for r in store.rows() if r.id == row.id] == [{"loss": 2.0}]


def test_a_run_that_gets_no_further_is_given_up_with_its_error(store):
    for _ in range(ATTEMPTS):
        row = store.claim("w")
        assert row.rung.steps == 100
        store.fail(row, "RuntimeError: no")
    assert store.claim("w").rung.steps == 200
    failed = next(r for r in store.rows() if r.state == "failed")
    assert failed.error == "RuntimeError: no"
    assert store.open(held_back=False) == 2


def test_a_run_that_gets_further_each_time_is_never_given_up(store):
    for step in range(1, 3 * ATTEMPTS):
        row = store.claim("w")
        assert row.rung.steps == 100
        store.beat(row, step, 2.0)
        store.release("w")


def test_of_one_trunk_one_run_is_trained_at_a_time(tmp_path):
    store = Store(tmp_path, create=True)
    store.add([replace(TINY, schedule="wsd", steps=steps) for steps in (100, 200)])
    store.add([replace(TINY, schedule="wsd", steps=150, lr=0.01)])
    first, other = store.claim("a"), store.claim("b")
    assert (first.rung.steps, other.rung.steps) == (100, 150)
    assert store.claim("c") is None
    store.finish(first, "done", {"loss": 1.0}, [])
    assert store.claim("c").rung.steps == 200


def test_held_back_runs_wait(store):
    store.add([replace(TINY, steps=10)], held_back=True)
    assert store.claim("a").rung.steps == 100
    assert store.claim("a", held_back=True).rung.steps == 10


def test_adding_again_changes_nothing(store):
    row = store.claim("a")
    store.finish(row, "done", {"loss": 1.0}, [{"step": 1, "loss": 2.0}])
    assert store.add([row.rung]) == 0
    assert next(r for r in store.rows() if r.id == row.id).result == {"loss": 1.0}
    assert store.curve(row) == [{"step": 1, "loss": 2.0}]


def test_a_store_whose_tables_are_just_being_made_is_none_yet(tmp_path):
    """SQLite makes an empty file and fills it at the end of the first transaction."""
    (tmp_path / stores.FILE).touch()
    assert not Store.is_in(tmp_path)
    with pytest.raises(DataError, match="holds no ladder"):
        Store(tmp_path)
    Store(tmp_path, create=True)
    assert Store.is_in(tmp_path)


def test_a_folder_without_a_ladder_gets_one_line(tmp_path):
    with pytest.raises(DataError, match=r"holds no ladder \(no file ladder.db\)"):
        Store(tmp_path)


def test_a_file_that_is_no_store_gets_one_line(tmp_path):
    (tmp_path / "ladder.db").write_text("x" * 5000)
    with pytest.raises(DataError, match="cannot be used as a ladder"):
        Store(tmp_path)
    assert (tmp_path / "ladder.db").read_text() == "x" * 5000


def test_a_killed_writer_leaves_a_store_that_can_be_read(store):
    row = store.claim("a")
    code = (
        "import sys, os, signal, sqlite3; db = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "db.execute('BEGIN IMMEDIATE'); db.execute('DELETE FROM runs'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(store.path)])
    assert len(store.rows()) == 3
    store.beat(row, 1, 2.0)
    assert sqlite3.connect(store.path).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_machines_that_share_a_folder_share_no_memory(store):
    """A write-ahead log keeps its index in memory that only processes of one machine share."""
    assert sqlite3.connect(store.path).execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_the_ladder_of_another_user_can_be_read(store):
    code = (
        "import os, sys; from forerun.ladder.store import Store\n"
        "if not os.geteuid(): os.setuid(65534)  # root may write anywhere\n"
        "print(len(Store(sys.argv[1]).rows()))"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(store.path, folder)
        (folder / "ladder.db").chmod(0o444)
        folder.chmod(0o555)
        done = subprocess.run([sys.executable, "-c", code, name], capture_output=True, text=True, check=False)
        folder.chmod(0o755)
    assert done.stdout == "3\n", done.stderr


def test_a_worker_that_is_asked_to_end_does_not_use_up_attempts(store):
    for _ in range(3 * ATTEMPTS):
        assert store.claim("w").rung.steps == 100
        store.release("w", asked=True)
    assert not [r for r in store.rows() if r.state == "failed"]


def test_a_folder_that_cannot_be_made_gets_one_line(tmp_path):
    (tmp_path / "file").write_text("x")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(DataError, match="cannot make the folder"):
            Store(folder, create=True)


def test_runs_that_were_given_up_are_tried_again_when_asked(store):
    for _ in range(ATTEMPTS):
        store.fail(store.claim("w"), "OSError: no space left")
    assert [row.state for row in store.rows()].count("failed") == 1
    assert store.retry() == 1
    assert store.claim("w").attempts == 1
