"""The inverse question: which N, D, C or x reaches an outcome, for the fitted law and for every draw of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from forerun.fitting.forecast import Forecast, distance_notes, interval
from forerun.fitting.prediction import predict
from forerun.fitting.question import check_value
from forerun.note import DataError, Note
from forerun.units import COLUMNS, SCALE, derive_scale, parse_quantity

if TYPE_CHECKING:
    from forerun.fitting.result import Fit

Array = np.ndarray
DECADES_BELOW, DECADES_ABOVE, PER_DECADE = 6, 12, 8
BISECTIONS = 60


def solve_input(fit: Fit, question: Mapping[str, Any]) -> Forecast:
    """See :meth:`forerun.Fit.invert`."""
    role = fit.law.output.role
    given = dict(question)
    counts = given.pop("N_counts", fit.runs.conventions.N_counts)
    fit.runs.conventions.require_same(replace(fit.runs.conventions, N_counts=counts))
    for name, value in given.items():
        check_value(name, value)
        if np.size(value) != 1:
            raise DataError(
                "bad-shape", f"invert asks one question at a time, received {np.size(value)} values of {name}"
            )
        given[name] = float(parse_quantity(value) if isinstance(value, str) else value)
    if role not in given:
        raise DataError(
            "missing-input", f"the question names no {role} to reach", advice=f"Give it, for example --at {role}=2"
        )
    target = given.pop(role)
    if fit.law.prepare or fit.law.shared or fit.law.trials:
        raise DataError("bad-question", f"{fit.law.name} takes a curve, a group or counts and cannot be inverted")
    unknown = _unknown(fit, given)
    sign = -1.0 if role == "score" else 1.0  # a score rises with scale: its negative is what falls to the target

    def outcomes(u: Array, params: Array) -> Array:
        known = derive_scale({**{k: np.asarray(v) for k, v in given.items()}, unknown: u})
        inputs = [np.broadcast_to(np.asarray(known[n], float), u.shape) for n in fit.law.inputs]
        return sign * predict(fit.law, inputs, params)

    low, high = fit.runs.ranges.get(unknown, COLUMNS[unknown].typical if unknown in COLUMNS else (1.0, 1.0))
    if low <= 0:
        raise DataError("bad-question", f"{fit.law.name} cannot be inverted for {unknown}, which may be zero")
    grid = search_grid(low, high)
    params = np.array([list(fit.params.values())])
    value = float(crossings(outcomes, grid, params, sign * target)[0])
    reached = sign * outcomes(grid, params)[0]
    if not (np.isfinite(value) and value > 0):
        best, worst = float(np.nanmin(reached)), float(np.nanmax(reached))
        if best <= target <= worst:
            wrong, right = ("rises", "fall") if sign > 0 else ("falls", "rise")
            message = f"the law reaches {role} = {target:g} only where it {wrong} with {unknown}"
            raise DataError("unreachable", message, advice=f"Check the fit: it is expected to {right} with scale")
        message = f"no {unknown} reaches {role} = {target:g}: the law stays between {best:.5g} and {worst:.5g}"
        raise DataError("unreachable", message, advice="Ask for an outcome in that range, or change the other inputs")
    notes = [*fit.carried_notes, *_others(grid, reached > target, unknown)]
    samples, low_limit, high_limit = None, None, None
    if len(fit.draws):
        samples = crossings(outcomes, grid, fit.draws, sign * target)
        low_limit, high_limit = (float(x) for x in interval(samples, fit.level))
        never = float(np.isinf(samples).mean())
        if never > 0:
            message = f"{never:.1%} of the draws never reach {role} = {target:g}"
            limit = "floor" if sign > 0 else "ceiling"
            advice = f"The target is close to the {limit}."
            notes.append(Note("unreachable-draws", "warning", message, {"share": never}, advice))
    inputs = {k: v for k, v in derive_scale({**given, unknown: value}).items() if k != unknown}
    decades = fit.decades_outside({**inputs, unknown: value})
    unit = COLUMNS[unknown].unit if unknown in COLUMNS else ""
    return Forecast(
        {role: target, **inputs}, value, low_limit, high_limit, level=fit.level, target="input",
        layers=("parameters",) if samples is not None else (), decades_outside=decades, quantity=unknown, unit=unit,
        notes=(*notes, *distance_notes(decades)), samples=samples,
    )  # fmt: skip


def _others(grid: Array, above: Array, unknown: str) -> list[Note]:
    """The other places at which the fitted curve passes the target: it is the smallest falling one that is answered."""
    passes = grid[:-1][above[:-1] != above[1:]]
    if len(passes) < 2:
        return []
    shown = ", ".join(f"{x:.3g}" for x in passes)
    message = f"the law passes the target {len(passes)} times, near {unknown} = {shown}; the first fall is answered"
    return [
        Note("several-answers", "warning", message, {"near": passes.tolist()}, "Ask for the forecast at each of them.")
    ]


def _unknown(fit: Fit, given: Mapping[str, float]) -> str:
    """The one input that is not given: a law input, or C where tokens per parameter are given."""
    wanted = list(fit.law.inputs)
    scale = [n for n in wanted if n in SCALE]
    others = [n for n in wanted if n not in scale and n not in given]
    stray = [n for n in given if n not in wanted and n not in SCALE]
    if stray:
        raise DataError(
            "unknown-input", f"{fit.law.name} has no input {stray[0]!r}", advice=f"It has: {', '.join(wanted)}"
        )
    if not scale and len(others) == 1:
        return others[0]
    if scale and not others:
        known = [n for n in SCALE if n in given]
        if len(scale) == 1 and not known:
            return scale[0]
        if len(scale) == 2 and len(known) == 1:
            return {"N": "D", "D": "N", "M": "C", "C": "N"}[known[0]]
    advice = "Give all inputs but one; for N and D together give M, tokens per parameter, and C is found"
    raise DataError(
        "bad-question",
        f"{fit.law.name} takes {', '.join(wanted)}; given are {', '.join(given) or 'none'}",
        advice=advice,
    )


def search_grid(low: float, high: float) -> Array:
    """Values of an input among which an outcome is looked for, from far below a fitted range to far above it."""
    count = int(PER_DECADE * (DECADES_BELOW + DECADES_ABOVE + np.log10(high / low)))
    return np.geomspace(low * 10.0**-DECADES_BELOW, high * 10.0**DECADES_ABOVE, count)


def crossings(outcomes: Any, grid: Array, params: Array, target: float | Array) -> Array:
    """For each parameter vector the smallest u on the grid's range at which the outcome falls to the target, or its own.

    Infinite where it never does, zero where it lies below from the start.
    """
    target = np.broadcast_to(target, len(params))
    above = outcomes(grid, params) > target[:, None]
    falls = above[:, :-1] & ~above[:, 1:]
    found = falls.any(1)
    first = falls.argmax(1)
    low, high = grid[first].copy(), grid[first + 1].copy()
    for _ in range(BISECTIONS):
        middle = np.sqrt(low * high)
        over = outcomes(middle[:, None], params)[:, 0] > target
        low, high = np.where(over, middle, low), np.where(over, high, middle)
    return np.where(found, np.sqrt(low * high), np.where(above[:, 0], np.inf, 0.0))
