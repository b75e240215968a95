"""Exact first and second derivatives of a formula written in NumPy: a value that carries them along.

A `Jet` holds a value and only those derivatives that are not zero, so that a term of a law costs nothing for the
parameters it does not contain. It passes through the ufuncs in ``RULES`` and through ``+ - * / **``. Everything else
(other functions, comparisons, branches) raises ``TypeError``, never a silently wrong number: such a formula falls back
to differences (`forerun.fitting.prediction`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray
Pair = tuple[int, int]
LOWEST_LOG = -708.0  # stands for log 0, so that a power of a share that is zero has derivatives: zero


class Jet:
    """A value with gradient ``{i: d/di}`` and Hessian ``{(i, j): d2/di dj, i <= j}``; absent entries are zero.

    >>> x = Jet(np.array([2.0]), {0: 1.0})
    >>> y = x**3
    >>> float(y.value[0]), float(y.grad[0][0]), float(y.hess[0, 0][0])
    (8.0, 12.0, 12.0)
    """

    __slots__ = ("_log", "grad", "hess", "value")

    def __init__(self, value: Any, grad: dict[int, Any] | None = None, hess: dict[Pair, Any] | None = None) -> None:
        self.value, self.grad, self.hess = value, grad or {}, hess or {}
        self._log: Any = None

    def log_value(self) -> Any:
        """Logarithm of the value, computed once: inputs keep it from one evaluation to the next."""
        if self._log is None:
            self._log = np.log(self.value)
        return self._log

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *operands: Any, **options: Any) -> Any:
        rule = RULES.get(ufunc)
        if rule is None or method != "__call__" or options:
            return NotImplemented
        return rule(*(x if isinstance(x, Jet) else Jet(x) for x in operands))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return NotImplemented

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("a value with derivatives cannot become a plain array")

    def __bool__(self) -> bool:
        raise TypeError("a formula must not branch on values")

    def __eq__(self, other: object) -> bool:
        raise TypeError("a formula must not branch on values")

    __hash__ = None  # type: ignore[assignment]

    def __pos__(self) -> Jet:
        return self

    def __neg__(self) -> Jet:
        return _chain(self, -self.value, -1.0, None)

    def __add__(self, other: Any) -> Jet:
        return _add(self, _jet(other))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Jet:
        return _add(self, -_jet(other))

    def __rsub__(self, other: Any) -> Jet:
        return _add(_jet(other), -self)

    def __mul__(self, other: Any) -> Jet:
        return _multiply(self, _jet(other))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Jet:
        return _multiply(self, _reciprocal(_jet(other)))

    def __rtruediv__(self, other: Any) -> Jet:
        return _multiply(_jet(other), _reciprocal(self))

    def __pow__(self, other: Any) -> Jet:
        return _power(self, _jet(other))

    def __rpow__(self, other: Any) -> Jet:
        return _power(_jet(other), self)


def _jet(x: Any) -> Jet:
    return x if isinstance(x, Jet) else Jet(x)


def _merge(one: dict[Any, Any], two: dict[Any, Any]) -> dict[Any, Any]:
    """Sum of two sparse derivatives; entries in only one of them are taken as they are, without a copy."""
    if not one or not two:
        return one or two
    out = dict(one)
    for key, value in two.items():
        out[key] = out[key] + value if key in out else value
    return out


def _add(x: Jet, y: Jet) -> Jet:
    if not x.grad and not y.grad:
        return Jet(x.value + y.value)
    return Jet(x.value + y.value, _merge(x.grad, y.grad), _merge(x.hess, y.hess))


def _multiply(x: Jet, y: Jet) -> Jet:
    u, v = x.value, y.value
    if not y.grad:
        return Jet(u * v, {i: _times(g, v) for i, g in x.grad.items()}, {k: h * v for k, h in x.hess.items()})
    if not x.grad:
        return _multiply(y, x)
    grad = _merge({i: _times(g, v) for i, g in x.grad.items()}, {i: _times(g, u) for i, g in y.grad.items()})
    hess = _merge({k: h * v for k, h in x.hess.items()}, {k: u * h for k, h in y.hess.items()})
    cross: dict[Pair, Any] = {}
    for i, a in x.grad.items():
        for j, b in y.grad.items():
            product = _times(a, b) if i != j else 2.0 * _times(a, b)
            key = (i, j) if i <= j else (j, i)
            cross[key] = cross[key] + product if key in cross else product
    return Jet(u * v, grad, _merge(hess, cross))


def _times(derivative: Any, value: Any) -> Any:
    """The product, without touching an array where the derivative is the 1.0 of a parameter itself."""
    if isinstance(derivative, float) and derivative == 1.0:
        return value
    if isinstance(value, float) and value == 1.0:
        return derivative
    return derivative * value


def _chain(x: Jet, value: Any, slope: Any, curvature: Any) -> Jet:
    """f(x) from f, f' and f'' at x; ``curvature=None`` stands for zero."""
    grad = {i: slope * g for i, g in x.grad.items()}
    hess = {k: slope * h for k, h in x.hess.items()}
    if curvature is not None:
        items = list(x.grad.items())
        for n, (i, a) in enumerate(items):
            for j, b in items[n:]:
                key = (i, j) if i <= j else (j, i)
                bent = curvature * (a * b)
                hess[key] = hess[key] + bent if key in hess else bent
    return Jet(value, grad, hess)


