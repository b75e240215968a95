"""Values and derivatives of a law at many parameter vectors at once, explicit or implicit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forerun.fitting.jet import Jet, parameter, slopes, weighted_bends
from forerun.laws import Law
from forerun.note import DataError

Array = np.ndarray
CHUNK = 1 << 14  # elements of a work array: it stays in cache
# The C library of Linux gives freed memory back to the system beyond a limit, so that every evaluation would be handed
# new pages to fill. Freeing one large array, of which no page was touched, raises that limit to twice its size.
np.empty(33_000_000, np.uint8)
NO_ROOT = 1e-12  # of the width between the limits, within which y is a limit
ROOT_STEPS = 60
ROOT_TOLERANCE = 1e-13
SATURATED = 36.0  # logit beyond which 1 - sigmoid is below double precision


def parts(count: int, rows: int, at_once: int = CHUNK) -> list[slice]:
    """Slices of a batch of ``count`` problems over ``rows`` rows each, so that a work array stays small."""
    size = max(1, at_once // rows)
    return [slice(i, i + size) for i in range(0, count, size)]


def predict(law: Law, inputs: Sequence[Array], params: Array) -> Array:
    """Outcome of ``law`` (B, n): inputs of shape (n,), or (B, n) for each vector its own; params (B, p) in law order."""
    return predict_prepared(law, [Jet(np.asarray(x, float)) for x in inputs], params)


def predict_prepared(law: Law, inputs: Sequence[Jet], params: Array) -> Array:
    """As :func:`predict`, for inputs that keep their logarithms: ``N**-alpha`` is then one exponential."""
    named = _columns(law, params)
    with np.errstate(all="ignore"):
        if law.between is not None:
            return _root(law, inputs, named)
        try:
            f = law.body(*inputs, **named)
        except TypeError:  # a function without a rule
            f = law.body(*(x.value for x in inputs), **named)
        return _broadcast(law, f.value if isinstance(f, Jet) else f, len(params), [x.value for x in inputs])


@dataclass(frozen=True)
class Prediction:
    """Outcomes (B, n) with their slopes (B, p, n) by the natural parameters.

    ``bends(weights)`` gives sums over rows (B, p, p) of ``weights`` (B, n) times the second derivatives.
    """

    value: Array
    slopes: Array
    bends: Callable[[Array], Array]


def differentiate(law: Law, inputs: Sequence[Jet], params: Array, exact: bool) -> Prediction:
    """As :func:`predict`, with derivatives; ``exact=False`` takes differences."""
    if not exact:
        return _differences(law, [x.value for x in inputs], params)
    named = _columns(law, params)
    jets = {name: parameter(value, i) for i, (name, value) in enumerate(named.items())}
    if law.between is not None:
        return _implicit(law, inputs, named, jets)
    f = law.body(*inputs, **jets)
    if not isinstance(f, Jet):
        raise TypeError("the formula lost its derivatives")
    value = _broadcast(law, f.value, len(params), [x.value for x in inputs])
    p = len(jets)
    return Prediction(value, slopes(f, value.shape, p), lambda weights: weighted_bends(f, weights, p))


def supports_jets(law: Law, inputs: Sequence[Array], params: Array) -> bool:
    """Whether exact derivatives pass through the formula and agree with differences at ``params``, shape (B, p)."""
    least = _step_floor(law)
    points = [np.asarray(x, float)[: min(len(x), 16)] for x in inputs]
    try:
        with np.errstate(all="ignore"):
            exact = differentiate(law, [Jet(x) for x in points], params, exact=True)
            close = _slopes(law, points, params)
    except (TypeError, AttributeError, ValueError):
        return False
    size = np.abs(exact.value)[:, None, :] / np.maximum(np.abs(params), least)[:, :, None]
    size = np.maximum(np.abs(close), 1e-4 * size)
    wrong = np.isfinite(close) & np.isfinite(exact.slopes) & (np.abs(exact.slopes - close) > 1e-3 * size)
    return bool((wrong.mean((0, 2)) <= 0.05).all())


def _columns(law: Law, params: Array) -> dict[str, Array]:
    return {name: params[:, i : i + 1] for i, name in enumerate(law.params)}


def _broadcast(law: Law, f: Any, count: int, inputs: Sequence[Array]) -> Array:
    shape = (count, np.shape(inputs[0])[-1])
    try:
        return np.ascontiguousarray(np.broadcast_to(np.asarray(f, float), shape))
    except (ValueError, TypeError):
        raise DataError(
            "bad-law",
            f"the formula of {law.name} gave shape {np.shape(f)} for {shape[0]} parameter vectors and {shape[1]} rows",
            advice="Write it with NumPy functions that broadcast, without branches or sums over rows",
        ) from None


def _root(law: Law, inputs: Sequence[Jet], named: dict[str, Array]) -> Array:
    """The y between the two limits at which the residual is zero; NaN where the limits are out of order.

    Newton's method on the logit of y's position between the limits, where such laws are close to linear, kept inside
    a bracket. y saturates at a limit where there is no root.
    """
    low, high = (named[name] for name in law.between or ())
    z = np.zeros((len(low), np.shape(inputs[0].value)[-1]))
    left, right = np.full(z.shape, -SATURATED), np.full(z.shape, SATURATED)
    sign = None
    for _ in range(ROOT_STEPS):
        share = 0.5 * (1.0 + np.tanh(0.5 * z))
        rise = (high - low) * share * (1.0 - share)
        r = law.body(Jet(low + (high - low) * share, gradient=((0,), rise[:, None])), *inputs, **named)
        slope = slopes(r, z.shape, 1)[:, 0]
        sign = np.sign(np.nanmedian(slope)) if sign is None else sign
        above = r.value * sign > 0
        newton = z - r.value / slope
        # A step past a limit that was not looked at yet goes there: where there is no root, y saturates at once.
        new = np.where((newton < left) & (left == -SATURATED), left, 0.5 * (left + z))
        new = np.where(above, new, np.where((newton > right) & (right == SATURATED), right, 0.5 * (z + right)))
        new = np.where((newton >= left) & (newton <= right), newton, new)
        right, left = np.where(above, z, right), np.where(above, left, z)
        new = np.where(np.isnan(newton), z, new)
        moved = np.abs(new - z)
        z = new
        if not (moved > ROOT_TOLERANCE * (1.0 + np.abs(z))).any():
            break
    y = low + (high - low) * 0.5 * (1.0 + np.tanh(0.5 * z))
    return np.where(high > low, y, np.nan)


def _implicit(law: Law, inputs: Sequence[Jet], named: dict[str, Array], jets: dict[str, Jet]) -> Prediction:
    """Derivatives of the root by the implicit function theorem.

    The residual r(y, parameters) stays zero where y follows: first y' = -r_parameters / r_y, and then, with y' put in for
    what y is, r_y y'' is minus the second derivatives of the residual.
    """
    root = _root(law, inputs, named)
    p = len(jets)
    there, moving = _at_limits(law, named, root)
    low, high = (named[name] for name in law.between or ())
    y = np.where(there, 0.5 * (low + high), root)  # anywhere inside: it counts for nothing there
    residual = slopes(law.body(parameter(y, p), *inputs, **jets), y.shape, p + 1)
    inverse = -1.0 / residual[:, p]
    follows = residual[:, :p] * inverse[:, None]
    r = law.body(Jet(y, gradient=(tuple(range(p)), follows)), *inputs, **jets)
    rise = np.where(there[:, None], 0.0, follows)
    for i, name in enumerate(jets):
        rise[:, i] += moving.get(name, 0.0)
    return Prediction(root, rise, lambda weights: weighted_bends(r, np.where(there, 0.0, weights * inverse), p))


def _at_limits(law: Law, named: dict[str, Array], y: Array) -> tuple[Array, dict[str, Array]]:
    """Where there is no root, y is one of the limits and moves with that limit only: where, and with which."""
    low, high = (named[name] for name in law.between or ())
    nearness = NO_ROOT * (high - low)
    moving = dict(zip(law.between or (), (y - low <= nearness, high - y <= nearness)))
    return np.logical_or(*moving.values()), moving


def _step_floor(law: Law) -> Array:
    """What counts as the size of a parameter, (p,), where it is about zero; those on a log scale never are."""
    linear = [p.scale == "linear" for p in law.params.values()]
    typical = [float(np.max(np.abs(p.typical))) for p in law.params.values()]
    return np.where(linear, 1e-3 * np.maximum(typical, 1e-12), 0.0)


def _at(law: Law, inputs: Sequence[Array], params: Array, *moves: tuple[int, Array]) -> Array:
    """The outcome with some parameters moved, each by its own step (B, p)."""
    moved = params.copy()
    for i, step in moves:
        moved[:, i] += step[:, i]
    return predict(law, inputs, moved)


def _slopes(law: Law, inputs: Sequence[Array], params: Array) -> Array:
    """Slopes (B, p, n) by central differences, to about 8 digits."""
    step = 1e-5 * np.maximum(np.abs(params), _step_floor(law))
    rise = [_at(law, inputs, params, (i, step)) - _at(law, inputs, params, (i, -step)) for i in range(params.shape[1])]
    return np.stack(rise, axis=1) / (2.0 * step[:, :, None])


def _differences(law: Law, inputs: Sequence[Array], params: Array) -> Prediction:
    """Central differences, for formulas that use functions without a rule: about 8 digits of slope, 6 of curvature."""
    p = params.shape[1]
    step = 2e-4 * np.maximum(np.abs(params), _step_floor(law))
    value = predict(law, inputs, params)

    def bends(weights: Array) -> Array:
        out = np.empty((len(params), p, p))
        plus = [_at(law, inputs, params, (i, step)) for i in range(p)]
        minus = [_at(law, inputs, params, (i, -step)) for i in range(p)]
        for i in range(p):
            out[:, i, i] = (weights * (plus[i] - 2.0 * value + minus[i])).sum(1) / step[:, i] ** 2
            for j in range(i):
                both = _at(law, inputs, params, (i, step), (j, step)) + _at(law, inputs, params, (i, -step), (j, -step))
                mixed = both - plus[i] - plus[j] - minus[i] - minus[j] + 2.0 * value
                out[:, i, j] = out[:, j, i] = (weights * mixed).sum(1) / (2.0 * step[:, i] * step[:, j])
        return out

    return Prediction(value, _slopes(law, inputs, params), bends)
