"""`compare`: two fitted methods on their whole curves: who wins where, by how much compute, or that it is not decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forerun.fitting.forecast import distance_notes, plain
from forerun.fitting.percentile import percentiles
from forerun.fitting.result import Fit
from forerun.note import DataError, Note, note_lines
from forerun.spending import along, sizes
from forerun.units import format_quantity

Array = np.ndarray
POINTS = 41  # of the shared range
RATIOS = (1e-2, 1e5)  # tokens per parameter of these
SIZES = 80  # model sizes among which the best is looked for at each compute
FAR = 4.0  # decades to both sides of the shared range in which equal losses are looked for
MOST_DRAWS = 1000


@dataclass(frozen=True)
class Verdict:
    """One place on the axis: who is better there, with what share of the draws, and the compute multiplier.

    ``multiplier`` is how many times the compute of the first method the second needs for the same outcome, with its
    interval; infinite where it never gets there within four decades. ``winner`` is a name or "not decided".
    """

    at: float
    winner: str
    share: float
    outcomes: Mapping[str, float]
    multiplier: float
    multiplier_interval: tuple[float, float]
    decades_outside: float
    notes: tuple[Note, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The verdict as JSON has it."""
        return {
            "at": self.at, "winner": self.winner, "share": self.share, "outcomes": dict(self.outcomes),
            "multiplier": plain(self.multiplier), "multiplier_interval": [plain(x) for x in self.multiplier_interval],
            "decades_outside": self.decades_outside, "notes": [n.to_dict() for n in self.notes],
        }  # fmt: skip


@dataclass(frozen=True, repr=False)
class Comparison:
    """Two methods over the range that both were fitted on. Get one from :func:`forerun.compare`.

    ``winner`` is a name (better everywhere in the range), "they cross", or "not decided"; ``shares`` are the shares of
    draws behind each of these. ``crossing`` is where they cross, with its interval, None unless they do. ``at(...)``
    asks about one place.
    """

    names: tuple[str, str]
    axis: str
    range: tuple[float, float]
    winner: str
    shares: Mapping[str, float]
    crossing: tuple[float, float, float] | None
    level: float
    curves: tuple[_Curve, _Curve] = field(repr=False)
    notes: tuple[Note, ...] = ()

    def at(self, value: float | None = None, **named: float) -> Verdict:
        """Who is better at one value of the axis: ``at(flops=1e24)`` for compute, ``at(x=1e6)`` for a law of x."""
        given = [v for v in (value, *named.values()) if v is not None]
        allowed = {"C", "flops"} if self.axis == "C" else {self.axis}
        if len(given) != 1 or not set(named) <= allowed or not given[0] > 0:
            raise DataError(
                "bad-value", "name one positive value to compare at", advice=f"For example at({max(allowed)}=1e24)"
            )
        at = float(given[0])
        first, second = self.curves
        one, two = (curve.draws_at(at) for curve in (first, second))
        share = float((one < two).mean())
        limit = (1.0 + self.level) / 2.0
        winner = self.names[0] if share >= limit else self.names[1] if share <= 1.0 - limit else "not decided"
        ratios = second.needed(one) / at
        tail = (1.0 - self.level) / 2.0
        low, high = percentiles(ratios, [tail, 1.0 - tail]).tolist()
        best = float(second.needed(np.array([first.value_at(at)]), fitted=True)[0] / at)
        decades = max(np.log10(at / self.range[1]), np.log10(self.range[0] / at), 0.0)
        outcomes = dict(zip(self.names, (first.value_at(at), second.value_at(at))))
        return Verdict(at, winner, share, outcomes, best, (low, high), float(decades), distance_notes(float(decades)))

    def to_dict(self) -> dict[str, Any]:
        """The keys of the JSON schema ``compare``."""
        return {
            "schema": 1, "names": list(self.names), "axis": self.axis, "range": list(self.range), "winner": self.winner,
            "shares": dict(self.shares), "crossing": None if self.crossing is None else [plain(x) for x in self.crossing],
            "level": self.level, "notes": [n.to_dict() for n in self.notes],
        }  # fmt: skip

    def __str__(self) -> str:
        q = format_quantity
        a, b = self.names
        words = {"not decided": "not decided", "they cross": f"{a} and {b} cross"}.get(
            self.winner, f"{self.winner} wins"
        )
        lines = [f"{a} against {b} for {self.axis} from {q(self.range[0])} to {q(self.range[1])}: {words}"]
        lines.append("  share of draws: " + ", ".join(f"{name} {share:.0%}" for name, share in self.shares.items()))
        if self.crossing is not None:
            at, low, high = self.crossing
            lines.append(f"  crossing at {self.axis} = {q(at)} ({self.level:.0%} interval {q(low)} to {q(high)})")
        for end in self.range:
            v = self.at(end)
            low, high = v.multiplier_interval
            lines.append(
                f"  at {self.axis} = {q(end)}: {b} needs {v.multiplier:.3g} times the compute of {a} ({self.level:.0%} interval "
                f"{low:.3g} to {high:.3g}); better: {v.winner}"
            )
        return "\n".join([*lines, *note_lines(self.notes)])

    __repr__ = __str__


