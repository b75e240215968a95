"""Henighan et al. 2020: a floor and a power law, with a scale instead of an amplitude, for many modalities."""

from forerun.laws import Param, exponent, floor, law
from forerun.units import LOSS, X


@law(
    "henighan-autoregressive",
    source="Henighan et al. 2020, arXiv:2010.14701, table 1",
    status="stated",
    group="pretraining",
    answers="How does the loss on text, images, video or mathematics fall with size or compute, and where does it end?",
    inputs=dict(x=X),
    output=LOSS,
    params=dict(
        L_inf=floor("loss that stays: the entropy of the data", typical=3.0),
        x_0=Param((1e-40, 1e40), "log", (1e-6, 1e15), 80.0, "x at which the reducible loss is 1", "as x", "location"),
        alpha=exponent("how fast the reducible loss falls", typical=0.24),
    ),
)
def henighan_autoregressive(x, *, L_inf, x_0, alpha):
    """Loss over x: non-embedding parameters, or compute in PF-days (8.64e19 FLOP). Say which with the constants.

    What is left above L_inf is read as a divergence from the true distribution. Language has L_inf = 0 in the source: no
    floor was seen, not that there is none.
    """
    return L_inf + (x_0 / x) ** alpha
