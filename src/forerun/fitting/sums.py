"""Sums over the rows of a block: of terms, of gradients and of Hessians, for a batch of parameter vectors."""

from __future__ import annotations

import numpy as np

from forerun.fitting.jet import Jet

Array = np.ndarray


def weighted_sum(terms: Array, weights: Array) -> Array:
    """Sums (count,) of terms (count, rows) under weights (count or 1, rows)."""
    if len(weights) == 1:
        return terms @ weights[0]
    return np.einsum("bn,bn->b", terms, weights)


def stacked(f: Jet, shape: tuple[int, ...], params: int) -> Array:
    """The gradient as one array (count, params, rows), for values of shape (count, rows)."""
    g = np.empty((shape[0], params, shape[1]))
    for k in range(params):
        g[:, k] = f.grad.get(k, 0.0)
    return g


def add_rows(f: Jet, slope: Array, bend: Array, columns: Array, gradient: Array, hessian: Array) -> None:
    """Add a block's sums: H = sum of bend f_i f_j + slope f_ij, over rows."""
    g = stacked(f, slope.shape, len(columns))
    gradient[:, columns] += np.matmul(g, slope[:, :, None])[:, :, 0]
    local = np.matmul(g * bend[:, None, :], g.transpose(0, 2, 1))
    for (i, j), h in f.hess.items():
        h = h if np.shape(h) == slope.shape else np.broadcast_to(h, slope.shape)
        term = np.einsum("bn,bn->b", slope, h)
        local[:, i, j] += term
        if i != j:
            local[:, j, i] += term
    hessian[:, columns[:, None], columns[None, :]] += local


def add_scale(f: Jet, side: tuple[Array, ...], columns: Array, gradient: Array, hessian: Array) -> None:
    """Add what the scale, the last parameter, contributes: its own derivatives, and the mixed ones with the law's."""
    first, second, mixed = side
    gradient[:, -1] += first.sum(1)
    hessian[:, -1, -1] += second.sum(1)
    for k, column in enumerate(columns):
        cross = (mixed * f.grad.get(k, 0.0)).sum(1)
        hessian[:, -1, column] += cross
        hessian[:, column, -1] += cross
