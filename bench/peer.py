"""The same fit with SciPy by hand: the standard grid of starts, log-sum-exp, summed Huber, analytic gradient."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.optimize import OptimizeResult, minimize
from scipy.special import logsumexp

DELTA = 1e-3  # Hoffmann et al. 2022, arXiv:2203.15556, section 3.3
A_GRID = B_GRID = (0.0, 5.0, 10.0, 15.0, 20.0, 25.0)  # the grid of the same section: 4,500 starts
E_GRID = (-1.0, -0.5, 0.0, 0.5, 1.0)
EXPONENT_GRID = (0.0, 0.5, 1.0, 1.5, 2.0)


def starts() -> np.ndarray:
    """The 4,500 starts (a, b, e, alpha, beta), with A = exp a, B = exp b, E = exp e."""
    return np.array(list(product(A_GRID, B_GRID, E_GRID, EXPONENT_GRID, EXPONENT_GRID)))


@dataclass(frozen=True)
class Standard:
    """The objective over (a, b, e, alpha, beta) as it is usually written, with ``scipy.special.logsumexp``.

    The sum is divided by delta, so that it is of the order of n. Called with a vector it gives value and gradient.
    """

    log_size: np.ndarray
    log_tokens: np.ndarray
    log_loss: np.ndarray
    weights: np.ndarray

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        a, b, e, alpha, beta = x
        parts = np.stack([a - alpha * self.log_size, b - beta * self.log_tokens, np.full_like(self.log_loss, e)])
        prediction = logsumexp(parts, axis=0)
        shares = np.exp(parts - prediction)
        return _huber(self, prediction, shares)


@dataclass(frozen=True)
class Lean(Standard):
    """The same numbers with the log-sum-exp written out, which saves most of the time of the library function."""

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        a, b, e, alpha, beta = x
        parts = np.empty((3, len(self.log_loss)))
        parts[0], parts[1], parts[2] = a - alpha * self.log_size, b - beta * self.log_tokens, e
        top = parts.max(0)
        parts -= top
        np.exp(parts, out=parts)
        total = parts.sum(0)
        parts /= total
        return _huber(self, top + np.log(total), parts)


def _huber(data: Standard, prediction: np.ndarray, shares: np.ndarray) -> tuple[float, np.ndarray]:
    residual = prediction - data.log_loss
    clipped = np.clip(residual, -DELTA, DELTA)
    value = float(data.weights @ (clipped * (residual - 0.5 * clipped))) / DELTA
    pulls = shares * (data.weights * clipped / DELTA)
    gradient = np.empty(5)
    gradient[:3] = pulls.sum(1)
    gradient[3], gradient[4] = -(pulls[0] @ data.log_size), -(pulls[1] @ data.log_tokens)
    return value, gradient


def minima(objective: Standard, chosen: np.ndarray) -> list[OptimizeResult]:
    """L-BFGS-B with its default settings from each start."""
    return [minimize(objective, x, jac=True, method="L-BFGS-B") for x in chosen]


def global_fit(objective: Standard, chosen: np.ndarray) -> np.ndarray:
    """The objectives that each start reaches, not divided by delta."""
    return np.array([ended.fun * DELTA for ended in minima(objective, chosen)])


def refit_one(objective: Standard, start: np.ndarray) -> OptimizeResult:
    """BFGS to tight tolerances from the optimum of the whole table."""
    return minimize(objective, start, jac=True, method="BFGS", options={"gtol": 1e-10, "maxiter": 2000})


def from_natural(params: np.ndarray, names: list[str]) -> np.ndarray:
    """Vectors (B, 5) of forerun's parameters by name as (a, b, e, alpha, beta)."""
    with np.errstate(divide="ignore"):
        return np.stack(
            [np.log(params[:, names.index(n)]) if n in "ABE" else params[:, names.index(n)]
             for n in ("A", "B", "E", "alpha", "beta")], axis=1)  # fmt: skip
