"""`compare`: two fitted methods on their whole curves: who wins where, by how much compute, or that it is not decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from forerun.fitting.result import Fit
from forerun.note import DataError, Note
from forerun.predict.backtest_result import Backtest
from forerun.predict.comparison_result import CROSS, UNDECIDED, Comparison, ahead, crossing_notes, curves_of
from forerun.predict.lowest import crossings
from forerun.predict.pairing import pair
from forerun.predict.rollout import backtest
from forerun.units import SCALE

Array = np.ndarray
POINTS = 41  # of the shared range
CUTS = 3
DRAWS = 50  # of each cut


def compare(fits: Mapping[str, Fit], *, level: float = 0.9, cuts: int = CUTS) -> Comparison:
    """Two methods or data sets on their whole curves: ``compare({"adamw": fit_a, "muon": fit_b})``.

    First comes how far each fit is to be trusted: a back-test of its own runs at ``cuts`` places (0 for none), with its
    error notes. Then the verdict. A law of N and D is compared on its frontier, the lowest outcome at each compute
    C = 6ND; a law of one input along that input; lower is better. The fits must have draws and the same conventions. A
    method wins if it is better everywhere in the shared range in nearly all draws, a share of (1 + level) / 2; they
    cross if each is better at one end of it; otherwise it is not decided, which is an answer. Where both methods made
    the same runs (the same inputs, and the same seed where both tables name it), their bootstraps are drawn again with
    one weight for both, so that noise that they share cancels. Compute multipliers are ratios at equal outcome.

    It can mislead where the runs of one method were tuned better than those of the other, where the frontier lies at
    tokens per parameter that were not trained, and outside the shared range.

    >>> import forerun as fr
    >>> one = fr.fit("chinchilla", fr.simulate("chinchilla", seed=1), draws=200)
    >>> two = fr.fit("chinchilla", fr.simulate("chinchilla", seed=2), draws=200)
    >>> fr.compare({"one": one, "two": two}).winner
    'not decided'
    """
    if len(fits) != 2:
        raise DataError("bad-value", f"compare takes two fits, received {len(fits)}", advice="Compare them in pairs")
    for name, fit in fits.items():
        if not isinstance(fit, Fit):
            advice = "Compare the fits of one law each, for example --law chinchilla"
            raise DataError("bad-fits", f"{name} is a {type(fit).__name__}, not the fit of one law", advice=advice)
    if not 0.0 < level < 1.0:
        raise DataError("bad-value", f"level must lie between 0 and 1, received {level:g}")
    (first, one), (second, two) = fits.items()
    axis, span = _shared_range(fits)
    held_out = {name: _held_out(fit, axis, cuts) for name, fit in fits.items()}
    sized = all(len(fit.law.inputs) == 2 for fit in (one, two))
    one, two, pairing = pair(one, two, ("N", "D") if sized else (axis,))
    curves = curves_of((one, two), axis, span)
    grid = np.geomspace(*span, POINTS)
    a, b = (np.array([curve.at(x)[1] for x in grid]).T for curve in curves)
    winner, shares = _decided((first, second), ahead(a, b), ahead(b, a), level)
    passed = crossings(*curves, *span, level)
    notes = (*_doubts(fits, held_out), *crossing_notes((first, second), axis, passed, level))
    return Comparison(
        (first, second), axis, span, held_out, pairing, winner, shares, passed, level, (one, two), curves, notes
    )


def _shared_range(fits: Mapping[str, Fit]) -> tuple[str, tuple[float, float]]:
    """The axis along which both fits can be compared, and the range that the runs of both have; else ``DataError``."""
    (first, one), (second, two) = fits.items()
    one.runs.conventions.require_same(two.runs.conventions)
    axis, other = (_axis(fit) for fit in (one, two))
    if axis != other:
        message = f"{first} is a law of {axis} and {second} of {other}"
        raise DataError("bad-fits", message, advice="Fit both along the same axis")
    for name, fit in fits.items():
        if not len(fit.draws):
            message = f"{name} has no draws, so nothing can be decided"
            raise DataError("no-uncertainty", message, advice="Fit it with a bootstrap")
    spans = [fit.runs.ranges[axis] for fit in (one, two)]
    low, high = max(s[0] for s in spans), min(s[1] for s in spans)
    if not low < high:
        message = f"the runs of {first} and {second} share no range of {axis}"
        raise DataError("no-shared-range", message, advice="Compare methods on runs of the same size")
    if low <= 0:
        raise DataError("bad-fits", f"{axis} is not positive in all runs", advice="Compare along a positive input")
    return axis, (low, high)


def _axis(fit: Fit) -> str:
    inputs = set(fit.law.inputs)
    if fit.law.output.role == "score":
        message = f"{fit.law.name} is a law of a score, and the lower outcome wins here"
        raise DataError("bad-fits", message, advice="Fit the error, 1 - score, with a law that falls")
    if not fit.law.shared and fit.law.trials is None:
        if len(inputs) == 2 and inputs <= set(SCALE):
            return "C"
        if len(inputs) == 1:
            return next(iter(inputs))
    advice = "Compare laws of N and D, or of one input, that are neither grouped nor of counts"
    raise DataError("bad-fits", f"{fit.law.name} has no single axis to compare along", advice=advice)


def _held_out(fit: Fit, axis: str, cuts: int) -> Backtest | str:
    """The back-test of a fit on its own runs, as it was fitted; or why there is none."""
    if not cuts:
        return "none was asked for"
    if fit.table is None:
        return "the saved fit does not hold its runs"
    weights = None if fit.row_weights is None else fit.row_weights.tolist()
    how: dict[str, Any] = dict(objective=fit.objective, unit=fit.uncertainty["unit"], seed=int(fit.uncertainty["seed"]))
    try:
        return backtest(fit.law, fit.table, axis=axis, cuts=cuts, draws=DRAWS, level=fit.level, weights=weights, **how)
    except DataError as refusal:
        if refusal.code == "bad-value":
            raise
        return refusal.message


def _decided(names: tuple[str, str], first: Array, second: Array, level: float) -> tuple[str, dict[str, float]]:
    """The verdict, from where each draw has the first or the second method ahead, (draws, points), and shares of draws."""
    limit = (1.0 + level) / 2.0
    shares = {name: float(better.all(axis=1).mean()) for name, better in zip(names, (first, second))}
    turned = [one[:, 0] & two[:, -1] for one, two in ((first, second), (second, first))]
    shares["crossing"] = float((turned[0] | turned[1]).mean())
    winner = next((name for name in names if shares[name] >= limit), UNDECIDED)
    if winner == UNDECIDED and max(t.mean() for t in turned) >= limit:
        winner = CROSS
    return winner, shares


def _doubts(fits: Mapping[str, Fit], held_out: Mapping[str, Backtest | str]) -> tuple[Note, ...]:
    """Error notes of the fits and of their back-tests, each under the name of its method."""
    found = [(name, n) for name, fit in fits.items() for n in fit.notes]
    found += [(name, n) for name, test in held_out.items() if isinstance(test, Backtest) for n in test.notes]
    return tuple(
        Note(n.code, n.severity, f"{name}: {n.message}", n.evidence, n.advice)
        for name, n in found if n.severity == "error"
    )  # fmt: skip
