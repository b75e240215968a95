"""`backtest`: hide the largest runs at several cuts, predict them, and score the error and the intervals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from forerun.fitting import fit
from forerun.fitting.result import Fit
from forerun.laws import Law
from forerun.laws.registry import get
from forerun.note import DataError, Note
from forerun.predict.backtest_result import FEW_CUTS, Backtest, Cut, horizon_of
from forerun.runs import Runs

Array = np.ndarray
AXES = ("C", "D", "x", "N", "step")  # tried in this order where none is named
CUTS = 6
DRAWS = 200
WISHED = 0.01
ROWS_PER_PARAMETER = 2
NEAR = 20  # hidden runs next to the fitted ones
BADLY_COVERED = 0.75  # share of its promise below which intervals are said to be too narrow


def backtest(
    law: str | Law,
    runs: Runs,
    *,
    axis: str | None = None,
    leave_out: str | None = None,
    cuts: int = CUTS,
    wished: float = WISHED,
    level: float = 0.9,
    draws: int = DRAWS,
    seed: int = 0,
    **settings: Any,
) -> Backtest:
    """What ``law`` would have said of the largest of these runs, had they not been made yet.

    The runs are cut along ``axis`` (a role: C, D, N, x, step; by default the first of these that they have), at up to
    ``cuts`` places from the smallest part that carries the law to the last run; each time the law is fitted to what lies
    below, and every hidden run is predicted with its interval for one new run. ``leave_out="family"`` hides one family
    after the other instead. ``settings`` go to :func:`forerun.fit`.

    The ``horizon`` is the distance in decades up to which a share ``level`` of the hidden runs was predicted within
    ``wished`` (a relative error). It can mislead where the next decade differs from the last ones: a break that no run
    shows is in no back-test. Raises :class:`DataError` where no cut leaves enough runs on both sides.

    >>> import forerun as fr
    >>> result = fr.backtest("chinchilla", fr.simulate("chinchilla", n=60, noise=0.002), draws=50)
    >>> result.median_error < 0.01, len(result.cuts)
    (True, 6)
    """
    law = get(law) if isinstance(law, str) else law
    if law.trials is not None:
        raise DataError(
            "bad-law", f"{law.name} is a law of counts, whose errors are not relative", advice="Fit the share instead"
        )
    if not 0.0 < wished < 1.0:
        raise DataError(
            "bad-value", f"wished must lie between 0 and 1, received {wished:g}", advice="Write 1 % as 0.01"
        )
    if cuts != int(cuts) or not 1 <= cuts <= 100:
        raise DataError(
            "bad-value", f"cuts must be between 1 and 100, received {cuts}", advice=f"{CUTS} is the default"
        )
    parts: list[tuple[float | str, Array]]
    if leave_out is None:
        axis = _axis(runs, axis)
        parts = list(_by_size(law, runs, axis, cuts))
        values = runs[axis]
    else:
        parts, axis, values = list(_by_label(law, runs, leave_out)), leave_out, None
    if not parts:
        needed = ROWS_PER_PARAMETER * len(law.params)
        message = f"no cut along {axis} leaves {needed} of {len(runs)} runs to fit and some to predict"
        raise DataError("too-few-runs", message, advice="Add runs, take a smaller law, or fix parameters")
    found, scored, notes = [], [], []
    for label, below in parts:
        try:
            fitted = fit(law, runs.where(below), draws=draws, level=level, seed=seed, **settings)
        except DataError as refusal:
            notes.append(Note("cut-left-out", "info", f"the cut at {label} could not be fitted: {refusal.message}"))
            continue
        hidden = runs.where(~below)
        distance = _distance(fitted, hidden) if values is None else np.log10(values[~below] / values[below].max())
        error, inside = _score(fitted, hidden)
        found.append(_cut(label, fitted, hidden, runs.where(below), distance, error, inside))
        scored.append((distance, error, inside))
    if not found:
        raise DataError(
            "too-few-runs", f"no cut along {axis} could be fitted: {notes[0].message}", advice="Take a smaller law"
        )
    distance, error, inside = (np.concatenate(part) for part in zip(*scored))
    horizon = horizon_of(distance, error, wished, level, found)
    result = Backtest(law.name, axis, tuple(found), distance, error, inside, wished, level, horizon, "", tuple(notes))
    return _concluded(result)


def _axis(runs: Runs, axis: str | None) -> str:
    if axis is None:
        axis = next((role for role in AXES if role in runs and np.ptp(runs[role]) > 0), None)
        if axis is None:
            raise DataError(
                "no-axis", "the runs have none of the columns C, D, x, N, step that change", advice="Name one with axis"
            )
    values = runs[axis]
    if values.dtype == object or not (values > 0).all() or np.ptp(values) == 0:
        raise DataError(
            "bad-axis", f"{axis} cannot order the runs: it must be positive and change", advice="Use C, N, D, x or step"
        )
    return axis


def _by_size(law: Law, runs: Runs, axis: str, cuts: int) -> Iterator[tuple[float | str, Array]]:
    """Where runs are hidden from, and which stay: cuts evenly spread in the logarithm of the axis."""
    values = runs[axis]
    levels = np.array(sorted(set(values.tolist())))
    needed = ROWS_PER_PARAMETER * len(law.params)
    fitting = [level for level in levels[1:] if (values < level).sum() >= needed]
    if not fitting:
        return
    wanted = np.geomspace(fitting[0], fitting[-1], cuts)
    chosen = dict.fromkeys(fitting[int(np.argmin(np.abs(np.log(np.array(fitting) / w))))] for w in wanted)
    for level in chosen:
        yield float(level), values < level


def _by_label(law: Law, runs: Runs, role: str) -> Iterator[tuple[float | str, Array]]:
    labels = runs[role]
    if labels.dtype != object:
        raise DataError("bad-axis", f"{role} is a number, not a label", advice="leave_out takes for example family")
    for label in dict.fromkeys(labels.tolist()):
        keep = labels != label
        if keep.sum() >= ROWS_PER_PARAMETER * len(law.params):
            yield str(label), keep


def _distance(fitted: Fit, hidden: Runs) -> Array:
    """How far each hidden run lies outside the fitted ranges, in decades."""
    roles = [role for role in fitted.runs.ranges if role in hidden]
    return np.array([fitted.decades_outside({r: hidden[r][i] for r in roles}) for i in range(len(hidden))])


def _score(fitted: Fit, hidden: Runs) -> tuple[Array, Array]:
    """Log error of each hidden run, and whether the interval for one new run held it (NaN without draws)."""
    observed = hidden[fitted.law.output.role]
    value, low, high = fitted.predict_runs(hidden)
    error = np.log(np.maximum(value, 1e-300) / observed)
    if low is None or high is None:
        return error, np.full(len(error), np.nan)
    return error, ((low <= observed) & (observed <= high)).astype(float)


def _cut(
    label: float | str, fitted: Fit, hidden: Runs, below: Runs, distance: Array, error: Array, inside: Array
) -> Cut:
    outcome = fitted.law.output.role
    seen, truth = below[outcome], hidden[outcome]
    roles = [role for role in fitted.runs.ranges if role in hidden]
    gaps = np.zeros((len(hidden), len(below)))
    for role in roles:
        gaps += np.abs(np.log(hidden[role][:, None] / below[role][None, :]))
    nearest = seen[gaps.argmin(axis=1)]
    return Cut(
        hidden_from=label,
        fitted=len(below),
        n=len(hidden),
        median_error=float(np.median(np.abs(np.expm1(error)))),
        bias=float(np.median(np.expm1(error))),
        coverage=None if np.isnan(inside).all() else float(np.nanmean(inside)),
        decades=float(distance.max()),
        nearest_error=float(np.median(np.abs(nearest / truth - 1.0))),
        outcome=fitted.outcome,
    )


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
