"""What is minimised: a sum over rows of a function of the prediction, with its first two derivatives."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np

from forerun.note import DataError, nearest

Array = np.ndarray
Terms = tuple[Array, Array, Array]
HUBER_DELTA = 1e-3  # Hoffmann et al. 2022, arXiv:2203.15556, section 3.3
LAD_DELTA = 1e-10  # LAD is solved as the Huber function of this width: see forerun.fitting.polish
WIDTHS = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, LAD_DELTA)
SMALLEST_SCALE = 1e-9  # of residuals, where their scale is fitted jointly
FREEDOM = 4.0  # degrees of freedom of Student's t, where none are named


@dataclass(frozen=True)
class Objective:
    """One row's contribution as a function of its prediction.

    ``terms(f, y, trials)`` gives value, slope and curvature with respect to the prediction ``f``, same shape as ``f``.
    ``residual`` says in which space residuals are measured: ``"log"`` or ``"plain"``. ``deltas`` is the sequence of
    Huber widths that the solver runs through; empty where there is none. ``kinked`` objectives have no curvature of
    their own at the last width. A ``scaled`` one is a negative log-likelihood of residuals over a scale ``s`` that is
    fitted jointly: ``rho(r / s) + log s``, counted from the smallest scale so that it is positive, plus ``constant``.
    """

    name: str
    meaning: str
    residual: str
    rho: Callable[[Array, float], Terms] | None
    deltas: tuple[float, ...] = ()
    delta: float = 0.0
    kinked: bool = False
    scaled: bool = False
    constant: float = 0.0

    def at(self, delta: float) -> Objective:
        """The same objective with another Huber width."""
        return replace(self, delta=delta)

    def at_once(self, delta: float) -> Objective:
        """The same with that Huber width alone, without a sequence of them."""
        return replace(self, delta=delta, deltas=(delta,))

    def widened(self, delta: float, factor: float) -> Objective:
        """A Huber function of another width whose slope jumps by ``factor`` times as much as this objective's."""
        assert self.rho is not None
        _, (below, above), _ = self.rho(np.array([-1.0, 1.0]), self.delta)
        return replace(self, rho=partial(_steep, slope=0.5 * factor * float(above - below)), delta=delta)

    def of_residuals(self) -> Objective:
        """The residual itself as an objective: its derivatives are those of the prediction."""
        return replace(self, rho=_itself, scaled=False)

    def terms(self, f: Array, y: Array, trials: Array | None, order: int, scale: Array | None = None
              ) -> tuple[Array, Array | None, Array | None]:  # fmt: skip
        """Value and, for ``order=2``, the two derivatives with respect to ``f``; NaN where ``f`` is not admissible."""
        if self.rho is None:
            return _binomial(f, y, trials, order)
        r = np.log(f / y) if self.residual == "log" else f - y
        if scale is None:
            value, slope, bend = self.rho(r, self.delta)
        else:
            value, slope, bend = self.rho(r / scale, self.delta)
            value = value + np.log(scale / SMALLEST_SCALE)
            slope, bend = slope / scale, bend / (scale * scale)
        if self.residual == "plain" or order == 0:
            return value, slope, bend
        inverse = 1.0 / f
        return value, slope * inverse, (bend - slope) * (inverse * inverse)

    def scale_terms(self, f: Array, y: Array, scale: Array) -> Terms:
        """Derivatives with respect to the scale: the first, the second, and the mixed one with ``f``."""
        assert self.rho is not None
        u = (np.log(f / y) if self.residual == "log" else f - y) / scale
        _, slope, bend = self.rho(u, self.delta)
        square = scale * scale
        mixed = -(bend * u + slope) / square
        first = (1.0 - slope * u) / scale
        return first, (bend * u * u + 2.0 * slope * u - 1.0) / square, mixed / f if self.residual == "log" else mixed

    def majorizer(self, f: Array, y: Array, trials: Array | None, scale: Array | None = None) -> Array:
        """Positive curvature with respect to ``f`` of a parabola that touches each row's contribution from above.

        That is slope over residual, the weight of iterated reweighted least squares; for counts the Fisher information.
        """
        if self.rho is None:
            assert trials is not None
            return trials / (f * (1.0 - f))
        r = np.log(f / y) if self.residual == "log" else f - y
        u = r if scale is None else r / scale
        _, slope, bend = self.rho(u, self.delta)
        weight = np.where(u == 0.0, bend, slope / np.where(u == 0.0, 1.0, u))
        if scale is not None:
            weight = weight / (scale * scale)
        return weight / (f * f) if self.residual == "log" else weight

    def residuals(self, f: Array, y: Array, trials: Array | None) -> Array:
        """log y - log f, or y - f, or for counts the difference of shares."""
        if self.rho is None:
            return y / trials - f
        return np.log(y / f) if self.residual == "log" else y - f


def _itself(r: Array, delta: float) -> Terms:
    return r, np.ones_like(r), np.zeros_like(r)


def _squared(r: Array, delta: float) -> Terms:
    return 0.5 * r * r, r, np.ones_like(r)


