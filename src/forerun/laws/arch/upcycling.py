"""Liew et al. 2025: loss of a mixture of experts that starts from a trained dense model."""

from dataclasses import replace

import numpy as np

from forerun.laws import amplitude, coefficient, exponent, floor, law
from forerun.units import DENSE_TOKENS, LOSS, PARAMETERS, TOKENS


@law(
    "upcycling",
    source="Liew et al. 2025, arXiv:2502.03009, tables 1 and 2",
    status="inferred",
    group="architecture",
    answers="Until which budget is a dense model worth more as a start than a fresh mixture of experts?",
    caution="far beyond the fitted tokens the interaction makes more training raise the loss: do not extrapolate",
    inputs=dict(
        N=replace(PARAMETERS, meaning="parameters of the dense model that is turned into a mixture"),
        D_dense=DENSE_TOKENS,
        D=replace(TOKENS, meaning="tokens after the dense model was turned into a mixture"),
    ),
    output=LOSS,
    params=dict(
        E=floor(typical=0.2),
        A=amplitude("size of the finite-data part", typical=16.0),
        a1=exponent("how fast it falls with dense tokens", typical=0.04, search=(0.01, 0.5)),
        a2=exponent("how fast it falls with later tokens, after one dense token", typical=0.085, search=(0.01, 0.5)),
        a3=coefficient("how dense tokens weaken later ones", typical=0.0008, search=(-0.005, 0.005)),
        B=amplitude("size of the finite-model part", typical=8.5),
        beta=exponent("how fast the finite-model part falls with N", typical=0.11, search=(0.02, 1.0)),
    ),
)
def upcycling(N, D_dense, D, *, E, A, a1, a2, a3, B, beta):
    """Loss of a mixture of eight experts made of a dense model of N parameters that had seen D_dense tokens.

    How the size part is added, and that the logarithm is natural, follow from the columns of the paper's table 2; the
    equation itself was not read.
    """
    return E + A * np.exp(-a1 * np.log(D_dense) - (a2 - a3 * np.log(D_dense)) * np.log(D)) + B * N**-beta
