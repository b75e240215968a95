"""The rows of a fit once more, checked to be those that were fitted: refits under other choices or outcomes begin here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forerun.fitting import objective as objectives
from forerun.fitting.balance import weighed
from forerun.fitting.estimate import reached
from forerun.fitting.objective import Objective
from forerun.fitting.observations import Observations, arrangement, observe, row_weights
from forerun.fitting.problem import SCALE, Problem, build
from forerun.fitting.result import Fit
from forerun.note import DataError
from forerun.runs import Runs

Array = np.ndarray


@dataclass(frozen=True)
class Recalled:
    """The runs of a fit and what it took from them: ``table`` has the rows of ``runs[order]``."""

    runs: Runs
    table: Observations
    objective: Objective
    order: slice | Array


def recall(fit: Fit, runs: Runs, weights: str | Sequence[float] | None) -> Recalled:
    """What ``fit`` took from ``runs`` under ``weights``; ``DataError`` if these are not the runs that were fitted."""
    chosen = objectives.find(fit.objective)
    counted = row_weights(fit.law, runs, chosen, weights)
    runs, counted = runs.where(counted > 0), counted[counted > 0]
    if runs.fingerprint != fit.runs.fingerprint:
        raise DataError(
            "other-runs", "these are not the runs that were fitted", advice="Give the same runs and weights as to fit"
        )
    order = arrangement(fit.law, runs)
    return Recalled(runs, observe(fit.law, runs, chosen, counted).taken(order), chosen, order)


def posed(fit: Fit, again: Recalled) -> Problem:
    """The problem that ``fit`` solved."""
    table, exact = again.table, fit.derivatives == "exact"
    problem = build(fit.law, table.inputs, table.y, table.trials, again.objective, table.weights, table.groups, exact)
    return weighed(problem, _place(problem, fit))


def vector(problem: Problem, fit: Fit) -> Array:
    """The parameters of the fit in the solver's coordinates, (p,); ``problem`` must be that of the fit.

    Raises ``DataError`` where the objective is another one there, because the rows had other weights.
    """
    z = _place(problem, fit)
    if not np.isclose(reached(problem, z), fit.objective_value, rtol=1e-6, atol=1e-12):
        message = "the objective of the fit is another one on these rows, so its weights were others"
        raise DataError("other-weights", message, advice="Give weights=... as to fit")
    return z


def _place(problem: Problem, fit: Fit) -> Array:
    values = [fit.params[name] for name in problem.names if name != SCALE]
    return problem.internal(np.array([[*values, *([fit.scale] if fit.scale is not None else [])]]))[0]
