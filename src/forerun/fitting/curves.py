"""The loss along a budget: parabolas and Akima interpolation, many weightings or noises at once, and their minima.

Budgets are padded to one width: ``x`` (log size) and ``y`` (loss) are (L, m), and weights of zero hide the padding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Array = np.ndarray
POWERS = np.geomspace(0.15, 0.9, 10)  # of N that the curve of a budget is tried with
GRID = 400  # points between which the minimum of an interpolation is refined


@dataclass(frozen=True)
class Minima:
    """For each budget, in the last axis: log size at the least loss, that loss, and half the second derivative there."""

    x: Array
    y: Array
    curvature: Array


def parabolas(x: Array, y: Array, weights: Array) -> Minima:
    """Weighted least-squares parabolas, for weights (..., L, m); NaN where there is no minimum."""
    many = np.maximum(weights.sum(-1), 1e-300)
    shown: Array = np.any((weights > 0).reshape(-1, *x.shape), axis=0)
    count = shown.sum(1, keepdims=True)
    middle = np.where(shown, x, 0.0).sum(1, keepdims=True) / count
    height = np.where(shown, y, 0.0).sum(1, keepdims=True) / count
    width = np.sqrt(np.where(shown, (x - middle) ** 2, 0.0).sum(1, keepdims=True) / count) + 1e-300
    u, v = np.where(shown, (x - middle) / width, 0.0), np.where(shown, y - height, 0.0)
    powers = np.stack([u, u**2, u**3, u**4, v, u * v, u**2 * v], axis=-1)
    flat = np.matmul(weights.reshape(-1, *x.shape).transpose(1, 0, 2), powers).transpose(2, 1, 0)
    m1, m2, m3, m4, t0, t1, t2 = flat.reshape(len(flat), *weights.shape[:-1]) / many
    # The two normal equations that are left when the height is eliminated.
    a11, a12, a22 = m2 - m1 * m1, m3 - m1 * m2, m4 - m2 * m2
    b1, b2 = t1 - m1 * t0, t2 - m2 * t0
    with np.errstate(all="ignore"):
        determinant = a11 * a22 - a12 * a12
        slope, bend = (b1 * a22 - b2 * a12) / determinant, (b2 * a11 - b1 * a12) / determinant
        vertex = np.where(bend > 0, -0.5 * slope / bend, np.nan)
        base = t0 - slope * m1 - bend * m2
        least = height[:, 0] + base + vertex * (slope + bend * vertex)
        return Minima(middle[:, 0] + width[:, 0] * vertex, least, bend / width[:, 0] ** 2)


def two_powers(x: Array, y: Array, mask: Array) -> tuple[Array, float]:
    """Minima (L,) of E + p N^-a + q N^b fitted to every budget with a and b in common, and the F value against parabolas.

    That is the shape of a budget's curve where the loss is a sum of powers of N and of D = C / 6N. The powers are
    looked for on a grid; F compares the squares left over with those of parabolas, which take two parameters fewer.
    """
    parabola = parabolas(x, y, mask)
    u = np.where(mask > 0, x - parabola.x[:, None], 0.0)
    left = np.where(mask > 0, y - parabola.y[:, None] - parabola.curvature[:, None] * u * u, 0.0)
    count = mask.sum(1)
    falling, rising = np.expm1(-POWERS[:, None, None] * u), np.expm1(POWERS[:, None, None] * u)
    f, g, v = (h - mask * (h.sum(-1) / count)[..., None] for h in (falling, rising, y * mask))
    ff, gg, fv, gv = ((s * t).sum(-1) for s, t in ((f, f), (g, g), (f, v), (g, v)))
    fg = np.matmul(f.transpose(1, 0, 2), g.transpose(1, 2, 0)).transpose(1, 2, 0)
    ff, fv, gg, gv = ff[:, None], fv[:, None], gg[None], gv[None]
    total = float(np.square(v).sum())
    with np.errstate(all="ignore"):
        determinant = ff * gg - fg * fg
        p, q = (fv * gg - gv * fg) / determinant, (gv * ff - fv * fg) / determinant
        rest = np.where(((p > 0) & (q > 0)).all(-1), total - (p * fv + q * gv).sum(-1), np.inf)
        i, j = np.unravel_index(rest.argmin(), rest.shape)
        minima = parabola.x + np.log(POWERS[i] * p[i, j] / (POWERS[j] * q[i, j])) / (POWERS[i] + POWERS[j])
        least = max(float(rest[i, j]), 1e-14 * total)
        free = max(float(count.sum()) - 3.0 * len(count) - 2.0, 1.0)
        return minima, (float(np.square(left).sum()) - least) / 2.0 / (least / free)


def akima(x: Array, y: Array, at: Array) -> Array:
    """Akima's interpolation (1970) of ``y`` (B, m) over increasing ``x`` (m,), m >= 3, at points inside: (B, points)."""
    step = np.diff(x)
    slopes = np.diff(y, axis=1) / step
    first, last = slopes[:, :1], slopes[:, -1:]
    second, before = (slopes[:, 1:2], slopes[:, -2:-1])
    left, right = 2 * first - second, 2 * last - before
    m = np.concatenate([2 * left - first, left, slopes, right, 2 * right - last], axis=1)
    change = np.abs(np.diff(m, axis=1))
    after, ahead = change[:, 2:], change[:, :-2]
    total = after + ahead
    with np.errstate(all="ignore"):
        tangent = (after * m[:, 1:-2] + ahead * m[:, 2:-1]) / total
    tangent = np.where(total > 1e-9 * total.max(1, keepdims=True), tangent, 0.5 * (m[:, 1:-2] + m[:, 2:-1]))
    piece = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(x) - 2)
    s, h = at - x[piece], step[piece]
    t0, t1, k = tangent[:, piece], tangent[:, piece + 1], slopes[:, piece]
    return y[:, piece] + s * (t0 + s * ((3 * k - 2 * t0 - t1) / h + s * (t0 + t1 - 2 * k) / (h * h)))


