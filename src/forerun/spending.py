"""The ways to spend a compute budget C = 6ND on model size and data, and the best of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from forerun.units import FLOPS_PER_PARAMETER_AND_TOKEN, derive_scale

Array = np.ndarray
TOKENS_PER_PARAMETER = (1e-3, 1e7)  # range in which the best is looked for
POINTS = 600


def sizes(flops: float, ratios: tuple[float, float] = TOKENS_PER_PARAMETER, points: int = POINTS) -> Array:
    """Model sizes N (points,), evenly in their logarithm from the smallest, whose tokens per parameter span ``ratios``."""
    return np.sqrt(flops / FLOPS_PER_PARAMETER_AND_TOKEN / np.geomspace(*ratios[::-1], points))


def along(flops: float, N: Array) -> dict[str, Any]:
    """N, D, C and M of runs of size ``N`` (m,) that spend ``flops``."""
    return derive_scale({"N": N, "D": flops / FLOPS_PER_PARAMETER_AND_TOKEN / N})


def find_lowest(x: Array, y: Array) -> tuple[Array, Array]:
    """Place of the minimum of each row of ``y`` (B, m) on the even grid ``x`` (m,), by a parabola through three points.

    And whether it lies at an edge of the grid, (B,): then it is that edge, and no minimum.

    >>> place, edge = find_lowest(np.linspace(0.0, 1.0, 11), (np.linspace(0.0, 1.0, 11)[None] - 0.52) ** 2)
    >>> round(float(place[0]), 6), bool(edge[0])
    (0.52, False)
    """
    i = y.argmin(1)
    edge = (i == 0) | (i == len(x) - 1)
    inner = np.clip(i, 1, len(x) - 2)
    rows = np.arange(len(y))
    a, b, c = (y[rows, inner + k] for k in (-1, 0, 1))
    bend = a - 2.0 * b + c
    shift = np.where(bend > 0, 0.5 * (a - c) / np.where(bend > 0, bend, 1.0), 0.0)
    return np.where(edge, x[i], x[inner] + np.clip(shift, -1.0, 1.0) * (x[1] - x[0])), edge


def best_sizes(outcomes: Callable[[Mapping[str, Any]], Array], flops: float) -> tuple[Array, Array]:
    """The N of lowest outcome for ``flops``, (B,), and whether it lies at an edge of the search (B,).

    ``outcomes`` takes inputs by name, (m,) each, and gives (B, m): one row for each set of parameters.
    """
    N = sizes(flops)
    place, edge = find_lowest(np.log(N), outcomes(along(flops, N)))
    return np.exp(place), edge
