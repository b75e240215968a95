"""`plan`: what to train for a compute budget, how flat the optimum is, and what the doubt about it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from forerun.note import DataError, Note, worst
from forerun.planning.result import Plan
from forerun.spending import along, find_lowest, sizes
from forerun.units import FLOPS_PER_PARAMETER_AND_TOKEN

Array = np.ndarray
OVERTRAINING = (2.0, 4.0, 8.0, 16.0)
MOST_FLOPS = 1e40  # far beyond any budget: a larger number is a slip of the pen
MOST_EXTRA_COMPUTE = 1e4  # factor up to which equal loss is looked for
BISECTIONS = 60


class Predictor(Protocol):
    """Whatever says what a run reaches: its value, samples of it, and the doubts about it."""

    @property
    def notes(self) -> tuple[Note, ...]:
        """The doubts about it, which a plan carries on."""

    @property
    def level(self) -> float:
        """Coverage that its intervals promise."""

    def predict(self, inputs: Mapping[str, Any]) -> Array:
        """Outcome at inputs of shape (m,): (m,)."""

    def sample(self, inputs: Mapping[str, Any]) -> Array:
        """Samples of the outcome, (draws, m); no rows where there is no uncertainty."""

    def forecast(self, **inputs: Any) -> Any:
        """A Forecast at plain numbers."""


def plan(
    predictor: Predictor,
    *,
    flops: float,
    tolerance: float = 0.005,
    overtraining: Sequence[float] = OVERTRAINING,
    force: bool = False,
) -> Plan:
    """The N and D with the lowest predicted loss at ``flops`` = 6ND, and how much that choice matters.

    ``tolerance`` is the relative excess of the loss that counts as near-optimal; IsoFLOP curves are flat, so the set is
    wide and is the honest answer. The regret is what the choice loses against the optimum of each draw of the
    predictor. ``overtraining`` lists factors by which the model is made smaller than optimal, with the loss that costs
    at the same compute and the compute that equal loss costs.

    Refuses (``DataError``) a predictor with error notes unless ``force``; predictors whose inputs N and D do not
    determine; and budgets that are not positive. The optimum by approach 3 of Hoffmann et al. 2022, arXiv:2203.15556,
    section 3.3; the plan misleads as much as the law does outside its runs, which the notes state.

    >>> import forerun as fr
    >>> plan = fr.plan(fr.fit("chinchilla", fr.simulate("chinchilla")), flops=5.76e23)
    >>> plan.binding
    ('flops',)
    """
    _check(predictor, flops, tolerance, overtraining, force)
    N = sizes(flops)
    try:
        loss = predictor.predict(along(flops, N))
    except DataError as error:
        if error.code != "missing-input":
            raise
        raise DataError(
            "no-plan",
            f"a budget cannot be planned with this law: {error.message}",
            advice="Plan with a law of N and D, or of C and M",
        ) from None
    best, edge = find_lowest(np.log(N), loss[None])
    notes = [n for n in predictor.notes if n.severity != "info"]
    if edge[0]:
        message = "the predicted loss has no minimum between 1e-3 and 1e7 tokens per parameter"
        if not force:
            raise DataError("no-optimum", message, advice="The fit does not weigh size against data; see its notes")
        notes.append(Note("edge-optimum", "error", message, {}, "Do not follow this plan."))
    choice_N = float(np.exp(best[0]))
    choice = _point(flops, choice_N)
    forecast = predictor.forecast(N=choice["N"], D=choice["D"])
    lowest = float(np.atleast_1d(forecast.value)[0])
    near = N[loss <= lowest * (1.0 + tolerance)] if lowest > 0 else N[loss <= lowest + tolerance]
    near = near if len(near) else np.array([choice_N])
    samples = predictor.sample(along(flops, np.append(N, choice_N)))
    regret = None
    if len(samples):
        optima, at_edge = find_lowest(np.log(N), samples[:, :-1])
        tail = (1.0 - predictor.level) / 2.0
        low, high = np.quantile(np.exp(optima), [tail, 1.0 - tail])
        choice |= {"N_interval": [float(low), float(high)],
                   "D_interval": [float(flops / FLOPS_PER_PARAMETER_AND_TOKEN / x) for x in (high, low)]}  # fmt: skip
        lost = np.maximum(samples[:, -1] - samples[:, :-1].min(1), 0.0)
        regret = {"mean": float(lost.mean()), "median": float(np.median(lost)), "p95": float(np.quantile(lost, 0.95))}
        if at_edge.mean() > 0.01:
            message = f"{at_edge.mean():.0%} of the draws have no optimum between 1e-3 and 1e7 tokens per parameter"
            notes.append(
                Note(
                    "edge-draws",
                    "warning",
                    message,
                    {"share": float(at_edge.mean())},
                    "The split of the budget is poorly known.",
                )
            )
    return Plan(
        choice=choice,
        near_optimal={"tolerance": tolerance, "loss_at_most": lowest * (1.0 + tolerance), **_span(flops, near)},
        regret=regret,
        forecast=forecast,
        cost={
            "flops": float(flops),
            "overtraining": [_overtrained(predictor, flops, choice_N, lowest, f) for f in overtraining],
        },
        binding=("flops",),
        notes=_unique([*notes, *forecast.notes]),
    )


def _check(predictor: Predictor, flops: float, tolerance: float, overtraining: Sequence[float], force: bool) -> None:
    for name, value, least in (
        ("flops", flops, 0.0),
        ("tolerance", tolerance, 0.0),
        *(("overtraining", f, 0.0) for f in overtraining),
    ):
        if not isinstance(value, int | float) or not (np.isfinite(value) and least < value < MOST_FLOPS):
            raise DataError("bad-value", f"{name} must be a positive number below {MOST_FLOPS:g}, received {value!r}")
    if tolerance >= 1:
        raise DataError(
            "bad-value", f"tolerance is a share of the loss, received {tolerance:g}", advice="Write 0.5 % as 0.005"
        )
    if worst(predictor.notes) == "error" and not force:
        note = next(n for n in predictor.notes if n.severity == "error")
        raise DataError(
            "fit-refused",
            f"the fit is not fit to plan with: {note.message}",
            advice=f"{note.advice} Use --force to plan all the same",
        )


def _point(flops: float, N: float) -> dict[str, Any]:
    D = flops / FLOPS_PER_PARAMETER_AND_TOKEN / N
    return {"N": N, "D": D, "C": float(flops), "tokens_per_parameter": D / N}


def _span(flops: float, N: Array) -> dict[str, list[float]]:
    low, high = _point(flops, float(N.min())), _point(flops, float(N.max()))
    return {"N": [low["N"], high["N"]], "D": [high["D"], low["D"]],
            "tokens_per_parameter": [high["tokens_per_parameter"], low["tokens_per_parameter"]]}  # fmt: skip


def _overtrained(predictor: Predictor, flops: float, N: float, lowest: float, factor: float) -> dict[str, Any]:
    """A model ``factor`` times smaller than optimal: its loss at this compute, and the compute of equal loss."""
    small = _point(flops, N / factor)
    value = float(predictor.predict(along(flops, np.array([small["N"]])))[0])

    def loss(compute: float) -> float:
        return float(predictor.predict(along(compute, np.array([small["N"]])))[0])

    low, high = flops, flops * MOST_EXTRA_COMPUTE
    reachable = loss(high) <= lowest
    for _ in range(BISECTIONS if reachable else 0):
        middle = float(np.sqrt(low * high))
        low, high = (low, middle) if loss(middle) <= lowest else (middle, high)
    equal = high if reachable else None
    return {"factor": float(factor), "N": small["N"], "D": small["D"], "loss": value, "excess_loss": value - lowest,
            "flops_for_equal_loss": equal, "extra_compute": None if equal is None else equal / flops - 1.0}  # fmt: skip


def _unique(notes: Sequence[Note]) -> tuple[Note, ...]:
    return tuple({(n.code, n.message): n for n in notes}.values())
