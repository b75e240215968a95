"""The whole catalogue at once: what it costs to fit every law to a table of its own, and whether errors are what draws say."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from zlib import crc32

import numpy as np

import forerun as fr
from bench.record import Record, single

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "conformance"))

import checks

ROWS = 80
NOISE = 0.005
TABLES = 25  # simulated tables of each law
PROCESSES = 2
SLOWEST = 10
SECONDS = "<= 3"
SPREAD = "0.8 to 1.25"


def measure(*, quick: bool) -> Record:
    """CPU seconds of one fit of every law, and the mean square of standardised errors pooled over laws."""
    laws = [checks.bound(fr.laws.get(name)) for name in fr.laws.names()]
    seconds = {law.base or law.name: fit_seconds(law) for law in laws}
    slowest = sorted(seconds, key=lambda name: -seconds[name])[:SLOWEST]
    named = ", ".join(f"{name} {1000 * seconds[name]:.0f} ms" for name in slowest)
    tables = 2 if quick else TABLES
    told = [law.base or law.name for law in laws if not law.unidentified and law.kind == "explicit"]
    with ProcessPoolExecutor(PROCESSES) as pool:
        found = dict(zip(told, pool.map(errors, told, [tables] * len(told))))
    squares = {name: float(np.mean(z**2)) for name, z in found.items()}
    z = np.concatenate(list(found.values()))
    inside = 100 * float(np.mean(np.abs(z) < 1.645))
    ranked = sorted(squares, key=lambda name: squares[name])
    spread = ", ".join(f"{name} {squares[name]:.2f}" for name in (*ranked[:3], *ranked[-3:]))
    measures = [
        single("CPU time of fitting every law once, its optimum only", sum(seconds.values()), len(laws), "s", required=SECONDS,
               note=f"slowest: {named}"),
        single("mean square of (estimate - truth) / sd of draws, pooled over laws", float(np.mean(z**2)), len(z), "", required=SPREAD,
               note=f"{len(told)} laws whose parameters can be told apart; least and most: {spread}"),
        single("such errors within 1.645 standard deviations", inside, len(z), "%"),
    ]  # fmt: skip
    question = "What does it cost to fit every law, and are the errors of parameters as large as their draws say?"
    data = f"synthetic: {ROWS} runs of each law at its typical coefficients, {100 * NOISE:g} % noise"
    return Record("catalogue", question, data, [0], measures, {"seconds": seconds, "mean squares": squares})


def fit_seconds(law) -> float:
    """CPU seconds of one fit to a simulated table, the lesser of two as the first one warms caches."""
    runs = fr.simulate(law, n=ROWS, noise=NOISE, seed=0)
    taken = []
    for _ in range(2):
        started = time.process_time()
        fr.fit(law, runs, uncertainty="none")
        taken.append(time.process_time() - started)
    return min(taken)


def errors(name: str, tables: int) -> np.ndarray:
    """Standardised errors of all parameters of a law over several tables."""
    law = fr.laws.get(name)
    return np.concatenate(
        [checks.standardised_errors(law, seed=crc32(f"{name}{table}".encode()), n=ROWS) for table in range(tables)]
    )
