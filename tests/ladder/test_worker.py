"""A worker leaves its run where it is when asked to end, and removes a checkpoint only once its result is stored."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
import torch

from forerun.ladder.monitor import Watch
from forerun.ladder.rung import Rung
from forerun.ladder.spec import Ladder
from forerun.ladder.store import Store
from forerun.ladder.sweep import queue
from forerun.ladder.worker import work

BASE = Rung(width=16, depth=1, context=32, warmup=10, steps=100)
WATCH = Watch(points=6, validation_bytes=2048, checkpoint_seconds=1e9)


def wait_for(condition, seconds=60.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_asked_to_end_saves_where_it_is(texts, tmp_path, number):
    store = queue(Ladder((replace(BASE, steps=100_000),), corpus=texts, watch=WATCH), tmp_path)
    worker = subprocess.Popen([sys.executable, "-m", "forerun.cli", "ladder", "worker", str(tmp_path), "--name", "w"],
                              stdout=subprocess.DEVNULL)  # fmt: skip
    wait_for(lambda: store.rows()[0].step > 0)
    worker.send_signal(number)
    assert worker.wait(timeout=60) == 0
    (row,) = store.rows()
    assert row.state == "waiting"
    (saved,) = store.checkpoints.iterdir()
    assert torch.load(saved, weights_only=True)["step"] >= row.step


def test_a_result_that_cannot_be_stored_keeps_the_checkpoint(texts, tmp_path, monkeypatch):
    store = queue(Ladder((BASE,), corpus=texts, watch=replace(WATCH, checkpoint_seconds=0.0)), tmp_path)
    finish, refused = Store.finish, []

    def locked(self, *arguments):
        if not refused:
            refused.append([path.name for path in self.checkpoints.iterdir()])
            raise sqlite3.OperationalError("database is locked")
        finish(self, *arguments)

    monkeypatch.setattr(Store, "finish", locked)
    assert work(tmp_path, name="w") == 1
    assert refused == [[f"{BASE.digest}.pt"]]
    assert store.rows()[0].state == "done"
    assert not list(store.checkpoints.iterdir())


def test_a_worker_may_be_a_thread(texts, tmp_path):
    store = queue(Ladder((BASE,), corpus=texts, watch=WATCH), tmp_path)
    thread = threading.Thread(target=work, args=(tmp_path,), kwargs={"name": "w"})
    thread.start()
    thread.join(60)
    assert store.rows()[0].state == "done"
