"""Luo et al. 2025: a whole loss curve from its learning-rate schedule, where late falls have not yet had their effect."""

from itertools import pairwise

import numpy as np

from forerun.laws import Param, amplitude, exponent, floor, law
from forerun.note import DataError
from forerun.units import LEARNING_RATE, LOSS, STEP

BY_AREA, NEAREST = 12, 1e-4  # pieces that grow by a constant factor in area, from this share of the whole area on
BY_CHANGE = 12  # pieces in which the rate changes by the same amount
SMALLEST, FLAT = 1e-12, 1e-9


def saturation(meaning: str, typical: float) -> Param:
    """An exponent of how the gain of a fall in the rate saturates: zero to a few."""
    return Param((0.0, 4.0), "linear", (0.1, 1.2), typical, meaning, role="exponent")


def pieces(step, lr):
    """The area and the fall so far, and for each piece of the schedule up to a logged step fall, rate, and area since.

    Read as straight lines from rate zero at step zero; a change between two flat stretches is a jump at the later step.
    """
    if step[0] < 1 or (np.diff(step) <= 0).any():
        message = f"the steps of a schedule must rise from 1, received {step[:4].tolist()}"
        raise DataError("bad-schedule", message, advice="Name the run of each row with --role run=COLUMN")
    flat, at = np.abs(np.diff(lr)) <= FLAT * lr.max(), step.astype(int)
    jumps = np.flatnonzero(flat[:-2] & ~flat[1:-1] & flat[2:]) + 2
    x, y = np.insert(step, jumps, step[jumps] - 1.0), np.insert(lr, jumps, lr[jumps - 1])
    rates = np.interp(np.arange(at[-1] + 1), np.concatenate([[0.0], x]), np.concatenate([[0.0], y]))
    area, falls, to = rates.cumsum(), rates[:-1] - rates[1:], np.maximum(rates[1:], SMALLEST)
    before, change, total = area[:-1], np.abs(falls), area[at]
    sums = (falls, change, change * np.log(to), change * before)
    fallen, changed, log_rate, start = (np.concatenate([[0.0], x.cumsum()]) for x in sums)
    ends = [0 * at, at]
    ends += [
        np.minimum(np.searchsorted(before, total * (1 - s)), at) for s in np.geomspace(NEAREST, 1, BY_AREA + 1)[:-1]
    ]
    ends += [np.minimum(np.searchsorted(changed, changed[at] * s), at) for s in np.arange(1, BY_CHANGE) / BY_CHANGE]
    made = [total, fallen[at]]
    for low, high in pairwise(np.sort(ends, axis=0)):
        size = np.maximum(changed[high] - changed[low], 1e-300)
        since = np.clip(total - (start[high] - start[low]) / size, SMALLEST, None)
        made += [fallen[high] - fallen[low], np.exp((log_rate[high] - log_rate[low]) / size), since]
    return made


@law(
    "multi-power-law",
    source="Luo et al. 2025, arXiv:2503.12811, with the authors' code; the sum over steps in pieces is ours",
    status="stated",
    group="dynamics",
    answers="What does the same run reach under another learning-rate schedule, at every step?",
    caution="valid for one model, data set, batch and peak rate",
    inputs=dict(step=STEP, lr=LEARNING_RATE),
    output=LOSS,
    prepare=pieces,
    params=dict(
        L0=floor("loss of an endless run at the peak rate", typical=2.8),
        A=amplitude(typical=0.55, search=(1e-2, 1e2)),
        alpha=exponent(typical=0.48),
        B=amplitude("gain of a fall of the rate by one, when its effect is complete", typical=400.0),
        C=amplitude("how soon the effect of a fall is complete", typical=2.1, search=(1e-2, 1e3)),
        beta=saturation("power with which the effect of a fall becomes complete", 0.59),
        gamma=saturation("how much sooner at a low rate", 0.65),
    ),
)
def multi_power_law(area, fallen, *pieces, L0, A, alpha, B, C, beta, gamma):
    """Loss at a step: a power law in the area under the schedule, less a gain for every fall of the rate so far.

    The rising rate of the warm-up counts as a negative fall: a schedule without its warm-up is off by 0.1 nats. Three
    curves hardly tell C, beta and gamma apart: ``tie(gamma="beta")`` then predicts other schedules better.
    """
    each = zip(pieces[::3], pieces[1::3], pieces[2::3])
    to_come = sum(fall * (1 + C * lr**-gamma * since) ** -beta for fall, lr, since in each)
    return L0 + A * area**-alpha - B * (fallen - to_come)
