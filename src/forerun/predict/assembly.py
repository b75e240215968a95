"""From candidates on trial to one answer: weights, a leader where one is due, a calibration, and a verdict."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forerun.fitting import fit
from forerun.fitting.estimate import describe, noise_of
from forerun.fitting.folds import fit_folds
from forerun.fitting.observations import outcome
from forerun.fitting.result import Fit, sort_notes
from forerun.fitting.uncertainty import check_kind
from forerun.note import DataError, Note
from forerun.predict.calibration import Calibration, calibration_of
from forerun.predict.cutting import Split, nearest_errors
from forerun.predict.ensemble import Ensemble, Member
from forerun.predict.repeats import repeat_notes
from forerun.predict.trends import extrapolation_notes, trend
from forerun.predict.trials import FEWEST, SCORED, Candidate, Trial, emphasised, put_on_trial, splits_below
from forerun.predict.verdict import judged
from forerun.predict.weighting import challenger, misses, weigh, weighted_median
from forerun.runs import Runs

Array = np.ndarray
ROWS_PER_PARAMETER = 2
LEAST_WEIGHT = 0.01  # below which a member is left out
BEYOND_BREAK = 3  # runs that must lie on each side of a break
UNDETERMINED = (
    "floor-not-seen",
    "floor-at-zero",
    "ridge",
    "wrong-sign",
    "few-points-decide",
    "bound-hit",
    "not-converged",
)
FEWEST_DRAWS = 2  # of a member
AHEAD = 0.3  # decades over which it is asked what the outcome still moves
MOST_ROWS = 2000  # on trial; of a larger table evenly many along the axis


def assemble(
    name: str, candidates: Sequence[Candidate], runs: Runs, axis: str, *, led: bool, level: float, draws: int, seed: int
) -> Ensemble:
    """Put candidates on trial along an axis and gather them; ``led``: the first answers alone unless another beats it."""
    check_kind("bootstrap", "row", draws, level)
    tried = _thinned(runs, axis)
    needed = max(FEWEST, ROWS_PER_PARAMETER * min(len(c.law.params) for c in candidates))
    splits = splits_below(tried, axis, needed)
    trials = put_on_trial(candidates, tried, axis, splits, seed=seed)
    rejected = [(t.candidate.name, why) for t in trials if (why := _why_not(t, tried, axis))]
    usable = [t for t in trials if not _why_not(t, tried, axis)]
    if not usable:
        others = f"; {len(rejected) - 1} other forms cannot either" if len(rejected) > 1 else ""
        message = f"no form can be fitted to these runs: {rejected[0][1]}{others}"
        raise DataError("too-few-runs", message, advice="Add runs of other sizes")
    weights = weigh(usable, len(splits))
    missed = misses(usable, len(splits))[:, :SCORED]
    led = led and usable[0] is trials[0]
    alone = None
    if led:
        first, alone, doubt = _leader(usable, splits, runs, axis, draws, level, seed)
        rejected += doubt
        weights = np.eye(len(usable))[first]
    kept = [i for i in np.argsort(-weights, kind="stable").tolist() if weights[i] >= LEAST_WEIGHT]
    rejected += _outweighed(usable, missed, kept, [gone for gone, _ in rejected])
    chosen, shares = [usable[i] for i in kept], weights[kept] / weights[kept].sum()
    errors = [_error_of_all(chosen, shares, cut) for cut in range(len(splits))]
    fits = [alone] if alone is not None else _fits(chosen, shares, runs, axis, draws, level, seed)
    members = tuple(
        Member(t.candidate.name, f, float(w), _overall(missed[i])) for t, f, w, i in zip(chosen, fits, shares, kept)
    )
    bare = Ensemble(
        name, members, Calibration(0.0, 0, 0, None, 0.0), level, seed, describe(fits[0].law, runs), np.zeros(1)
    )
    noise = _noise(bare, runs, axis)
    distances = [split.distance[np.isfinite(split.distance)] for split in splits]
    nearest = [nearest_errors(fits[0].law, tried, split)[np.isfinite(split.distance)] for split in splits]
    scored = [(e, d, n) for e, d, n in zip(errors, distances, nearest) if e is not None]
    late = scored[:SCORED]
    calibration = calibration_of(
        [e for e, _, _ in late], [d for _, d, _ in late], float(noise.std()), _moves(bare, runs, axis), separate=led
    )
    known = fits[0].notes if led else _turning(tried, axis)
    verdict, doubts = judged([e for e, _, _ in scored], [n for *_, n in scored], [d for _, d, _ in scored], known)
    repeats = repeat_notes(fits[0].law, runs, float(noise.std()))
    notes = sort_notes((*runs.notes, *doubts, *known, *repeats))
    return Ensemble(name, members, calibration, level, seed, bare.runs, noise, verdict, tuple(rejected), notes, runs)


def _outweighed(
    trials: Sequence[Trial], missed: Array, kept: Sequence[int], said: Sequence[str]
) -> list[tuple[str, str]]:
    """Which candidates were fitted and do not count, and how they missed the hidden runs beside the heaviest member."""
    first, found = kept[0], []
    for i, trial in enumerate(trials):
        if i in kept or trial.candidate.name in said:
            continue
        why = (
            f"missed hidden runs by {_percent(missed[i])}, {trials[first].candidate.name} by {_percent(missed[first])}"
        )
        less = (_overall(missed[i]) or 0.0) < (_overall(missed[first]) or 0.0)
        found.append((trial.candidate.name, f"{why}: less, but not clearly" if less else why))
    return found


def _turning(runs: Runs, axis: str) -> tuple[Note, ...]:
    """The error note of a series that turns or grows worse: forms that only fall must not extrapolate it."""
    try:
        return extrapolation_notes(trend(runs, axis=axis))
    except DataError:  # too few values of the axis to say
        return ()


def _thinned(runs: Runs, axis: str) -> Runs:
    if len(runs) <= MOST_ROWS:
        return runs
    order = np.argsort(runs[axis], kind="stable")
    mask = np.zeros(len(runs), bool)
    mask[order[np.linspace(0, len(runs) - 1, MOST_ROWS).astype(int)]] = True
    return runs.where(mask)


def _why_not(trial: Trial, runs: Runs, axis: str) -> str:
    """Why a candidate is out before anything is weighed: it could not be fitted, or bends where no run shows it."""
    return trial.refused if trial.fit is None else outside_break(trial, runs[axis])


def outside_break(trial: Trial, values: Array) -> str:
    """What is wrong with a fitted break that has fewer than three runs on one of its sides; empty where nothing is."""
    if trial.fit is None or len(values) < 2 * BEYOND_BREAK:
        return ""
    ordered = np.sort(values)
    for name, param in trial.candidate.law.params.items():
        place = trial.fit.params.get(name, 0.0)
        if param.role == "location" and not ordered[BEYOND_BREAK - 1] < place < ordered[-BEYOND_BREAK]:
            return f"its break at {place:.3g} lies outside the runs or at their edge"
    return ""


def _error_of_all(trials: Sequence[Trial], weights: Array, cut: int) -> Array | None:
    """Log errors of the answer at a cut: the weighted median of the members' that had a fit there."""
    there = [(t.errors[cut], w) for t, w in zip(trials, weights)]
    finite = [(e, w) for e, w in there if e is not None and np.isfinite(e).all()]
    return weighted_median(np.array([e for e, _ in finite]), np.array([w for _, w in finite])) if finite else None


