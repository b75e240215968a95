"""How sure a fit is: draws of the parameters by bootstrap or sandwich, or limits by jackknife or profile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forerun.fitting.limits import jackknife, profile
from forerun.fitting.problem import Problem
from forerun.fitting.refit import refit
from forerun.note import DataError, Note

Array = np.ndarray
KINDS = ("bootstrap", "jackknife", "profile", "sandwich", "none")
UNITS = ("row", "run", "family", "seed")
FEW = 100  # draws below which a 90 % limit rests on fewer than five of them
MOST_WEIGHTS = 4_000_000  # rows times draws above which each refit is one Newton step
AT_ONCE = 4_000_000  # weights in memory
MOST_REFITS = 4_000  # in one batch
ROWS_PER_PARAMETER = 2
FEW_ROWS = 4_000  # up to which leverages are taken row by row
MOST_LEVERAGE = 0.9
FOLLOWED = 200  # rows whose predictions the draws of a sandwich follow
FOLLOWING = 5  # steps
AT_A_TIME = 500  # draws that follow at a time


@dataclass(frozen=True)
class Draws:
    """Parameter vectors (draws, p) or limits (2, p), in the solver's coordinates; their kind, and notes about them."""

    z: Array
    kind: str
    notes: tuple[Note, ...] = ()
    limits: Array | None = None


@dataclass(frozen=True)
class Wish:
    """Which uncertainty is asked for: its kind, the coverage its limits promise, and how many draws from which seed."""

    kind: str
    level: float
    draws: int
    seed: int


