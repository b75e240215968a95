"""The questions that a record can ask, each a function of a solved study and the details of the question.

To add one, write the function and put it into ``QUESTIONS``: its name there is the key of ``ask`` that chooses it, and
what stands under that key is its second argument; other keys of ``ask`` are keywords.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from forerun.fitting import objective as objectives
from forerun.fitting.percentile import percentiles
from forerun.records.solving import Solved
from forerun.spending import find_lowest

Array = np.ndarray


@dataclass(frozen=True)
class Answer:
    """A number, and its interval where the question has one."""

    value: float
    limits: tuple[float, float] | None = None


def value(solved: Solved, of: str) -> Answer:
    """An expression in the parameters: ``"alpha"``, ``"beta / (alpha + beta)"``; with its interval if there are draws."""
    samples = _evaluate(of, solved.draws) if solved.draws else None
    limits = None
    if samples is not None:
        tail = (1.0 - solved.level) / 2.0
        low, high = percentiles(samples, [tail, 1.0 - tail]).tolist()
        limits = low, high
    return Answer(float(_evaluate(of, solved.values)), limits)


def standard_error(solved: Solved, of: str) -> Answer:
    """The standard deviation of an expression over the draws."""
    return Answer(float(_evaluate(of, solved.draws).std(ddof=1)))


def percentile(solved: Solved, of: str, share: float) -> Answer:
    """A percentile of an expression over the draws."""
    return Answer(float(percentiles(_evaluate(of, solved.draws), [share])[0]))


def objective(solved: Solved, scale: float) -> Answer:
    """The objective at the optimum, times a number."""
    assert solved.fit is not None
    return Answer(scale * solved.fit.objective_value)


def rows(solved: Solved, share: float) -> Answer:
    """How many rows were fitted, times a number."""
    return Answer(share * solved.rows)


def at(solved: Solved, inputs: Mapping[str, float]) -> Answer:
    """The outcome at inputs."""
    return Answer(float(solved.predict(inputs)[0]))


def ratio(solved: Solved, pair: tuple[Mapping[str, float], Mapping[str, float]]) -> Answer:
    """The outcome at the first inputs over that at the second."""
    return Answer(at(solved, pair[0]).value / at(solved, pair[1]).value)


def best(solved: Solved, flops: float, quantity: str) -> Answer:
    """The N or D of lowest loss among all with 6 N D = ``flops``: a grid in log N, refined by a parabola."""
    x = np.linspace(np.log(1e3), np.log(flops / 6e3), 20_001)
    y = solved.predict({"N": np.exp(x), "D": flops / 6.0 / np.exp(x)})
    size = float(np.exp(find_lowest(x, y[None])[0][0]))
    return Answer(size if quantity == "N" else flops / 6.0 / size)


def error(solved: Solved, measure: str, on: str = "held", where: str = "") -> Answer:
    """How far predictions lie from the rows that were held out (or ``on="fitted"``), by one of ``MEASURES``."""
    runs = solved.held if on == "held" else solved.fitted
    assert runs is not None
    runs = runs.where(where) if where else runs
    if solved.fit is None:
        assert solved.law is not None
        predicted = solved.predict({role: runs[role] for role in solved.law.inputs})
        return Answer(float(MEASURES[measure](predicted, runs[solved.law.output.role])))
    y, rest = runs[solved.fit.law.output.role], solved.fit.residuals(runs)
    predicted = y * np.exp(-rest) if objectives.find(solved.fit.objective).residual == "log" else y - rest
    return Answer(float(MEASURES[measure](predicted, y)))


MEASURES: dict[str, Callable[[Array, Array], Any]] = {
    "relative": lambda f, y: np.abs(f / y - 1.0).mean(),
    "median-relative": lambda f, y: np.median(np.abs(f / y - 1.0)),
    "absolute": lambda f, y: np.abs(f - y).mean(),
    "log-rms": lambda f, y: np.sqrt((np.log(f / y) ** 2).mean()),
    "r2": lambda f, y: 1.0 - ((f - y) ** 2).sum() / ((y - y.mean()) ** 2).sum(),
    "rank": lambda f, y: np.corrcoef(f.argsort().argsort(), y.argsort().argsort())[0, 1],
    "r2-log": lambda f, y: 1.0 - (np.log(f / y) ** 2).sum() / ((np.log(y) - np.log(y).mean()) ** 2).sum(),
    "correlation": lambda f, y: np.corrcoef(f, y)[0, 1],
}
QUESTIONS: dict[str, Callable[..., Answer]] = {
    "value": value,
    "standard_error": standard_error,
    "percentile": percentile,
    "objective": objective,
    "rows": rows,
    "at": at,
    "ratio": ratio,
    "flops": best,
    "error": error,
}


def answer(solved: Solved, ask: Mapping[str, Any]) -> Answer:
    """The answer to the question that ``ask`` names.

    >>> answer(Solved({"alpha": 0.3, "beta": 0.1}), {"value": "beta / (alpha + beta)"}).value
    0.25
    """
    kind = next(key for key in ask if key in QUESTIONS)
    return QUESTIONS[kind](solved, ask[kind], **{k: v for k, v in ask.items() if k != kind})


def _evaluate(expression: str, names: Mapping[str, Any]) -> Any:
    """An expression of our own record files (never of a user) with the names of the fit."""
    return eval(expression, {"__builtins__": {}, "log": np.log, "exp": np.exp}, dict(names))
