"""`Simplex`: the mixtures that can be had, and the lowest point of a function over them, by SciPy's SLSQP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from forerun.note import DataError, MissingExtra

Array = np.ndarray
Function = Callable[[Array], Array]
STEP = 1e-5  # of central differences, in shares
PRECISION = 1e-11  # change of the function at which the solver stops
STEPS = 200
CONCENTRATIONS = (1.0, 0.2)  # of the Dirichlet distributions that starts are drawn from
BISECTIONS = 50
ROUNDING = 1e-9  # of a sum of shares


@dataclass(frozen=True, eq=False)
class Simplex:
    """Shares from ``least`` to ``most``, (domains,) each, that sum to one."""

    least: Array
    most: Array

    def __post_init__(self) -> None:
        if self.most.sum() < 1.0 - ROUNDING:
            message = f"all domains together can give {self.most.sum():.3g} of the tokens"
            advice = "Train on fewer tokens, allow more repetitions, or add data"
            raise DataError("too-little-data", message, advice=advice)

    def project(self, points: Array) -> Array:
        """The nearest mixtures to points (m, domains)."""
        low, high = points.min(1) - 1.0, points.max(1)
        for _ in range(BISECTIONS):
            middle = 0.5 * (low + high)
            above = np.clip(points - middle[:, None], self.least, self.most).sum(1) > 1.0
            low, high = np.where(above, middle, low), np.where(above, high, middle)
        return np.clip(points - low[:, None], self.least, self.most)

    def draw(self, count: int, seed: int) -> Array:
        """Mixtures spread over all that can be had, (count, domains), the first as even as can be."""
        rng = np.random.default_rng(seed)
        k = len(self.most)
        parts = [rng.dirichlet(np.full(k, c), count // len(CONCENTRATIONS)) for c in CONCENTRATIONS]
        return self.project(np.concatenate([np.full((1, k), 1.0 / k), np.eye(k), *parts]))

    def lowest(self, function: Function, starts: Array) -> tuple[Array, float]:
        """The mixture (domains,) where ``function`` of (m, domains) is lowest, and its value, from several starts."""
        found = [self._descend(function, start) for start in starts]
        points = np.concatenate([starts, self.project(np.array(found))])
        values = function(points)
        best = int(np.nanargmin(values))
        return points[best], float(values[best])

    def extent(self, function: Function, at: Array, limit: float, domain: int, sign: int) -> float:
        """The largest (``sign`` 1) or smallest (-1) share of a domain, from ``at``, with ``function`` at most ``limit``."""
        toward = np.zeros(len(at))
        toward[domain] = -float(sign)
        end = self.project(self._solve(lambda w: (float(toward @ w), toward), at, function, limit)[None])[0]
        low, high = 0.0, 1.0
        if function(end[None])[0] > limit:
            for _ in range(BISECTIONS):
                middle = 0.5 * (low + high)
                inside = function((at + middle * (end - at))[None])[0] <= limit
                low, high = (middle, high) if inside else (low, middle)
            end = at + low * (end - at)
        return float(max(end[domain], at[domain]) if sign > 0 else min(end[domain], at[domain]))

    def _descend(self, function: Function, start: Array) -> Array:
        return self._solve(lambda w: with_slope(function, w), start)

    def _solve(self, aim: Callable[[Array], tuple[float, Array]], start: Array, function: Function | None = None, limit: float = 0.0
               ) -> Array:  # fmt: skip
        """Where ``aim`` (value and slope) is lowest, from one start, with ``function`` at most ``limit`` if it is given."""
        minimize = _solver()
        ones = np.ones(len(start))
        rules = [{"type": "eq", "fun": lambda w: w.sum() - 1.0, "jac": lambda w: ones}]
        if function is not None:
            known = function
            rules.append({"type": "ineq", "fun": lambda w: limit - float(known(w[None])[0]),
                          "jac": lambda w: -with_slope(known, w)[1]})  # fmt: skip
        bounds = list(zip(self.least.tolist(), self.most.tolist()))
        options = {"ftol": PRECISION, "maxiter": STEPS}
        with np.errstate(all="ignore"):
            found = minimize(aim, start, jac=True, method="SLSQP", bounds=bounds, constraints=rules, options=options).x
        return np.where(np.isfinite(found), found, start)


def with_slope(function: Function, at: Array) -> tuple[float, Array]:
    """The value of ``function`` at a mixture (domains,), and its slope by central differences, in one call."""
    step = STEP * np.eye(len(at))
    values = function(np.concatenate([at[None], at + step, at - step]))
    return float(values[0]), (values[1 : len(at) + 1] - values[len(at) + 1 :]) / (2.0 * STEP)


def _solver() -> Any:
    try:
        from scipy.optimize import minimize
    except ImportError:
        raise MissingExtra("scipy", "mixtures", "choosing a mixture") from None
    return minimize
