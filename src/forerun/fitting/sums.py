"""Sums over the rows of a block: of terms, of gradients and of Hessians, for a batch of parameter vectors."""

from __future__ import annotations

import numpy as np

from forerun.fitting.prediction import Prediction

Array = np.ndarray


def weighted_sum(terms: Array, weights: Array) -> Array:
    """Sums (count,) of terms (count, rows) under weights (count or 1, rows)."""
    if len(weights) == 1:
        return terms @ weights[0]
    return np.einsum("bn,bn->b", terms, weights)


def gram(slopes: Array, weights: Array) -> Array:
    """Sums over rows (count, p, p) of products of slopes (count, p, rows) under weights (count, rows)."""
    return np.matmul(slopes * weights[:, None, :], slopes.transpose(0, 2, 1))


def add_rows(f: Prediction, slope: Array, bend: Array, columns: Array, gradient: Array, hessian: Array) -> None:
    """Add a block's sums: H = sum of bend f_i f_j + slope f_ij, over rows."""
    gradient[:, columns] += np.matmul(f.slopes, slope[:, :, None])[:, :, 0]
    hessian[:, columns[:, None], columns] += gram(f.slopes, bend) + f.bends(slope)


def add_scale(f: Prediction, side: tuple[Array, ...], columns: Array, gradient: Array, hessian: Array) -> None:
    """Add what the scale, the last parameter, contributes: its own derivatives, and the mixed ones with the law's."""
    first, second, mixed = side
    gradient[:, -1] += first.sum(1)
    hessian[:, -1, -1] += second.sum(1)
    cross = np.matmul(f.slopes, mixed[:, :, None])[:, :, 0]
    hessian[:, -1, columns] += cross
    hessian[:, columns, -1] += cross
