"""`decisive_runs`: which single run, if its outcome were a little wrong, would change the plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forerun.fitting import Fit
from forerun.fitting.forecast import plain, why_not
from forerun.fitting.observations import resampled
from forerun.fitting.perturbation import refit_perturbed, step_perturbed
from forerun.fitting.question import parse_question
from forerun.fitting.recall import Recalled, recall
from forerun.note import DataError, Note, note_lines, text_table
from forerun.planning import plan
from forerun.runs import Runs
from forerun.spending import best_sizes
from forerun.units import format_quantity

Array = np.ndarray
MOST_RUNS = 2000  # up to which every run is refitted; of more, those that one Newton step puts first
FIRST = 200  # of these
MOST_ROWS = 100_000  # of which none decides by itself
LARGEST_ERROR = 0.5
SHOWN = 5
MOST_NAMED = 10  # rows in a sentence


@dataclass(frozen=True)
class Effect:
    """What the answer becomes if one run's outcome had been higher or lower by the error.

    ``rows`` are those of the run in the source (one, or all its checkpoints, then ``run`` is its name). ``ratio`` is
    the answer that moved farther over the answer of the fit; ``halves`` the same move in halves of the answer's own
    interval (None without one), on a logarithmic scale for sizes. ``leaves`` says what one of the two answers lies
    outside of: ``"interval"``, ``"near-optimal range"``.
    """

    rows: tuple[int, ...]
    run: str | None
    raised: float
    lowered: float
    ratio: float
    halves: float | None
    leaves: tuple[str, ...]

    @property
    def name(self) -> str:
        """The row, or the run with its rows."""
        if self.run is None:
            return str(self.rows[0])
        return f"{self.run} ({len(self.rows)} rows from {self.rows[0]} to {self.rows[-1]})"

    def to_dict(self) -> dict[str, Any]:
        """The effect as JSON has it."""
        numbers = {k: plain(getattr(self, k)) for k in ("raised", "lowered", "ratio", "halves")}
        return {"rows": list(self.rows), "run": self.run, **numbers, "leaves": list(self.leaves)}


@dataclass(frozen=True, repr=False)
class Decisive:
    """The answer of a fit, and the runs ranked by how far a small error of theirs moves it. See :func:`decisive_runs`."""

    law: str
    question: Mapping[str, Any]
    quantity: str
    unit: str
    error: float
    value: float
    interval: tuple[float, float] | None
    near_optimal: tuple[float, float] | None
    level: float
    runs: tuple[Effect, ...]
    verdict: str
    notes: tuple[Note, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON has it, inside the object of the schema ``report``."""
        question = {k: plain(v) for k, v in self.question.items()}
        return {
            "question": question, "quantity": self.quantity, "unit": self.unit, "error": self.error, "value": plain(self.value),
            "interval": plain(self.interval), "near_optimal": plain(self.near_optimal), "level": self.level,
            "runs": [effect.to_dict() for effect in self.runs], "verdict": self.verdict,
            "notes": [n.to_dict() for n in self.notes],
        }  # fmt: skip

    def __str__(self) -> str:
        return "\n".join([*self.lines(), *note_lines(self.notes)])

    __repr__ = __str__

    def lines(self) -> list[str]:
        """The answer and the runs that move it most as lines of text, without the notes."""
        q = format_quantity
        asked = ", ".join(f"{k} = {v if isinstance(v, str) else q(float(v))}" for k, v in self.question.items())
        percent = f"{100 * self.error:g} %"
        lines = [
            f"if one run were wrong by {percent}: {self.quantity} at {asked} is {q(self.value, 5)} {self.unit}".rstrip()
        ]
        near = [] if self.near_optimal is None else [f"near-optimal {_range(self.near_optimal)}"]
        lines.append(f"  {'; '.join([self._interval(), *near])}")
        header = ["row", f"{percent} higher", f"{percent} lower", "ratio", "halves of the interval"]
        rows = [
            [e.name, q(e.raised), q(e.lowered), f"{e.ratio:.4g}", "-" if e.halves is None else f"{e.halves:.2f}"]
            for e in self.runs[:SHOWN]
        ]
        lines += ["", *("  " + line for line in text_table(header, rows).split("\n")), "", self.verdict]
        return lines

    def _interval(self) -> str:
        if self.interval is None:
            return f"no interval because {why_not(self.notes)}"
        return f"{self.level:.0%} interval {_range(self.interval)}"


