"""What is minimised: a sum over rows of a function of the prediction, with its first two derivatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from forerun.note import DataError, nearest

Array = np.ndarray
Terms = tuple[Array, Array, Array]
HUBER_DELTA = 1e-3  # Hoffmann et al. 2022, arXiv:2203.15556, section 3.3
LAD_DELTA = 1e-8  # LAD is solved as the Huber function of this width: see forerun.fitting.polish


@dataclass(frozen=True)
class Objective:
    """One row's contribution as a function of its prediction.

    ``terms(f, y, trials)`` gives value, slope and curvature with respect to the prediction ``f``, same shape as ``f``.
    ``residual`` says in which space residuals are measured: ``"log"`` or ``"plain"``. ``deltas`` is the sequence of
    Huber widths that the solver runs through; empty where there is none.
    """

    name: str
    meaning: str
    residual: str
    rho: Callable[[Array, float], Terms] | None
    deltas: tuple[float, ...] = ()
    delta: float = 0.0

    def at(self, delta: float) -> Objective:
        """The same objective with another Huber width."""
        return replace(self, delta=delta)

    def terms(self, f: Array, y: Array, trials: Array | None, order: int) -> tuple[Array, Array | None, Array | None]:
        """Value and, for ``order=2``, the two derivatives with respect to ``f``; NaN where ``f`` is not admissible."""
        if self.rho is None:
            return _binomial(f, y, trials, order)
        if self.residual == "plain":
            value, slope, bend = self.rho(f - y, self.delta)
            return value, slope, bend
        value, slope, bend = self.rho(np.log(f / y), self.delta)
        if order == 0:
            return value, None, None
        inverse = 1.0 / f
        return value, slope * inverse, (bend - slope) * (inverse * inverse)

    def majorizer(self, f: Array, y: Array, trials: Array | None) -> Array:
        """Positive curvature with respect to ``f`` of a parabola that touches each row's contribution from above.

        That is slope over residual, the weight of iterated reweighted least squares; for counts the Fisher information.
        """
        if self.rho is None:
            assert trials is not None
            return trials / (f * (1.0 - f))
        r = np.log(f / y) if self.residual == "log" else f - y
        _, slope, bend = self.rho(r, self.delta)
        weight = np.where(r == 0.0, bend, slope / np.where(r == 0.0, 1.0, r))
        return weight / (f * f) if self.residual == "log" else weight

    def residuals(self, f: Array, y: Array, trials: Array | None) -> Array:
        """log y - log f, or y - f, or for counts the difference of shares."""
        if self.rho is None:
            return y / trials - f
        return np.log(y / f) if self.residual == "log" else y - f


def _squared(r: Array, delta: float) -> Terms:
    return 0.5 * r * r, r, np.ones_like(r)


def _huber(r: Array, delta: float) -> Terms:
    clipped = np.minimum(np.maximum(r, -delta), delta)
    return clipped * (r - 0.5 * clipped), clipped, (clipped == r).astype(float)


def _absolute(r: Array, delta: float) -> Terms:
    """Huber scaled so that its value is |r| outside delta."""
    value, slope, bend = _huber(r, delta)
    return value / delta, slope / delta, bend / delta


def _binomial(f: Array, k: Array, n: Array | None, order: int) -> tuple[Array, Array | None, Array | None]:
    """Negative log-likelihood of k successes in n trials at probability f, without its constant."""
    miss = 1.0 - f
    success, failure = np.where(k > 0, k * np.log(f), 0.0), np.where(n > k, (n - k) * np.log(miss), 0.0)
    if order == 0:
        return -success - failure, None, None
    return -success - failure, (n - k) / miss - k / f, (n - k) / (miss * miss) + k / (f * f)


OBJECTIVES = {
    o.name: o
    for o in (
        Objective("huber", f"sum of Huber (delta {HUBER_DELTA:g}) of log residuals", "log", _huber, (HUBER_DELTA,), HUBER_DELTA),
        Objective("lad", "sum of absolute log residuals", "log", _absolute, (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, LAD_DELTA), LAD_DELTA),
        Objective("squared-log", "half the sum of squared log residuals", "log", _squared),
        Objective("squared", "half the sum of squared residuals", "plain", _squared),
        Objective("binomial", "negative log-likelihood of the counts", "plain", None),
    )
}  # fmt: skip


def find(name: str) -> Objective:
    """The objective of that name; ``DataError`` that lists them when there is none."""
    if name not in OBJECTIVES:
        near = nearest(name, OBJECTIVES) or list(OBJECTIVES)
        raise DataError("unknown-objective", f"there is no objective {name!r}", advice=f"Nearest: {', '.join(near)}")
    return OBJECTIVES[name]
