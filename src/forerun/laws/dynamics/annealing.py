"""Tissue et al. 2024: a whole loss curve from its learning-rate schedule."""

import numpy as np

from forerun.laws import amplitude, exponent, floor, law
from forerun.note import DataError
from forerun.units import LEARNING_RATE, LOSS, STEP

MOMENTUM = 0.998  # decay of the annealing momentum; the paper gives 0.99 to 0.999


def annealing_areas(step, lr):
    """Forward area (sum of learning rates) and annealing area (momentum-decayed sum of their falls) at logged steps.

    The schedule is read between logged steps as straight lines and from rate zero at step zero, so that a linear
    warm-up that was not logged is counted: give each run from its first logged step on. Annealing begins where the
    rate is highest.
    """
    if len(step) < 2 or step[0] < 1 or (np.diff(step) <= 0).any():
        message = f"the steps of a schedule must rise from 1, at least two of them; received {step[:4].tolist()}"
        raise DataError("bad-schedule", message, advice="Name the run of each row with --role run=COLUMN")
    every = np.arange(1, int(step[-1]) + 1)
    rates = np.interp(every, np.concatenate([[0.0], step]), np.concatenate([[0.0], lr]))
    falls = np.concatenate([[0.0], rates[:-1] - rates[1:]])
    falls[: rates.argmax() + 1] = 0.0
    momentum, fallen = 0.0, np.empty(len(every))
    for i, fall in enumerate(falls):
        momentum = MOMENTUM * momentum + fall
        fallen[i] = momentum
    at = step.astype(int) - 1
    return rates.cumsum()[at], fallen.cumsum()[at]


@law(
    "lr-annealing",
    source="Tissue et al. 2024, arXiv:2408.11029, equation 1",
    status="recalled",
    group="dynamics",
    answers="What does the same run reach under another learning-rate schedule?",
    inputs=dict(step=STEP, lr=LEARNING_RATE),
    output=LOSS,
    prepare=annealing_areas,
    params=dict(
        L0=floor("loss of an endless run without annealing", typical=2.8),
        A=amplitude(typical=0.6, search=(1e-2, 1e2)),
        alpha=exponent(typical=0.45),
        C=amplitude("gain of annealing", typical=0.9, search=(1e-3, 1e2)),
    ),
)
def lr_annealing(S1, S2, *, L0, A, alpha, C):
    """Loss at a step from the forward area S1 and the annealing area S2 of the schedule.

    Valid for one model, data set, batch and peak rate. Scaling a schedule up always lowers its loss here, so never
    optimise a schedule with it.
    """
    return L0 + A * S1**-alpha - C * S2
