"""Rosenfeld et al. 2019: error of a model in its size and the size of its data set."""

from forerun.laws import amplitude, exponent, floor, law
from forerun.units import PARAMETERS, TOKENS, Y


@law(
    "rosenfeld-additive",
    source="Rosenfeld et al. 2019, arXiv:1909.12673, the additive form",
    status="stated",
    group="pretraining",
    answers="What does a larger model or data set buy when both are small?",
    inputs=dict(N=PARAMETERS, D=TOKENS),
    output=Y,
    params=dict(
        c_inf=floor("error of an unlimited model on unlimited data", typical=0.1),
        a=amplitude("size of the finite-data part"),
        alpha=exponent("how fast the finite-data part falls with D"),
        b=amplitude("size of the finite-model part"),
        beta=exponent("how fast the finite-model part falls with N"),
    ),
)
def rosenfeld_additive(N, D, *, c_inf, a, alpha, b, beta):
    """Error, or loss, without the envelope of the paper that gives tiny models the error of chance.

    D may count samples or be a share of a data set: the amplitude a takes its unit. No coefficients were found.
    """
    return a * D**-alpha + b * N**-beta + c_inf