def _leader(trials: Sequence[Trial], splits: Sequence[Split], runs: Runs, axis: str, draws: int, level: float, seed: int
            ) -> tuple[int, Fit, list[tuple[str, str]]]:  # fmt: skip
    """Which trial answers alone, its fit with all notes, and why a challenger that predicted better does not.

    A challenger whose fit is less determined than that of the first may have won near the runs and fail far from them.
    """
    chosen = challenger(trials, splits)
    first = _diagnosed(trials[0], runs, axis, draws, level, seed)
    if chosen == 0:
        return 0, first, []
    other = _diagnosed(trials[chosen], runs, axis, draws, level, seed)
    known = {note.code for note in first.notes}
    worse = [note for note in other.notes if note.code in UNDETERMINED and note.code not in known]
    if not worse:
        return chosen, other, []
    why = f"missed hidden runs less, but is less determined than {trials[0].candidate.name} ({worse[0].code}: {worse[0].message})"
    return 0, first, [(trials[chosen].candidate.name, why)]


def _diagnosed(trial: Trial, runs: Runs, axis: str, draws: int, level: float, seed: int) -> Fit:
    """The fit of a candidate to all runs as :func:`fit` makes it, with all notes."""
    one = trial.candidate
    factor = emphasised(runs[axis], np.ones(len(runs), bool), one.emphasis).tolist() if one.emphasis else None
    return fit(one.law, runs, objective=one.objective, draws=draws, level=level, seed=seed, weights=factor)


