"""`auto`: forms chosen or averaged for a table by how they predict its own larger runs from its smaller ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forerun.laws import Law
from forerun.laws.registry import get
from forerun.note import DataError
from forerun.predict.assembly import assemble
from forerun.predict.calibration import FEWEST_CUTS
from forerun.predict.cutting import AXES, axis_of
from forerun.predict.ensemble import Ensemble
from forerun.predict.trials import Candidate
from forerun.runs import Runs

Array = np.ndarray
CURVES = ("m1", "m2", "m3", "bnsl-1")
CURVE_EMPHASES = (0.0, 0.5, 1.0, 2.0)
SURFACE_EMPHASES = (0.0, 0.25, 0.5, 1.0)
EFFECTIVE_PER_PARAMETER = 5  # runs that an emphasis must leave for each parameter of a surface
COLLINEAR = 0.999  # correlation of log N and log D above which a table is a curve


def auto(runs: Runs, *, level: float = 0.9, draws: int = 1000, seed: int = 0) -> Ensemble:
    """Forms for a table, chosen or averaged by how they predicted its larger runs from its smaller ones.

    A table of N and D is answered by the Chinchilla law, unless another objective, a tied exponent or more weight for
    the large runs (as long as it leaves five effective runs for each parameter) missed the hidden runs less at every cut,
    by 30 % less over all, and by four standard errors of the hidden runs. A table of one input is answered
    by the weighted median of power laws with and without a floor, with a flat end, and with one break, each with four
    emphases on the large runs, and of a curve that leaves chance level; weights are inverse squared misses, first of all at
    the last cut if it hides three runs. A break counts only with runs on both sides of it.
    Intervals are as wide as forecasts were wrong in the back-test at that distance (:class:`Calibration`).

    What it chose, what it rejected and why, and the verdict stand in the result; "do not extrapolate" is an error note.
    No hidden run is ever seen by the fit that predicts it. It misleads where the next decade differs from the last.
    Raises ``DataError`` for tables of other inputs, and where no candidate can be fitted.

    >>> import forerun as fr
    >>> found = fr.fit("auto", fr.simulate("chinchilla", n=60, noise=0.003))
    >>> found.leader
    'chinchilla'
    """
    if not isinstance(runs, Runs):
        raise DataError(
            "not-runs", f"auto takes runs, received {type(runs).__name__}", advice="Give forerun.read_runs(...)"
        )
    if {"N", "D"} <= _changing(runs) and not _collinear(runs):
        chinchilla = get("chinchilla")
        forms = ((chinchilla, "huber"), (chinchilla, "squared-log"), (chinchilla.tie(alpha="beta"), "huber"))
        candidates = [
            Candidate(law, how, e) for law, how in forms for e in SURFACE_EMPHASES
            if not e or _effective(runs["C"], e) >= EFFECTIVE_PER_PARAMETER * len(law.params)
        ]  # fmt: skip
        return assemble("auto", candidates, runs, "C", led=True, level=level, draws=draws, seed=seed)
    axis = _axis_of_curve(runs)
    outcome = "loss" if "y" not in runs and "loss" in runs else "y"
    laws = [_along(get(name), axis, outcome) for name in CURVES]
    candidates = [Candidate(law, "huber", e) for law in laws for e in CURVE_EMPHASES]
    candidates.append(Candidate(_along(get("m4"), axis, outcome), "squared-log"))
    return assemble("auto", candidates, runs, axis, led=False, level=level, draws=draws, seed=seed)


def calibrate(
    laws: str | Law | Sequence[str | Law],
    runs: Runs,
    *,
    axis: str | None = None,
    objective: str = "huber",
    level: float = 0.9,
    draws: int = 1000,
    seed: int = 0,
) -> Ensemble:
    """One law, or several weighted by their back-test, with intervals as wide as their forecasts were wrong.

    The laws are fitted below several cuts along ``axis`` (by default as in :func:`forerun.backtest`) and predict the
    runs of the next decade; weights are inverse squared misses, and the spread of these misses at their distance is
    added to the samples wherever it is wider than they are. The result answers like a fit.

    It rests on runs that were made: a break that none of them shows is in no calibration. Raises ``DataError`` where
    fewer than three cuts can be scored.

    >>> import forerun as fr
    >>> found = fr.calibrate("chinchilla", fr.simulate("chinchilla", n=60))
    >>> found.forecast(N=1e12, D=1e13).layers
    ('parameters', 'calibration')
    """
    named = [laws] if isinstance(laws, str | Law) else list(laws)
    candidates = [Candidate(get(law) if isinstance(law, str) else law, objective) for law in named]
    if not candidates:
        raise DataError("bad-value", "calibrate needs at least one law", advice="Name one, for example chinchilla")
    name = " + ".join(c.law.name for c in candidates)
    found = assemble(name, candidates, runs, axis_of(runs, axis), led=False, level=level, draws=draws, seed=seed)
    if found.calibration.cuts < FEWEST_CUTS:
        message = f"{found.calibration.cuts} cuts can be scored, which is too few to calibrate (at least {FEWEST_CUTS})"
        raise DataError("too-few-cuts", message, advice="Add runs of other sizes, or fit without a calibration")
    return found


def _changing(runs: Runs) -> set[str]:
    """Roles of numbers above zero that differ between runs."""
    roles = [r for r in AXES if r in runs and runs[r].dtype.kind == "f"]
    return {r for r in roles if (runs[r] > 0).all() and np.ptp(runs[r]) > 0}


def _collinear(runs: Runs) -> bool:
    return bool(abs(np.corrcoef(np.log(runs["N"]), np.log(runs["D"]))[0, 1]) > COLLINEAR)


def _axis_of_curve(runs: Runs) -> str:
    changing = _changing(runs)
    axis = "x" if "x" in changing else next((r for r in AXES if r in changing), None)
    if axis is None:
        have = ", ".join(runs.roles)
        message = f"auto needs N and D, or one of x, C, D, N, step that changes; the table has {have}"
        raise DataError("no-axis", message, advice="Name the columns, or fit a law by name")
    return axis


def _effective(values: Array, emphasis: float) -> float:
    """How many equal runs are worth as much as these with their weights (Kish 1965)."""
    weights = (values / values.max()) ** emphasis
    return float(weights.sum() ** 2 / (weights * weights).sum())


def _along(law: Law, axis: str, outcome: str) -> Law:
    roles = {k: v for k, v in {"x": axis, "y": outcome}.items() if k != v}
    return law.along(**roles) if roles else law
