"""Decays that are faster than any power law, with a floor: exponential, and stretched between the two."""

import numpy as np

from forerun.laws import Param, amplitude, floor, law, location
from forerun.units import X, Y

ANSWERS = "Does the outcome fall faster than a power law?"
FLOOR = floor(typical=0.05)
DECAYING = amplitude("size of the part that decays", typical=2.0)


@law(
    "exponential-floor",
    source="Sorscher et al. 2022, arXiv:2206.14486: error exp(-c x) of perfectly pruned data in examples per parameter",
    status="recalled",
    group="data",
    answers=ANSWERS,
    inputs=dict(x=X),
    output=Y,
    params=dict(E=FLOOR, A=DECAYING, x0=location("x", "x over which the decaying part falls by a factor e")),
)
def exponential_floor(x, *, E, A, x0):
    """Outcome whose reducible part falls by a factor e with every x0.

    The floor is ours; the source expects one, and a return to a power law, where the metric of pruning is imperfect.
    On few runs the bend of a power law towards its floor looks like this.
    """
    return E + A * np.exp(-x / x0)


@law(
    "stretched-exponential",
    source="Kohlrausch 1854 for relaxation; proposed here for learning curves, not the law of any paper",
    status="inferred",
    group="data",
    answers=ANSWERS,
    inputs=dict(x=X),
    output=Y,
    params=dict(
        E=FLOOR,
        A=DECAYING,
        x0=location("x", "x over which the decaying part first falls by a factor e"),
        b=Param(
            (0.02, 5.0), "linear", (0.1, 1.5), 0.4, "1 is exponential; towards 0 it becomes a power law", role="width"
        ),
    ),
)
def stretched_exponential(x, *, E, A, x0, b):
    """Outcome between an exponential decay (b = 1) and a power law (b towards 0), with a floor.

    With b below about 0.2 the floor, the size and b trade off: any of them may be far off while the curve fits.
    """
    return E + A * np.exp(-((x / x0) ** b))
