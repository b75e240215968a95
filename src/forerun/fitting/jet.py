"""Exact first and second derivatives of a formula written in NumPy: a value that remembers what it was made of.

A `Jet` passes through the ufuncs in ``RULES`` and through ``+ - * / **``. Each remembers the jets that it came from, with
the slope towards each, and where it is not linear in them, its curvature. From these follow the gradient, by the chain
rule forwards, and sums over rows of second derivatives, by one sweep backwards: every product and every bent function adds
the outer product of gradients of what went into it, times what it counts for. That costs as many array operations as the
formula has steps, whatever the number of parameters. Gradients carry only the parameters that they depend on.

Everything else (other functions, comparisons, branches) raises ``TypeError``, never a silently wrong number: such a
formula falls back to differences (`forerun.fitting.prediction`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

import numpy as np

Array = np.ndarray
Bend = tuple["Jet", "Jet", Any]
Part = tuple[tuple[int, ...], Array]  # numbers of k parameters, and derivatives (B or 1, k, n or 1)
LOWEST_LOG = -708.0  # stands for log 0, so that a power of a share that is zero has derivatives: zero
ONE = np.ones((1, 1, 1))  # the derivative of a parameter itself
SLOPE = "slope"  # the bend of an exponential
FEW = 4  # entries of a block up to which they are added one by one
NUMBERS = count()


class Jet:
    """A value that knows its derivatives; without ``parents`` a constant.

    ``parents`` are the jets it came from with the slope towards each, ``bends`` pairs of them with a function that gives the
    second derivative. Values are (B, n) or broadcast to that: B parameter vectors, n rows.

    >>> x = parameter(np.array([[2.0]]), 0)
    >>> y = x**3
    >>> y.value.item(), slopes(y, (1, 1), 1).item(), weighted_bends(y, np.ones((1, 1)), 1).item()
    (8.0, 12.0, 12.0)
    """

    __slots__ = ("_gradient", "_log", "bends", "curved", "number", "parents", "value")

    def __init__(
        self,
        value: Any,
        parents: tuple[tuple[Jet, Any], ...] = (),
        bends: tuple[Bend, ...] = (),
        gradient: Part | None = None,
    ) -> None:
        self.value, self.parents, self.bends, self._gradient = value, parents, bends, gradient
        self.curved = bool(bends)
        for parent, _ in parents:
            self.curved |= parent.curved
        self.number = next(NUMBERS)
        self._log: Any = None

    @property
    def constant(self) -> bool:
        """Whether it depends on no parameter."""
        return not self.parents and self._gradient is None

    def log_value(self) -> Any:
        """Logarithm of the value, computed once: inputs keep it from one evaluation to the next."""
        if self._log is None:
            self._log = np.log(self.value)
        return self._log

    def gradient(self) -> Part:
        """The parameters that it depends on, and its derivatives by them; not for constants."""
        if self._gradient is None:
            self._gradient = _merged(self.summands())
        return self._gradient

    def summands(self) -> list[Part]:
        """What the gradient is the sum of: sums of jets are not added up before somebody asks."""
        if self._gradient is not None:
            return [self._gradient]
        out = []
        for parent, slope in self.parents:
            if slope is ONE:
                out += parent.summands()
            else:
                params, g = parent.gradient()
                if isinstance(slope, np.ndarray):
                    slope = slope[:, None] if slope.ndim == 2 else slope.reshape(1, 1, -1)
                    out.append((params, slope if g is ONE else slope * g))
                else:
                    out.append((params, slope * g))
        return out

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *operands: Any, **options: Any) -> Any:
        rule = RULES.get(ufunc)
        if rule is None or method != "__call__" or options:
            return NotImplemented
        return rule(*(_jet(x) for x in operands))

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
        return _function(self, -self.value, -1.0)

    def __add__(self, other: Any) -> Jet:
        return _add(self, _jet(other))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Jet:
        return _subtract(self, _jet(other))

    def __rsub__(self, other: Any) -> Jet:
        return _subtract(_jet(other), self)

    def __mul__(self, other: Any) -> Jet:
        return _multiply(self, _jet(other))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Jet:
        return _divide(self, _jet(other))

    def __rtruediv__(self, other: Any) -> Jet:
        return _divide(_jet(other), self)

    def __pow__(self, other: Any) -> Jet:
        return _power(self, _jet(other))

    def __rpow__(self, other: Any) -> Jet:
        return _power(_jet(other), self)


def parameter(value: Any, number: int) -> Jet:
    """The parameter of that number, (B, 1), from which derivatives are taken."""
    return Jet(value, gradient=((number,), ONE))


def slopes(f: Jet, shape: tuple[int, int], params: int) -> Array:
    """All first derivatives (B, params, n) of a jet whose value has the ``shape`` (B, n)."""
    out = np.zeros((shape[0], params, shape[1]))
    if not f.constant:
        _add_parts(out, f.summands(), range(params))
    return out


def weighted_bends(f: Jet, weights: Array, params: int) -> Array:
    """Sums over rows (B, params, params) of ``weights`` (B, n) times the second derivatives of a jet."""
    own, mixed = (np.zeros((len(weights), params, params)) for _ in range(2))
    counts = {f.number: weights}  # what a change of each jet counts for in the sum
    for jet in _later_first(f):
        count = carried = counts.pop(jet.number)
        for parent, slope in jet.parents:
            carried = count if slope is ONE else count * slope
            if parent.curved:
                _count(counts, parent, carried)
        for one, two, bend in jet.bends:
            (rows, g), (columns, h) = one.gradient(), two.gradient()
            block = _outer(g, carried if bend is SLOPE else count * bend(), h)
            _add_block(own if one is two else mixed, rows, columns, block)
    return own + mixed + mixed.transpose(0, 2, 1)


def _add_block(out: Array, rows: tuple[int, ...], columns: tuple[int, ...], block: Array) -> None:
    if len(rows) * len(columns) <= FEW:
        for a, i in enumerate(rows):
            for b, j in enumerate(columns):
                out[:, i, j] += block[:, a, b]
    elif len(rows) == len(columns) == out.shape[1]:
        out += block
    else:
        out[:, np.array(rows)[:, None], columns] += block


def _later_first(f: Jet) -> list[Jet]:
    """The jets that bend, or are made of some that do, each before those it was made of."""
    found, ahead = {}, [f]
    while ahead:
        jet = ahead.pop()
        if jet.curved and jet.number not in found:
            found[jet.number] = jet
            ahead += [parent for parent, _ in jet.parents]
    return [found[number] for number in sorted(found, reverse=True)]


def _count(counts: dict[int, Array], jet: Jet, more: Array) -> None:
    """Add to what a jet counts for; one that is the same for all rows counts for their sum."""
    if jet.value.shape[-1] == 1 and more.shape[-1] > 1:
        more = more.sum(-1, keepdims=True)
    counts[jet.number] = counts[jet.number] + more if jet.number in counts else more


def _outer(one: Array, weights: Array, two: Array) -> Array:
    """Sums over rows (B, k, l) of weights (B, n) times products of derivatives (B or 1, k, n or 1) and (B or 1, l, n or 1)."""
    if one.shape[2] == 1 or two.shape[2] == 1:
        if one.shape[2] == two.shape[2]:
            return one * weights.sum(-1)[:, None, None] * two.transpose(0, 2, 1)
        if two.shape[2] == 1:
            return _outer(two, weights, one).transpose(0, 2, 1)
        return one * _summed(two, weights)[:, None, :]
    if len(one) == len(two) == 1:
        products = one[0, :, None, :] * two[0, None, :, :]
        return (weights @ products.reshape(-1, products.shape[2]).T).reshape(len(weights), *products.shape[:2])
    if one.shape[1] == two.shape[1] == 1:
        return np.einsum("bn,bn->b", weights * one[:, 0], two[:, 0])[:, None, None]
    return np.matmul(weights[:, None, :] * one, two.transpose(0, 2, 1))


def _summed(derivatives: Array, weights: Array) -> Array:
    """Sums over rows (B, k) of derivatives (B or 1, k, n) under weights (B, n)."""
    if len(derivatives) == 1:
        return weights @ derivatives[0].T
    if derivatives.shape[1] == 1:
        return np.einsum("bn,bn->b", weights, derivatives[:, 0])[:, None]
    return np.matmul(derivatives, weights[:, :, None])[:, :, 0]


def _merged(parts: list[Part]) -> Part:
    if len(parts) == 1:
        return parts[0]
    params = tuple(sorted({i for own, _ in parts for i in own}))
    batch, rows = (max(g.shape[axis] for _, g in parts) for axis in (0, 2))
    out = np.zeros((batch, len(params), rows))
    _add_parts(out, parts, params)
    return params, out


def _add_parts(out: Array, parts: Iterable[Part], params: Iterable[int]) -> None:
    """Add derivatives to the places of their parameters; what is first at its place is written, not added."""
    place = {i: k for k, i in enumerate(params)}
    written: set[int] = set()
    for own, g in parts:
        for k, i in enumerate(own):
            if i in written:
                out[:, place[i]] += g[:, k]
            else:
                out[:, place[i]] = g[:, k]
        written.update(own)


def _jet(x: Any) -> Jet:
    return x if isinstance(x, Jet) else Jet(x)


def _function(x: Jet, value: Any, slope: Any, bend: Any = None) -> Jet:
    """f(x) from f, f' and f'' at x; ``bend=None`` stands for zero."""
    if x.constant:
        return Jet(value)
    return Jet(value, ((x, slope),), () if bend is None else ((x, x, bend),))


