"""Many weighted refits as one batched call: the engine under every kind of uncertainty and every leave-out check."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forerun.fitting.polish import polish
from forerun.fitting.problem import Problem

Array = np.ndarray
POOL = 128
EXCHANGES = 6
STEPS = 200  # of one refit; a curved valley that takes more is left, and counted as unfinished
LOWER = 1e-9  # relative decrease that counts as another optimum


@dataclass(frozen=True)
class Refits:
    """Optima (B, p) of the problem under each row of weights; which were solved to the end, and which were moved.

    ``moved`` are those that had stopped in a higher basin before another refit's optimum was offered to them.
    """

    z: Array
    value: Array
    finished: Array
    moved: Array


def refit(problem: Problem, starts: Array, weights: Array, seed: int) -> Refits:
    """Minimise under each row of ``weights`` (B, n), from the best of ``starts`` (K, p) for that row.

    The first refits serve the others as starts, which saves a quarter of the steps. A refit that stops in another basin
    than the best is what makes warm-started error bars wrong: so at the end optima are offered to each other as starts,
    which costs one matrix product, until nothing improves.
    """
    stages = []
    for part in (slice(0, POOL), slice(POOL, None)):
        if len(weights[part]):
            stages.append(polish(problem, _best_start(problem, starts, weights[part])[0], weights[part], STEPS))
            starts = np.concatenate([starts, stages[-1].z])
    z, value, finished = (np.concatenate([getattr(s, name) for s in stages]) for name in ("z", "value", "finished"))
    rng, moved = np.random.default_rng(seed), np.zeros(len(z), bool)
    for _ in range(EXCHANGES):
        pool = z[rng.choice(len(z), min(POOL, len(z)), replace=False)]
        offered, offer = _best_start(problem, pool, weights)
        tempted = np.flatnonzero(offer < value * (1.0 - LOWER))
        if not len(tempted):
            break
        again = polish(problem, offered[tempted], weights[tempted], STEPS)
        lower = again.value < value[tempted]
        index = tempted[lower]
        moved[index] = True
        z[index], value[index], finished[index] = again.z[lower], again.value[lower], again.finished[lower]
    return Refits(z, value, finished, moved)


def _best_start(problem: Problem, pool: Array, weights: Array) -> tuple[Array, Array]:
    """For each row of weights the vector of the pool with the lowest objective, and that objective."""
    rows = problem.rowwise(pool)
    rows = np.where(np.isfinite(rows), rows, 1e300 / problem.rows)
    value = weights @ rows.T
    best = value.argmin(axis=1)
    return pool[best], value[np.arange(len(weights)), best]
