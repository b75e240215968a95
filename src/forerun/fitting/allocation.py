"""`IsoFlop`: what budgets say about the best size and token count, and the power laws through their optima."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forerun.fitting.curves import akima
from forerun.fitting.forecast import Forecast, distance_notes, plain
from forerun.fitting.percentile import percentiles
from forerun.note import DataError, Note, note_lines, text_table
from forerun.runs import Runs
from forerun.units import format_quantity

Array = np.ndarray
Interval = tuple[float, float]


@dataclass(frozen=True)
class Level:
    """One compute budget: its runs, and the optimum that they show, or why they were ``refused``.

    ``N_interval`` and ``D_interval`` are at the result's level; ``near_optimal`` is the range of N whose loss stays
    within the tolerance of the least.
    """

    flops: float
    runs: int
    N: float = float("nan")
    D: float = float("nan")
    loss: float = float("nan")
    N_interval: Interval | None = None
    D_interval: Interval | None = None
    near_optimal: Interval | None = None
    curvature: float = float("nan")
    knots: tuple[Array, Array] | None = field(default=None, repr=False, compare=False)
    refused: str = ""

    def curve(self, N: Array) -> Array:
        """The loss along the budget at sizes ``N``, as the method sees it; NaN where it draws no curve."""
        x = np.log(np.asarray(N, float))
        if self.knots is not None:
            inside = (x >= self.knots[0][0]) & (x <= self.knots[0][-1])
            return np.where(inside, akima(self.knots[0], self.knots[1][None], x)[0], np.nan)
        return self.loss + self.curvature * (x - np.log(self.N)) ** 2


@dataclass(frozen=True)
class Scaling:
    """A power law ``coefficient * C**exponent`` through the optima; ``lines`` (draws, 2) are log coefficient and exponent.

    ``fitted`` is the range of compute that it was fitted on.
    """

    coefficient: float
    exponent: float
    lines: Array = field(repr=False)
    level: float
    fitted: Interval

    @property
    def exponent_interval(self) -> Interval | None:
        """Percentiles of the exponent, None without draws."""
        return self._limits(self.lines[:, 1])

    @property
    def coefficient_interval(self) -> Interval | None:
        """Percentiles of the coefficient, None without draws."""
        return self._limits(np.exp(self.lines[:, 0]))

    def at(self, C: Array) -> Array:
        """The optimum at compute ``C``."""
        return self.coefficient * np.asarray(C, float) ** self.exponent

    def sample(self, C: Array) -> Array:
        """Samples of the optimum at compute ``C`` (m,), (draws, m)."""
        return np.exp(self.lines[:, :1] + self.lines[:, 1:] * np.log(np.atleast_1d(np.asarray(C, float))))

    def _limits(self, samples: Array) -> Interval | None:
        if not len(samples):
            return None
        tail = (1.0 - self.level) / 2.0
        low, high = percentiles(samples, [tail, 1.0 - tail]).tolist()
        return low, high


@dataclass(frozen=True, repr=False)
class IsoFlop:
    """The optimum of each budget and how it grows with compute. Get one from :func:`forerun.isoflop`.

    ``scaling`` has the power laws of ``"N"`` and ``"D"``; ``optimum(C=...)`` asks them about a budget.
    """

    method: str
    levels: tuple[Level, ...]
    scaling: Mapping[str, Scaling]
    level: float
    tolerance: float
    source: str
    audit: tuple[str, ...]
    notes: tuple[Note, ...] = ()

    def optimum(self, *, C: float) -> dict[str, Forecast]:
        """The best N and D at compute ``C`` (FLOPs), each with its interval and how far outside the budgets it lies."""
        if not (np.isfinite(C) and C > 0):
            raise DataError(
                "bad-value", f"C must be a positive number of FLOPs, received {C:g}", advice="For example C=5.76e23"
            )
        answers = {}
        for name, unit in (("N", "parameters"), ("D", "tokens")):
            law = self.scaling[name]
            samples = law.sample(np.array([C]))[:, 0] if len(law.lines) else None
            low, high = law._limits(samples) or (None, None) if samples is not None else (None, None)
            low_c, high_c = law.fitted
            decades = max(np.log10(C / high_c), np.log10(low_c / C), 0.0)
            answers[name] = Forecast(
                inputs={"C": C}, value=float(law.at(np.array(C))), low=low, high=high, level=self.level, target="input",
                layers=("parameters",) if samples is not None else (), decades_outside=float(decades), quantity=f"best {name}",
                unit=unit, notes=distance_notes(float(decades)), samples=samples,
            )  # fmt: skip
        return answers

    def to_dict(self) -> dict[str, Any]:
        """The keys of the JSON schema ``isoflop``."""
        return {
            "schema": 1,
            "method": self.method,
            "levels": [
                {
                    "flops": x.flops, "runs": x.runs, "N": plain(x.N), "D": plain(x.D), "loss": plain(x.loss),
                    "N_interval": _pair(x.N_interval), "D_interval": _pair(x.D_interval),
                    "near_optimal": _pair(x.near_optimal), "refused": x.refused or None,
                }
                for x in self.levels
            ],
            "scaling": {
                name: {
                    "coefficient": s.coefficient, "exponent": s.exponent,
                    "coefficient_interval": _pair(s.coefficient_interval), "exponent_interval": _pair(s.exponent_interval),
                    "fitted": list(s.fitted),
                }
                for name, s in self.scaling.items()
            },
            "level": self.level,
            "tolerance": self.tolerance,
            "notes": [n.to_dict() for n in self.notes],
        }  # fmt: skip

    def plot(self, runs: Runs, *, size: str = "page") -> Any:
        """A matplotlib figure: each budget with its optimum and near-optimal range, and the power laws through them."""
        from forerun.report import isoflop_figure

        return isoflop_figure(self, runs, size=size)

    def __str__(self) -> str:
        q = format_quantity
        rows = []
        for x in self.levels:
            if x.refused:
                rows.append([q(x.flops), str(x.runs), "-", "-", "-", "-", "-", x.refused])
                continue
            ratio = f"{x.D / x.N:.3g}"
            rows.append(
                [q(x.flops), str(x.runs), q(x.N), _span(x.N_interval), q(x.D), ratio, _span(x.near_optimal), ""]
            )
        share = f"{self.level:.0%}"
        header = ["C", "runs", "best N", share, "best D", "D/N", f"N within {self.tolerance:.2%}", "left out because"]
        if not any(x.refused for x in self.levels):
            header, rows = header[:-1], [r[:-1] for r in rows]
        what = "budgets" if self.method in ("parabola", "akima") else "values of compute"
        lines = [
            f"{self.method} over {len(self.levels)} {what} of {self.source}",
            *(f"  {line}" for line in self.audit),
            "",
        ]
        lines += [text_table(header, rows, words=("left out because",)), ""]
        for name, s in self.scaling.items():
            line = f"best {name} = {s.coefficient:.4g} C^{s.exponent:.4f}"
            if s.exponent_interval:
                line += (
                    f"   {share} interval of the exponent {s.exponent_interval[0]:.4f} to {s.exponent_interval[1]:.4f}"
                )
            lines.append(line)
        return "\n".join([*lines, *(["", "notes"] if self.notes else []), *note_lines(self.notes)])

    __repr__ = __str__


def _pair(limits: Interval | None) -> list[Any] | None:
    return None if limits is None else [plain(x) for x in limits]


def _span(limits: Interval | None) -> str:
    return "-" if limits is None else f"{format_quantity(limits[0], 3)} to {format_quantity(limits[1], 3)}"
