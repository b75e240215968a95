"""Luo et al. 2024: the share of neurons that are active, against training tokens."""

from typing import Any

import numpy as np

from forerun.laws import Param, amplitude, coefficient, exponent, floor, law
from forerun.units import ACTIVITY, TOKENS

DETAILS: dict[str, Any] = dict(group="architecture", status="stated", inputs=dict(D=TOKENS), output=ACTIVITY)
UNIT = 1e9  # the published coefficients are for tokens in billions


def _above_largest(columns):
    return 1.001 * float(columns["y"].max()), 3.0 * float(columns["y"].max())


@law(
    "active-neurons-relu",
    source="Luo et al. 2024, arXiv:2411.02335, equation 4",
    answers="Which share of the neurons stays active if a ReLU model is trained for longer?",
    params=dict(
        A_0=floor("active share after endless training", typical=0.0648),
        b=coefficient("logarithm of the further active share at the start", typical=-3.46, search=(-7.0, 0.0)),
        c=amplitude("how much of that is gone after a billion tokens", typical=1.56e-4, search=(1e-6, 3.0)),
        alpha=exponent("how that loss grows with tokens", typical=1.53, search=(0.2, 2.5)),
    ),
    **DETAILS,
)
def active_neurons_relu(D, *, A_0, b, c, alpha):
    """Active share of a ReLU model after D tokens: it falls to A_0."""
    return A_0 + np.exp(b - c * (D / UNIT) ** alpha)


@law(
    "active-neurons-silu",
    source="Luo et al. 2024, arXiv:2411.02335, equation 5",
    answers="Which share of the neurons becomes active if a SiLU model is trained for longer?",
    params=dict(
        A_0=Param((0.0, 10.0), "linear", _above_largest, 0.4, "active share after endless training", role="ceiling"),
        c=amplitude("how far below it the share is after a billion tokens", typical=0.1, search=(1e-4, 1.0)),
        alpha=exponent("how fast the share approaches it", typical=0.3, search=(0.02, 2.0)),
    ),
    **DETAILS,
)
def active_neurons_silu(D, *, A_0, c, alpha):
    """Active share of a SiLU model after D tokens: it rises to A_0. No coefficients of it were read."""
    return A_0 - c * (D / UNIT) ** -alpha