def decisive_runs(
    fit: Fit,
    runs: Runs | None = None,
    *,
    flops: float | None = None,
    error: float = 0.01,
    weights: str | Sequence[float] | None = None,
    **question: Any,
) -> Decisive:
    """Which single run, if its outcome were wrong by 1 %, would change the plan or the forecast.

    The outcome of each run is raised and lowered by the relative ``error`` in turn, the law is refitted from its
    optimum, and the N of lowest loss at ``flops`` = 6ND is read again; with a question (``x=1e7``, or ``N=70e9,
    D=1.4e12``) the forecast there. A run with checkpoints is wrong as a whole. ``runs`` are needed for a saved fit,
    ``weights`` as for ``fit``. Of more than 2000 runs the 200 that one Newton step puts first are refitted.

    An error that a run shares with others (a wrong count of tokens, a bad tokenizer) is not a single run's, and moves
    the plan further. Raises ``DataError`` for other runs than those fitted, and for laws of counts.

    >>> import forerun as fr
    >>> fit = fr.fit("chinchilla", fr.simulate("chinchilla", n=60), draws=100)
    >>> found = fr.decisive_runs(fit, flops=1e22)
    >>> len(found.runs), found.runs[0].halves > found.runs[1].halves
    (60, True)
    """
    _check(fit, flops, question, error)
    again = recall(fit, fit.runs_or(runs), weights)
    asked = _plan(fit, float(flops)) if flops is not None else _forecast(fit, question)
    _, labels, _ = resampled(again.runs, None)
    labels = np.arange(len(again.runs)) if labels is None else labels
    units, notes = _first(fit, again, labels, error, asked)
    params, finished = refit_perturbed(fit, again, labels, units, error)
    answers = _answers(asked, params)
    if not finished.all():
        message = f"{int((~finished).sum())} of {finished.size} refits were not solved to the end"
        notes.append(Note("refits-unfinished", "warning", message, {"refits": int((~finished).sum())}))
    ranked = np.argsort(-_moves(asked, answers).max(1), kind="stable")
    effects = tuple(_effect(asked, again.runs, np.flatnonzero(labels == units[k]), answers[k]) for k in ranked)
    return Decisive(
        fit.law.name, asked.question, asked.quantity, asked.unit, error, asked.value, asked.interval,
        asked.near_optimal, fit.level, effects, _verdict(asked, effects, error), (*asked.notes, *notes),
    )  # fmt: skip


@dataclass(frozen=True)
class _Asked:
    """What is read from every refit: ``of`` takes parameters (B, p) to answers (B,), which ``scale`` makes comparable."""

    question: Mapping[str, Any]
    quantity: str
    unit: str
    value: float
    interval: tuple[float, float] | None
    near_optimal: tuple[float, float] | None
    of: Callable[[Array], Array]
    scale: Callable[[Any], Any]
    notes: tuple[Note, ...]


def _check(fit: Fit, flops: float | None, question: Mapping[str, Any], error: float) -> None:
    if (flops is None) == (not question):
        raise DataError(
            "bad-question",
            "name either a budget or the inputs of a forecast",
            advice="For example flops=1e24, or x=1e7",
        )
    if not 0.0 < error < LARGEST_ERROR:
        message = f"error must lie between 0 and {LARGEST_ERROR:g}, received {error:g}"
        raise DataError("bad-value", message, advice="Write 1 % as 0.01")
    if fit.law.trials is not None:
        raise DataError(
            "bad-law",
            f"{fit.law.name} is a law of counts, which cannot be wrong by a share",
            advice="Fit the share instead",
        )


def _plan(fit: Fit, flops: float) -> _Asked:
    """The planned N; a plan of a fit with error notes is asked for all the same, and carries them."""
    found = plan(fit, flops=flops, overtraining=(), force=True)
    for note in found.notes:
        if note.code == "edge-optimum":
            raise DataError("no-optimum", note.message, advice="Ask for a forecast: name the inputs of the law instead")
    interval = found.choice.get("N_interval")
    return _Asked(
        {"flops": flops}, "planned N", "parameters", found.choice["N"], None if interval is None else tuple(interval),
        tuple(found.near_optimal["N"]), lambda params: best_sizes(lambda at: fit.outcomes(params, at), flops)[0],
        np.log, tuple(found.notes),
    )  # fmt: skip


