"""How many tokens a second a run of some shape trains on this device: measured once, kept with the ladder."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from forerun.ladder.corpus import Corpus
from forerun.ladder.rung import Rung
from forerun.ladder.store import Store
from forerun.ladder.trainer import Training, advance, one_thread

WARM, TIMED, SECONDS = 3, 30, 1.0  # steps before the clock starts; at most this many, and this long, with it


def shape(rung: Rung, device: str = "cpu") -> str:
    """What the speed of a run depends on, as one word."""
    where = "" if device == "cpu" else f"-{device}"
    return f"{rung.width}x{rung.depth}-context{rung.context}-batch{rung.batch}-{rung.optimizer}{where}"


def measure(rung: Rung, corpus: Corpus, *, device: str = "cpu") -> float:
    """Tokens per second of training ``rung`` on one device: the median over the steps of about a second.

    Measure it while the machine is as busy as it will be: other processes on the same cores slow a run that is measured
    alone, and then take longer than they were given.
    """
    one_thread(device)
    training = Training.start(rung, device)
    times: list[float] = []
    while len(times) < WARM + TIMED and sum(times[WARM:]) < SECONDS:
        began = time.perf_counter()
        advance(training, corpus, device)
        times.append(time.perf_counter() - began)
    return rung.batch * rung.context / statistics.median(times[WARM:])


def speeds(store: Store, corpus: Corpus, *, device: str = "cpu") -> Callable[[Rung], float]:
    """Tokens per second of a run, measured when first asked for and kept in ``store``, so that a ladder stays what it was."""

    known: dict[str, float] = store.fact("throughput") or {}

    def speed(rung: Rung) -> float:
        name = shape(rung, device)
        if name not in known:
            known[name] = measure(rung, corpus, device=device)
            store.set_fact("throughput", known)
        return known[name]

    return speed