def _shifted(x: Jet, value: Any) -> Jet:
    """x and a constant: the same derivatives at another value."""
    return Jet(value, x.parents, x.bends, x._gradient)


def _add(x: Jet, y: Jet) -> Jet:
    value = x.value + y.value
    if y.constant:
        return _shifted(x, value)
    return _shifted(y, value) if x.constant else Jet(value, ((x, ONE), (y, ONE)))


def _subtract(x: Jet, y: Jet) -> Jet:
    value = x.value - y.value
    if y.constant:
        return _shifted(x, value)
    return Jet(value, ((y, -1.0),) if x.constant else ((x, ONE), (y, -1.0)))


def _multiply(x: Jet, y: Jet) -> Jet:
    value = x.value * y.value
    if y.constant:
        return _function(x, value, y.value)
    if x.constant:
        return _function(y, value, x.value)
    return Jet(value, ((x, y.value), (y, x.value)), (_mixed(x, y, lambda: 1.0),))


def _divide(x: Jet, y: Jet) -> Jet:
    if y.constant:
        return _function(x, x.value / y.value, 1.0 / y.value)
    inverse = 1.0 / y.value
    value = x.value * inverse
    slope = -value * inverse
    if x.constant:
        return _function(y, value, slope, lambda: -2.0 * slope * inverse)
    bends = _mixed(x, y, lambda: -inverse * inverse), (y, y, lambda: -2.0 * slope * inverse)
    return Jet(value, ((x, inverse), (y, slope)), bends)


