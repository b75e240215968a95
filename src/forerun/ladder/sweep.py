"""Run a ladder: queue its runs, keep workers alive until all are done, forecast what was held back, train it, score it."""

from __future__ import annotations

import os
import platform
import socket
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import torch

from forerun.fitting.uncertainty import check_kind
from forerun.ladder.corpus import Corpus, bigram_loss, read_corpus
from forerun.ladder.launchers import Launcher, Local
from forerun.ladder.monitor import Watch
from forerun.ladder.progress import status
from forerun.ladder.result import Held, LadderResult, held_from
from forerun.ladder.spec import Ladder
from forerun.ladder.store import Store
from forerun.ladder.table import read_ladder
from forerun.ladder.worker import open_corpus
from forerun.note import DataError, Note
from forerun.predict import Ensemble, auto
from forerun.runs import Runs

LOOK = 0.5  # seconds between two looks at the queue
MOST_STARTS = 200  # of workers that end without having finished a run, before the ladder is stopped


def run_ladder(
    ladder: Ladder,
    folder: str | Path,
    *,
    workers: int = 1,
    launcher: Launcher | None = None,
    look: Callable[[Store], None] = lambda store: None,
    level: float = 0.9,
    seed: int = 0,
) -> LadderResult:
    """Train every run of ``ladder``, fit them, forecast the held-back ones, train these too, and score the forecasts.

    All that happens is kept in ``folder``; the same call there goes on where an earlier one stopped. The forecasts are
    stored before the first held-back run is trained and never made again. ``workers`` processes train one run each;
    ``launcher`` says where (this machine by default), and ``look(store)`` is called twice a second. Runs that allow no law
    of size, because something else is varied, are trained all the same: the result then has no fit, and says why. Raises
    ``DataError`` when the folder holds another ladder, or no run finished.
    """
    _check_workers(workers)
    check_kind("bootstrap", "row", 1000, level)  # before hours of training, not after them
    store = queue(ladder, folder)
    launcher = launcher or Local()
    drive(store, launcher, workers=workers, look=look)
    runs = read_ladder(folder)
    fit = _law_of_size(runs, level=level, seed=seed)
    if isinstance(fit, Ensemble):
        forecast_held_back(store, fit)
    drive(store, launcher, workers=workers, held_back=True, look=look)
    return result_of(store, fit, runs, level)


def _law_of_size(runs: Runs, *, level: float, seed: int) -> Ensemble | Note:
    """What ``auto`` makes of the runs, or why it cannot make anything of them."""
    try:
        return auto(runs, level=level, seed=seed)
    except DataError as error:
        advice = "Save the runs with `forerun ladder table` and fit a law of what was varied."
        return Note(
            "no-law-of-size", "error", f"no law of size was fitted: {error.message}", {"reason": error.code}, advice
        )


def result_of(store: Store, fit: Ensemble | Note, runs: Runs, level: float) -> LadderResult:
    """What the ladder in ``store`` came to so far."""
    seconds = sum(row.result["seconds"] for row in store.rows() if row.result)
    made, why = (fit, None) if isinstance(fit, Ensemble) else (None, fit)
    return LadderResult(str(store.folder), runs, made, why, scored(store), level, status(store.folder), seconds)


def forecast_held_back(store: Store, fit: Ensemble) -> None:
    """Store a forecast, for one new run, of every held-back run that has none yet and has not been started."""
    forecasts = store.fact("forecasts") or {}
    for row in store.rows():
        if row.held_back and row.rung.digest not in forecasts and row.state == "waiting" and not row.attempts:
            N, D = float(row.rung.parameters), float(row.rung.tokens)
            told = fit.forecast(N=N, D=D, target="new-run")
            size = {"size": row.rung.size, "N": N, "D": D, "C": row.rung.flops}
            forecasts[row.rung.digest] = size | {"value": told.value, "low": told.low, "high": told.high}
    store.set_fact("forecasts", forecasts)


def scored(store: Store) -> tuple[Held, ...]:
    """The held-back runs with their stored forecasts and what they reached."""
    forecasts = store.fact("forecasts") or {}
    reached = {row.rung.digest: (row.result or {}).get("loss") for row in store.rows()}
    return tuple(held_from(stored, reached.get(digest)) for digest, stored in forecasts.items())