def akima_minima(x: Array, y: Array) -> Minima:
    """Minima of the interpolations of ``y`` (B, m) over one budget's ``x`` (m,), (B,): the best grid point, refined."""
    at = np.linspace(x[0], x[-1], GRID)
    f = akima(x, y, at)
    best = f.argmin(axis=1)
    inner = np.clip(best, 1, GRID - 2)
    rows = np.arange(len(f))
    low, middle, high = f[rows, inner - 1], f[rows, inner], f[rows, inner + 1]
    bend = low - 2 * middle + high
    with np.errstate(all="ignore"):
        shift = np.where((bend > 0) & (best == inner), 0.5 * (low - high) / bend, 0.0)
    step = at[1] - at[0]
    curvature = 0.5 * np.where(bend > 0, bend, np.nan) / step**2
    return Minima(at[best] + step * np.clip(shift, -1.0, 1.0), f[rows, best], curvature)


def interpolation_noise(levels: list[tuple[Array, Array]]) -> float:
    """Standard deviation of single losses, from how far each inner point lies from the parabola of its four neighbours.

    ``levels`` are pairs x, y (m,). A smooth curve leaves almost nothing, so that what is left is noise. Zero where no
    budget has five points.
    """
    left = []
    for x, y in levels:
        for i in range(2, len(x) - 2):
            near = np.array([i - 2, i - 1, i + 1, i + 2])
            u = (x[near] - x[i]) / (x[i + 2] - x[i - 2])
            at_zero = np.linalg.pinv(np.stack([np.ones(4), u, u * u], axis=1))[0]
            left.append((y[i] - at_zero @ y[near]) / np.sqrt(1.0 + at_zero @ at_zero))
    return float(np.sqrt(np.mean(np.square(left)))) if left else 0.0
