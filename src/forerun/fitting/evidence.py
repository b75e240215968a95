"""What stands behind a fit: the runs it saw, and how its optimum was verified."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from forerun.runs import Conventions

OUTCOMES = {
    "converged": "optimum verified: the gradient vanishes and the curvature is positive in every direction",
    "at-bound": "optimum on a bound: it is one only inside the bounds that the law states",
    "flat": "the optimum is flat: the data do not identify all parameters",
    "not-converged": "no optimum was reached; do not use these numbers",
}


@dataclass(frozen=True)
class Data:
    """What a fit keeps of its runs: enough to say where they lay and whether a question speaks their language."""

    n: int
    fingerprint: str
    conventions: Conventions
    ranges: Mapping[str, tuple[float, float]]
    source: str = ""
    audit: tuple[str, ...] = ()


@dataclass(frozen=True)
class Solution:
    """How the optimum was verified: scaled gradient norm, smallest scaled eigenvalue, starts that agree, derivatives."""

    gradient: float
    curvature: float
    agreeing: int
    starts: int
    derivatives: str
