"""`sensitivity`: what a fit would say if some of the runs had been left out, choice by choice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forerun.fitting.estimate import solve
from forerun.fitting.forecast import plain
from forerun.fitting.observations import group_labels
from forerun.fitting.problem import SCALE
from forerun.fitting.question import parse_question
from forerun.fitting.recall import recall, vector
from forerun.fitting.refit import refit
from forerun.fitting.result import Fit
from forerun.note import DataError, text_table
from forerun.runs import Runs
from forerun.units import format_quantity

Array = np.ndarray
SMALL_SHARE = 0.25  # of the sizes that count as the smallest
FEW_SHARE, MOST_FEW = 0.02, 5  # of the rows that count as outliers
MOST_FAMILIES = 30
SIZES = {"N": "smallest models", "D": "shortest runs", "C": "cheapest runs", "x": "smallest x"}


@dataclass(frozen=True)
class Choice:
    """One choice of runs: how many are left, the parameters they give, and what they forecast (None if not asked).

    ``moved`` is the largest change of a parameter in units of half its interval; None where the fit has none.
    """

    name: str
    runs: int
    params: Mapping[str, float]
    forecast: float | None
    moved: float | None


@dataclass(frozen=True, repr=False)
class Sensitivity:
    """The fit under each choice of runs, all of them first. Get one from :func:`forerun.sensitivity`."""

    law: str
    question: Mapping[str, Any] | None
    choices: tuple[Choice, ...]

    def to_dict(self) -> dict[str, Any]:
        """The choices as JSON has them."""
        return {
            "question": None if self.question is None else {k: plain(v) for k, v in self.question.items()},
            "choices": [
                {
                    "name": c.name,
                    "runs": c.runs,
                    "params": dict(c.params),
                    "forecast": plain(c.forecast),
                    "moved": plain(c.moved),
                }
                for c in self.choices
            ],
        }

    def __str__(self) -> str:
        names = list(self.choices[0].params)
        shown = names if len(names) <= 8 else names[:8]
        header = ["without", "runs", *shown, *(["forecast"] if self.question else []), "moved"]
        rows = [
            [c.name, str(c.runs), *(f"{c.params[n]:.5g}" for n in shown), *([f"{c.forecast:.5g}"] if self.question else []),
             "-" if c.moved is None else f"{c.moved:.1f}"]
            for c in self.choices
        ]  # fmt: skip
        lines = [f"{self.law} under other choices of runs"]
        if self.question:
            asked = ", ".join(
                f"{k} = {v if isinstance(v, str) else format_quantity(float(v))}" for k, v in self.question.items()
            )
            lines[0] += f"; forecast at {asked}"
        footer = "moved: the largest change of a parameter, in halves of its interval"
        return "\n".join([*lines, text_table(header, rows, words=("without",)), footer])

    __repr__ = __str__


def sensitivity(fit: Fit, runs: Runs, *, weights: str | Sequence[float] | None = None, **question: Any) -> Sensitivity:
    """How ``fit`` moves when runs are left out: the smallest models, the shortest runs, each family, the outliers.

    ``runs`` and ``weights`` are those of the fit. With a question (``N=70e9, D=1.4e12``) its forecast is followed too.
    All choices are refitted in one call. A parameter that moves by more than half its interval hangs on a choice that
    nobody can derive from the data: report it. Raises ``DataError`` for other runs than those fitted.

    >>> import forerun as fr
    >>> runs = fr.simulate("chinchilla", n=60)
    >>> table = fr.sensitivity(fr.fit("chinchilla", runs, draws=100), runs)
    >>> [choice.name for choice in table.choices][:3]
    ['nothing', 'smallest models', 'shortest runs']
    """
    again = recall(fit, runs, weights)
    runs, order = again.runs, again.order
    problem, starts, _ = solve(fit.law, again.table, again.objective)
    vector(problem, fit)
    left_out = dict(_left_out(fit, runs))
    keep = np.ones((len(left_out), len(runs)))
    for row, gone in zip(keep, left_out.values()):
        row[gone] = 0.0
    enough = np.array([_carries(fit, runs, row > 0, len(problem.names)) for row in keep], bool)
    names = [name for name, ok in zip(left_out, enough) if ok]
    own = [name for name in problem.names if name != SCALE]
    params = np.array([list(fit.params.values())])
    if names:
        natural = problem.natural(refit(problem, starts, keep[enough][:, order], seed=0).z)
        params = np.vstack([params, natural[:, : len(own)]])
    forecasts: Array | None = None
    at = None
    if question:
        at, shape = parse_question(fit.law, fit.runs.conventions, question)
        if shape:
            raise DataError("bad-value", "ask the sensitivity of one forecast at a time", advice="Give plain numbers")
        forecasts = fit.outcomes(params, at)[:, 0]
        at = {k: v if isinstance(v, str) else float(np.ravel(v)[0]) for k, v in at.items()}
    half = [None if v is None else (v[1] - v[0]) / 2.0 for v in fit.intervals.values()]
    counts = [len(runs), *keep[enough].sum(1).astype(int).tolist()]
    return Sensitivity(fit.law.name, at, tuple(
        Choice(name, count, dict(zip(own, row.tolist())), None if forecasts is None else float(forecasts[i]),
               _moved(row - params[0], half))
        for i, (name, count, row) in enumerate(zip(["nothing", *names], counts, params))
    ))  # fmt: skip


def _carries(fit: Fit, runs: Runs, kept: Array, params: int) -> bool:
    """Whether the kept rows carry the law, those of each group its own parameters."""
    if kept.sum() < params + 2:
        return False
    if fit.law.shared is None:
        return True
    groups = group_labels(runs[fit.law.shared[1]])
    each = len(fit.law.params) - len(fit.law.shared[0])
    return all((kept & (groups == g)).sum() > each for g in dict.fromkeys(groups.tolist()))


def _left_out(fit: Fit, runs: Runs) -> Iterator[tuple[str, Array]]:
    """Rows that each choice leaves out, by the name of the choice."""
    for role, name in SIZES.items():
        if role not in runs:
            continue
        values = runs[role]
        levels = sorted(set(values.tolist()))
        limit = levels[max(0, round(SMALL_SHARE * len(levels)) - 1)]
        if len(levels) > 2:
            yield name, np.flatnonzero(values <= limit)
    if "family" in runs and not fit.law.shared:
        families = runs["family"]
        members = list(dict.fromkeys(families.tolist()))
        for member in members if 1 < len(members) <= MOST_FAMILIES else []:
            yield f"family {member}", np.flatnonzero(families == member)
    count = min(MOST_FEW, max(1, round(FEW_SHARE * len(runs))))
    outcome = fit.law.output.role
    if outcome in runs:
        yield f"{count} highest {outcome}", np.argsort(-runs[outcome], kind="stable")[:count]
    yield f"{count} largest residuals", np.argsort(-np.abs(fit.residuals(runs)), kind="stable")[:count]


def _moved(change: Array, half: Sequence[float | None]) -> float | None:
    sizes = [abs(float(c)) / h for c, h in zip(change, half) if h is not None and 0 < h < np.inf]
    return max(sizes) if sizes else None
