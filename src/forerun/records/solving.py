"""A study, computed: its table read, parted and fitted, in a form that every question understands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from forerun import datasets, laws
from forerun.datasets.files import place
from forerun.fitting import Fit, fit
from forerun.fitting.isoflop import isoflop
from forerun.laws import Law
from forerun.records.preparing import PREPARED
from forerun.records.registry import Study
from forerun.runs import Runs, read_runs

Array = np.ndarray


@dataclass(frozen=True)
class Solved:
    """One fit of a study, or one set of coefficients: its numbers by name with their draws, and what it was made of."""

    values: Mapping[str, float]
    level: float = 0.9
    draws: Mapping[str, Array] = field(default_factory=dict)
    law: Law | None = None
    fit: Fit | None = None
    rows: int = 0
    fitted: Runs | None = None
    held: Runs | None = None

    def predict(self, inputs: Mapping[str, Any]) -> Array:
        """The outcome at inputs by role, (m,)."""
        if self.fit is not None:
            return self.fit.predict(inputs)
        assert self.law is not None
        return np.atleast_1d(self.law(*(np.asarray(inputs[role], float) for role in self.law.inputs), **self.values))


def here(study: Study) -> bool:
    """Whether the study needs no table, or its table is on this machine. Nothing is fetched."""
    return not study.table or place(datasets.get(study.table))[1] is not None


def solve(study: Study) -> tuple[Solved, ...]:
    """The fits of a study, one for each part of its table."""
    if not study.table:
        return (_coefficients(study),)
    how: Callable[[Study, Runs, Runs | None], Solved] = _budgets if study.isoflop else _given if study.set else _fit
    return tuple(how(study, *split) for split in _parts(study))


def _coefficients(study: Study) -> Solved:
    law = laws.get(study.law)
    values = next(s.values for s in law.published if s.name == study.set)
    return Solved(dict(values), law=law)


def _given(study: Study, runs: Runs, held: Runs | None) -> Solved:
    """Published coefficients beside the rows of a table, which nothing is fitted to."""
    known = _coefficients(study)
    return replace(known, rows=len(runs), fitted=runs, held=held)


def _parts(study: Study) -> Iterator[tuple[Runs, Runs | None]]:
    """The rows to fit and those held out, for the whole table or for each of its parts."""
    runs = read_runs(
        datasets.path(study.table), where=study.where, drop=study.drop, N_counts=study.N_counts,
        loss_unit=study.loss_unit, **study.roles,
    )  # fmt: skip
    runs = runs.final() if study.final else runs
    if study.outliers:
        rule, _, count = study.outliers.partition(":")
        runs = runs.drop_outliers(rule, int(count))
    labels = list(zip(*(runs.columns[name].tolist() for name in study.each))) or [()] * len(runs)
    for label in dict.fromkeys(labels):
        part = runs.where(np.array([one == label for one in labels])) if study.each else runs
        fitted = _any(part, study.fitted) if study.fitted else part
        held = _any(part, study.held) if study.held else None
        for step in study.prepare:
            fitted = PREPARED[step](fitted)
        yield fitted, held


def _any(runs: Runs, conditions: tuple[str, ...]) -> Runs:
    """The rows that satisfy at least one of the conditions, in the order of the table."""
    rows = [runs.where(condition).rows for condition in conditions]
    return runs.where(np.isin(runs.rows, np.concatenate(rows)))


def _fit(study: Study, runs: Runs, held: Runs | None) -> Solved:
    wish: dict[str, Any] = {"draws": study.draws} if study.draws else {"uncertainty": "none"}
    found = fit(study.law, runs, objective=study.objective, **wish)
    values = dict(found.params)
    draws = dict(zip(values, found.draws.T)) if len(found.draws) else {}
    return Solved(values, found.level, draws, found.law, found, found.runs.n, runs, held)


def _budgets(study: Study, runs: Runs, held: Runs | None) -> Solved:
    """Coefficient and exponent of the power laws of N and D in compute, as N_coefficient, N_exponent, ..."""
    found = isoflop(runs, **study.isoflop)
    values: dict[str, float] = {}
    draws: dict[str, Array] = {}
    for name, power in found.scaling.items():
        values |= {f"{name}_coefficient": power.coefficient, f"{name}_exponent": power.exponent}
        if len(power.lines):
            draws |= {f"{name}_coefficient": np.exp(power.lines[:, 0]), f"{name}_exponent": power.lines[:, 1]}
    return Solved(values, found.level, draws, rows=sum(level.runs for level in found.levels), fitted=runs, held=held)
