"""`backtest`: hide the largest runs at several cuts, predict them, and score the error and the intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from forerun.fitting.folds import fit_folds
from forerun.fitting.observations import outcome
from forerun.fitting.result import Fit
from forerun.laws import Law
from forerun.laws.registry import get
from forerun.note import DataError, Note, nearest
from forerun.predict.backtest_result import FEW_CUTS, Backtest, Cut, Group, horizon_of
from forerun.predict.cutting import ROWS_PER_PARAMETER, Split, axis_of, cuts_by_label, cuts_by_size, nearest_errors
from forerun.runs import Runs
from forerun.runs.cells import word

Array = np.ndarray
CUTS = 6
DRAWS = 200
WISHED = 0.01
NEAR = 20  # hidden runs next to the fitted ones
BADLY_COVERED = 0.75  # share of its promise below which intervals are said to be too narrow


def backtest(
    law: str | Law,
    runs: Runs,
    *,
    axis: str | None = None,
    leave_out: str | None = None,
    by: str | None = None,
    cuts: int | Sequence[float] = CUTS,
    wished: float = WISHED,
    objective: str = "huber",
    unit: str | None = None,
    draws: int = DRAWS,
    level: float = 0.9,
    seed: int = 0,
    weights: str | Sequence[float] | None = None,
) -> Backtest:
    """What ``law`` would have said of the largest of these runs, had they not been made yet.

    The runs are cut along ``axis`` (a role: C, D, N, x, step; by default the first of these that they have), at up to
    ``cuts`` places from the smallest part that carries the law to the last run, or at the values that ``cuts`` lists;
    each time the law is fitted to what lies below, and every hidden run is predicted with its interval for one new run.
    ``leave_out="family"`` hides one family
    after the other instead. ``by`` names a column (a family, a data set) whose values are also scored apart. The other
    settings are those of :func:`forerun.fit`; all cuts and their ``draws`` bootstrap refits (0 for none) are one call.

    The ``horizon`` is the distance in decades up to which a share ``level`` of the hidden runs was predicted within
    ``wished`` (a relative error). It can mislead where the next decade differs from the last ones: a break that no run
    shows is in no back-test. Raises :class:`DataError` where no cut leaves enough runs on both sides.

    >>> import forerun as fr
    >>> result = fr.backtest("chinchilla", fr.simulate("chinchilla", n=60, noise=0.002), draws=50)
    >>> result.median_error < 0.01, len(result.cuts)
    (True, 6)
    """
    law = get(law) if isinstance(law, str) else law
    _check(law, wished, cuts)
    needed = ROWS_PER_PARAMETER * len(law.params)
    if leave_out is None:
        axis = axis_of(runs, axis)
        splits = cuts_by_size(runs, axis, cuts, needed)
    else:
        axis, splits = leave_out, list(cuts_by_label(law, runs, leave_out, needed))
    if not splits:
        message = f"no cut along {axis} leaves {needed} of {len(runs)} runs to fit and some to predict"
        raise DataError("too-few-runs", message, advice="Add runs, take a smaller law, or fix parameters")
    keep = np.array([split.keep for split in splits], float)
    fits = fit_folds(
        law, runs, keep, objective=objective, unit=unit, draws=draws, level=level, seed=seed, weights=weights
    )
    notes = [
        Note("cut-left-out", "info", f"the cut at {split.place} could not be fitted: {found.message}")
        for split, found in zip(splits, fits) if isinstance(found, DataError)
    ]  # fmt: skip
    scored = [(split, found) for split, found in zip(splits, fits) if isinstance(found, Fit)]
    if not scored:
        raise DataError(
            "too-few-runs", f"no cut along {axis} could be fitted: {notes[0].message}", advice="Take a smaller law"
        )
    distance = np.concatenate([split.distance for split, _ in scored])
    scores = [_score(f, runs.where(~s.keep)) for s, f in scored]
    error, inside, apart = (np.concatenate(part) for part in zip(*scores))
    found = tuple(_cut(split, fitted, runs, *part) for (split, fitted), part in zip(scored, scores))
    hidden = np.concatenate([s.hidden for s, _ in scored])
    groups = () if by is None else _groups(runs, by, hidden, error, inside, apart)
    horizon = horizon_of(distance, error, wished, level, found)
    share = law.output.role == "score" or runs.conventions.loss_unit == "error"
    return _concluded(
        Backtest(
            law.name, axis, found, distance, error, inside, wished, level, horizon, "", groups, share, tuple(notes)
        )
    )


def _check(law: Law, wished: float, cuts: int | Sequence[float]) -> None:
    if law.trials is not None:
        raise DataError(
            "bad-law", f"{law.name} is a law of counts, whose errors are not relative", advice="Fit the share instead"
        )
    if not 0.0 < wished < 1.0:
        raise DataError(
            "bad-value", f"wished must lie between 0 and 1, received {wished:g}", advice="Write 1 % as 0.01"
        )
    if isinstance(cuts, int | float) and (cuts != int(cuts) or not 1 <= cuts <= 100):
        raise DataError(
            "bad-value", f"cuts must be between 1 and 100, received {cuts}", advice=f"{CUTS} is the default"
        )


def _score(fitted: Fit, hidden: Runs) -> tuple[Array, Array, Array]:
    """Log error of each hidden run, whether the interval for one new run held it (NaN without draws), and its distance.

    A score of zero has no relative error: its log error is infinite.
    """
    observed, _ = outcome(fitted.law, hidden)
    value, low, high = fitted.predict_runs(hidden)
    some = observed > 0
    error = np.where(some, np.log(np.maximum(value, 1e-300) / np.where(some, observed, 1.0)), np.inf)
    apart = np.abs(value - observed)
    if low is None or high is None:
        return error, np.full(len(error), np.nan), apart
    return error, ((low <= observed) & (observed <= high)).astype(float), apart


def _cut(split: Split, fitted: Fit, runs: Runs, error: Array, inside: Array, apart: Array) -> Cut:
    return Cut(
        hidden_from=split.label,
        fitted=int(split.keep.sum()),
        n=len(error),
        median_error=float(np.median(np.abs(np.expm1(error)))),
        bias=float(np.median(np.expm1(error))),
        absolute_error=float(np.median(apart)),
        coverage=_share(inside),
        decades=float(split.distance.max()),
        nearest_error=float(np.median(np.abs(nearest_errors(fitted.law, runs, split)))),
        outcome=fitted.outcome,
    )


def _groups(runs: Runs, by: str, hidden: Array, error: Array, inside: Array, apart: Array) -> tuple[Group, ...]:
    """The hidden runs of all cuts, scored apart for each value of a column."""
    if by not in runs and by not in runs.columns:
        near = nearest(by, [*runs.columns, *runs.roles]) or list(runs.columns)[:8]
        raise DataError("missing-column", "no column of the table has this name, which was given for by",
                        advice=f"Nearest: {', '.join(map(repr, near))}", column=by)  # fmt: skip
    labels = np.array([word(v) for v in (runs[by] if by in runs else runs.columns[by]).tolist()], object)
    found = []
    for label in dict.fromkeys(labels.tolist()):
        part = labels[hidden] == label
        if not part.any():
            continue
        size = np.expm1(error[part])
        typical, bias, distance = (float(np.median(x)) for x in (np.abs(size), size, apart[part]))
        found.append(Group(label, int(part.sum()), typical, bias, distance, _share(inside[part])))
    return tuple(found)


def _share(inside: Array) -> float | None:
    return None if np.isnan(inside).all() else float(np.nanmean(inside))


def _concluded(result: Backtest) -> Backtest:
    """The result with its verdict and the notes that follow from it."""
    notes = list(result.notes)
    far = max(cut.decades for cut in result.cuts)
    words = [
        f"over {len(result.cuts)} cuts and up to {far:.2f} decades out the median error is {100 * result.median_error:.2g} %"
    ]
    if result.coverage is not None:
        words.append(f"{result.level:.0%} intervals for a new run held {result.coverage:.0%} of the hidden runs")
        if result.coverage < BADLY_COVERED * result.level:
            message = f"{result.level:.0%} intervals held only {result.coverage:.0%} of the hidden runs"
            advice = "Widen them, or take a law that fits these runs."
            notes.append(Note("intervals-too-narrow", "warning", message, {"coverage": result.coverage}, advice))
    if result.horizon is None:
        words.append("too few cuts for a horizon")
        notes.append(Note("few-cuts", "warning", f"{len(result.cuts)} cuts are too few to say how far one may extrapolate",
                          {"cuts": len(result.cuts)}, f"At least {FEW_CUTS} are needed; add runs of other sizes."))  # fmt: skip
    elif result.horizon > 0:
        words.append(f"errors stayed within {100 * result.wished:g} % up to {result.horizon:.2f} decades out")
    else:
        near = np.abs(np.expm1(result.error[np.argsort(result.distance, kind="stable")[:NEAR]]))
        typical = float(np.median(near))
        words.append(
            f"even next to the fitted runs fewer than {result.level:.0%} of the errors are within {100 * result.wished:g} %"
        )
        message = (
            f"the {len(near)} hidden runs next to the fitted ones were missed by {100 * typical:.2g} % in the median"
        )
        if typical > result.wished:
            words.append("do not extrapolate")
            advice = "Do not extrapolate with this law: take another, or ask for less accuracy."
            notes.append(Note("do-not-extrapolate", "error", message, {"median_error": typical}, advice))
        else:
            advice = "Single runs scatter more than the accuracy that was asked for."
            notes.append(Note("no-horizon", "warning", message, {"median_error": typical}, advice))
    worse = [c for c in result.cuts if c.median_error > c.nearest_error]
    if 2 * len(worse) > len(result.cuts):
        message = f"at {len(worse)} of {len(result.cuts)} cuts the nearest fitted run's outcome was a better guess than the law"
        notes.append(
            Note("worse-than-nearest", "error", message, {"cuts": len(worse)}, "Do not extrapolate with this law.")
        )
    return replace(result, verdict="; ".join(words), notes=tuple(notes))
