"""Draws of the parameters: the bootstrap over rows, runs, families or seeds, and its one-step form for large tables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forerun.fitting.problem import Problem
from forerun.fitting.refit import refit
from forerun.note import DataError, Note

Array = np.ndarray
KINDS = ("bootstrap", "none")
UNITS = ("row", "run", "family", "seed")
FEW = 100  # draws below which a 90 % limit rests on fewer than five of them
MOST_WEIGHTS = 4_000_000  # rows times draws above which each refit is one Newton step
AT_ONCE = 4_000_000  # weights in memory
MOST_REFITS = 4_000  # in one batch
ROWS_PER_PARAMETER = 2


@dataclass(frozen=True)
class Draws:
    """Parameter vectors (draws, p) in the solver's coordinates, which kind they are, and the notes about them."""

    z: Array
    kind: str
    notes: tuple[Note, ...] = ()


def bootstrap(problem: Problem, best: Array, starts: Array, labels: Array | None, draws: int, seed: int) -> Draws:
    """Refit ``draws`` times under random weights of the resampled units: the Bayesian bootstrap (Rubin 1981).

    ``labels`` (n,) numbers the unit of each row; None makes each row its own. The weights of the units are exponential with mean one instead of
    multinomial counts: no refit then loses the rows that identify a parameter, and in simulation the intervals cover
    closer to what they promise (``bench/records``).
    """
    units = problem.rows if labels is None else int(labels.max()) + 1
    needed = ROWS_PER_PARAMETER * len(problem.names)
    if units < needed:
        message = (
            f"{units} independent units are too few to resample {len(problem.names)} parameters (at least {needed})"
        )
        note = Note(
            "no-uncertainty", "warning", message, {"units": units, "needed": needed}, "Add runs, or fix parameters."
        )
        return Draws(np.empty((0, len(best))), "none", (note,))
    if draws * problem.rows > MOST_WEIGHTS:
        return _one_step(problem, best, labels, draws, seed)
    size = max(1, min(MOST_REFITS, AT_ONCE // problem.rows))
    parts, unfinished, moved, late = [], 0, 0, None
    for number, first in enumerate(range(0, draws, size)):
        rng = np.random.default_rng([seed, number])
        weights = rng.exponential(size=(min(size, draws - first), units))
        weights = weights / weights.mean(1, keepdims=True)
        refits = refit(problem, starts, weights if labels is None else weights[:, labels], seed)
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


def _one_step(problem: Problem, best: Array, labels: Array | None, draws: int, seed: int) -> Draws:
    """One Newton step from the optimum under the bootstrap's random gradient, whose sum over many units is normal."""
    hessian = problem.smoothed(best).evaluate(best[None]).hessian[0]
    spread = np.zeros((len(best), len(best)))
    if labels is None:
        for _, gradients in problem.row_gradients(best):
            spread += gradients.T @ gradients
    else:
        sums = np.zeros((int(labels.max()) + 1, len(best)))
        for rows, gradients in problem.row_gradients(best):
            np.add.at(sums, labels[rows], gradients)
        spread = sums.T @ sums
    free = (best > problem.lower) & (best < problem.upper)
    scale = np.sqrt(np.maximum(np.abs(np.diag(hessian)), 1e-300))
    inverse = np.linalg.pinv((hessian / np.outer(scale, scale))[np.ix_(free, free)], rcond=1e-12) / np.outer(
        scale[free], scale[free]
    )
    covariance = inverse @ spread[np.ix_(free, free)] @ inverse
    z = np.repeat(best[None], draws, 0)
    normal = np.random.default_rng(seed).standard_normal((draws, int(free.sum())))
    values, vectors = np.linalg.eigh(covariance)
    z[:, free] += normal @ (vectors * np.sqrt(np.maximum(values, 0.0))).T
    message = f"{problem.rows} rows times {draws} draws: each refit is one Newton step (the limit of the bootstrap for many rows)"
    note = Note("one-step", "info", message, {"rows": problem.rows, "draws": draws}, "Fewer draws give full refits.")
    return Draws(np.clip(z, problem.lower, problem.upper), "one-step bootstrap", (note,))


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
