"""`Param`: one parameter of a law, and the roles that bring good bounds, scales and ranges for the search."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

Range = tuple[float, float]


@dataclass(frozen=True)
class Param:
    """One parameter of a law.

    ``bounds`` are closed; ``scale`` is ``"log"`` for positive quantities that range over decades; ``search`` is where
    the global stage looks, either a range or a function of the columns (arrays by role, the outcome under ``"y"``)
    that returns one. ``typical`` is used for synthetic runs; a tuple gives the members of an index their values in
    turn. ``index`` names what the parameter is repeated over. ``linear=False`` keeps it out of the linear projection
    even where the formula is linear in it. ``prior`` is a value borrowed from elsewhere and the standard deviation that it
    is trusted to, see :meth:`forerun.Law.borrow`.
    """

    bounds: Range = (-math.inf, math.inf)
    scale: str = "linear"
    search: Range | Callable[[Mapping[str, np.ndarray]], Range] = (-1.0, 1.0)
    typical: float | tuple[float, ...] = 1.0
    meaning: str = ""
    unit: str = ""
    role: str = "coefficient"
    index: str | None = None
    linear: bool = True
    prior: tuple[float, float] | None = None

    def over(self, index: str) -> Param:
        """The same parameter once for every member of ``index``."""
        return replace(self, index=index)


def floor(meaning: str = "irreducible part", *, typical: float = 1.7, **changes: Any) -> Param:
    """A level that the outcome approaches but does not cross: zero or above."""
    return replace(Param((0.0, math.inf), "linear", _below_smallest, typical, meaning, role="floor"), **changes)


def amplitude(meaning: str = "size of the reducible part", *, typical: float = 400.0, **changes: Any) -> Param:
    """A positive factor that may range over many decades (the bounds only keep its logarithm finite)."""
    return replace(Param((1e-40, 1e40), "log", (1e-3, 1e6), typical, meaning, role="amplitude"), **changes)


def exponent(meaning: str = "how fast the reducible part falls", *, typical: float = 0.35, **changes: Any) -> Param:
    """A power; positive means that the outcome falls. Negative values are admitted so that a fit can report them."""
    return replace(Param((-2.0, 6.0), "linear", (0.02, 2.0), typical, meaning, role="exponent"), **changes)


def coefficient(meaning: str = "", *, typical: float | tuple[float, ...] = 1.0, **changes: Any) -> Param:
    """A number of either sign."""
    return replace(Param(typical=typical, meaning=meaning), **changes)


def location(
    of: str,
    meaning: str = "where the trend bends",
    *,
    part: tuple[int, int] = (1, 1),
    typical: float = 1e5,
    **changes: Any,
) -> Param:
    """A positive position on the axis of input ``of``, searched over the range of the data.

    Of several positions ``part=(i, n)`` is searched in the i-th of n parts, with a quarter of overlap: n positions
    that could change places are then not searched n! times.
    """
    number, count = part
    overlap = 0.25 if count > 1 else 0.0

    def search(columns: Mapping[str, np.ndarray]) -> Range:
        low, high = float(columns[of].min()), float(columns[of].max())
        width = (high / low) ** (1.0 / count)
        return low * width ** (number - 1 - overlap), low * width ** (number + overlap)

    return replace(Param((1e-40, 1e40), "log", search, typical, meaning, role="location"), **changes)


def _below_smallest(columns: Mapping[str, np.ndarray]) -> Range:
    return 0.0, 0.999 * float(columns["y"].min())