def compare(fits: Mapping[str, Fit], *, level: float = 0.9) -> Comparison:
    """Two methods or data sets on their whole curves: ``compare({"adamw": fit_a, "muon": fit_b})``.

    A law of N and D is compared on its frontier, the lowest outcome at each compute C = 6ND; a law of one input along
    that input. The methods must have been fitted with draws and under the same conventions. A method wins if it is
    better everywhere in the shared range in nearly all draws; they cross if nearly all draws cross there; otherwise it
    is not decided, which is an answer. Compute multipliers are ratios at equal outcome.

    It can mislead where the runs of one method were tuned better than those of the other, and outside the shared range.

    >>> import forerun as fr
    >>> one = fr.fit("chinchilla", fr.simulate("chinchilla", seed=1), draws=200)
    >>> two = fr.fit("chinchilla", fr.simulate("chinchilla", seed=2), draws=200)
    >>> fr.compare({"one": one, "two": two}).winner
    'not decided'
    """
    if len(fits) != 2:
        raise DataError("bad-value", f"compare takes two fits, received {len(fits)}", advice="Compare them in pairs")
    (first, one), (second, two) = fits.items()
    one.runs.conventions.require_same(two.runs.conventions)
    axes = [_axis(fit) for fit in (one, two)]
    if axes[0] != axes[1]:
        raise DataError(
            "bad-fits",
            f"{first} is a law of {axes[0]} and {second} of {axes[1]}",
            advice="Fit both along the same axis",
        )
    for name, fit in fits.items():
        if not len(fit.draws):
            raise DataError(
                "no-uncertainty", f"{name} has no draws, so nothing can be decided", advice="Fit it with a bootstrap"
            )
    axis = axes[0]
    spans = [fit.runs.ranges[axis] for fit in (one, two)]
    low, high = max(s[0] for s in spans), min(s[1] for s in spans)
    if not low < high:
        message = f"the runs of {first} and {second} share no range of {axis}"
        raise DataError("no-shared-range", message, advice="Compare methods on runs of the same size")
    curves = tuple(_curve(fit, axis, low, high) for fit in (one, two))
    grid = np.geomspace(low, high, POINTS)
    draws = min(len(curves[0].draws), len(curves[1].draws))
    a, b = (np.array([c.draws_at(x)[:draws] for x in grid]).T for c in curves)
    return _decided((first, second), axis, (low, high), grid, a - b, level, (curves[0], curves[1]), _doubts(fits))


