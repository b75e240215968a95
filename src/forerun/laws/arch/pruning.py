"""Weights that are zero: Frantar et al. 2023, and the average size of Jin et al. 2025."""

from dataclasses import replace

from forerun.laws import Param, amplitude, exponent, floor, law, term
from forerun.units import LOSS, PARAMETERS, SPARSITY, TOKENS


@law(
    "weight-sparsity",
    source="Frantar et al. 2023, arXiv:2309.08520",
    status="stated",
    group="architecture",
    answers="Which share of the weights should be zero?",
    inputs=dict(N=replace(PARAMETERS, meaning="parameters that are not zero"), D=TOKENS, sparsity=SPARSITY),
    output=LOSS,
    params=dict(
        c=floor(typical=0.65),
        a_S=amplitude("part of the finite-model part that sparsity removes", typical=17.0),
        b_S=exponent("power of the share of weights that are not zero", typical=0.7, search=(0.05, 3.0)),
        c_S=amplitude("finite-model part of the sparsest model", typical=45.0),
        b_N=exponent("how fast the finite-model part falls with N", typical=0.25, search=(0.02, 1.5)),
        a_D=Param((1e-40, 1e40), "log", (1e5, 1e12), 7e8, "data at which the finite-data part is 1", "tokens",
                  role="location"),
        b_D=exponent("how fast the finite-data part falls with D", typical=0.2, search=(0.02, 1.5)),
    ),
)  # fmt: skip
def weight_sparsity(N, D, sparsity, *, c, a_S, b_S, c_S, b_N, a_D, b_D):
    """Loss of a model pruned while it is trained, with N weights that are not zero.

    A model is worth ((a_S + c_S) / (a_S (1-S)^b_S + c_S))^(1/b_N) times as many dense parameters.
    """
    return c + (a_S * (1.0 - sparsity) ** b_S + c_S) * N**-b_N + (a_D / D) ** b_D


@term(
    "average-parameters",
    source="Jin et al. 2025, arXiv:2501.12486, abstract: the average parameter count over training stands for N",
    status="inferred",
    inputs=dict(N=replace(PARAMETERS, meaning="parameters before pruning"), sparsity=SPARSITY),
    output=PARAMETERS,
    params=dict(
        share=Param((0.0, 1.0), "linear", (0.05, 0.95), 0.625, "mean sparsity over training, as a share of the last"),
    ),
)
def average_parameters(N, sparsity, *, share):
    """Parameters that are not zero, averaged over the tokens of training, of a model pruned to a sparsity.

    ``share`` follows from the schedule: 0.5 if sparsity rises in a straight line from 25 % to 75 % of the tokens.
    """
    return N * (1.0 - share * sparsity)
