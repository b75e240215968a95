"""`Comparison`: what two fitted methods say of each other, in the order in which it should be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forerun.fitting.forecast import distance_notes, interval, plain
from forerun.fitting.inverse import crossings as input_reaching
from forerun.fitting.inverse import search_grid
from forerun.fitting.prediction import predict
from forerun.fitting.question import parse_question
from forerun.fitting.result import Fit
from forerun.note import DataError, Note, note_lines
from forerun.predict.backtest_result import Backtest
from forerun.predict.lowest import Crossing, Curve, crossings, curve
from forerun.predict.pairing import Pairing
from forerun.units import derive_scale, format_quantity

Array = np.ndarray
UNDECIDED = "not decided"
CROSS = "they cross"
TIE = 1e-9  # relative difference of outcomes to which refits are solved: less is none


@dataclass(frozen=True, repr=False)
class Verdict:
    """One place on the axis: who is better there, with what share of the draws, and the compute multiplier.

    ``share`` is that of the draws in which the first method is better, draws without a difference counting half.
    ``multiplier`` is how many times the compute of the first method the second needs for the same outcome, with its
    interval; infinite where it never gets there within four decades. ``winner`` is a name or "not decided".
    """

    names: tuple[str, str]
    axis: str
    at: float
    winner: str
    share: float
    outcomes: Mapping[str, float]
    multiplier: float
    multiplier_interval: tuple[float, float]
    level: float
    decades_outside: float
    notes: tuple[Note, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The verdict as JSON has it."""
        return {
            "at": self.at, "winner": self.winner, "share": self.share, "outcomes": dict(self.outcomes),
            "multiplier": plain(self.multiplier), "multiplier_interval": [plain(x) for x in self.multiplier_interval],
            "decades_outside": self.decades_outside, "notes": [n.to_dict() for n in self.notes],
        }  # fmt: skip

    def line(self) -> str:
        """The verdict as one line of text, without the notes."""
        first, second = self.names
        low, high = self.multiplier_interval
        shown = UNDECIDED if self.winner == UNDECIDED else f"{self.winner} is better"
        what = "compute" if self.axis == "C" else self.axis
        return (
            f"at {self.axis} = {format_quantity(self.at)}{_far(self.decades_outside)}: {shown}; {second} needs {self.multiplier:.3g} "
            f"times the {what} of {first} ({self.level:.0%} interval {low:.3g} to {high:.3g})"
        )

    def __str__(self) -> str:
        return "\n".join([self.line(), *note_lines(self.notes)])

    __repr__ = __str__