def _forecast(fit: Fit, question: Mapping[str, Any]) -> _Asked:
    found = fit.forecast(**question)
    if np.ndim(found.value):
        raise DataError("bad-shape", "one question at a time, received several values of an input")
    at = parse_question(fit.law, fit.runs.conventions, question)[0]
    interval = None if found.low is None else (found.low, found.high)
    return _Asked(found.inputs, found.quantity, found.unit, found.value, interval, None,
                  lambda params: fit.outcomes(params, at)[:, 0], np.asarray, found.notes)  # fmt: skip


def _first(fit: Fit, again: Recalled, labels: Array, error: float, asked: _Asked) -> tuple[Array, list[Note]]:
    """The runs to refit: all of them, or of very many those that one Newton step moves farthest."""
    units = np.arange(int(labels.max()) + 1)
    if len(units) <= MOST_RUNS:
        return units, []
    if len(labels) > MOST_ROWS:
        message = f"{len(units)} runs are too many to refit with each of them wrong"
        raise DataError("too-large", message, advice="No single one of so many decides; ask of a part of the table")
    moves = _moves(asked, _answers(asked, step_perturbed(fit, again, labels, error))).max(1)
    message = f"{FIRST} of {len(units)} runs were refitted, those with which one Newton step moves the answer farthest"
    note = Note("screened", "info", message, {"runs": len(units), "refitted": FIRST})
    return np.sort(np.argsort(-moves, kind="stable")[:FIRST]), [note]


def _answers(asked: _Asked, params: Array) -> Array:
    """The answer of each refit, (units, 2)."""
    return asked.of(params.reshape(-1, params.shape[-1])).reshape(-1, 2)


def _moves(asked: _Asked, answers: Array) -> Array:
    """How far each answer lies from that of the fit, where they are comparable."""
    return np.abs(asked.scale(answers) - asked.scale(asked.value))


def _effect(asked: _Asked, runs: Runs, rows: Array, answers: Array) -> Effect:
    moves = _moves(asked, answers)
    far = float(answers[moves.argmax()])
    named = "run" in runs and len(rows) > 1
    limits = {"interval": asked.interval, "near-optimal range": asked.near_optimal}
    halves = None
    if asked.interval is not None:
        low, high = (float(asked.scale(limit)) for limit in asked.interval)
        halves = float(moves.max()) / ((high - low) / 2.0) if high > low else None
    return Effect(
        rows=tuple(runs.rows[rows].tolist()),
        run=str(runs["run"][rows[0]]) if named else None,
        raised=float(answers[0]),
        lowered=float(answers[1]),
        ratio=far / asked.value if asked.value else float("nan"),
        halves=halves,
        leaves=tuple(
            name
            for name, pair in limits.items()
            if pair is not None and not (pair[0] <= answers.min() and answers.max() <= pair[1])
        ),
    )


def _verdict(asked: _Asked, effects: Sequence[Effect], error: float) -> str:
    """The answer in one sentence, and which runs change it."""
    wrong, first = f"wrong by {100 * error:g} %", effects[0]
    limits = [name for name, pair in (("interval", asked.interval), ("near-optimal range", asked.near_optimal)) if pair]
    words = []
    for limit in limits:
        out = [e.name for e in effects if limit in e.leaves]
        if out:
            noun = ("run" if first.run else "row") + ("s" if len(out) > 1 else "")
            named = ", ".join(out[:MOST_NAMED]) + (
                f" and {len(out) - MOST_NAMED} more" if len(out) > MOST_NAMED else ""
            )
            words.append(f"{noun} {named}, {wrong}, would move the {asked.quantity} outside its {limit}")
    inside = [limit for limit in limits if not any(limit in e.leaves for e in effects)]
    if inside:
        words.append(f"no single run {wrong} moves the {asked.quantity} outside its {' or its '.join(inside)}")
    most = f"{'run' if first.run else 'row'} {first.name} moves it most, by a factor of {first.ratio:.4g}"
    return "; ".join([*words, most])


def _range(pair: tuple[float, float]) -> str:
    return f"{format_quantity(pair[0])} to {format_quantity(pair[1])}"