def _exp(x: Jet) -> Jet:
    """Written out because power laws spend their time here: h_ij = (e x_i) x_j + e x_ij."""
    e = np.exp(x.value)
    grad = {i: e * g for i, g in x.grad.items()}
    hess = {k: e * h for k, h in x.hess.items()}
    items = list(x.grad.items())
    for n, (i, _) in enumerate(items):
        for j, b in items[n:]:
            key = (i, j) if i <= j else (j, i)
            bent = grad[i] * b
            hess[key] = hess[key] + bent if key in hess else bent
    return Jet(e, grad, hess)


def _log(x: Jet) -> Jet:
    inverse = 1.0 / x.value
    return _chain(x, x.log_value(), inverse, -inverse * inverse)


def _reciprocal(x: Jet) -> Jet:
    inverse = 1.0 / x.value
    square = inverse * inverse
    return _chain(x, inverse, -square, 2.0 * square * inverse) if x.grad else Jet(inverse)


def _power(base: Jet, power: Jet) -> Jet:
    if not power.grad:
        p = power.value
        if not base.grad:
            return Jet(base.value**p) if np.ndim(p) == 0 else Jet(np.exp(p * _log_of_constant(base)))
        return _chain(base, base.value**p, p * base.value ** (p - 1.0), p * (p - 1.0) * base.value ** (p - 2.0))
    log = _log(base) if base.grad else Jet(_log_of_constant(base))
    return _exp(_multiply(power, log))


def _log_of_constant(x: Jet) -> Any:
    return np.maximum(x.log_value(), LOWEST_LOG)


def _smooth(value: Callable[..., Any], slope: Callable[..., Any], bend: Callable[..., Any]) -> Callable[[Jet], Jet]:
    """Rule of a function of one argument from f(x), f'(x, f) and f''(x, f, f')."""

    def rule(x: Jet) -> Jet:
        f = value(x.value)
        d = slope(x.value, f)
        return _chain(x, f, d, bend(x.value, f, d))

    return rule


RULES: dict[np.ufunc, Callable[..., Jet]] = {
    np.add: _add,
    np.subtract: lambda x, y: _add(x, -y),
    np.multiply: _multiply,
    np.divide: lambda x, y: _multiply(x, _reciprocal(y)),
    np.negative: lambda x: -x,
    np.positive: lambda x: x,
    np.reciprocal: _reciprocal,
    np.power: _power,
    np.float_power: _power,
    np.square: lambda x: _multiply(x, x),
    np.exp: _exp,
    np.exp2: lambda x: _exp(_multiply(x, Jet(np.log(2.0)))),
    np.log: _log,
    np.log2: lambda x: _multiply(_log(x), Jet(1 / np.log(2.0))),
    np.log10: lambda x: _multiply(_log(x), Jet(1 / np.log(10.0))),
    np.sqrt: _smooth(np.sqrt, lambda x, f: 0.5 / f, lambda x, f, d: -0.5 * d / x),
    np.cbrt: _smooth(np.cbrt, lambda x, f: f / (3.0 * x), lambda x, f, d: -2.0 * d / (3.0 * x)),
    np.log1p: _smooth(np.log1p, lambda x, f: 1.0 / (1.0 + x), lambda x, f, d: -d * d),
    np.expm1: _smooth(np.expm1, lambda x, f: f + 1.0, lambda x, f, d: d),
    np.tanh: _smooth(np.tanh, lambda x, f: 1.0 - f * f, lambda x, f, d: -2.0 * f * d),
    np.sin: _smooth(np.sin, lambda x, f: np.cos(x), lambda x, f, d: -f),
    np.cos: _smooth(np.cos, lambda x, f: -np.sin(x), lambda x, f, d: -f),
    np.arctan: _smooth(np.arctan, lambda x, f: 1.0 / (1.0 + x * x), lambda x, f, d: -2.0 * x * d * d),
    np.logaddexp: lambda x, y: _add(y, _softplus(_add(x, -y))),
}


def _softplus(x: Jet) -> Jet:
    s = 0.5 * (1.0 + np.tanh(0.5 * x.value))
    return _chain(x, np.logaddexp(0.0, x.value), s, s * (1.0 - s))
