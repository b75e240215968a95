"""Chatelain et al. 2021: parameters that are not trained do not count."""

from dataclasses import replace

from forerun.laws import Param, exponent, law
from forerun.units import LOSS, PARAMETERS


@law(
    "trainable-parameters",
    source="Chatelain et al. 2021, arXiv:2109.11928, abstract: loss depends on the number of trainable parameters only",
    status="inferred",
    group="architecture",
    answers="Do frozen or structured parameters help?",
    inputs=dict(N=replace(PARAMETERS, meaning="parameters that are trained; frozen ones do not count")),
    output=LOSS,
    params=dict(
        N_c=Param((1e-40, 1e40), "log", (1e9, 1e18), 8.8e13, "parameters at which the loss would reach 1", "parameters",
                  role="location"),
        alpha_N=exponent(typical=0.076, search=(0.01, 0.6)),
    ),
)  # fmt: skip
def trainable_parameters(N, *, N_c, alpha_N):
    """Loss against trained parameters: the law of Kaplan, which frozen random or structured extras do not move."""
    return (N_c / N) ** alpha_N