def _fits(
    trials: Sequence[Trial], weights: Array, runs: Runs, axis: str, draws: int, level: float, seed: int
) -> list[Fit]:
    """Every member fitted to all runs, with its share of the draws."""
    every = np.ones(len(runs), bool)
    counts = [max(FEWEST_DRAWS, round(float(w) * draws)) for w in weights]
    found: dict[int, Fit | DataError] = {}
    groups: dict[tuple[str, str], list[int]] = {}
    for i, trial in enumerate(trials):
        groups.setdefault((trial.candidate.law.name, trial.candidate.objective), []).append(i)
    for (_, how), members in groups.items():
        keep = np.array([emphasised(runs[axis], every, trials[i].candidate.emphasis) for i in members])
        law = trials[members[0]].candidate.law
        fits = fit_folds(law, runs, keep, objective=how, draws=[counts[i] for i in members], level=level, seed=seed)
        found |= dict(zip(members, fits))
    for one_fit in found.values():
        if isinstance(one_fit, DataError):
            raise one_fit
    return [found[i] for i in range(len(trials))]  # type: ignore[misc]


def _noise(ensemble: Ensemble, runs: Runs, axis: str) -> Array:
    """Log residuals of the larger half of the runs around their median: what a single run scatters where it matters."""
    law = ensemble.law
    observed = np.log(outcome(law, runs)[0])
    residuals = observed - np.log(ensemble.predict({role: runs[role] for role in law.inputs}))
    late = residuals[np.argsort(runs[axis], kind="stable")][-max(FEWEST, len(runs) // 2) :]
    return noise_of(late - np.median(late), len(late), ROWS_PER_PARAMETER)


def _moves(ensemble: Ensemble, runs: Runs, axis: str) -> float:
    """How far the log outcome moves per decade of the axis, from the largest run on."""
    last = int(runs[axis].argmax())
    inputs = {role: float(runs[role][last]) for role in ensemble.law.inputs}
    moved = dict(inputs)
    along = [axis] if axis in inputs else [r for r in ("N", "D") if r in inputs] if axis == "C" else []
    for role in along:
        moved[role] *= 10.0 ** (AHEAD / len(along))
    now, then = (
        float(np.log(ensemble.predict({k: np.array([v]) for k, v in at.items()})[0])) for at in (inputs, moved)
    )
    return abs(then - now) / AHEAD


def _overall(missed: Array) -> float | None:
    known = missed[~np.isnan(missed)]
    return float(np.sqrt((known * known).mean())) if len(known) else None


def _percent(missed: Array) -> str:
    overall = _overall(missed)
    return "an unknown amount" if overall is None else f"{100 * overall:.2g} %"
