"""A worker: a plain process that claims runs of a ladder one after the other and trains them."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from forerun.ladder.corpus import Corpus, read_corpus
from forerun.ladder.monitor import Watch
from forerun.ladder.store import LostLease, Row, Store
from forerun.ladder.trainer import Training, checkpoint, train
from forerun.note import DataError

BEAT = 2.0  # seconds between two heartbeats
PATIENCE = 1.0  # seconds until a worker looks again for a run when all are taken


class Stopped(Exception):
    """The process was asked to end."""


def work(folder: str | Path, *, name: str = "", held_back: bool = False, device: str = "cpu") -> int:
    """Train runs of the ladder in ``folder`` until none is left; how many this worker finished.

    It may be killed at any moment: the run it was at goes on from its last checkpoint in another worker. SIGTERM and
    Ctrl-C make it finish the step or the evaluation it is at, save where it is, and leave.
    """
    store = Store(folder)
    name = name or f"{socket.gethostname()}-{os.getpid()}"
    corpus = open_corpus(store)
    watch = Watch(**store.fact("watch"))
    finished = 0
    with _asked_to_end() as asked:
        while not asked.is_set() and store.open(held_back=held_back):
            row = store.claim(name, held_back=held_back)
            if row is None:
                asked.wait(PATIENCE)
                continue
            try:
                finished += _train(store, row, corpus, watch, device, asked)
            except Stopped:
                store.release(name, asked=True)
    return finished


@contextmanager
def _asked_to_end() -> Iterator[threading.Event]:
    """An event that SIGTERM and Ctrl-C set: an exception could come in the middle of an update, where nothing can be saved."""
    came = threading.Event()
    numbers = (signal.SIGTERM, signal.SIGINT) if threading.current_thread() is threading.main_thread() else ()
    previous = {number: signal.signal(number, lambda *_: came.set()) for number in numbers}
    try:
        yield came
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler or signal.SIG_DFL)  # None: what was there was not set from Python


def open_corpus(store: Store, context: int | None = None) -> Corpus:
    """The text of the ladder, if it is still the one that it began with and long enough for ``context`` (as stored by default)."""
    corpus = read_corpus(store.fact("corpus_path"), context=context or store.fact("context"))
    known = store.fact("corpus")
    if known is not None and known["digest"] != corpus.digest:
        message = f"the text in {corpus.name} is not the one that this ladder began with"
        raise DataError("corpus-changed", message, advice="Restore it, or start a new ladder with --into FOLDER")
    return corpus


def _train(store: Store, row: Row, corpus: Corpus, watch: Watch, device: str, asked: threading.Event) -> bool:
    """Train one run; whether it was finished here."""
    beaten = time.monotonic()
    sent = 0

    def beat(training: Training) -> None:
        nonlocal beaten, sent
        if time.monotonic() - beaten > BEAT:
            beaten = time.monotonic()
            store.beat(row, training.step, training.monitor.mean, training.curve[sent:])
            sent = len(training.curve)

    def alive(training: Training) -> None:
        beat(training)
        if asked.is_set():
            raise Stopped

    try:
        outcome = train(row.rung, corpus, folder=store.checkpoints, watch=watch, device=device, alive=alive, beat=beat)
        store.finish(row, outcome.state, outcome.to_dict(), outcome.curve)
        checkpoint(row.rung, store.checkpoints).unlink(missing_ok=True)
    except LostLease:
        return False
    except Stopped:
        raise
    except Exception as error:  # whatever a run dies of, the others go on, and the row says what it was
        store.fail(row, f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")
        return False
    return True