@dataclass(frozen=True, repr=False)
class EffectiveSize:
    """The size N that the second method needs for the outcome that the first reaches at ``N`` and ``D``, at the same D.

    ``size`` and its limits are infinite where the second never gets there; ``never`` is the share of draws in which it
    does not. ``decades_outside`` is how far the question or the answer lies outside the runs of either method.
    """

    names: tuple[str, str]
    N: float
    D: float
    outcome: float
    size: float
    low: float
    high: float
    level: float
    never: float
    decades_outside: float
    notes: tuple[Note, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The answer as JSON has it; null stands for infinite."""
        return {
            "N": self.N, "D": self.D, "outcome": self.outcome, "size": plain(self.size),
            "size_interval": [plain(self.low), plain(self.high)], "never": self.never,
            "decades_outside": self.decades_outside, "notes": [n.to_dict() for n in self.notes],
        }  # fmt: skip

    def line(self) -> str:
        """The answer as one line of text, without the notes."""
        q = format_quantity
        never = f"; in {self.never:.1%} of the draws it never gets there" if self.never else ""
        return (
            f"at D = {q(self.D)}{_far(self.decades_outside)}: {self.names[1]} needs N = {q(self.size)} for what {self.names[0]} "
            f"reaches with N = {q(self.N)} ({q(self.outcome, 5)}); {self.level:.0%} interval {q(self.low)} to {q(self.high)}{never}"
        )

    def __str__(self) -> str:
        return "\n".join([self.line(), *note_lines(self.notes)])

    __repr__ = __str__


@dataclass(frozen=True, repr=False)
class Comparison:
    """Two methods over the range that both were fitted on. Get one from :func:`forerun.compare`.

    ``held_out`` is the back-test of each method by name, or the reason why there is none: read it first. ``pairing``
    says whether noise that both methods share cancels. ``winner`` is a name (better everywhere in the range), "they
    cross", or "not decided"; ``shares`` are the shares of draws behind each of these. ``crossings`` are the places in
    the range where the fitted curves cross, decided or not. ``over_range`` holds the compute multipliers; ``at(...)``
    asks about one place, ``effective(...)`` about one run.
    """

    names: tuple[str, str]
    axis: str
    range: tuple[float, float]
    held_out: Mapping[str, Backtest | str]
    pairing: Pairing
    winner: str
    shares: Mapping[str, float]
    crossings: tuple[Crossing, ...]
    level: float
    fits: tuple[Fit, Fit] = field(repr=False)
    curves: tuple[Curve, Curve] = field(repr=False)
    notes: tuple[Note, ...] = ()

    @property
    def crossing(self) -> tuple[float, float, float] | None:
        """Where the methods cross, with the limits of the place; None unless that is the verdict."""
        if self.winner != CROSS or not self.crossings:
            return None
        first = self.crossings[0]
        return first.at, first.low, first.high

    @property
    def over_range(self) -> tuple[Verdict, ...]:
        """The verdicts at the lower end, in the middle and at the upper end of the shared range, with the multipliers."""
        low, high = self.range
        return tuple(self.at(place) for place in (low, float(np.sqrt(low * high)), high))

    def at(self, value: float | None = None, **named: float) -> Verdict:
        """Who is better at one value of the axis: ``at(flops=1e24)`` for compute, ``at(x=1e6)`` for a law of x.

        Outside the shared range a note says by how many decades. Where the fitted curves cross inside the range, or
        between it and the value, a note ``crossing-curves`` says where.
        """
        given = [v for v in (value, *named.values()) if v is not None]
        allowed = {"C", "flops"} if self.axis == "C" else {self.axis}
        if len(given) != 1 or not set(named) <= allowed or not 0 < given[0] < np.inf:
            raise DataError(
                "bad-value", "name one positive value to compare at", advice=f"For example at({max(allowed)}=1e24)"
            )
        at = float(given[0])
        span = min(at, self.range[0]), max(at, self.range[1])
        first, second = self.curves
        passed = self.crossings
        if span != self.range:
            first, second = curves_of(self.fits, self.axis, span)
            found = crossings(first, second, *span, self.level)
            passed += tuple(c for c in found if not self.range[0] <= c.at <= self.range[1])
        (value_one, one), (value_two, two) = first.at(at), second.at(at)
        share, behind = float(ahead(one, two).mean()), float(ahead(two, one).mean())
        limit = (1.0 + self.level) / 2.0
        winner = self.names[0] if share >= limit else self.names[1] if behind >= limit else UNDECIDED
        best, ratios = second.needed(value_one, one)
        low, high = interval(ratios / at, self.level)
        decades = float(max(np.log10(at / self.range[1]), np.log10(self.range[0] / at), 0.0))
        notes = (*distance_notes(decades), *crossing_notes(self.names, self.axis, passed, self.level))
        return Verdict(
            self.names, self.axis, at, winner, share + (1.0 - share - behind) / 2.0,
            dict(zip(self.names, (value_one, value_two))), best / at, (float(low), float(high)), self.level, decades, notes,
        )  # fmt: skip

    def effective(self, **question: Any) -> EffectiveSize:
        """The size that the second method needs for the outcome that the first reaches: ``effective(N=1e9, D=2e10)``.

        Both train on the same D tokens. Give N and D, or C or M instead of one of them. Infinite where the second method
        never gets there, zero where any size does. Raises ``DataError`` unless the laws are of N and D.

        >>> import forerun as fr
        >>> fits = {s: fr.fit("chinchilla", fr.simulate("chinchilla", seed=s), draws=100) for s in (1, 2)}
        >>> answer = fr.compare(fits, cuts=0).effective(N=1e9, D=2e10)
        >>> answer.low < 1e9 < answer.high
        True
        """
        one, two = self.fits
        if any(len(fit.law.inputs) != 2 for fit in self.fits):
            raise DataError("bad-question", "an effective size needs laws of N and D", advice="Ask at(...) instead")
        asked, shape = parse_question(one.law, one.runs.conventions, question)
        if shape or not {"N", "D"} <= set(asked):
            raise DataError("bad-question", "name one N and one D", advice="For example effective(N=1e9, D=2e10)")
        size, tokens = float(asked["N"][0]), float(asked["D"][0])

        def outcomes(sizes: Array, params: Array) -> Array:
            known = derive_scale({"N": sizes, "D": np.full(sizes.shape, tokens)})
            return predict(two.law, [known[name] for name in two.law.inputs], params)

        best, targets = one.predict(asked), one.sample(asked)[:, 0]
        grid = search_grid(*two.runs.ranges["N"])
        needed = float(input_reaching(outcomes, grid, np.array([list(two.params.values())]), best)[0])
        samples = input_reaching(outcomes, grid, two.draws, targets)
        low, high = interval(samples, self.level)
        decades = one.decades_outside(asked)
        if 0 < needed < np.inf:
            decades = max(decades, two.decades_outside(derive_scale({"N": needed, "D": tokens})))
        return EffectiveSize(
            self.names, size, tokens, float(best[0]), needed, float(low), float(high), self.level,
            float(np.isinf(samples).mean()), decades, distance_notes(decades),
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """The keys of the JSON schema ``compare``."""
        return {
            "schema": 1, "names": list(self.names), "axis": self.axis, "range": list(self.range),
            "held_out": {name: _scores(found) for name, found in self.held_out.items()},
            "pairing": {"paired": self.pairing.paired, "runs": self.pairing.runs, "reason": self.pairing.reason},
            "winner": self.winner, "shares": dict(self.shares),
            "crossing": None if self.crossing is None else [plain(x) for x in self.crossing],
            "over_range": [verdict.to_dict() for verdict in self.over_range],
            "level": self.level, "notes": [n.to_dict() for n in self.notes],
        }  # fmt: skip

    def __str__(self) -> str:
        q = format_quantity
        a, b = self.names
        lines = [f"{a} against {b} for {self.axis} from {q(self.range[0])} to {q(self.range[1])}"]
        lines += [f"  held out  {name}: {_described(found)}" for name, found in self.held_out.items()]
        lines.append(
            f"  paired    on {self.pairing.runs} runs that both made: the noise they share cancels"
            if self.pairing.paired
            else f"  unpaired  {self.pairing.reason}; the draws of both are independent"
        )
        words = {UNDECIDED: UNDECIDED, CROSS: f"{a} and {b} cross"}.get(self.winner, f"{self.winner} wins")
        shares = ", ".join(f"{name} {share:.0%}" for name, share in self.shares.items())
        lines.append(f"  verdict   {words} (share of draws: {shares})")
        if self.crossing is not None:
            at, low, high = self.crossing
            lines.append(f"  crossing at {self.axis} = {q(at)} ({self.level:.0%} interval {q(low)} to {q(high)})")
        lines += [f"  {verdict.line()}" for verdict in self.over_range]
        return "\n".join([*lines, *note_lines(self.notes)])

    __repr__ = __str__


def curves_of(fits: tuple[Fit, Fit], axis: str, span: tuple[float, float]) -> tuple[Curve, Curve]:
    """The curves of both fits over one grid around ``span``."""
    return curve(fits[0], axis, *span), curve(fits[1], axis, *span)


def ahead(one: Array, two: Array) -> Array:
    """Where ``one`` is lower than ``two`` by more than the accuracy of a refit."""
    return one < two - TIE * np.abs(two)


def crossing_notes(names: tuple[str, str], axis: str, found: tuple[Crossing, ...], level: float) -> tuple[Note, ...]:
    """The doubt about carrying a winner past the places where the fitted curves cross."""
    notes = []
    for c in found:
        q = format_quantity
        message = (
            f"the fitted curves cross at {axis} = {q(c.at)} ({level:.0%} interval {q(c.low)} to {q(c.high)}): "
            f"{names[c.below]} is better below, {names[1 - c.below]} above"
        )
        evidence = {"at": c.at, "low": plain(c.low), "high": plain(c.high), "better_below": names[c.below]}
        advice = "Do not carry a winner from one side to the other."
        notes.append(Note("crossing-curves", "warning", message, evidence, advice))
    return tuple(notes)


def _far(decades: float) -> str:
    return f" ({decades:.2f} decades outside the runs)" if decades > 0 else ""


def _scores(found: Backtest | str) -> dict[str, Any]:
    if isinstance(found, str):
        return {"median_error": None, "coverage": None, "decades": None, "cuts": 0, "hidden": 0, "reason": found}
    return {
        "median_error": plain(found.median_error), "coverage": plain(found.coverage),
        "decades": max(cut.decades for cut in found.cuts), "cuts": len(found.cuts), "hidden": len(found.error),
        "reason": "",
    }  # fmt: skip


def _described(found: Backtest | str) -> str:
    if isinstance(found, str):
        return f"no back-test because {found}"
    s = _scores(found)
    held = "" if s["coverage"] is None else f"; {found.level:.0%} intervals for a new run held {s['coverage']:.0%}"
    return f"median error {100 * found.median_error:.2g} % over {s['cuts']} cuts, up to {s['decades']:.2f} decades out{held}"