@dataclass(frozen=True)
class _Curve:
    """Outcomes along the axis for the fit and for each draw, on a grid in its logarithm that reaches far out."""

    grid: Array
    value: Array
    draws: Array  # (draws, points)

    def value_at(self, at: float) -> float:
        return float(np.interp(np.log(at), self.grid, self.value))

    def draws_at(self, at: float) -> Array:
        place = (np.log(at) - self.grid[0]) / (self.grid[1] - self.grid[0])
        left = int(np.clip(place, 0, len(self.grid) - 2))
        part = np.clip(place - left, 0.0, 1.0)
        return (1.0 - part) * self.draws[:, left] + part * self.draws[:, left + 1]

    def needed(self, outcome: Array, *, fitted: bool = False) -> Array:
        """Where each draw (or the fit) falls to an outcome, infinite where it does not."""
        curves = self.value[None] if fitted else self.draws[: len(outcome)]
        outcome = outcome[: len(curves)]
        falling = np.minimum.accumulate(curves, axis=1)
        there = falling <= outcome[:, None]
        first = there.argmax(axis=1)
        left = np.maximum(first - 1, 0)
        rows = np.arange(len(curves))
        high, low = falling[rows, left], falling[rows, first]
        part = np.where(high > low, (high - outcome) / np.where(high > low, high - low, 1.0), 0.0)
        step = self.grid[1] - self.grid[0]
        return np.where(there.any(1), np.exp(self.grid[left] + np.clip(part, 0.0, 1.0) * step), np.inf)


def _axis(fit: Fit) -> str:
    inputs = set(fit.law.inputs)
    if fit.law.output.role == "score" or fit.law.trials is not None:
        message = f"{fit.law.name} is a law of a score, and the lower outcome wins here"
        raise DataError("bad-fits", message, advice="Fit the error, 1 - score, with a law that falls")
    if inputs in ({"N", "D"}, {"N", "M"}):
        return "C"
    if len(inputs) == 1 and not fit.law.shared:
        return next(iter(inputs))
    raise DataError(
        "bad-fits",
        f"{fit.law.name} has no single axis to compare along",
        advice="Compare laws of N and D, or of one input",
    )


def _curve(fit: Fit, axis: str, low: float, high: float) -> _Curve:
    grid = np.linspace(np.log(low) - FAR * np.log(10.0), np.log(high) + FAR * np.log(10.0), 3 * POINTS + 1)
    few = fit.draws[:MOST_DRAWS]
    best = np.array([list(fit.params.values())])
    if axis != "C" or set(fit.law.inputs) == {"C"}:
        at = {axis: np.exp(grid)}
        return _Curve(grid, fit.outcomes(best, at)[0], fit.outcomes(few, at))
    value, draws = np.empty(len(grid)), np.empty((len(few), len(grid)))
    for i, c in enumerate(np.exp(grid)):
        at = along(c, sizes(c, RATIOS, SIZES))
        value[i] = fit.outcomes(best, at).min()
        draws[:, i] = fit.outcomes(few, at).min(axis=1)
    return _Curve(grid, value, draws)


def _decided(names: tuple[str, str], axis: str, span: tuple[float, float], grid: Array, gap: Array, level: float,
             curves: tuple[_Curve, _Curve], doubts: tuple[Note, ...]) -> Comparison:  # fmt: skip
    limit = (1.0 + level) / 2.0
    better = gap < 0
    shares = {names[0]: float(better.all(1).mean()), names[1]: float((~better).all(1).mean())}
    shares["crossing"] = 1.0 - shares[names[0]] - shares[names[1]]
    crossing = None
    sides = [float((gap[:, i] < 0).mean()) for i in (0, -1)]
    turned = (sides[0] >= limit and sides[1] <= 1 - limit) or (sides[0] <= 1 - limit and sides[1] >= limit)
    winner = next((name for name in names if shares[name] >= limit), "not decided")
    if winner == "not decided" and turned:
        winner = "they cross"
        changed = np.diff(np.sign(gap), axis=1) != 0
        first = changed.argmax(axis=1)[changed.any(1)]
        rows = np.flatnonzero(changed.any(1))
        left, right = gap[rows, first], gap[rows, first + 1]
        logs = np.log(grid)
        at = np.exp(logs[first] + left / (left - right) * (logs[1] - logs[0]))
        low, middle, high = percentiles(at, [(1 - level) / 2, 0.5, (1 + level) / 2]).tolist()
        crossing = (middle, low, high)
    return Comparison(names, axis, span, winner, shares, crossing, level, curves, doubts)


def _doubts(fits: Mapping[str, Fit]) -> tuple[Note, ...]:
    """Error notes of the fits, each under the name of its method."""
    return tuple(
        Note(n.code, n.severity, f"{name}: {n.message}", n.evidence, n.advice)
        for name, fit in fits.items() for n in fit.notes if n.severity == "error"
    )  # fmt: skip
