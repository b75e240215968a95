"""What stands behind a fit: the runs it saw, and how its optimum was verified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forerun.runs import Conventions

OUTCOMES = {
    "converged": "optimum verified: the gradient vanishes and the curvature is positive in every direction",
    "at-bound": "optimum on a bound: it is one only inside the bounds that the law states",
    "flat": "the optimum is flat: the data do not identify all parameters",
    "not-converged": "no optimum was reached; do not use these numbers",
}


@dataclass(frozen=True)
class Design:
    """How the runs of a fit were laid out, as far as their table said so; what a report asks for.

    ``runs`` is the number of different runs, None where no column names them; ``different`` the number of different
    values of a role, without those of large tables; ``ranges`` those of tokens per parameter M and of epochs where they
    are known; ``derived`` names the roles that followed from others; ``weights`` says what a row counts.
    """

    runs: int | None
    different: Mapping[str, int]
    ranges: Mapping[str, tuple[float, float]]
    derived: Sequence[str]
    weights: str

    def to_dict(self) -> dict[str, Any]:
        """The design as JSON has it."""
        ranges = {role: list(pair) for role, pair in self.ranges.items()}
        return {**vars(self), "different": dict(self.different), "ranges": ranges, "derived": list(self.derived)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Design:
        """The inverse of :meth:`to_dict`."""
        ranges = {role: (float(low), float(high)) for role, (low, high) in data["ranges"].items()}
        return cls(data["runs"], dict(data["different"]), ranges, tuple(data["derived"]), str(data["weights"]))


@dataclass(frozen=True)
class Data:
    """What a fit keeps of its runs: enough to say where they lay and whether a question speaks their language."""

    n: int
    fingerprint: str
    conventions: Conventions
    ranges: Mapping[str, tuple[float, float]]
    source: str = ""
    audit: tuple[str, ...] = ()
    design: Design | None = None


@dataclass(frozen=True)
class Solution:
    """How the optimum was verified: scaled gradient norm, smallest scaled eigenvalue, starts that agree, derivatives."""

    gradient: float
    curvature: float
    agreeing: int
    starts: int
    derivatives: str
