"""Do 90 % intervals contain the truth nine times in ten? Simulated tables with known coefficients, through the public API."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from itertools import product

import numpy as np

import forerun as fr
from bench.crippled import CRIPPLED, crippled_engine
from bench.record import Measure, Record, single
from bench.reference import BESIROGLU

QUESTION = "How often do 90 % intervals of alpha, beta, E and of forecasts contain the truth of a simulated table?"
ROWS = (60, 240, 15, 30)
JUDGED = (60, 240)
NOISES = ("normal", "student-t", "falling")
REPETITIONS = 1_000
CRIPPLED_REPETITIONS = 200
DRAWS = 200
NOISE = 0.005  # standard deviation of the log loss
FALL = -0.15  # of the standard deviation with compute, for the noise "falling"
FLOPS = (1e18, 1e21)
RATIO = (3.0, 200.0)  # tokens per parameter
QUESTIONS = {"forecast at the largest compute": 1.0, "forecast at 10 times that": 10.0}
QUANTITIES = ("alpha", "beta", "E", *QUESTIONS)
SEED = 0
BLOCK = 25
PROCESSES = 2
POOLED, EVERY = "87 to 93", "85 to 96"
FAILS = "< 87"  # what an engine that stops early must come out at, or the check proves nothing


def measure(*, quick: bool) -> Record:
    """Coverage by rows, noise and quantity for the engine, and the same check for engines that stop early."""
    repetitions, crippled_repetitions = (100, 40) if quick else (REPETITIONS, CRIPPLED_REPETITIONS)
    cells = {(n, noise): study(n, noise, repetitions) for n, noise in product(ROWS, NOISES)}
    judged = np.concatenate([cells[n, noise] for n, noise in product(JUDGED, NOISES)])
    measures = [pooled("pooled over 60 and 240 rows, noises and quantities", judged, required=POOLED)]
    for (n, noise), hits in cells.items():
        required = EVERY if n in JUDGED else ""
        measures += [
            pooled(f"{n} rows, {noise} noise: {quantity}", hits[:, [k]], required=required)
            for k, quantity in enumerate(QUANTITIES)
        ]
    for engine, what in CRIPPLED.items():
        hits = np.concatenate([study(n, "normal", crippled_repetitions, engine) for n in JUDGED])
        measures.append(pooled(f"must fail: {what}", hits, required=FAILS))
    missing = {f"{n} rows, {noise}": int(np.isnan(h).any(1).sum()) for (n, noise), h in cells.items()}
    details = {"draws": DRAWS, "fits without an interval": missing, "lowest and highest cells": _extremes(measures)}
    data = f"synthetic: chinchilla at the coefficients of Besiroglu et al., C over {FLOPS}, D/N over {RATIO}"
    return Record("coverage", QUESTION, data, [SEED], measures, details)


def study(rows: int, noise: str, repetitions: int, engine: str = "") -> np.ndarray:
    """Whether each interval held the truth, (repetitions, quantities); NaN where a fit gave no interval."""
    blocks = [range(i, min(i + BLOCK, repetitions)) for i in range(0, repetitions, BLOCK)]
    with ProcessPoolExecutor(PROCESSES) as pool:
        parts = pool.map(trials, *zip(*[(rows, noise, block, engine) for block in blocks]))
        hits = np.concatenate(list(parts))
    shares = ", ".join(f"{q} {100 * np.nanmean(h):.1f}" for q, h in zip(QUANTITIES, hits.T))
    print(
        f"{engine or 'engine'} {rows} rows, {noise}, {repetitions} repetitions: {shares}", file=sys.stderr, flush=True
    )
    return hits


def trials(rows: int, noise: str, repetitions: Sequence[int], engine: str = "", draws: int = DRAWS) -> np.ndarray:
    """One row of hits for each repetition."""
    with crippled_engine(engine) if engine else nullcontext():
        return np.array([trial(rows, noise, repetition, draws) for repetition in repetitions])


def trial(rows: int, noise: str, repetition: int, draws: int = DRAWS) -> list[float]:
    """Simulate one table, fit it, and say for each quantity whether its interval holds the truth."""
    runs = simulated(rows, noise, repetition)
    try:
        fit = fr.fit("chinchilla", runs, draws=draws, seed=repetition)
    except fr.DataError:
        return [np.nan] * len(QUANTITIES)
    return held(fit, runs, QUESTIONS.values())


def held(fit: fr.Fit, runs: fr.Runs, factors: Iterable[float]) -> list[float]:
    """Whether the intervals of alpha, beta, E and of forecasts at factors of the largest compute hold the truth."""
    limits = [(BESIROGLU[name], fit.intervals[name]) for name in ("alpha", "beta", "E")]
    for factor in factors:
        flops = factor * float(runs["C"].max())
        answer = fit.forecast(C=flops, M=20.0)
        size = np.sqrt(flops / (6.0 * 20.0))
        truth = float(fr.laws.get("chinchilla")(size, 20.0 * size, **BESIROGLU))
        limits.append((truth, None if answer.low is None else (answer.low, answer.high)))
    return [np.nan if pair is None else float(pair[0] <= truth <= pair[1]) for truth, pair in limits]


def simulated(rows: int, noise: str, repetition: int) -> fr.Runs:
    """A random design and its losses: compute and tokens per parameter uniform in the logarithm, C = 6ND."""
    rng = np.random.default_rng([SEED, rows, NOISES.index(noise), repetition])
    flops, ratio = (np.exp(rng.uniform(np.log(low), np.log(high), rows)) for low, high in (FLOPS, RATIO))
    size = np.sqrt(flops / (6.0 * ratio))
    spread = np.full(rows, NOISE)
    error = rng.standard_t(3, rows) / np.sqrt(3.0) if noise == "student-t" else rng.standard_normal(rows)
    if noise == "falling":
        spread = NOISE * (flops / np.sqrt(FLOPS[0] * FLOPS[1])) ** FALL
    mean = fr.laws.get("chinchilla")(size, ratio * size, **BESIROGLU)
    columns = {"N": size, "D": ratio * size, "loss": mean * np.exp(spread * error)}
    return fr.read_runs(columns, N="N", D="D", loss="loss")


def pooled(name: str, hits: np.ndarray, *, required: str) -> Measure:
    """Coverage in percent of the intervals that were given, with its binomial standard error as the note."""
    given = hits[~np.isnan(hits)]
    share = float(given.mean()) if len(given) else 0.0
    error = 100.0 * np.sqrt(max(share * (1.0 - share), 1e-4) / max(len(hits), 1))
    missing = int(np.isnan(hits).any(1).sum())
    note = f"+- {error:.1f} by chance" + (f"; {missing} fits gave no interval" if missing else "")
    return single(name, 100.0 * share, len(hits), "% covered", required=required, note=note)


def _extremes(measures: Sequence[Measure]) -> dict[str, float]:
    judged = [m for m in measures if m.required == EVERY]
    ordered = sorted(judged, key=lambda m: m.median)
    return {m.name: m.median for m in (*ordered[:5], *ordered[-3:])}
