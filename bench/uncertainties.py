"""Coverage of every kind of uncertainty under five kinds of noise, from 12 to 300 runs, in range and one decade out."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product

import numpy as np

import forerun as fr
from bench.coverage import FLOPS, NOISE, PROCESSES, RATIO, held, pooled
from bench.record import Record
from bench.reference import BESIROGLU

QUESTION = "How often does each kind of 90 % interval contain the truth: of alpha, beta, E, and of forecasts?"
KINDS = ("bootstrap", "sandwich", "jackknife", "profile")
SAMPLES = ("bootstrap", "sandwich")  # those that give forecasts an interval
ROWS = (12, 30, 60, 120, 300)
NOISES = ("normal", "laplace", "student-t", "falling", "outliers")
PLACES = {"in range": 0.1, "one decade out": 10.0}  # of the largest compute
QUANTITIES = ("alpha", "beta", "E", *PLACES)
REPETITIONS = 60
DRAWS = 200
SEED = 1
BLOCK = 10


def measure(*, quick: bool) -> Record:
    """One row for each kind, number of runs and noise: coverage of the parameters pooled, and of each forecast."""
    repetitions = 20 if quick else REPETITIONS
    hits = {(n, noise): study(n, noise, repetitions) for n, noise in product(ROWS, NOISES)}
    measures = []
    for (k, kind), n in product(enumerate(KINDS), ROWS):
        every = np.concatenate([hits[n, noise][:, k] for noise in NOISES])
        measures.append(pooled(f"{kind}, {n} runs, all noises: alpha, beta, E", every[:, :3], required=""))
        if kind in SAMPLES:
            measures += [
                pooled(f"{kind}, {n} runs, all noises: forecast {place}", every[:, [3 + i]], required="")
                for i, place in enumerate(PLACES)
            ]
    for (k, kind), noise in product(enumerate(KINDS), NOISES):
        many = np.concatenate([hits[n, noise][:, k] for n in ROWS if n >= 30])
        measures.append(pooled(f"{kind}, {noise} noise, 30 to 300 runs: alpha, beta, E", many[:, :3], required=""))
    cells = {
        f"{kind}, {n} runs, {noise}": {q: _share(hits[n, noise][:, k, i]) for i, q in enumerate(QUANTITIES)}
        for (k, kind), n, noise in product(enumerate(KINDS), ROWS, NOISES)
    }
    data = f"synthetic: chinchilla at the coefficients of Besiroglu et al., C over {FLOPS}, D/N over {RATIO}, noise {NOISE}"
    return Record("uncertainties", QUESTION, data, [SEED], measures, {"draws": DRAWS, "cells in % covered": cells})


def study(rows: int, noise: str, repetitions: int) -> np.ndarray:
    """Whether each interval held the truth, (repetitions, kinds, quantities); NaN where there was none."""
    blocks = [range(i, min(i + BLOCK, repetitions)) for i in range(0, repetitions, BLOCK)]
    with ProcessPoolExecutor(PROCESSES) as pool:
        hits = np.concatenate(list(pool.map(trials, *zip(*[(rows, noise, block) for block in blocks]))))
    shares = "; ".join(f"{kind} {100 * np.nanmean(hits[:, k]):.0f}" for k, kind in enumerate(KINDS))
    print(f"{rows} runs, {noise}: {shares}", file=sys.stderr, flush=True)
    return hits


def trials(rows: int, noise: str, repetitions: Sequence[int]) -> np.ndarray:
    """One (kinds, quantities) table of hits for each repetition."""
    return np.array([[trial(simulated(rows, noise, r), kind, r) for kind in KINDS] for r in repetitions])


def trial(runs: fr.Runs, kind: str, seed: int) -> list[float]:
    """Fit one table and say for each quantity whether its interval holds the truth."""
    try:
        fit = fr.fit("chinchilla", runs, uncertainty=kind, draws=DRAWS, seed=seed)
    except fr.DataError:
        return [np.nan] * len(QUANTITIES)
    return held(fit, runs, PLACES.values())


def simulated(rows: int, noise: str, repetition: int) -> fr.Runs:
    """A random design and its losses; every noise has the same standard deviation but for the outliers on top of it."""
    rng = np.random.default_rng([SEED, rows, NOISES.index(noise), repetition])
    flops, ratio = (np.exp(rng.uniform(np.log(low), np.log(high), rows)) for low, high in (FLOPS, RATIO))
    size = np.sqrt(flops / (6.0 * ratio))
    error = {
        "normal": lambda: rng.standard_normal(rows),
        "laplace": lambda: rng.laplace(size=rows) / np.sqrt(2.0),
        "student-t": lambda: rng.standard_t(3, rows) / np.sqrt(3.0),
        "falling": lambda: rng.standard_normal(rows) * (flops / np.sqrt(FLOPS[0] * FLOPS[1])) ** -0.15,
        "outliers": lambda: rng.standard_normal(rows) + 8.0 * (rng.uniform(size=rows) < 0.05),
    }[noise]()
    mean = fr.laws.get("chinchilla")(size, ratio * size, **BESIROGLU)
    return fr.read_runs({"N": size, "D": ratio * size, "loss": mean * np.exp(NOISE * error)}, N="N", D="D", loss="loss")


def _share(hits: np.ndarray) -> float | None:
    return None if np.isnan(hits).all() else round(100.0 * float(np.nanmean(hits)), 1)
