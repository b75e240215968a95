"""Alabdulmohsin et al. 2022: four forms, M1 to M4, for a learning curve of any outcome over any variable."""

from typing import Any

import numpy as np

from forerun.laws import Param, amplitude, exponent, floor, law
from forerun.units import X, Y

SOURCE = "Alabdulmohsin et al. 2022, arXiv:2209.06640, section 3"
DETAILS: dict[str, Any] = dict(source=SOURCE, group="functional form", inputs=dict(x=X), output=Y)
A = amplitude(typical=5.0)
FLOOR = floor(typical=0.05)


def _inverse_range(columns):
    return 0.0, 1.0 / float(columns["x"].min())


def _above_largest(columns):
    return 1.001 * float(columns["y"].max()), 3.0 * float(columns["y"].max())


@law("m1", status="stated", answers="Is it a plain power law?", params=dict(b=A, c=exponent()), **DETAILS)
def m1(x, *, b, c):
    """Power law without a floor."""
    return b * x**-c


@law(
    "m2", status="stated", answers="Is it a power law with a floor?", params=dict(e=FLOOR, b=A, c=exponent()), **DETAILS
)
def m2(x, *, e, b, c):
    """Power law with a floor e. With the objective of the paper its global optimum is often degenerate: fit on log y."""
    return e + b * x**-c


@law(
    "m3",
    status="stated",
    answers="Does the curve start flat?",
    params=dict(
        b=A, c=exponent(), g=Param((0.0, 1e40), "linear", _inverse_range, 1e-6, "1/x at which it flattens", "1/x")
    ),
    **DETAILS,
)
def m3(x, *, b, c, g):
    """Power law whose large-x end is flattened: b (1/x + g)^c; the floor is b g^c."""
    return b * (1 / x + g) ** c


@law(
    "m4",
    status="stated",
    answers="Does the curve leave chance level and end at a floor?",
    kind="implicit",
    between=("e", "e0"),
    params=dict(
        e=FLOOR,
        e0=Param((1e-40, 1e40), "linear", _above_largest, 1.0, "outcome before learning (chance)", role="ceiling"),
        a=Param((0.0, 20.0), "linear", (0.0, 3.0), 0.7, "how slowly it leaves chance"),
        b=amplitude(typical=30.0),
        c=exponent(),
    ),
    **DETAILS,
)
def m4(y, x, *, e, e0, a, b, c):
    """Sigmoid-like curve between e0 and e, solved for y: (y - e) / (e0 - y)^a = b x^-c. a = 0 gives M2."""
    return np.log(y - e) - a * np.log(e0 - y) - np.log(b) + c * np.log(x)
