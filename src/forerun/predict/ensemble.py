"""`Ensemble`: several fits with weights and a calibration, asked like one fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from forerun.fitting.asking import ask, distances
from forerun.fitting.evidence import Data
from forerun.fitting.forecast import Forecast, plain
from forerun.fitting.percentile import percentiles
from forerun.fitting.result import Fit, sort_notes
from forerun.laws import Law
from forerun.note import DataError, Note, note_lines, text_table
from forerun.predict.calibration import Calibration
from forerun.predict.weighting import weighted_median
from forerun.runs import Runs

Array = np.ndarray
UNSAMPLED = 1000  # samples of each member where no member has draws, so that the calibration alone spreads them
ONE_SIGMA = (0.1587, 0.8413)  # half their distance is the standard deviation of a normal


@dataclass(frozen=True)
class Member:
    """One fit of an ensemble: its name, its weight, and how it missed the hidden runs (None where it could not be tried)."""

    name: str
    fit: Fit
    weight: float
    missed: float | None

    def to_dict(self) -> dict[str, Any]:
        """The member as JSON has it."""
        return {"name": self.name, "weight": self.weight, "missed": plain(self.missed), "params": dict(self.fit.params)}


@dataclass(frozen=True, repr=False)
class Ensemble:
    """A weighted set of fits that answers like a :class:`Fit`. Get one from ``fit("auto", runs)`` or :func:`calibrate`.

    ``members`` come heaviest first. The answer is the weighted median of their predictions, or that of the one ``leader``
    where a table is answered by one law. Its samples have the layers ``parameters`` (bootstrap draws
    of each member), ``form`` (members by weight) and ``calibration`` (as wide as back-tests were wrong at that distance).
    ``rejected`` says which candidates do not count, and why; ``verdict`` is one line. ``noise`` are log residuals.
    """

    name: str
    members: tuple[Member, ...]
    calibration: Calibration
    level: float
    seed: int
    runs: Data
    noise: Array = field(repr=False)
    verdict: str = ""
    rejected: tuple[tuple[str, str], ...] = ()
    notes: tuple[Note, ...] = ()
    table: Runs | None = field(default=None, repr=False, compare=False)

    @property
    def leader(self) -> str | None:
        """The name of the one law that answers; None where several do."""
        return self.members[0].name if len(self.members) == 1 else None

    @property
    def law(self) -> Law:
        """The law of the heaviest member under the ensemble's name: all members have its inputs and its outcome."""
        return replace(self.members[0].fit.law, name=self.name)

    @property
    def layers(self) -> tuple[str, ...]:
        """The sources of uncertainty in its samples."""
        drawn = any(len(m.fit.draws) for m in self.members)
        return (*(["parameters"] if drawn else []), *(["form"] if len(self.members) > 1 else []), "calibration")

    @property
    def tested(self) -> float:
        """How many decades out the back-tests behind its samples reached."""
        return self.calibration.reach

    @property
    def carried_notes(self) -> tuple[Note, ...]:
        """Notes that a forecast must not leave behind."""
        return tuple(n for n in self.notes if n.severity != "info")

    @property
    def draws(self) -> Array:
        """The number of samples it gives, as rows of nothing: an ensemble has no parameters of its own."""
        return np.empty((sum(max(len(m.fit.draws), 1) for m in self.members), 0))

    def predict(self, inputs: Mapping[str, Any]) -> Array:
        """The predicted outcome at ``inputs``, (m,) for inputs of shape (m,)."""
        if self.leader:
            return self.members[0].fit.predict(inputs)
        values = np.array([member.fit.predict(inputs) for member in self.members])
        return np.exp(weighted_median(np.log(values), np.array([member.weight for member in self.members])))

    def sample(self, inputs: Mapping[str, Any]) -> Array:
        """Samples of the mean outcome, (draws, m): draws of every member by its weight, widened by the calibration."""
        parts = [m.fit.sample(inputs) if len(m.fit.draws) else m.fit.predict(inputs)[None] for m in self.members]
        joined = np.concatenate(parts)
        with np.errstate(all="ignore"):
            logs = np.log(np.repeat(joined, UNSAMPLED, axis=0) if len(joined) == len(parts) else joined)
        low, high = percentiles(logs, list(ONE_SIGMA))
        needed = self.calibration.at(distances(self.runs.ranges, inputs)) ** 2 - ((high - low) / 2.0) ** 2
        extra = np.sqrt(np.maximum(needed, 0.0))
        random = np.random.default_rng([self.seed, 2]).standard_normal((len(logs), 1))
        return np.exp(logs + random * extra)

    def with_noise(self, samples: Array) -> Array:
        """Samples of single runs from samples of the mean: each with a residual of the largest fitted runs."""
        rng = np.random.default_rng([self.seed, 1])
        return samples * np.exp(rng.choice(self.noise, size=samples.shape))

    def forecast(self, *, target: str = "mean", **inputs: Any) -> Forecast:
        """What runs at ``inputs`` reach; as :meth:`forerun.Fit.forecast`, with the layers form and calibration.

        >>> import forerun as fr
        >>> answer = fr.fit("auto", fr.simulate("chinchilla")).forecast(N=70e9, D=1.4e12)
        >>> answer.low < answer.value < answer.high, answer.layers[-1]
        (True, 'calibration')
        """
        return ask(self, target, inputs)

    def invert(self, **question: Any) -> Forecast:
        """Not of an ensemble yet: ``DataError`` that says to ask its leader, whose interval knows parameters only."""
        advice = "Ask the leading member: ensemble.members[0].fit.invert(...)"
        raise DataError("bad-question", "a weighted set of fits has no single law to invert", advice=advice)

    def plot(self, runs: Runs | None = None, *, kind: str = "fit", size: str = "page") -> Any:
        """A matplotlib figure: the runs with the answer and its band. ``runs`` are needed for one read back from text."""
        from forerun.report import fit_figure

        if kind != "fit":
            advice = "Draw it of a member: ensemble.members[0].fit.plot(...)"
            raise DataError("unknown-picture", f"an ensemble has no picture {kind!r}", advice=advice)
        return fit_figure(self, self.runs_or(runs), size=size)  # type: ignore[arg-type]  # what it asks of a fit

    def decades_outside(self, inputs: Mapping[str, Any]) -> float:
        """The largest distance of ``inputs`` from the fitted range, in powers of ten; 0 inside."""
        return float(np.max(distances(self.runs.ranges, inputs)))

    def runs_or(self, runs: Runs | None) -> Runs:
        """``runs``, else those that were fitted; ``DataError`` where a saved ensemble no longer has them."""
        if runs is None and self.table is None:
            raise DataError("no-runs", "a saved fit does not hold its runs", advice="Give the table of runs as well")
        return runs if runs is not None else self.table  # type: ignore[return-value]

    def with_notes(self, *notes: Note) -> Ensemble:
        """The same ensemble with further notes, gravest first."""
        return replace(self, notes=sort_notes((*self.notes, *notes)))

    def to_json(self) -> str:
        """The whole ensemble as text, with the draws of every member; read it with :meth:`from_json`."""
        from forerun.predict.saved import dump

        return dump(self)

    @classmethod
    def from_json(cls, text: str) -> Ensemble:
        """The ensemble that :meth:`to_json` wrote; ``DataError`` for any other text."""
        from forerun.predict.saved import load

        found = load(text)
        if not isinstance(found, cls):
            raise DataError("bad-fit", "this is the fit of one law", advice="Read it with Fit.from_json")
        return found

    def to_dict(self) -> dict[str, Any]:
        """The keys of the JSON schema ``fit``; ``params`` are those of the heaviest member."""
        first = self.members[0].fit
        whole = first.to_dict()
        return whole | {
            "law": self.name,
            "uncertainty": {"kind": "ensemble", "unit": None, "draws": len(self.draws), "seed": self.seed},
            "members": [member.to_dict() for member in self.members],
            "leader": self.leader,
            "rejected": [{"name": name, "why": why} for name, why in self.rejected],
            "calibration": self.calibration.to_dict(),
            "verdict": self.verdict,
            "notes": [n.to_dict() for n in self.notes],
        }

    def __repr__(self) -> str:
        return f"<Ensemble {self.name}: {len(self.members)} members on {self.runs.n} rows, {len(self.notes)} notes>"

    def __str__(self) -> str:
        rows = [
            [m.name, f"{m.weight:.0%}", "-" if m.missed is None else f"{100 * m.missed:.2f}%", _params(m.fit)]
            for m in self.members
        ]
        table = text_table(["member", "weight", "missed hidden runs by", "parameters"], rows, words=("parameters",))
        how = f"{self.leader} alone" if self.leader else "the weighted median of the members"
        lines = [
            f"{self.name} on {self.runs.n} rows of {self.runs.source}",
            *(f"  {line}" for line in self.runs.audit),
            "",
            table,
            "",
            f"answer       {how}",
            f"calibration  {self.calibration}",
            f"verdict      {self.verdict}",
        ]
        if self.rejected:
            lines += ["", "rejected", *(f"  {name}: {why}" for name, why in self.rejected)]
        if self.notes:
            lines += ["", "notes", *note_lines(self.notes)]
        return "\n".join(lines)


def _params(fit: Fit) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in fit.params.items())
