"""Luo et al. 2025: a whole loss curve from its learning-rate schedule, where late falls have not yet had their effect."""

from forerun.laws import Param, amplitude, exponent, floor, law
from forerun.units import AREA, AREA_SINCE, FALL, LEARNING_RATE, LOSS


def saturation(meaning: str, typical: float) -> Param:
    """An exponent of how the gain of a fall in the rate saturates: zero to a few."""
    return Param((0.0, 4.0), "linear", (0.1, 1.2), typical, meaning, role="exponent")


@law(
    "multi-power-law",
    source="Luo et al. 2025, arXiv:2503.12811, with the authors' code; the sum over steps in pieces is ours",
    status="stated",
    group="dynamics",
    answers="What does the same run reach under another learning-rate schedule, at every step?",
    caution="valid for one model, data set, batch and peak rate; it reads a table from forerun.runs.schedules.in_pieces",
    inputs=dict(
        area=AREA, fall=FALL.over("piece"), lr=LEARNING_RATE.over("piece"), area_since=AREA_SINCE.over("piece")
    ),
    output=LOSS,
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
def multi_power_law(area, fall, lr, area_since, *, L0, A, alpha, B, C, beta, gamma):
    """Loss at a step: a power law in the area S1 under the schedule, less a gain for every fall of the rate so far.

    A piece gathers neighbouring steps: ``fall`` is how much the rate fell in it, ``lr`` what it fell to, and
    ``area_since`` the area under the schedule from there to the step asked for. Pieces of one step are the published
    law. The rising rate of the warm-up counts as a negative fall: a schedule without its warm-up is off by 0.1 nats.
    Three curves hardly tell C, beta and gamma apart: ``tie(gamma="beta")`` then predicts other schedules better.
    """
    gain = sum(fall[i] * (1 - (1 + C * lr[i] ** -gamma * area_since[i]) ** -beta) for i in fall)
    return L0 + A * area**-alpha - B * gain
