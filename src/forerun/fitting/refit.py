"""Many weighted refits as one batched call: the engine under every kind of uncertainty and every leave-out check."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from forerun.fitting.percentile import percentiles
from forerun.fitting.polish import polish
from forerun.fitting.problem import Problem

Array = np.ndarray
POOL = 128
EXCHANGES = 6
STEPS = 200  # of one refit; a curved valley that takes more is left, and counted as unfinished
SMALL = 40  # rows up to which every refit is solved from second starts as well
SECOND_STARTS = 2
SECOND_STEPS = 60
LOWER = 1e-9  # relative decrease that counts as another optimum


@dataclass(frozen=True)
class Refits:
    """Optima (B, p) of the problem under each row of weights; which were solved to the end, and which were moved.

    ``moved`` are those that had stopped in a higher basin before another refit's optimum led them to a lower one;
    ``late`` is how many of them the last of several starts found, None where each refit had one start: about as many may
    still be where they should not be.
    """

    z: Array
    value: Array
    finished: Array
    moved: Array
    late: int | None = None


def refit(problem: Problem, starts: Array, weights: Array, seed: int, *, again: bool = False) -> Refits:
    """Minimise under each row of ``weights`` (B, n), from the best of ``starts`` (K, p) for that row.

    The first refits serve the others as starts, which saves a quarter of the steps. A refit that stops in another basin
    than the best is what makes warm-started error bars wrong: so at the end optima are offered to each other as starts,
    which costs one matrix product, until nothing improves. On small tables that is not enough, because the way down to
    the other basin may begin above the optimum that was reached: there, with ``again``, each refit is solved again from
    the best optimum that lies apart from its own.
    """
    stages = []
    for part in (slice(0, POOL), slice(POOL, None)):
        if len(weights[part]):
            stages.append(polish(problem, _best_start(problem, starts, weights[part])[0], weights[part], STEPS))
            starts = np.concatenate([starts, stages[-1].z])
    z, value, finished = (np.concatenate([getattr(s, name) for s in stages]) for name in ("z", "value", "finished"))
    found, rng = Refits(z, value, finished, np.zeros(len(z), bool)), np.random.default_rng(seed)
    for _ in range(EXCHANGES):
        if not _exchange(problem, found, weights, rng, apart=False):
            break
    late = [
        _exchange(problem, found, weights, rng, apart=True)
        for _ in range(SECOND_STARTS if again and problem.rows <= SMALL else 0)
    ]
    return replace(found, late=late[-1] if late else None)


def _exchange(problem: Problem, found: Refits, weights: Array, rng: np.random.Generator, *, apart: bool) -> int:
    """Offer each problem the optima of some others, write the lower ones that this leads to into ``found``; how many."""
    pool = found.z[rng.choice(len(found.z), min(POOL, len(found.z)), replace=False)]
    offered, offer = _best_start(problem, pool, weights, found.z if apart else None)
    tried = np.flatnonzero(np.isfinite(offer) if apart else offer < found.value * (1.0 - LOWER))
    if not len(tried):
        return 0
    again = polish(problem, offered[tried], weights[tried], SECOND_STEPS if apart else STEPS)
    lower = again.value < found.value[tried] * (1.0 - LOWER)
    index = tried[lower]
    found.moved[index] = True
    found.z[index], found.value[index], found.finished[index] = (
        again.z[lower],
        again.value[lower],
        again.finished[lower],
    )
    return len(index)


def _best_start(problem: Problem, pool: Array, weights: Array, away: Array | None = None) -> tuple[Array, Array]:
    """For each row of weights the vector of the pool with the lowest objective, and that objective.

    With ``away`` (B, p) only vectors farther from each problem's own than the pool is wide are looked at; the objective
    is infinite where there is none.
    """
    value = problem.against(pool, weights)
    if away is not None:
        low, high = percentiles(pool, [0.16, 0.84])
        distance = np.abs(pool - away[:, None]) / np.maximum((high - low) / 2.0, 1e-9)
        value = np.where(distance.max(2) > 1.0, value, np.inf)
    best = value.argmin(axis=1)
    return pool[best], value[np.arange(len(weights)), best]
