"""`fit`: a law and runs in, a verified optimum with its uncertainty and its doubts out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from forerun.fitting import objective as objectives
from forerun.fitting.balance import balanced
from forerun.fitting.diagnose import diagnose
from forerun.fitting.evidence import Data, Design, Solution
from forerun.fitting.objective import Objective
from forerun.fitting.observations import (
    COUNTED,
    Observations,
    arrangement,
    bound,
    group_rows,
    observe,
    resampled,
    row_weights,
    weights_in_words,
)
from forerun.fitting.percentile import percentiles
from forerun.fitting.polish import Optimum, conditions, polish, ranking
from forerun.fitting.prediction import supports_jets
from forerun.fitting.problem import SCALE, Problem, build
from forerun.fitting.result import Fit, sort_notes
from forerun.fitting.start import basins, screen
from forerun.fitting.uncertainty import Draws, Wish, assess, check_kind
from forerun.laws import Law
from forerun.laws.registry import get
from forerun.note import DataError, Note
from forerun.runs import Runs

Array = np.ndarray
AGREE = 1e-6  # relative difference of objectives below which two starts reached the same optimum
SAME = 1e-14  # relative difference of objectives that is none
SINGULAR = 1e-9  # scaled curvature below which the data do not identify all parameters
STEEP = 1e-5  # scaled gradient above which a point is no optimum
PERFECT = 1e-24  # objective per weight below which a fit goes through all its points, and its gradient is rounding
THROUGH = 1e-9  # residual below which a kinked objective goes through a point
KEPT_NOISE = 2000
MOST_RESIDUALS = 20_000
LOOKED_AT = 128  # refits whose optima are tried as optima of the table itself
LARGE = 4_000  # rows above which basins are found on a part of them
EXACTLY = 1e-300  # width of a Huber function that is the absolute value to the last digit
POOL = 64  # screened points that refits may start from


def fit(
    law: str | Law,
    runs: Runs,
    *,
    objective: str = "huber",
    uncertainty: str = "bootstrap",
    unit: str | None = None,
    draws: int = 1000,
    level: float = 0.9,
    seed: int = 0,
    weights: str | Sequence[float] | None = None,
) -> Fit:
    """A law fitted to runs, with intervals, a verified optimum, and notes on what speaks against it.

    ``law`` is a name or a :class:`Law`. ``objective`` is what is summed over rows and minimised: ``huber`` (delta 1e-3,
    of log residuals), ``lad`` (absolute log residuals), ``squared-log``, ``squared``, ``quantile:0.1`` (the curve that a
    tenth of the runs lie below), ``student-t:4`` and ``huber-scale`` (likelihoods whose scale is fitted jointly); laws
    of counts use ``binomial``. ``uncertainty`` is ``bootstrap`` (refits under random weights), ``sandwich`` (a normal
    from gradients and curvature), ``jackknife`` (one unit left out at a time), ``profile`` (how far a parameter can go
    before the objective rises too much) or ``none``; the last three give forecasts no interval. ``unit`` is what is
    resampled: ``row``, ``run``, ``family`` or ``seed`` (default ``row``, or ``run`` where a run has several rows).
    ``weights`` multiply the rows, a column name or numbers (n,); a ``se`` role weights by the inverse square of the
    standard error. Everything random takes ``seed``.

    Intervals know the noise of the runs, not whether the law holds outside them.
    Raises :class:`DataError` where the table cannot carry the law. Objective and Huber width: Hoffmann et al. 2022,
    arXiv:2203.15556, section 3.3 (summed, not averaged: Besiroglu et al. 2024, arXiv:2404.10102).

    >>> import forerun as fr
    >>> result = fr.fit("chinchilla", fr.simulate("chinchilla", n=60, noise=0.005))
    >>> result.outcome, 0.2 < result.params["alpha"] < 0.5
    ('converged', True)
    """
    law = get(law) if isinstance(law, str) else law
    _check_arguments(law, runs, seed)
    check_kind(uncertainty, unit or "row", draws, level)
    law, how_weighted = bound(law, runs), weights_in_words(runs, weights)
    if law.trials is not None and objective == "huber":
        objective = "binomial"
    chosen = objectives.find(objective)
    counted = row_weights(law, runs, chosen, weights)
    if not counted.all():
        runs, counted = runs.where(counted > 0), counted[counted > 0]
    order = arrangement(law, runs)
    table = observe(law, runs, chosen, counted).taken(order)
    problem, starts, optimum = solve(law, table, chosen)
    best = optimum.best
    z = optimum.z[best]
    unit, labels, unit_notes = resampled(runs, unit)
    labels = labels if labels is None else labels[order]
    wish = Wish(uncertainty, level, draws, seed)
    drawn = assess(problem, z, starts, labels, wish)
    lower = _with_lower(problem, optimum, drawn.z)
    if lower is not optimum:
        optimum, best = lower, lower.best
        z = optimum.z[best]
        if uncertainty == "sandwich":  # its draws lie around the optimum that was left
            drawn = assess(problem, z, starts, labels, wish)
    solution = _solution(problem, optimum, best)
    verified = bool(optimum.finished[best]), _perfect(problem, z)
    outcome = judged(problem, z, (solution.gradient, solution.curvature), *verified)
    found = diagnose(
        problem,
        optimum,
        (outcome, solution.gradient, solution.curvature),
        starts,
        drawn.z,
        table.columns,
        runs.rows[order],
        None if law.shared or "family" not in runs else runs["family"][order],
        seed,
    )
    notes = (*_about(runs.notes, law), *unit_notes, *_caution(law), *_agreement(solution), *drawn.notes, *found)
    return Fit(
        law=law,
        **_in_units(problem, z, drawn),
        level=level,
        uncertainty=_named(drawn, unit, seed),
        objective=chosen.name,
        objective_value=reached(problem, z),
        outcome=outcome,
        solution=solution,
        runs=describe(law, runs, how_weighted),
        notes=sort_notes(notes),
        noise=_noise(problem, z),
        table=runs,
        row_weights=counted,
    )


def _in_units(problem: Problem, z: Array, drawn: Draws) -> dict[str, Any]:
    """Parameters, draws and limits of a fit by name in their own units, and the scale apart from them."""
    names = [name for name in problem.names if name != SCALE]
    natural = problem.natural(z).tolist()
    limits = None
    if drawn.limits is not None:
        low, high = problem.natural(drawn.limits).tolist()
        limits = {name: (low[i], high[i]) for i, name in enumerate(names)}
    return {
        "params": dict(zip(names, natural)),
        "draws": problem.natural(drawn.z)[:, : len(names)],
        "limits": limits,
        "scale": natural[-1] if problem.objective.scaled else None,
    }


def _named(drawn: Draws, unit: str | None, seed: int) -> dict[str, Any]:
    """What kind of uncertainty it is, by what unit, from how many draws and which seed."""
    unit = None if drawn.kind == "none" else unit
    return {"kind": drawn.kind, "unit": unit, "draws": len(drawn.z), "seed": seed}


def _check_arguments(law: object, runs: object, seed: int) -> None:
    if not isinstance(law, Law):
        raise DataError(
            "not-a-law",
            "the first argument is not a law but " + type(law).__name__,
            advice="fit(law, runs): a registered name, or a function declared with @forerun.law",
        )
    if not isinstance(runs, Runs):
        raise DataError(
            "not-runs",
            f"the second argument is not runs but {type(runs).__name__}",
            advice="Give forerun.read_runs(...)",
        )
    if seed < 0 or seed != int(seed):
        raise DataError("bad-value", f"seed must be zero or a positive whole number, received {seed}")


def _solution(problem: Problem, optimum: Optimum, best: int) -> Solution:
    slope, curvature = conditions(problem, optimum.z[best : best + 1])
    through = 0.0 if problem.objective.rho is None else PERFECT * problem.row_weights.sum()
    agreeing = int((optimum.value <= max(optimum.value[best] * (1.0 + AGREE), through)).sum())
    kind = "exact" if problem.exact else "differences"
    return Solution(float(slope[0]), float(curvature[0]), agreeing, len(optimum.value), kind)


def reached(problem: Problem, z: Array) -> float:
    """The objective as it is named: kinked ones are solved as narrow Huber functions, likelihoods without a constant."""
    objective = problem.objective
    if objective.kinked and not objective.scaled:
        problem = problem.with_objective(objective.at(EXACTLY))
    value = float(replace(problem, prior=None).values(z[None])[0])
    if objective.scaled:
        value += float(problem.row_weights.sum()) * (math.log(objectives.SMALLEST_SCALE) + objective.constant)
    return value


def _noise(problem: Problem, z: Array) -> Array:
    every = max(1, problem.rows // MOST_RESIDUALS)
    return noise_of(
        np.concatenate([r[::every] for r in problem.residual_blocks(z)]), problem.rows, problem.told_by_rows
    )


def noise_of(residuals: Array, rows: int, params: int) -> Array:
    """Residuals as sorted samples of the noise of a single run, widened for the parameters they were fitted with."""
    noise = np.sort(residuals) * np.sqrt(rows / max(rows - params, 1))
    return noise if len(noise) <= KEPT_NOISE else percentiles(noise, np.linspace(0, 1, KEPT_NOISE))


def solve(law: Law, table: Observations, objective: Objective) -> tuple[Problem, Array, Optimum]:
    """The problem, starts for refits (K, p), and the polished optima of the best basins.

    The basins of a large table are found on some of its rows, and only what differs there is polished on all of them.
    """
    groups = table.groups
    problem = build(law, table.inputs, table.y, table.trials, objective, table.weights, groups, exact=True)
    candidates = [
        screen(law, [x[part] for x in table.inputs], table.y[part], None if table.trials is None else table.trials[part],
               objective, table.weights[part])
        for part in group_rows(groups, len(table.y))
    ]  # fmt: skip
    if not all(len(c) for c in candidates):
        raise DataError(
            "no-start",
            f"{law.name} is not defined anywhere near these data",
            advice="Check the units of the columns and the law's domain",
        )
    if not supports_jets(law, [x[:16] for x in table.inputs], candidates[0][:: max(1, len(candidates[0]) // 8)]):
        problem = replace(problem, exact=False)
    apart = [basins(law, c) for c in candidates]
    if groups is None:
        first, pool = apart[0], candidates[0][:POOL]
    else:
        first = pool = _joined(law, problem.names[: -1 if objective.scaled else None], apart, groups)
    begin = problem.internal(problem.with_scale(first))
    large = groups is None and problem.rows > LARGE
    if large:
        few = table.taken(slice(None, None, -(-problem.rows // LARGE)))
        thin = build(law, few.inputs, few.y, few.trials, objective, few.weights, None, problem.exact)
        begin = _different(_optima(thin, begin))
    problem = balanced(problem, begin)
    optimum = polish(problem, begin) if large else _optima(problem, begin)
    if not np.isfinite(optimum.value).any():
        raise DataError(
            "no-optimum", f"{law.name} cannot be evaluated on these data", advice="Check the units of the columns"
        )
    ranked = np.argsort(optimum.value, kind="stable")
    return problem, np.concatenate([optimum.z[ranked], problem.internal(problem.with_scale(pool))]), optimum


def _optima(problem: Problem, starts: Array) -> Optimum:
    """Where each of the starts leads, directly or by way of a wider objective, whichever ends lower.

    A narrow Huber function is full of kinks that hold a start back; under a wide one far more starts reach the same place.
    """
    wide = problem.relaxed(starts)
    if wide is problem:
        return _closed(problem, polish(problem, starts))
    found = polish(problem, np.concatenate([starts, polish(wide, starts).z]))
    value = ranking(found.value, found.finished).reshape(2, -1)
    way = np.arange(len(starts)) + len(starts) * value.argmin(0)
    return _closed(problem, Optimum(found.z[way], found.value[way], found.finished[way], found.steps))


def _closed(problem: Problem, optimum: Optimum) -> Optimum:
    """The same with the last digits of the best: damping from the way hides what is left along a flat direction."""
    best = optimum.best
    last = polish(problem, optimum.z[best : best + 1], np.ones((1, problem.rows)))
    if last.finished[0] and last.value[0] <= optimum.value[best] * (1.0 + SAME):
        optimum.z[best], optimum.value[best], optimum.finished[best] = last.z[0], last.value[0], True
    return optimum


def _with_lower(problem: Problem, optimum: Optimum, draws: Array) -> Optimum:
    """The optima, with those that refits found below them: a basin that the starts missed is seen by its neighbours."""
    few = draws[:LOOKED_AT]
    value = problem.values(few) if len(few) else np.zeros(0)
    lower = few[np.argsort(value)[:4]][np.sort(value)[:4] < optimum.value.min() * (1.0 - AGREE)]
    if not len(lower):
        return optimum
    more = polish(problem, lower)
    z, value = np.concatenate([optimum.z, more.z]), np.concatenate([optimum.value, more.value])
    return Optimum(z, value, np.concatenate([optimum.finished, more.finished]), more.steps)


def _different(optimum: Optimum) -> Array:
    """One vector of each optimum that was reached, best first."""
    ranked = np.argsort(optimum.value, kind="stable")
    value = optimum.value[ranked]
    new = np.append(True, value[1:] > value[:-1] * (1.0 + AGREE))
    return optimum.z[ranked[new & np.isfinite(value)]] if np.isfinite(value).any() else optimum.z


def _about(notes: Sequence[Note], law: Law) -> list[Note]:
    """The doubts about the runs that hold for this law: some fall away when it takes as inputs what the runs differ in."""
    taken = {name.split("[")[0] for name in law.inputs}
    answered = [note.evidence.get("unless_inputs") for note in notes]
    return [note for note, roles in zip(notes, answered) if not (isinstance(roles, list) and taken.issuperset(roles))]


def _caution(law: Law) -> list[Note]:
    return [Note("law-caution", "warning", f"{law.base or law.name} is {law.caution}")] if law.caution else []


def _agreement(solution: Solution) -> list[Note]:
    if solution.agreeing > 1 or solution.starts < 4:
        return []
    message = f"only one of {solution.starts} starts reached the best optimum, so a lower one may exist"
    advice = "Take a smaller law, or fix or tie parameters."
    return [Note("starts-disagree", "warning", message, {"starts": solution.starts}, advice)]


def _joined(law: Law, names: Sequence[str], apart: list[Array], groups: Array | None) -> Array:
    """Starts of a grouped law: the k-th basin of every group, with the median over groups for what is shared."""
    assert law.shared is not None
    assert groups is not None
    own = list(law.params)
    members = list(dict.fromkeys(groups.tolist()))
    starts = np.empty((min(len(a) for a in apart), len(names)))
    for i, name in enumerate(names):
        if name in law.shared[0]:
            starts[:, i] = np.median([a[: len(starts), own.index(name)] for a in apart], axis=0)
        else:
            plain, member = name.split("[", 1)
            starts[:, i] = apart[[str(m) for m in members].index(member[:-1])][: len(starts), own.index(plain)]
    return starts


def judged(problem: Problem, z: Array, conditions: tuple[float, float], finished: bool, perfect: bool) -> str:
    """A key of ``OUTCOMES`` for the vector ``z`` with its gradient and curvature; rounding is no slope at a perfect fit."""
    gradient, curvature = conditions
    if not perfect and (not finished or gradient > STEEP):
        return "not-converged"
    if curvature < SINGULAR:
        return "flat"
    return "at-bound" if ((z <= problem.lower) | (z >= problem.upper)).any() else "converged"


def _perfect(problem: Problem, z: Array) -> bool:
    """Whether the fit goes through all its points, so that its gradient is rounding."""
    if problem.objective.kinked:
        return bool(max(np.abs(r).max() for r in problem.residual_blocks(z)) <= THROUGH)
    return problem.objective.rho is not None and problem.values(z[None])[0] <= PERFECT * problem.row_weights.sum()


def describe(law: Law, runs: Runs, weights: str = "") -> Data:
    """What a fit keeps of its runs; their ranges for every input and for the compute, which a budget is compared with."""
    roles = (*law.inputs, *(r for r in ("N", "D", "C") if r not in law.inputs and r in runs))
    ranges = {role: runs.range(role) for role in roles}
    few = len(runs) <= COUNTED
    design = Design(
        runs=len(set(runs["run"].tolist())) if "run" in runs else None,
        different={role: len(set(runs[role].tolist())) for role in roles} if few else {},
        ranges={role: runs.range(role) for role in ("M", "epochs") if role in runs},
        derived=tuple(role for role in roles if role not in runs.roles),
        weights=weights,
    )
    return Data(len(runs), runs.fingerprint, runs.conventions, ranges, runs.source, runs.audit, design)