def assess(problem: Problem, best: Array, starts: Array, labels: Array | None, wish: Wish) -> Draws:
    """The uncertainty of ``best`` that is wished; ``labels`` (n,) numbers the resampled unit of each row.

    ``bootstrap`` and ``sandwich`` give draws, which forecasts and plans need; ``jackknife`` and ``profile`` give limits
    of the parameters only. None is given from fewer than two units for each parameter.
    """
    nothing = np.empty((0, len(best)))
    if wish.kind == "none":
        advice = "Fit with uncertainty='bootstrap' for intervals."
        return Draws(nothing, "none", (Note("no-uncertainty", "info", "No uncertainty was asked for", {}, advice),))
    units = problem.rows if labels is None else int(labels.max()) + 1
    needed = ROWS_PER_PARAMETER * problem.told_by_rows
    if units < needed:
        message = (
            f"{units} independent units are too few to resample {problem.told_by_rows} parameters (at least {needed})"
        )
        advice = "Add runs, or fix parameters."
        note = Note("no-uncertainty", "warning", message, {"units": units, "needed": needed}, advice)
        return Draws(nothing, "none", (note,))
    if wish.kind == "bootstrap":
        return bootstrap(problem, best, starts, labels, wish.draws, wish.seed)
    if wish.kind == "sandwich":
        z = _normal_draws(problem, best, labels, wish.draws, wish.seed, freedom=units - problem.told_by_rows)
        follow = problem.objective.rho is not None and not problem.objective.scaled
        if follow:
            z = np.concatenate(
                [_along_valley(problem, best, part) for part in np.array_split(z, -(-len(z) // AT_A_TIME))]
            )
        return Draws(z, "sandwich")
    if wish.kind == "jackknife":
        limits = jackknife(problem, best, starts, labels, wish.level, wish.seed)
    else:
        limits = profile(problem, best, wish.level)
    message = f"The {wish.kind} gives limits of the parameters, not samples of them"
    note = Note(
        "limits-only", "info", message, {}, "Fit with uncertainty='bootstrap' for intervals of forecasts and plans."
    )
    ignored = []
    if wish.kind == "profile" and labels is not None:
        message = f"the profile takes {problem.rows} rows as independent, but they come from {units} units"
        ignored.append(
            Note("rows-not-independent", "warning", message, {"units": units}, "Use the bootstrap or jackknife.")
        )
    return Draws(nothing, wish.kind, (note, *ignored), limits)


def bootstrap(problem: Problem, best: Array, starts: Array, labels: Array | None, draws: int, seed: int) -> Draws:
    """Refit ``draws`` times under random weights of the resampled units: the Bayesian bootstrap (Rubin 1981).

    The weights of the units are exponential with mean one instead of multinomial counts: no refit then loses the rows
    that identify a parameter, and in simulation the intervals cover closer to what they promise (``bench/records``).
    Borrowed values are drawn anew for each refit, so that the draws keep their doubt where the rows say nothing.
    """
    units = problem.rows if labels is None else int(labels.max()) + 1
    if draws * problem.rows > MOST_WEIGHTS:
        message = f"{problem.rows} rows times {draws} draws: each refit is one Newton step (the limit of the bootstrap for many rows)"
        note = Note(
            "one-step", "info", message, {"rows": problem.rows, "draws": draws}, "Fewer draws give full refits."
        )
        return Draws(_normal_draws(problem, best, labels, draws, seed), "one-step bootstrap", (note,))
    size = max(1, min(MOST_REFITS, AT_ONCE // problem.rows))
    parts, unfinished, moved, late = [], 0, 0, None
    for number, first in enumerate(range(0, draws, size)):
        rng = np.random.default_rng([seed, number])
        weights = rng.exponential(size=(min(size, draws - first), units))
        weights = weights / weights.mean(1, keepdims=True)
        weights = weights if labels is None else weights[:, labels]
        if problem.prior is not None:
            shifts = np.random.default_rng([seed, number, 1]).standard_normal(
                (len(weights), len(problem.prior.columns))
            )
            weights = np.concatenate([weights, shifts], axis=1)
        refits = refit(problem, starts, weights, seed, again=True)
        parts.append(refits.z)
        unfinished += int((~refits.finished).sum())
        moved += int(refits.moved.sum())
        late = refits.late if late is None else late + (refits.late or 0)
    notes = []
    if draws < FEW:
        message = f"limits from {draws} draws are rough"
        notes.append(Note("few-draws", "info", message, {"draws": draws}, f"Take at least {FEW}, 1000 by default."))
    if moved:
        message = f"{moved} of {draws} refits first stopped in a higher basin and were moved to a lower one"
        last = "" if late is None else f" (the last start of each refit moved {late})"
        advice = f"The data allow several optima; a few refits may still be in the wrong one{last}."
        evidence = {"moved": moved, "moved_last": late, "draws": draws}
        notes.append(Note("refits-moved", "info", message, evidence, advice))
    if unfinished:
        message = f"{unfinished} of {draws} refits did not meet the conditions of an optimum"
        severity = "warning" if unfinished > 0.005 * draws else "info"
        notes.append(
            Note(
                "refits-unfinished",
                severity,
                message,
                {"unfinished": unfinished, "draws": draws},
                "Take wide intervals as wider still.",
            )
        )
    return Draws(np.concatenate(parts), "bootstrap", tuple(notes))


def _normal_draws(
    problem: Problem, best: Array, labels: Array | None, draws: int, seed: int, freedom: int = 0
) -> Array:
    """Normal draws around the optimum with the sandwich covariance; Student's t with ``freedom`` degrees of freedom.

    It is where one Newton step under the bootstrap's random gradient leads, whose sum over many units is normal.
    """
    covariance, free = sandwich(problem, best, labels)
    z = np.repeat(best[None], draws, 0)
    values, vectors = np.linalg.eigh(covariance)
    rng = np.random.default_rng(seed)
    normal = rng.standard_normal((draws, int(free.sum())))
    if freedom:
        normal *= np.sqrt(freedom / rng.chisquare(freedom, (draws, 1)))
    z[:, free] += normal @ (vectors * np.sqrt(np.maximum(values, 0.0))).T
    return np.clip(z, problem.lower, problem.upper)


def _along_valley(problem: Problem, best: Array, z: Array) -> Array:
    """The draws moved to where the law predicts what its linearisation predicts at them, by Gauss-Newton steps.

    Predictions are close to linear where the parameters are not: amplitudes and exponents lie in a bent valley, which
    a straight normal leaves at once.
    """
    every = -(-problem.rows // FOLLOWED)
    centre, slope = (part[0] for part in problem.predictions(best[None], every))
    target = centre + (z - best) @ slope.T
    for _ in range(FOLLOWING):
        value, slope = problem.predictions(z, every)
        scale = np.maximum(np.abs(slope).max(1, keepdims=True), 1e-300)
        slope = slope / scale
        normal = np.matmul(slope.transpose(0, 2, 1), slope)
        normal += 1e-9 * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(z.shape[1])
        step = np.linalg.solve(normal, np.matmul(slope.transpose(0, 2, 1), (target - value)[:, :, None]))[:, :, 0]
        moved = np.clip(z + step / scale[:, 0], problem.lower, problem.upper)
        z = np.where(np.isfinite(moved).all(1, keepdims=True), moved, z)
    return z


def sandwich(problem: Problem, best: Array, labels: Array | None) -> tuple[Array, Array]:
    """The sandwich covariance over the coordinates that are not on a bound, and which these are (Huber 1967).

    Few rows fit themselves: each row's gradient is raised by its leverage (HC3 of MacKinnon and White 1985); sums over
    units, and tables of many rows, by the number of parameters instead (Liang and Zeger 1986, with the correction HC1).
    """
    hessian = problem.curvature(best)
    spread, correction = np.zeros((len(best), len(best))), 1.0
    free = (best > problem.lower) & (best < problem.upper)
    if labels is not None:
        units = int(labels.max()) + 1
        sums = np.zeros((units, len(best)))
        for rows, gradients in problem.row_gradients(best):
            np.add.at(sums, labels[rows], gradients)
        spread = sums.T @ sums
        correction = units / max(units - int(free.sum()), 1)
    else:
        few = problem.rows <= FEW_ROWS and problem.objective.rho is not None
        keep = 1.0 - _leverage(problem, best, free) if few else np.ones(problem.rows)
        for rows, gradients in problem.row_gradients(best):
            raised = gradients / keep[rows, None]
            spread += raised.T @ raised
        correction = 1.0 if few else problem.rows / max(problem.rows - int(free.sum()), 1)
    if problem.prior is not None:
        spread[problem.prior.columns, problem.prior.columns] += problem.prior.balance * problem.prior.precision
    scale = np.sqrt(np.maximum(np.abs(np.diag(hessian)), 1e-300))[free]
    inverse = np.linalg.pinv(hessian[np.ix_(free, free)] / np.outer(scale, scale), rcond=1e-12) / np.outer(scale, scale)
    return correction * inverse @ spread[np.ix_(free, free)] @ inverse, free


def _leverage(problem: Problem, best: Array, free: Array) -> Array:
    """How much each row's prediction follows its own outcome, (n,), as in weighted least squares; at most 0.9."""
    plain = problem.with_objective(problem.objective.of_residuals())
    slopes = np.concatenate([g for _, g in plain.row_gradients(best)])[:, free] / np.sqrt(problem.row_weights)[:, None]
    size = np.abs(slopes).max(0)
    q, _ = np.linalg.qr(slopes[:, size > 0] / size[size > 0])
    return np.minimum((q * q).sum(1), MOST_LEVERAGE)


def check_kind(kind: str, unit: str, draws: int, level: float) -> None:
    """Raise ``DataError`` for settings that cannot be had."""
    if kind not in KINDS:
        raise DataError(
            "unknown-uncertainty", f"there is no uncertainty {kind!r}", advice=f"Use one of: {', '.join(KINDS)}"
        )
    if unit not in UNITS:
        raise DataError("unknown-unit", f"cannot resample by {unit!r}", advice=f"Use one of: {', '.join(UNITS)}")
    if draws != int(draws) or not 2 <= draws <= 1_000_000:
        raise DataError(
            "bad-value", f"draws must be between 2 and 1000000, received {draws}", advice="1000 is the default"
        )
    if not 0.0 < level < 1.0:
        raise DataError("bad-value", f"level must lie between 0 and 1, received {level:g}", advice="Write 90 % as 0.9")
