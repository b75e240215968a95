"""`select`: laws set beside each other on one table, by how they predicted its larger runs first, by criteria second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forerun.fitting import objective as objectives
from forerun.fitting.forecast import plain
from forerun.fitting.result import Fit, sort_notes
from forerun.laws import Law
from forerun.laws.registry import get
from forerun.note import DataError, Note, note_lines, text_table
from forerun.predict.cutting import axis_of
from forerun.predict.trials import FEWEST, Candidate, Trial, put_on_trial, splits_below
from forerun.predict.weighting import DECIDED_CUTS, PAIRED, standard_errors
from forerun.runs import Runs

Array = np.ndarray
CLEARLY = 0.9  # the miss of the first over the second's, at most, from which it is said to be better
ROWS_PER_PARAMETER = 2


@dataclass(frozen=True)
class Ranked:
    """One law: root mean square log error on hidden runs over ``cuts`` cuts (None without one), criteria, wins.

    ``aic`` and ``bic`` are of the residuals in the objective's own space, smaller is better, only differences count;
    ``wins`` is at how many cuts it missed less than every other law. ``refused`` says why there is no fit.
    """

    law: str
    params: int
    missed: float | None
    cuts: int
    wins: int
    aic: float | None
    bic: float | None
    refused: str = ""


@dataclass(frozen=True, repr=False)
class Selection:
    """Laws in order, best first, and whether the first is better or may be best by chance. See :func:`forerun.select`."""

    laws: tuple[Ranked, ...]
    axis: str
    verdict: str
    decided: bool
    notes: tuple[Note, ...] = ()

    @property
    def best(self) -> str:
        """The name of the law that missed the hidden runs least."""
        return self.laws[0].law

    def to_dict(self) -> dict[str, Any]:
        """The keys of the JSON schema ``select``."""
        return {
            "schema": 1, "axis": self.axis, "laws": [{k: plain(v) if isinstance(v, float) else v for k, v in vars(law).items()} for law in self.laws],
            "verdict": self.verdict, "decided": self.decided, "notes": [n.to_dict() for n in self.notes],
        }  # fmt: skip

    def __str__(self) -> str:
        rows = [
            [r.law, str(r.params), "-" if r.missed is None else f"{100 * r.missed:.3f}%", f"{r.wins} of {r.cuts}",
             *("-" if v is None else f"{v:.1f}" for v in (r.aic, r.bic)), r.refused]
            for r in self.laws
        ]  # fmt: skip
        header = ["law", "parameters", "missed hidden runs by", "best at cuts", "AIC", "BIC", ""]
        lines = [f"laws over {self.axis}", "", text_table(header, rows, words=("",)), "", self.verdict]
        return "\n".join([*lines, *(["", "notes"] if self.notes else []), *note_lines(self.notes)])

    __repr__ = __str__


def select(
    laws: Sequence[str | Law], runs: Runs, *, axis: str | None = None, objective: str = "huber", seed: int = 0
) -> Selection:
    """Which of several laws this table speaks for: ``select(["power-law-floor", "exponential-floor"], runs)``.

    Each is fitted below several cuts along ``axis`` and predicts the runs of the next decade; the one that misses them
    least comes first. AIC and BIC (of a normal or Laplace error, as the objective has it) stand beside it and order
    laws only where no cut could be scored. The first is "better" if it missed less than the second at every one of at
    least four cuts, by 10 % over all, and by four standard errors of the hidden runs, each counted once; else it "may be best by chance". So are "power law or faster decay?" and
    "break or none?" answered: by hidden runs, not by eye.

    It misleads where all laws are wrong: look at :func:`forerun.backtest` of the first. Raises ``DataError`` for fewer
    than two laws and where none can be fitted.

    >>> import forerun as fr
    >>> found = fr.select(["m1", "m2"], fr.simulate("m2", n=60, noise=0.002))
    >>> found.best, found.decided
    ('m2', True)
    """
    chosen = [get(law) if isinstance(law, str) else law for law in laws]
    if len(chosen) < 2:
        raise DataError("bad-value", f"select takes at least two laws, received {len(chosen)}", advice="Name another")
    axis = axis_of(runs, axis)
    needed = max(FEWEST, ROWS_PER_PARAMETER * min(len(law.params) for law in chosen))
    splits = splits_below(runs, axis, needed)
    trials = put_on_trial([Candidate(law, objective) for law in chosen], runs, axis, splits, seed=seed)
    if all(t.fit is None for t in trials):
        raise DataError("too-few-runs", f"none of the laws can be fitted: {trials[0].refused}", advice="Add runs")
    missed = np.array([[t.miss(cut) for cut in range(len(splits))] for t in trials]).reshape(len(trials), len(splits))
    able = np.array([t.fit is not None for t in trials])
    common = ~np.isnan(missed[able]).any(0)
    ranked = [_ranked(t, missed, common, i, objective) for i, t in enumerate(trials)]
    order = sorted(range(len(ranked)), key=lambda i: _key(ranked[i]))
    paired = standard_errors(trials[order[0]], trials[order[1]], splits)
    verdict, decided, notes = _verdict(ranked, order, missed[:, common], paired)
    return Selection(tuple(ranked[i] for i in order), axis, verdict, decided, sort_notes((*runs.notes, *notes)))


def _ranked(trial: Trial, missed: Array, common: Array, i: int, objective: str) -> Ranked:
    own, law = missed[i][common], trial.candidate.law
    if trial.fit is None:
        return Ranked(law.name, len(law.params), None, int(common.sum()), 0, None, None, trial.refused)
    total = float(np.sqrt((own * own).mean())) if len(own) else None
    wins = int((own <= np.nanmin(missed[:, common], axis=0)).sum()) if len(own) else 0
    aic, bic = _criteria(trial.fit, objective)
    return Ranked(law.name, len(law.params), total, int(common.sum()), wins, aic, bic)


def _criteria(fit: Fit, objective: str) -> tuple[float | None, float | None]:
    """AIC and BIC with the scale of the residuals profiled out: normal for squares, Laplace for absolute deviations."""
    chosen = objectives.find(objective)
    if chosen.rho is None or chosen.scaled or fit.objective_value <= 0:
        return None, None
    n, p = fit.runs.n, len(fit.params) + 1
    fold = 1.0 if objective.startswith("squared") else 2.0
    deviance = fold * n * float(np.log(fit.objective_value / n))
    return deviance + 2.0 * p, deviance + p * float(np.log(n))


def _key(ranked: Ranked) -> tuple[int, float, float]:
    if ranked.refused:
        return 2, 0.0, 0.0
    return (
        (0, ranked.missed, 0.0) if ranked.missed is not None else (1, 0.0, np.inf if ranked.bic is None else ranked.bic)
    )


def _verdict(
    ranked: Sequence[Ranked], order: Sequence[int], missed: Array, paired: float
) -> tuple[str, bool, list[Note]]:
    first, second = (ranked[i] for i in order[:2])
    if second.refused:
        return f"{first.law} is the only law that can be fitted", False, []
    if first.missed is None or second.missed is None:
        message = "no cut leaves enough runs on both sides, so the laws are ordered by BIC only"
        note = Note("no-cuts", "warning", message, {}, "Add runs of other sizes before believing the order.")
        return f"{first.law} has the lowest BIC; no hidden run speaks for it", False, [note]
    better = int((missed[order[0]] < missed[order[1]]).sum())
    cuts = missed.shape[1]
    ratio = first.missed / second.missed if second.missed > 0 else 1.0
    said = f"{first.law} missed hidden runs by {100 * first.missed:.3g} %, {second.law} by {100 * second.missed:.3g} %"
    if better == cuts >= DECIDED_CUTS and ratio <= CLEARLY and paired >= PAIRED:
        return f"{said}: {first.law} is better at all {cuts} cuts", True, []
    message = f"{first.law} is better than {second.law} at {better} of {cuts} cuts and by {paired:.1f} standard errors of the hidden runs"
    evidence = {"better": better, "cuts": cuts, "ratio": ratio, "standard_errors": paired}
    return (
        f"{said}: not decided, it may be best by chance",
        False,
        [Note("best-by-chance", "warning", message, evidence, "Report both, or add runs that tell them apart.")],
    )
