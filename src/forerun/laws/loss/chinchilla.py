"""Hoffmann et al. 2022: the loss of a compute-limited run as a floor and two power laws."""

from forerun.laws import amplitude, exponent, floor, law
from forerun.units import LOSS, PARAMETERS, TOKENS


@law(
    "chinchilla",
    source="Hoffmann et al. 2022, arXiv:2203.15556, approach 3, equation 2",
    status="stated",
    group="pretraining",
    answers="How should a compute budget be split between parameters and tokens?",
    inputs=dict(N=PARAMETERS, D=TOKENS),
    output=LOSS,
    params=dict(
        E=floor("loss of an unlimited model on unlimited data"),
        A=amplitude("size of the finite-model part"),
        alpha=exponent("how fast the finite-model part falls with N"),
        B=amplitude("size of the finite-data part"),
        beta=exponent("how fast the finite-data part falls with D"),
    ),
)
def chinchilla(N, D, *, E, A, alpha, B, beta):
    """Loss of a compute-limited run: an irreducible part, one for finite size, one for finite data.

    Never plan with rounded coefficients: two decimals of the exponents move the optimum by a factor of two.
    """
    return E + A * N**-alpha + B * D**-beta
