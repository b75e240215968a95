"""`trend`: does an outcome fall, rise or turn along its axis, as far as its noise lets anybody say?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from forerun.fitting.uncertainty import check_kind
from forerun.note import DataError, Note
from forerun.predict.cutting import axis_of
from forerun.predict.segments import Segments, Series, series_of
from forerun.predict.trend_result import Slope, Trend, Turn
from forerun.runs import Runs
from forerun.units import format_quantity

Array = np.ndarray
FLAT = 0.01  # of the mean outcome that a flat series changes by at most over its whole range
SHAPES = {(-1, -1): "falling", (1, 1): "rising", (-1, 1): "U-shaped", (1, -1): "inverted-U"}
WRONG_WAY = {"lower": 1, "higher": -1}  # sign of the slope that makes the outcome worse


def trend(
    runs: Runs,
    *,
    axis: str | None = None,
    better: str | None = None,
    level: float = 0.9,
    draws: int = 1000,
    seed: int = 0,
) -> Trend:
    """The shape of the outcome along ``axis``: falling, rising, U-shaped, inverted-U, flat, or not decided.

    The outcome is the role ``y``, else ``score``, else the loss; ``axis`` is a role as in :func:`forerun.backtest`. Straight lines are
    put through every part of the series in log ``axis``, with the standard errors of the role ``se``, else with the
    scatter of neighbouring values; as many errors as the steepest part of pure noise stays within in a share ``level``
    of ``draws`` are allowed for, so that all intervals hold together (multiscale testing: Duembgen and Spokoiny 2001,
    Annals of Statistics 29, 124). A series is U-shaped if for some place the line below falls, the line above rises,
    and no part speaks against it: both sides are tested, as in Simonsohn 2018 (Two Lines, AMPPS 1, 538), so that a
    curve which flattens is not taken for one that turns. It falls (or rises) if the whole does, no part does the
    opposite, and neither end could hide a turn as large as the trend; it is flat if no part shows a trend and the
    whole changes by less than 1 % of the mean outcome. A wrong label of a turn has a chance of at most ``1 - level``.
    More than 20 values of the axis are averaged in 20 groups.

    ``better`` says which way the outcome should go, ``"lower"`` except for a score, or ``"higher"``. For a series that turns, or goes the other way, the notes carry an
    error ``non-monotone``: no law that only falls may extrapolate it. It can mislead where single points differ by more
    than their standard errors say (a note), and where noise is alike in many neighbours, as along one training curve.
    Raises :class:`DataError` for fewer than three values of the axis, or five without standard errors.

    >>> import forerun as fr
    >>> columns = {"N": [1e7, 1e8, 1e9, 1e10, 1e11], "loss": [0.8, 0.6, 0.5, 0.6, 0.8], "error": [0.02] * 5}
    >>> found = fr.trend(fr.read_runs(columns, se="error"))
    >>> found.label, found.turn.value, found.low_end.sign, found.high_end.sign
    ('U-shaped', 1000000000.0, -1, 1)
    """
    check_kind("bootstrap", "row", draws, level)
    if seed < 0 or seed != int(seed):
        raise DataError("bad-value", f"seed must be zero or a positive whole number, received {seed}")
    role = next((r for r in ("y", "score") if r in runs), "loss")
    better = better or ("higher" if role == "score" else "lower")
    if better not in WRONG_WAY:
        raise DataError("bad-value", f"better must be lower or higher, received {better!r}")
    axis = axis_of(runs, axis)
    error = runs["se"] if "se" in runs.roles else None
    series = series_of(runs[axis], runs[role], error)
    noise, within = series.draws(draws, seed)
    reach = series.critical(noise, within, level) * series.noise
    shape, place, reason = _shape(series, reach)
    turns = shape in ("U-shaped", "inverted-U")
    found = Trend(
        label=shape,
        axis=axis,
        outcome=role,
        better=better,
        low_end=_slope(series, reach, 0, place),
        high_end=_slope(series, reach, place, -1),
        overall=_slope(series, reach, 0, -1),
        turn=_turn(series, reach, place, -1 if shape == "U-shaped" else 1) if turns else None,
        shares=_shares(series.lines(series.y + noise * series.noise)),
        rows=len(runs),
        levels=len(series.at),
        noise=series.noise,
        known=series.known,
        level=level,
        draws=draws,
        seed=seed,
    )
    notes = (*extrapolation_notes(found), *reason, *_doubts(runs, series, noise, level))
    return replace(found, notes=notes)


def extrapolation_notes(found: Trend) -> tuple[Note, ...]:
    """An error note ``non-monotone`` where no law that goes one way may extrapolate the series; else nothing.

    That is so for a series that turns, and for one that as a whole goes the other way than ``better`` says.

    >>> import forerun as fr
    >>> found = fr.trend(fr.read_runs({"N": [1e7, 1e8, 1e9], "loss": [0.5, 0.6, 0.8], "error": [0.01] * 3}, se="error"))
    >>> [(n.code, n.severity) for n in extrapolation_notes(found)]
    [('non-monotone', 'error')]
    """
    if found.turn is None and found.overall.sign != WRONG_WAY[found.better]:
        return ()
    low, high = found.low_end, found.high_end
    message = f"the {found.outcome} over {found.axis} {'rises' if found.overall.sign > 0 else 'falls'} as a whole"
    evidence: dict[str, Any] = {"label": found.label, "low_end": [low.low, low.high], "high_end": [high.low, high.high]}
    if found.turn is not None:
        message = f"the {found.outcome} over {found.axis} is {found.label}, it turns at {found.axis} = {format_quantity(found.turn.value)}"
        evidence["turn"] = [found.turn.value, found.turn.low, found.turn.high]
    advice = f"Do not extrapolate it with a law that only {'falls' if found.better == 'lower' else 'rises'}."
    return (Note("non-monotone", "error", message, evidence, advice),)


def _shape(series: Series, reach: float) -> tuple[str, int, tuple[Note, ...]]:
    """The label, the level at which two lines meet, and what keeps a series from being decided."""
    lines = series.segments
    falls, rises = lines.slope < -reach * lines.error, lines.slope > reach * lines.error
    rest = lines.two_lines()
    for shape, first, then in (("U-shaped", falls, rises), ("inverted-U", rises, falls)):
        places = [
            k for k in range(1, len(rest) + 1)
            if first[0, k] and then[k, -1] and not then[: k + 1, : k + 1].any() and not first[k:, k:].any()
        ]  # fmt: skip
        if places:
            return shape, min(places, key=lambda k: float(rest[k - 1])), ()
    place = 1 + int(rest.argmin())
    if falls.any() and rises.any():
        message = "some parts fall and others rise, and not as a single turn would have it"
        return "not decided", place, (Note("several-turns", "warning", message, _parts(series, falls, rises)),)
    if not (falls.any() or rises.any()):
        _, low, high = _change(series, reach, 0, -1)
        if max(-low, high) <= FLAT * abs(float(np.average(series.y, weights=series.weight))):
            return "flat", place, ()
        return "not decided", place, (_undecided("no part of the series shows a trend beyond its noise"),)
    sign = 1 if rises.any() else -1
    value, low, high = (sign * x for x in _change(series, reach, 0, -1))
    if min(low, high) <= 0:
        part = "falls" if sign < 0 else "rises"
        return "not decided", place, (_undecided(f"a part {part}, but the whole does not do so beyond its noise"),)
    hidden = -min(sign * x for ends in ((0, place), (place, -1)) for x in _change(series, reach, *ends)[1:])
    if hidden >= value:
        message = f"an end could hide a turn by {hidden:.3g}, as large as the change of {value:.3g} over the whole"
        return "not decided", place, (_undecided(message),)
    return ("falling" if sign < 0 else "rising"), place, ()


def _change(series: Series, reach: float, first: int, last: int) -> tuple[float, float, float]:
    """How much the line through levels ``first`` to ``last`` changes between them, with its limits."""
    width = float(series.at[last] - series.at[first])
    slope, error = (float(m[first, last]) for m in (series.segments.slope, series.segments.error))
    return width * slope, width * (slope - reach * error), width * (slope + reach * error)


def _slope(series: Series, reach: float, first: int, last: int) -> Slope:
    slope, error = (float(m[first, last]) for m in (series.segments.slope, series.segments.error))
    start, end = (float(series.place[i]) for i in (first, last))
    return Slope(start, end, slope, slope - reach * error, slope + reach * error)


def _turn(series: Series, reach: float, place: int, sign: int) -> Turn:
    """The turn lies above the start of every part that goes the first way, and below the end of every part of the second."""
    lines = series.segments
    first, then = (s * lines.slope > reach * lines.error for s in (sign, -sign))
    low, high = int(np.flatnonzero(first.any(1)).max()), int(np.flatnonzero(then.any(0)).min())
    return Turn(*(float(series.place[i]) for i in (place, low, high)))


def _shares(lines: Segments) -> dict[str, float]:
    """The share of draws in which the two lines that fit best have each shape, the commonest first."""
    place = 1 + lines.two_lines().argmin(-1)
    rows = np.arange(len(place))
    below, above = np.sign(lines.slope[rows, 0, place]), np.sign(lines.slope[rows, place, -1])
    shares = {name: float(((below == a) & (above == b)).mean()) for (a, b), name in SHAPES.items()}
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


def _undecided(message: str) -> Note:
    return Note(
        "trend-not-decided", "info", message, {}, "Add runs or larger evaluation sets, or more sizes at the ends."
    )


def _parts(series: Series, falls: Array, rises: Array) -> dict[str, list[list[float]]]:
    """The shortest parts that fall and that rise beyond doubt, as pairs of axis values."""
    found = {}
    for name, marks in (("falls", falls), ("rises", rises)):
        pairs = [(int(i), int(j)) for i, j in np.argwhere(marks)]
        least = [p for p in pairs if not any(q != p and p[0] <= q[0] and q[1] <= p[1] for q in pairs)]
        found[name] = [[float(series.place[i]) for i in p] for p in least]
    return found


def _doubts(runs: Runs, series: Series, noise: Array, level: float) -> tuple[Note, ...]:
    """Standard errors that the scatter exceeds, and rows that are not independent of each other."""
    notes = []
    if series.known and not series.averaged:
        found = float(series.scatter(series.y, 0.0))
        pure = float(np.sort(series.scatter(noise, 0.0))[int(level * (len(noise) - 1))])
        if found > pure:
            message = f"neighbouring points scatter {found:.2g} times as much as their standard errors say"
            advice = "Either the series turns sharply, or points differ for other reasons than those errors count."
            notes.append(Note("scatter-above-se", "warning", message, {"ratio": found, "by_chance": pure}, advice))
    if runs.checkpoints:
        message = "runs have several rows, whose noise may be alike: then it looks like a trend"
        notes.append(Note("rows-not-independent", "warning", message, {"rows": len(runs)}, "Keep the final rows, runs.final()."))  # fmt: skip
    return tuple(notes)