def _huber(r: Array, delta: float) -> Terms:
    clipped = np.minimum(np.maximum(r, -delta), delta)
    return clipped * (r - 0.5 * clipped), clipped, (clipped == r).astype(float)


def _absolute(r: Array, delta: float) -> Terms:
    """Huber scaled so that its value is |r| outside delta."""
    value, slope, bend = _huber(r, delta)
    return value / delta, slope / delta, bend / delta


def _steep(r: Array, delta: float, slope: float) -> Terms:
    """Huber with a given slope outside delta: what curvature is counted with."""
    value, first, second = _absolute(r, delta)
    return slope * value, slope * first, slope * second


def _binomial(f: Array, k: Array, n: Array | None, order: int) -> tuple[Array, Array | None, Array | None]:
    """Negative log-likelihood of k successes in n trials at probability f, without its constant."""
    miss = 1.0 - f
    success, failure = np.where(k > 0, k * np.log(f), 0.0), np.where(n > k, (n - k) * np.log(miss), 0.0)
    if order == 0:
        return -success - failure, None, None
    return -success - failure, (n - k) / miss - k / f, (n - k) / (miss * miss) + k / (f * f)


def _pinball(r: Array, delta: float, share: float) -> Terms:
    """Koenker and Bassett 1978: observed minus predicted, -r, costs ``share`` above the curve and 1 - share below it."""
    value, slope, bend = _absolute(r, delta)
    return 0.5 * value - (share - 0.5) * r, 0.5 * slope - (share - 0.5), 0.5 * bend


def _student(u: Array, delta: float, freedom: float) -> Terms:
    """Negative log density of Student's t, without its constant (Lange, Little and Taylor 1989)."""
    square, more = u * u, freedom + 1.0
    below = freedom + square
    return 0.5 * more * np.log1p(square / freedom), more * u / below, more * (freedom - square) / (below * below)


def _quantile(share: float) -> Objective:
    meaning = f"pinball loss of log residuals: the curve that {share:g} of the runs lie below"
    rho = partial(_pinball, share=share)
    return Objective(f"quantile:{share:g}", meaning, "log", rho, WIDTHS, LAD_DELTA, kinked=True)


def _t(freedom: float) -> Objective:
    meaning = f"negative log-likelihood of log residuals under Student's t with {freedom:g} degrees of freedom, scale fitted jointly"
    half = 0.5 * freedom
    constant = math.lgamma(half) - math.lgamma(half + 0.5) + 0.5 * math.log(freedom * math.pi)
    return Objective(
        f"student-t:{freedom:g}", meaning, "log", partial(_student, freedom=freedom), scaled=True, constant=constant
    )


def _huber_scale() -> Objective:
    d = HUBER_DELTA
    mass = 2.0 * math.exp(-0.5 * d * d) / d + math.sqrt(2.0 * math.pi) * math.erf(d / math.sqrt(2.0))
    meaning = f"negative log-likelihood of log residuals under the Huber density (delta {d:g}), scale fitted jointly"
    widths = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, d)
    return Objective(
        "huber-scale", meaning, "log", _huber, widths, d, kinked=True, scaled=True, constant=math.log(mass)
    )


OBJECTIVES = {
    o.name: o
    for o in (
        Objective("huber", f"sum of Huber (delta {HUBER_DELTA:g}) of log residuals", "log", _huber, (HUBER_DELTA,), HUBER_DELTA),
        Objective("lad", "sum of absolute log residuals", "log", _absolute, WIDTHS, LAD_DELTA, kinked=True),
        Objective("squared-log", "half the sum of squared log residuals", "log", _squared),
        Objective("squared", "half the sum of squared residuals", "plain", _squared),
        Objective("binomial", "negative log-likelihood of the counts", "plain", None),
        _huber_scale(),
    )
}  # fmt: skip
WITH_A_NUMBER = {"quantile": (_quantile, 0.5, 0.0, 1.0), "student-t": (_t, FREEDOM, 0.0, math.inf)}
NAMES = (*OBJECTIVES, *WITH_A_NUMBER)


@cache
def find(name: str) -> Objective:
    """The objective of that name, ``quantile:0.1`` and ``student-t:3`` with their number; ``DataError`` lists them all.

    ``quantile`` alone is the median, ``student-t`` alone has four degrees of freedom.
    """
    if name in OBJECTIVES:
        return OBJECTIVES[name]
    kind, colon, number = name.partition(":")
    if kind not in WITH_A_NUMBER:
        near = nearest(name, NAMES) or list(NAMES)
        raise DataError("unknown-objective", f"there is no objective {name!r}", advice=f"Nearest: {', '.join(near)}")
    make, usual, low, high = WITH_A_NUMBER[kind]
    try:
        value = float(number) if colon else usual
    except ValueError:
        value = math.nan
    if not low < value < high:
        message = f"{kind} takes a number between {low:g} and {high:g}, received {name!r}"
        raise DataError("bad-value", message, advice=f"Write for example {kind}:{'0.1' if kind == 'quantile' else '3'}")
    return make(value)
