"""Whether a batched refit ends where an independent, far more thorough search of the same resample ends."""

from __future__ import annotations

import numpy as np

from bench.record import Record, single
from bench.reference import Solved, exponential_weights, multinomial_weights, reference_runs, small_runs, solved
from forerun.fitting.polish import polish
from forerun.fitting.refit import refit
from forerun.fitting.start import basins, screen

QUESTION = "How often does a batched bootstrap refit reach the global optimum of its resample?"
SEED = 0
DRAWS = 4_000
SEARCHED = {240: 400, 12: 4_000}  # resamples searched again by rows of the table; all are refitted
GRID_STARTS = 24
RELATIVE, ABSOLUTE = 1e-8, 1e-18


def measure(*, quick: bool) -> Record:
    """The reference table and a table of twelve runs, under exponential and under multinomial weights."""
    measures, details = [], {}
    tables = [reference_runs(), small_runs()]
    for runs, what in tables:
        engine = solved(runs)
        for kind, draw in (("exponential", exponential_weights), ("multinomial", multinomial_weights)):
            name = f"{len(runs)} rows, {kind} weights"
            count = SEARCHED.get(len(runs), 400) // (20 if quick else 1)
            one, seen = compare(engine, draw(DRAWS, len(runs), SEED), count)
            measures.append(single(name, **one, unit="% at the optimum", required=">= 99.5"))
            details[name] = {**seen, "data": what}
    return Record("refits", QUESTION, "; ".join(what for _, what in tables), [SEED], measures, details)


def compare(engine: Solved, weights: np.ndarray, count: int) -> tuple[dict, dict]:
    """Refit all resamples in one batch and search a random ``count`` of them thoroughly."""
    found = refit(engine.problem, engine.starts, weights, SEED, again=True)
    chosen = np.arange(len(weights))
    if count < len(chosen):
        chosen = np.sort(np.random.default_rng(SEED).choice(len(chosen), count, replace=False))
    batched = engine.problem.values(found.z[chosen], weights[chosen])
    thorough = np.array([search(engine, weights[i]) for i in chosen])
    good = batched <= thorough * (1.0 + RELATIVE) + ABSOLUTE
    better = thorough > batched * (1.0 + RELATIVE) + ABSOLUTE
    excess = np.sort(batched[~good] / np.maximum(thorough[~good], ABSOLUTE) - 1.0)[::-1]
    unfinished = ~found.finished[chosen]
    sample = "all" if count >= len(weights) else f"a random {len(chosen)}"
    note = f"{sample} of {len(weights)} resamples searched; {int((~good).sum())} missed, {int((~good & unfinished).sum())} of them counted as unfinished; search missed {int(better.sum())}"
    seen = {
        "searched": len(chosen), "missed": int((~good).sum()), "missed and counted as unfinished": int((~good & unfinished).sum()),
        "unfinished of all resamples": int((~found.finished).sum()), "unfinished but at the optimum": int((good & unfinished).sum()),
        "batched lower than the search": int(better.sum()), "largest relative excesses": [float(e) for e in excess[:10]],
        "missed resamples": [int(i) for i in chosen[~good][:20]],
    }  # fmt: skip
    return {"value": 100.0 * float(good.mean()), "n": len(chosen), "note": note}, seen


def search(engine: Solved, weights: np.ndarray) -> float:
    """The lowest objective from every basin and the best grid points of this resample's own global stage."""
    table = engine.table
    candidates = screen(engine.law, table.inputs, table.y, table.trials, engine.objective, table.weights * weights)
    starts = np.concatenate([basins(engine.law, candidates), candidates[:GRID_STARTS]])
    batch = np.broadcast_to(weights, (len(starts), len(weights)))
    ended = polish(engine.problem, engine.problem.internal(starts), batch)
    return float(ended.value.min())
