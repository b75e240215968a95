"""Values and derivatives of a law at many parameter vectors at once, explicit or implicit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from forerun.fitting.jet import Jet
from forerun.laws import Law
from forerun.note import DataError

Array = np.ndarray
CHUNK = 1 << 14  # elements of a work array: it stays in cache, and below what the C library maps anew each time
NO_ROOT = 1e-12  # of the width between the limits, within which y is a limit
ROOT_STEPS = 60
ROOT_TOLERANCE = 1e-13
SATURATED = 36.0  # logit beyond which 1 - sigmoid is below double precision


def parts(count: int, rows: int) -> list[slice]:
    """Slices of a batch of ``count`` problems over ``rows`` rows each, so that a work array stays small."""
    size = max(1, CHUNK // rows)
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


def predict_jet(law: Law, inputs: Sequence[Jet], params: Array, exact: bool) -> Jet:
    """As :func:`predict`, with gradient and Hessian in the natural parameters; ``exact=False`` takes differences."""
    named = _columns(law, params)
    if not exact:
        return _differences(law, [x.value for x in inputs], params)
    jets = {name: Jet(value, {i: 1.0}) for i, (name, value) in enumerate(named.items())}
    if law.between is not None:
        return _implicit(law, inputs, named, jets)
    f = law.body(*inputs, **jets)
    if not isinstance(f, Jet):
        raise TypeError("the formula lost its derivatives")
    f.value = _broadcast(law, f.value, len(params), [x.value for x in inputs])
    return f


def supports_jets(law: Law, inputs: Sequence[Array], params: Array) -> bool:
    """Whether exact derivatives pass through the formula and agree with differences at ``params``, shape (B, p)."""
    least = _step_floor(law)
    points = [np.asarray(x, float)[: min(len(x), 16)] for x in inputs]
    try:
        with np.errstate(all="ignore"):
            exact = predict_jet(law, [Jet(x) for x in points], params, exact=True)
            close = _differences(law, points, params)
    except (TypeError, AttributeError, ValueError):
        return False
    for i in range(params.shape[1]):
        one = np.broadcast_to(exact.grad.get(i, 0.0), close.value.shape)
        two = close.grad[i]
        size = np.maximum(np.abs(two), 1e-4 * np.abs(close.value) / np.maximum(np.abs(params), least)[:, i : i + 1])
        wrong = np.isfinite(two) & np.isfinite(one) & (np.abs(one - two) > 1e-3 * size)
        if wrong.mean() > 0.05:
            return False
    return True


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
        r = law.body(Jet(low + (high - low) * share, {0: (high - low) * share * (1.0 - share)}), *inputs, **named)
        slope = np.broadcast_to(r.grad[0], z.shape)
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


def _implicit(law: Law, inputs: Sequence[Jet], named: dict[str, Array], jets: dict[str, Jet]) -> Jet:
    """Derivatives of the root by the implicit function theorem, to second order."""
    y = _root(law, inputs, named)
    p = len(jets)
    r = law.body(Jet(y, {p: 1.0}), *inputs, **jets)
    inverse = -1.0 / r.grad[p]
    grad = {i: g * inverse for i, g in r.grad.items() if i != p}
    hess = {}
    ryy = r.hess.get((p, p), 0.0)
    for i in grad:
        for j in grad:
            if i <= j:
                bent = r.hess.get((i, j), 0.0) + r.hess.get((i, p), 0.0) * grad[j] + r.hess.get((j, p), 0.0) * grad[i]
                hess[i, j] = (bent + ryy * grad[i] * grad[j]) * inverse
    return _at_limits(law, named, list(jets), Jet(y, grad, hess))


def _at_limits(law: Law, named: dict[str, Array], params: Sequence[str], found: Jet) -> Jet:
    """Where there is no root, y is one of the limits and moves with that limit only."""
    low, high = (named[name] for name in law.between or ())
    nearness = NO_ROOT * (high - low)
    moving = dict(zip(law.between or (), (found.value - low <= nearness, high - found.value <= nearness)))
    there = np.logical_or(*moving.values())
    if there.any():
        for i, name in enumerate(params):
            found.grad[i] = np.where(there, np.where(moving.get(name, False), 1.0, 0.0), found.grad.get(i, 0.0))
        for pair, value in found.hess.items():
            found.hess[pair] = np.where(there, 0.0, value)
    return found


def _step_floor(law: Law) -> Array:
    """What counts as the size of a parameter, (p,), where it is about zero; those on a log scale never are."""
    linear = [p.scale == "linear" for p in law.params.values()]
    typical = [float(np.max(np.abs(p.typical))) for p in law.params.values()]
    return np.where(linear, 1e-3 * np.maximum(typical, 1e-12), 0.0)


def _differences(law: Law, inputs: Sequence[Array], params: Array) -> Jet:
    """Central differences, for formulas that use functions without a rule: about 8 digits of slope, 6 of curvature."""
    p, least = params.shape[1], _step_floor(law)
    step = 2e-4 * np.maximum(np.abs(params), least)
    fine = 1e-5 * np.maximum(np.abs(params), least)

    def at(*moves: tuple[int, float, Array]) -> Array:
        moved = params.copy()
        for i, factor, size in moves:
            moved[:, i] += factor * size[:, i]
        return predict(law, inputs, moved)

    value = predict(law, inputs, params)
    grad, hess = {}, {}
    plus = [at((i, 1.0, step)) for i in range(p)]
    minus = [at((i, -1.0, step)) for i in range(p)]
    for i in range(p):
        grad[i] = (at((i, 1.0, fine)) - at((i, -1.0, fine))) / (2.0 * fine[:, i : i + 1])
        hess[i, i] = (plus[i] - 2.0 * value + minus[i]) / step[:, i : i + 1] ** 2
        for j in range(i):
            both = at((i, 1.0, step), (j, 1.0, step)) + at((i, -1.0, step), (j, -1.0, step))
            mixed = both - plus[i] - plus[j] - minus[i] - minus[j] + 2.0 * value
            hess[j, i] = mixed / (2.0 * step[:, i : i + 1] * step[:, j : j + 1])
    return Jet(value, grad, hess)
