"""How a forecast is asked for: one way for a fit and for a weighted set of fits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from forerun.fitting.evidence import Data
from forerun.fitting.forecast import TARGETS, Forecast, distance_notes, interval
from forerun.fitting.question import parse_question
from forerun.laws import Law
from forerun.note import DataError, Note

Array = np.ndarray


class Answering(Protocol):
    """What can be asked for a forecast: it predicts, samples, knows where its runs lay, and has doubts."""

    @property
    def level(self) -> float:
        """The coverage that its intervals promise."""

    @property
    def law(self) -> Law:
        """The law whose inputs a question names."""

    @property
    def runs(self) -> Data:
        """Where the fitted runs lay."""

    @property
    def layers(self) -> tuple[str, ...]:
        """The sources of uncertainty in its samples; none where there are no samples."""

    @property
    def tested(self) -> float | None:
        """How many decades out the back-tests behind its samples reached; None without any."""

    @property
    def carried_notes(self) -> tuple[Note, ...]:
        """The doubts that a forecast must not leave behind."""

    def predict(self, inputs: Mapping[str, Any]) -> Array:
        """Outcome at inputs of shape (m,): (m,)."""

    def sample(self, inputs: Mapping[str, Any]) -> Array:
        """Samples of the mean outcome, (draws, m)."""

    def with_noise(self, samples: Array) -> Array:
        """Samples of single runs from samples of the mean, of the same shape."""


def ask(predictor: Answering, target: str, inputs: Mapping[str, Any]) -> Forecast:
    """The forecast of ``predictor`` at ``inputs``; see :meth:`forerun.Fit.forecast`."""
    law, runs = predictor.law, predictor.runs
    if target not in TARGETS:
        raise DataError("unknown-target", f"there is no target {target!r}", advice=f"Use one of: {', '.join(TARGETS)}")
    if target == "new-run" and law.trials is not None:
        advice = "Ask for the mean"
        raise DataError("bad-target", "the counts of a new run depend on its number of trials", advice=advice)
    question, shape = parse_question(law, runs.conventions, inputs)
    decades = float(np.max(distances(runs.ranges, question)))
    low = high = samples = None
    layers = predictor.layers
    if layers:
        samples = predictor.sample(question)
        if target == "new-run":
            samples, layers = predictor.with_noise(samples), (*layers, "run-noise")
        low, high = interval(samples, predictor.level)
    return Forecast(
        inputs={k: v if isinstance(v, str) else _shaped(v, shape) for k, v in question.items()},
        value=_shaped(predictor.predict(question), shape),
        low=None if low is None else _shaped(low, shape),
        high=None if high is None else _shaped(high, shape),
        level=predictor.level,
        target=target,
        layers=layers,
        decades_outside=decades,
        quantity=law.output.role,
        unit=_unit(law, runs),
        notes=(*predictor.carried_notes, *distance_notes(decades, predictor.tested)),
        samples=samples if samples is None or shape else samples[:, 0],
    )


def distances(ranges: Mapping[str, tuple[float, float]], inputs: Mapping[str, Any]) -> Array:
    """How far each question lies outside ``ranges``, in powers of ten over whichever input is farthest; 0 inside."""
    most: Array = np.zeros(1)
    for name, (low, high) in ranges.items():
        value = inputs.get(name)
        if value is None or isinstance(value, str) or low <= 0:
            continue
        with np.errstate(divide="ignore"):
            logs = np.log10(np.atleast_1d(np.asarray(value, float)))
        most = np.maximum(most, np.maximum(logs - np.log10(high), np.log10(low) - logs))
    return most


def _unit(law: Law, runs: Data) -> str:
    if law.trials is not None:
        return "share of trials"
    return runs.conventions.loss_unit if law.output.role == "loss" else law.output.unit


def _shaped(values: Array, shape: tuple[int, ...]) -> Any:
    """One answer for each question asked: a plain number where the question was of plain numbers."""
    return values.reshape(shape) if shape else float(values[0])