def queue(ladder: Ladder, folder: str | Path) -> Store:
    """The store in ``folder`` with every run of ``ladder`` in it; a ladder that is there already goes on.

    Raises ``DataError`` if the one that is there has another text or is watched in another way.
    """
    if not (*ladder.rungs, *ladder.held_back):
        raise DataError("no-runs", "the ladder has no runs", advice="Give it at least one")
    store = Store(folder, create=True)
    context = max(rung.context for rung in (*ladder.rungs, *ladder.held_back))
    facts = {
        "corpus_path": None if ladder.corpus is None else str(ladder.corpus.resolve()),
        "watch": asdict(ladder.watch),
    }
    known = {name: store.fact(name) for name in facts}
    if store.fact("corpus") is None:
        corpus = _checked(read_corpus(ladder.corpus, context=context), ladder)
        for name, value in {**facts, "context": context}.items():
            store.set_fact(name, value)
        held_out = {domain: len(text) for domain, text in corpus.held_out.items()}
        store.set_fact(
            "corpus",
            {
                "name": corpus.name,
                "digest": corpus.digest,
                "documents": corpus.documents,
                "bytes": len(corpus.train),
                "held_out": held_out,
                "bigram_loss": bigram_loss(corpus),
            },
        )
        store.set_fact("machine", machine())
    elif known != facts:
        changed = " and ".join(name for name in facts if known[name] != facts[name])
        message = f"{store.folder} holds a ladder with another {changed}"
        raise DataError("other-ladder", message, advice="Name another folder with --into")
    else:
        context = max(context, store.fact("context"))
        _checked(open_corpus(store, context), ladder)
        store.set_fact("context", context)
    store.retry()  # who starts a ladder again has mended what ended those runs, or wants to see the error again
    store.add(ladder.rungs)
    store.add(ladder.held_back, held_back=True)
    return store


def _checked(corpus: Corpus, ladder: Ladder) -> Corpus:
    for rung in (*ladder.rungs, *ladder.held_back):
        corpus.check(rung)
    return corpus


def queued(store: Store) -> Ladder:
    """The ladder that is in a store already."""
    rows = store.rows()
    path, watch = store.fact("corpus_path"), store.fact("watch")
    if not rows or watch is None:
        message = f"the ladder in {store.folder} was never described"
        raise DataError("no-runs", message, advice="Name a ladder file, or give --budget")
    fitted = tuple(row.rung for row in rows if not row.held_back)
    held = tuple(row.rung for row in rows if row.held_back)
    return Ladder(fitted, held, corpus=None if path is None else Path(path), watch=Watch(**watch))


def machine() -> dict[str, Any]:
    """What the runs were trained on: processor, cores, versions."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), model)
    except OSError:
        pass
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }


def drive(
    store: Store,
    launcher: Launcher,
    *,
    workers: int,
    held_back: bool = False,
    look: Callable[[Store], None] = lambda store: None,
) -> None:
    """Keep ``workers`` workers alive until every run (or every held-back run) of the ladder is finished.

    A worker that is gone gives its run back at once and another takes its place. ``look(store)`` is called twice a second, and once when all
    is done.
    """
    _check_workers(workers)
    alive: dict[str, Callable[[], bool]] = {}
    own = f"{socket.gethostname()}-{uuid4().hex[:8]}"  # process ids repeat from one machine or container to the next
    started = 0
    try:
        while left := store.open(held_back=held_back):
            for name in [name for name, still in alive.items() if not still()]:
                store.release(name)
                del alive[name]
            for _ in range(min(workers, left) - len(alive)):
                if started > MOST_STARTS + len(store.rows()):
                    message = f"{started} workers ended and {left} runs are still open"
                    raise DataError("workers-end", message, advice=f"See {store.folder / 'workers.log'}")
                started += 1
                name = f"{own}-{started}"
                alive[name] = launcher.start(store.folder, name, held_back)
            look(store)
            time.sleep(LOOK)
        look(store)
    finally:
        launcher.close()
        for name in alive:  # whoever was ended too hard to give its run back itself
            store.release(name)


def _check_workers(workers: int) -> None:
    if workers < 1:
        raise DataError("bad-value", f"workers is {workers}", advice="Give at least one")
