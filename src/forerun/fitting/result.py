"""`Fit`: an optimum with its uncertainty, how far it was verified, and the doubts about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import numpy as np

from forerun.fitting import objective as objectives
from forerun.fitting.asking import ask, distances
from forerun.fitting.evidence import OUTCOMES, Data, Solution
from forerun.fitting.forecast import Forecast, interval, plain, why_not
from forerun.fitting.observations import group_labels, law_inputs, outcome
from forerun.fitting.prediction import predict
from forerun.fitting.question import missing_input
from forerun.fitting.saved import dump, load
from forerun.laws import Law
from forerun.note import DataError, Note, note_lines, text_table
from forerun.runs import Runs

Array = np.ndarray


@dataclass(frozen=True, repr=False)
class Fit:
    """A law fitted to runs. Get one from :func:`forerun.fit`.

    ``params`` are natural values by name; ``draws`` (k, p) are samples of them in the same order, empty where no
    uncertainty was estimated or it gave ``limits`` only; ``intervals`` are at ``level``. ``scale`` is that of the
    residuals where the objective fits it jointly; ``table`` holds the runs and ``row_weights`` how much each counted (a
    saved fit has neither). ``outcome`` is a key of ``OUTCOMES``. ``notes`` are the doubts, gravest first.
    ``fit.forecast`` and ``fit.invert`` ask it questions.
    """

    law: Law
    params: Mapping[str, float]
    draws: Array
    level: float
    uncertainty: Mapping[str, Any]
    objective: str
    objective_value: float
    outcome: str
    solution: Solution
    runs: Data
    notes: tuple[Note, ...] = ()
    noise: Array = field(default_factory=lambda: np.zeros(0), repr=False)
    limits: Mapping[str, tuple[float, float]] | None = None
    scale: float | None = None
    table: Runs | None = field(default=None, repr=False, compare=False)
    row_weights: Array | None = field(default=None, repr=False, compare=False)

    @property
    def intervals(self) -> dict[str, tuple[float, float] | None]:
        """Limits of each parameter: percentiles of the draws, or those of the jackknife or the profile; else None."""
        if self.limits is not None:
            return dict(self.limits)
        if not len(self.draws):
            return dict.fromkeys(self.params)
        low, high = interval(self.draws, self.level)
        return {name: (float(low[i]), float(high[i])) for i, name in enumerate(self.params)}

    @property
    def derivatives(self) -> str:
        """``"exact"`` or ``"differences"``: how the law was differentiated."""
        return self.solution.derivatives

    def predict(self, inputs: Mapping[str, Any]) -> Array:
        """The fitted outcome at ``inputs``, (m,) for inputs of shape (m,)."""
        return self.outcomes(self._best, inputs)[0]

    def sample(self, inputs: Mapping[str, Any]) -> Array:
        """Samples of the outcome, (draws, m), one row for each draw of the parameters."""
        return self.outcomes(self.draws, inputs)

    def forecast(self, *, target: str = "mean", **inputs: Any) -> Forecast:
        """What runs at ``inputs`` reach: the mean of such runs, or with ``target="new-run"`` a single one.

        Give the law's inputs, or enough of N, D, C = 6ND and M = D/N to derive them; arrays ask several questions at
        once. ``N_counts=...`` states what N counts where it could be mistaken, and is refused if it differs from the
        runs. Raises ``DataError`` for a missing or impossible input.

        >>> import forerun as fr
        >>> answer = fr.fit("chinchilla", fr.simulate("chinchilla")).forecast(N=70e9, D=1.4e12)
        >>> answer.low < answer.value < answer.high, answer.target
        (True, 'mean')
        """
        return ask(self, target, inputs)

    def invert(self, **question: Any) -> Forecast:
        """The smallest input at which the law falls to an outcome: ``invert(loss=2.0, D=1.4e12)`` gives N.

        Name the outcome by its role (``loss``, ``y``) and all inputs but one; ``M=20`` leaves the compute C to be
        found at 20 tokens per parameter. A draw that never reaches the outcome counts as infinite; where the fitted law
        itself does not, ``DataError`` says what it does reach.
        """
        from forerun.fitting.inverse import solve_input

        return solve_input(self, question)

    def residuals(self, runs: Runs) -> Array:
        """Residuals of ``runs``, (n,): log outcome minus log prediction, or the plain difference, as the objective has it.

        Raises ``DataError`` if the runs follow other conventions than those fitted.
        """
        y, trials = outcome(self.law, runs)
        return objectives.find(self.objective).residuals(self._of_runs(runs, self._best)[0], y, trials)

    def predict_runs(self, runs: Runs) -> tuple[Array, Array | None, Array | None]:
        """The predicted outcome of each of ``runs``, (n,), with the limits for one new run there (None without draws).

        Raises ``DataError`` if the runs follow other conventions than those fitted.
        """
        value = self._of_runs(runs, self._best)[0]
        if not len(self.draws):
            return value, None, None
        return value, *interval(self.with_noise(self._of_runs(runs, self.draws)), self.level)

    def decades_outside(self, inputs: Mapping[str, Any]) -> float:
        """The largest distance of ``inputs`` from the fitted range, in powers of ten; 0 inside."""
        return float(np.max(distances(self.runs.ranges, inputs)))

    def plot(self, runs: Runs | None = None, *, kind: str = "fit", size: str = "page") -> Any:
        """A matplotlib figure: the runs with the law (``fit``), the ``residuals`` by scale, or the ``draws``.

        ``runs`` are needed for a fit that was read back from text. Save it with ``forerun.report.save(figure, path)``.
        Raises ``MissingExtra`` where matplotlib is not installed.
        """
        from forerun.report import draws_figure, fit_figure, residual_figure

        if kind == "draws":
            return draws_figure(self, size=size)
        kinds = {"fit": fit_figure, "residuals": residual_figure}
        if kind not in kinds:
            advice = f"Use one of: {', '.join([*kinds, 'draws'])}"
            raise DataError("unknown-picture", f"there is no picture {kind!r}", advice=advice)
        return kinds[kind](self, self.runs_or(runs), size=size)

    def runs_or(self, runs: Runs | None) -> Runs:
        """``runs``, else those that were fitted; ``DataError`` where a saved fit no longer has them."""
        if runs is None and self.table is None:
            raise DataError("no-runs", "a saved fit does not hold its runs", advice="Give the table of runs as well")
        return runs if runs is not None else self.table  # type: ignore[return-value]

    def with_notes(self, *notes: Note) -> Fit:
        """The same fit with further notes, gravest first."""
        return replace(self, notes=sort_notes((*self.notes, *notes)))

    def to_dict(self) -> dict[str, Any]:
        """The keys of the JSON schema ``fit``, without the draws."""
        return {
            "schema": 1,
            "law": self.law.name,
            "params": dict(self.params),
            "intervals": {k: None if v is None else [plain(x) for x in v] for k, v in self.intervals.items()},
            "level": self.level,
            "uncertainty": dict(self.uncertainty),
            "objective": self.objective,
            "objective_value": self.objective_value,
            "scale": self.scale,
            "outcome": self.outcome,
            "solution": vars(self.solution),
            "runs": {"n": self.runs.n, "fingerprint": self.runs.fingerprint, "conventions": self.runs.conventions.to_dict(),
                     "ranges": {k: list(v) for k, v in self.runs.ranges.items()}, "source": self.runs.source,
                     "audit": list(self.runs.audit), "design": None if self.runs.design is None else self.runs.design.to_dict()},
            "notes": [n.to_dict() for n in self.notes],
        }  # fmt: skip

    def to_json(self) -> str:
        """The whole fit as text: :meth:`to_dict` with the draws, the noise, and how the law was made."""
        return dump(self)

    @classmethod
    def from_json(cls, text: str, law: Law | None = None) -> Fit:
        """The fit that :meth:`to_json` wrote. ``law`` gives the formula of a fit of your own, which text cannot carry.

        Raises ``DataError`` for text that is not a whole fit, or one of a later version.
        """
        return load(text, law, cls)

    def __repr__(self) -> str:
        return f"<Fit {self.law.name}: {self.runs.n} rows, {self.outcome}, {len(self.draws)} draws, {len(self.notes)} notes>"

    def __str__(self) -> str:
        rows = []
        for name, value in self.params.items():
            limits = self.intervals[name]
            low, high = (f"{x:.5g}" for x in limits) if limits else ("-", "-")
            rows.append([name, f"{value:.6g}", low, high, self._meaning(name)])
        header = ["parameter", "value", *(f"{self.level:.0%} {side}" for side in ("low", "high")), "meaning"]
        how, u = f"no interval because {why_not(self.notes)}", self.uncertainty
        if len(self.draws):
            how = f"{u['kind']} by {u['unit']}, {u['draws']} draws, seed {u['seed']}"
        elif self.limits is not None:
            how = f"{u['kind']} by {u['unit']}"
        meaning = objectives.find(self.objective).meaning
        lines = [
            f"{self.law.name} on {self.runs.n} rows of {self.runs.source}",
            *(f"  {line}" for line in self.runs.audit),
            "",
            text_table(header, rows, words=("meaning",)),
            "",
            f"objective  {self.objective} ({meaning}) = {self.objective_value:.9g}",
            *([f"scale      {self.scale:.6g} of the residuals"] if self.scale is not None else []),
            f"outcome    {OUTCOMES[self.outcome]}; {self.solution.agreeing} of {self.solution.starts} starts agree",
            f"intervals  {how}",
        ]
        if self.notes:
            lines += ["", "notes", *note_lines(self.notes)]
        return "\n".join(lines)

    @property
    def _best(self) -> Array:
        return np.array([list(self.params.values())])

    def _of_runs(self, runs: Runs, params: Array) -> Array:
        """The outcome of each run under rows of parameters, (B, n)."""
        runs.require_same_conventions(self.runs.conventions)
        inputs: dict[str, Any] = self._named(law_inputs(self.law, runs))
        if self.law.shared:
            inputs[self.law.shared[1]] = group_labels(runs[self.law.shared[1]])
        return self._rows(params, inputs)

    def _meaning(self, name: str) -> str:
        """What a parameter stands for; a member of a group or an index has the meaning of the whole."""
        param = self.law.params.get(name) or self.law.params[name.split("[")[0]]
        return param.meaning

    def _named(self, arrays: Iterable[Array]) -> dict[str, Any]:
        """Inputs of the formula by name; ``prepare`` may give more of them than the law has columns."""
        names = (f"input{i}" for i in count()) if self.law.prepare else self.law.inputs
        return dict(zip(names, arrays))

    @property
    def layers(self) -> tuple[str, ...]:
        """The sources of uncertainty that :meth:`sample` has."""
        return ("parameters",) if len(self.draws) else ()

    @property
    def tested(self) -> None:
        """No back-test stands behind the intervals of a single fit."""
        return None

    @property
    def carried_notes(self) -> tuple[Note, ...]:
        """Notes of the fit that a forecast must not leave behind."""
        return tuple(
            n
            for n in self.notes
            if n.severity == "error"
            or n.code in ("no-uncertainty", "limits-only", "few-points-decide", "conventions-mixed")
        )

    def with_noise(self, samples: Array) -> Array:
        """Samples of the mean as samples of single runs: each with a residual of the fit drawn at random."""
        rng = np.random.default_rng([int(self.uncertainty["seed"] or 0), 1])
        residual = rng.choice(self.noise, size=samples.shape)
        space = objectives.find(self.objective).residual
        return samples * np.exp(residual) if space == "log" else samples + residual

    def outcomes(self, params: Array, inputs: Mapping[str, Any]) -> Array:
        """The law's outcome under rows of parameters (B, p), in the order of ``params``, at ``inputs`` (m,): (B, m)."""
        for name in (*self.law.inputs, *([self.law.shared[1]] if self.law.shared else [])):
            if name not in inputs:
                raise missing_input(self.law, name)
        arrays = [np.atleast_1d(np.asarray(inputs[n], float)) for n in self.law.inputs]
        named: dict[str, Any] = self._named(self.law.prepare(*arrays) if self.law.prepare else arrays)
        if self.law.shared:
            named[self.law.shared[1]] = np.repeat(np.array([str(inputs[self.law.shared[1]])], object), len(arrays[0]))
        return self._rows(params, named)

    def _rows(self, params: Array, inputs: Mapping[str, Array]) -> Array:
        """Outcomes for prepared inputs; the parameters of a grouped law are picked by each row's group."""
        arrays = [x for n, x in inputs.items() if not self.law.shared or n != self.law.shared[1]]
        if not self.law.shared:
            return predict(self.law, arrays, params)
        common, across = self.law.shared
        names = list(self.params)
        out = np.empty((len(params), len(arrays[0])))
        for group in dict.fromkeys(inputs[across].tolist()):
            flat = [n if n in common else f"{n}[{group}]" for n in self.law.params]
            if not set(flat) <= set(names):
                known = sorted({n.split("[", 1)[1][:-1] for n in names if "[" in n})
                raise DataError(
                    "unknown-group", f"no run of {across} {group!r} was fitted", advice=f"Known: {', '.join(known)}"
                )
            rows = inputs[across] == group
            out[:, rows] = predict(self.law, [x[rows] for x in arrays], params[:, [names.index(n) for n in flat]])
        return out


def sort_notes(notes: tuple[Note, ...]) -> tuple[Note, ...]:
    """Errors first, then warnings, then information; one note of a kind for the same message."""
    order = {"error": 0, "warning": 1, "info": 2}
    unique = {(n.code, n.message): n for n in notes}
    return tuple(sorted(unique.values(), key=lambda n: order[n.severity]))
