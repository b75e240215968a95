"""Fits of parts of a table in one batched call: the roll-outs and leave-out checks that judge a law before it is used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from forerun.fitting import objective as objectives
from forerun.fitting.estimate import describe, fit, judged, noise_of, solve
from forerun.fitting.evidence import Solution
from forerun.fitting.observations import bound, observe, resampled, row_weights
from forerun.fitting.polish import conditions
from forerun.fitting.problem import SCALE, Problem
from forerun.fitting.refit import refit
from forerun.fitting.result import Fit
from forerun.fitting.uncertainty import AT_ONCE, MOST_WEIGHTS, ROWS_PER_PARAMETER
from forerun.laws import Law
from forerun.note import DataError
from forerun.runs import Runs

Array = np.ndarray


def fit_folds(
    law: Law,
    runs: Runs,
    keep: Array,
    *,
    objective: str = "huber",
    unit: str | None = None,
    draws: int = 0,
    level: float = 0.9,
    seed: int = 0,
    weights: str | Sequence[float] | None = None,
) -> list[Fit | DataError]:
    """``law`` fitted to parts of ``runs``, one for each row of ``keep`` (F, n): a factor on each run, 0 to hide it.

    All optima, and ``draws`` bootstrap refits of each part, come from one batched call; a part that cannot carry the law
    gives the ``DataError`` that says so in its place. The fits have no notes: they are there to be scored. Starts are
    screened on the whole table, optima see only the rows that are kept. Laws with groups of their own, whose parameters
    leave with their rows, and tables too large for many weights are fitted part by part.
    """
    law = bound(law, runs)
    settings: dict[str, Any] = dict(objective=objective, unit=unit, level=level, seed=seed)
    chosen = objectives.find(objective)
    counted = row_weights(law, runs, chosen, weights)
    if law.shared or len(runs) * (draws + 1) > MOST_WEIGHTS:
        return [_alone(law, runs, row * counted, draws, settings) for row in keep]
    refused = [_refusal(law, runs, row) for row in keep]
    ready = [i for i, error in enumerate(refused) if error is None]
    found: list[Fit | DataError] = [error or DataError("too-few-runs", "") for error in refused]
    if not ready:
        return found
    problem, starts, _ = solve(law, observe(law, runs, chosen, counted), chosen)
    _, labels, _ = resampled(runs, unit)
    for part in np.array_split(ready, -(-len(ready) * (draws + 1) * len(runs) // AT_ONCE)):
        folds = keep[part]
        z, finished = _solved(problem, starts, folds, labels, draws, seed)
        for k, i in enumerate(part):
            found[i] = _as_fit(law, runs, problem, folds[k], z[k], bool(finished[k]), settings)
    return found


def _alone(law: Law, runs: Runs, factor: Array, draws: int, settings: dict[str, Any]) -> Fit | DataError:
    kept = factor > 0
    how = dict(uncertainty="bootstrap", draws=draws) if draws else dict(uncertainty="none")
    try:
        return fit(law, runs.where(kept), weights=factor[kept].tolist(), **how, **settings)
    except DataError as refusal:
        return refusal


def _refusal(law: Law, runs: Runs, factor: Array) -> DataError | None:
    """Why the rows that are kept cannot carry the law, None where they can."""
    part = runs.where(factor > 0)
    try:
        observe(law, part, objectives.find("squared"), np.ones(len(part)))
    except DataError as refusal:
        return refusal
    return None


def _solved(problem: Problem, starts: Array, folds: Array, labels: Array | None, draws: int, seed: int
            ) -> tuple[Array, Array]:  # fmt: skip
    """The optimum of each fold and its bootstrap draws, (F, 1 + draws, p), and whether the former were solved to the end."""
    rng = np.random.default_rng(seed)
    units = problem.rows if labels is None else int(labels.max()) + 1
    random = rng.exponential(size=(draws, units))
    random = random if labels is None else random[:, labels]
    drawn = random[None] * folds[:, None, :]
    drawn *= (folds.sum(1)[:, None] / np.maximum(drawn.sum(2), 1e-300))[:, :, None]
    drawn[(folds > 0).sum(1) < ROWS_PER_PARAMETER * len(problem.names)] = folds[0]  # too few to resample: not used
    weights = np.concatenate([folds, drawn.reshape(-1, problem.rows)])
    found = refit(problem, starts, weights, seed)
    own, rest = found.z[: len(folds)], found.z[len(folds) :].reshape(len(folds), draws, -1)
    return np.concatenate([own[:, None], rest], axis=1), found.finished[: len(folds)]


def _as_fit(law: Law, runs: Runs, problem: Problem, factor: Array, z: Array, finished: bool, settings: dict[str, Any]
            ) -> Fit:  # fmt: skip
    kept = factor > 0
    part = runs.where(kept)
    slope, curvature = (float(x[0]) for x in conditions(problem, z[:1], factor[None]))
    residuals = problem.residuals(z[0])[kept]
    names = [name for name in problem.names if name != SCALE]
    natural = problem.natural(z)[:, : len(names)]
    enough = kept.sum() >= ROWS_PER_PARAMETER * len(problem.names)
    draws = natural[1:] if enough else natural[:0]
    kind = "bootstrap" if len(draws) else "none"
    return Fit(
        law=law,
        params=dict(zip(names, natural[0].tolist())),
        draws=draws,
        level=settings["level"],
        uncertainty={"kind": kind, "unit": settings["unit"] or "row", "draws": len(draws), "seed": settings["seed"]},
        objective=problem.objective.name,
        objective_value=float(problem.values(z[:1], factor[None])[0]),
        outcome=judged(problem, z[0], (slope, curvature), finished, perfect=False),
        solution=Solution(slope, curvature, 1, 1, "exact" if problem.exact else "differences"),
        runs=describe(law, part),
        noise=noise_of(residuals, len(residuals), len(z[0])),
        scale=float(problem.natural(z[:1])[0, -1]) if problem.objective.scaled else None,
        table=part,
    )