def _power(base: Jet, power: Jet) -> Jet:
    """Base to the power; through logarithms where the power is a parameter, so that N**-alpha is one exponential."""
    b, p = base.value, power.value
    if power.constant and not base.constant:
        return _function(base, b**p, p * b ** (p - 1.0), lambda: p * (p - 1.0) * b ** (p - 2.0))
    if power.constant and np.ndim(p) == 0:
        return Jet(b**p)
    log = np.maximum(base.log_value(), LOWEST_LOG) if base.constant else base.log_value()
    value = np.exp(p * log)
    if power.constant:
        return Jet(value)
    by_power = value * log
    if base.constant:
        return _function(power, value, by_power, lambda: by_power * log)
    slope = p * value / b
    bends = (
        (base, base, lambda: slope * (p - 1.0) / b),
        _mixed(base, power, lambda: value / b + slope * log),
        (power, power, lambda: by_power * log),
    )
    return Jet(value, ((base, slope), (power, by_power)), bends)


def _mixed(x: Jet, y: Jet, bend: Callable[[], Any]) -> Bend:
    """The mixed second derivative; it counts twice where both are the same."""
    return x, y, (lambda: 2.0 * bend()) if x is y else bend


def _exp(x: Jet) -> Jet:
    e = np.exp(x.value)
    return _function(x, e, e, SLOPE)


def _log(x: Jet) -> Jet:
    if x.constant:
        return Jet(x.log_value())
    inverse = 1.0 / x.value
    return _function(x, x.log_value(), inverse, lambda: -inverse * inverse)


def _smooth(value: Callable[..., Any], slope: Callable[..., Any], bend: Callable[..., Any]) -> Callable[[Jet], Jet]:
    """Rule of a function of one argument from f(x), f'(x, f) and f''(x, f, f')."""

    def rule(x: Jet) -> Jet:
        f = value(x.value)
        if x.constant:
            return Jet(f)
        d = slope(x.value, f)
        return _function(x, f, d, lambda: bend(x.value, f, d))

    return rule


RULES: dict[np.ufunc, Callable[..., Jet]] = {
    np.add: _add,
    np.subtract: _subtract,
    np.multiply: _multiply,
    np.divide: _divide,
    np.negative: lambda x: -x,
    np.positive: lambda x: x,
    np.reciprocal: lambda x: _divide(Jet(1.0), x),
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
    np.logaddexp: lambda x, y: _add(y, _softplus(_subtract(x, y))),
}


def _softplus(x: Jet) -> Jet:
    s = 0.5 * (1.0 + np.tanh(0.5 * x.value))
    return _function(x, np.logaddexp(0.0, x.value), s, lambda: s * (1.0 - s))
