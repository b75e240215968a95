"""Fits of parts of a table in one batched call: the roll-outs and leave-out checks that judge a law before it is used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from forerun.fitting import objective as objectives
from forerun.fitting.balance import balanced
from forerun.fitting.estimate import describe, fit, judged, noise_of
from forerun.fitting.evidence import Solution
from forerun.fitting.objective import Objective
from forerun.fitting.observations import Observations, bound, observe, resampled, row_weights
from forerun.fitting.polish import conditions, polish
from forerun.fitting.prediction import supports_jets
from forerun.fitting.problem import SCALE, Problem, build
from forerun.fitting.refit import STEPS, Refits, refit
from forerun.fitting.result import Fit
from forerun.fitting.start import basins, screen
from forerun.fitting.uncertainty import MOST_WEIGHTS, ROWS_PER_PARAMETER
from forerun.laws import Law
from forerun.note import DataError
from forerun.runs import Runs

Array = np.ndarray
STARTS = 4  # basins of each fold
TRIED = 16  # of them, on which derivatives are compared with differences


def fit_folds(
    law: Law,
    runs: Runs,
    keep: Array,
    *,
    objective: str = "huber",
    unit: str | None = None,
    draws: int | Sequence[int] = 0,
    level: float = 0.9,
    seed: int = 0,
    weights: str | Sequence[float] | None = None,
) -> list[Fit | DataError]:
    """``law`` fitted to parts of ``runs``, one for each row of ``keep`` (F, n): a factor on each run, 0 to hide it.

    The optima of all parts come from one batched call, the bootstrap refits of each (``draws``, one number or one for
    each part) from another. A part that cannot carry the law gives the ``DataError`` that says so in its place. The fits
    have no notes: they are there to be scored. Laws with groups of their own, whose parameters leave with their rows, and
    tables too large for many weights are fitted part by part. ``weights`` and the rest are those of :func:`fit`.
    """
    law = bound(law, runs)
    settings: dict[str, Any] = dict(objective=objective, unit=unit, level=level, seed=seed)
    counts = [draws] * len(keep) if isinstance(draws, int) else list(draws)
    chosen = objectives.find(objective)
    counted = row_weights(law, runs, chosen, weights)
    if law.shared or len(runs) * (max(counts) + 1) > MOST_WEIGHTS:
        return [_alone(law, runs, row * counted, count, settings) for row, count in zip(keep, counts)]
    try:
        table = observe(law, runs, chosen, counted)
    except DataError as refusal:
        return [refusal] * len(keep)
    starts, refused = _screened(law, runs, table, chosen, keep)
    if not starts:
        return [refused[i] for i in range(len(keep))]
    ready = list(starts)
    problem, optima = _solved(law, table, chosen, keep[ready], list(starts.values()), seed)
    _, labels, _ = resampled(runs, unit)
    found: dict[int, Fit | DataError] = dict(refused)
    for k, i in enumerate(ready):
        drawn = _drawn(problem, table, keep[i], optima.z, labels, counts[i], seed)
        z = np.concatenate([optima.z[k : k + 1], drawn])
        found[i] = _as_fit(law, runs, problem, keep[i], z, bool(optima.finished[k]), settings)
    return [found[i] for i in range(len(keep))]


def _alone(law: Law, runs: Runs, factor: Array, draws: int, settings: dict[str, Any]) -> Fit | DataError:
    kept = factor > 0
    how = dict(uncertainty="bootstrap", draws=draws) if draws else dict(uncertainty="none")
    try:
        return fit(law, runs.where(kept), weights=factor[kept].tolist(), **how, **settings)
    except DataError as refusal:
        return refusal


def _screened(law: Law, runs: Runs, table: Observations, objective: Objective, keep: Array
              ) -> tuple[dict[int, Array], dict[int, DataError]]:  # fmt: skip
    """Starts in the basins of each fold, from its own rows; or why these cannot carry the law. Equal rows are screened once."""
    starts: dict[int, Array] = {}
    refused: dict[int, DataError] = {}
    known: dict[bytes, int] = {}
    for i, factor in enumerate(keep):
        first = known.setdefault((factor > 0).tobytes(), i)
        if first < i:
            starts |= {i: starts[first]} if first in starts else {}
            refused |= {i: refused[first]} if first in refused else {}
            continue
        part = table.taken(np.flatnonzero(factor))
        try:
            observe(law, runs.where(factor > 0), objective, part.weights)
        except DataError as refusal:
            refused[i] = refusal
            continue
        found = screen(law, part.inputs, part.y, part.trials, objective, part.weights)
        if len(found):
            starts[i] = basins(law, found, STARTS)
        else:
            refused[i] = DataError("no-start", f"{law.name} is not defined anywhere near these rows")
    return starts, refused


def _solved(law: Law, table: Observations, objective: Objective, folds: Array, starts: list[Array], seed: int
            ) -> tuple[Problem, Refits]:  # fmt: skip
    """The optima of all folds: the starts of each are polished in one call, and then shared among them."""
    problem = build(law, table.inputs, table.y, table.trials, objective, table.weights, None, exact=True)
    every = np.concatenate(starts)
    if not supports_jets(law, [x[:16] for x in table.inputs], every[:: max(1, len(every) // TRIED)]):
        problem = replace(problem, exact=False)
    owners = np.repeat(np.arange(len(starts)), [len(s) for s in starts])
    begin = problem.internal(problem.with_scale(every))
    problem = balanced(problem, begin)
    return problem, refit(problem, polish(problem, begin, folds[owners], STEPS).z, folds, seed)


def _drawn(problem: Problem, table: Observations, factor: Array, starts: Array, labels: Array | None, draws: int, seed: int
           ) -> Array:  # fmt: skip
    """Bootstrap draws of one fold, (draws, p), on its own rows; none where there are too few units to resample."""
    rows = np.flatnonzero(factor)
    numbers = np.arange(len(rows)) if labels is None else np.searchsorted(np.array(sorted(set(labels[rows].tolist()))), labels[rows])  # fmt: skip
    units = int(numbers.max()) + 1
    if not draws or units < ROWS_PER_PARAMETER * problem.told_by_rows:
        return np.empty((0, len(problem.names)))
    part = table.taken(rows)
    own = build(problem.law, part.inputs, part.y, part.trials, problem.objective, part.weights * factor[rows], None, problem.exact)  # fmt: skip
    random = np.random.default_rng([seed, 0]).exponential(size=(draws, units))
    weights = random / random.mean(1, keepdims=True)
    return refit(own, starts, weights[:, numbers], seed).z


def _as_fit(law: Law, runs: Runs, problem: Problem, factor: Array, z: Array, finished: bool, settings: dict[str, Any]
            ) -> Fit:  # fmt: skip
    kept = factor > 0
    part = runs.where(kept)
    slope, curvature = (float(x[0]) for x in conditions(problem, z[:1], factor[None]))
    residuals = problem.residuals(z[0])[kept]
    names = [name for name in problem.names if name != SCALE]
    natural = problem.natural(z)[:, : len(names)]
    draws = natural[1:]
    kind = "bootstrap" if len(draws) else "none"
    return Fit(
        law=law,
        params=dict(zip(names, natural[0].tolist())),
        draws=draws,
        level=settings["level"],
        uncertainty={"kind": kind, "unit": settings["unit"] or "row", "draws": len(draws), "seed": settings["seed"]},
        objective=problem.objective.name,
        objective_value=float(replace(problem, prior=None).values(z[:1], factor[None])[0]),
        outcome=judged(problem, z[0], (slope, curvature), finished, perfect=False),
        solution=Solution(slope, curvature, 1, 1, "exact" if problem.exact else "differences"),
        runs=describe(law, part),
        noise=noise_of(residuals, len(residuals), problem.told_by_rows),
        scale=float(problem.natural(z[:1])[0, -1]) if problem.objective.scaled else None,
        table=part,
        row_weights=(factor * problem.row_weights)[kept],
    )
