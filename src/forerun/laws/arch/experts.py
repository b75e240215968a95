"""Ludziejewski et al. 2025: loss in active parameters, tokens and experts at once."""

from dataclasses import replace

import numpy as np

from forerun.laws import amplitude, coefficient, floor, law
from forerun.laws.arch.routed import few, many, saturated
from forerun.units import ACTIVE_PARAMETERS, EXPERTS, LOSS, TOKENS


@law(
    "joint-moe",
    source="Ludziejewski et al. 2025, arXiv:2502.05172",
    status="stated",
    group="architecture",
    answers="How many experts, how many active parameters, how many tokens?",
    inputs=dict(
        N_active=replace(ACTIVE_PARAMETERS, meaning="parameters that a token meets, embeddings included"),
        D=TOKENS,
        experts=replace(EXPERTS, typical=(1.0, 64.0)),
    ),
    output=LOSS,
    params=dict(
        c=floor(typical=1.3637),
        a=amplitude("size of the finite-model part", typical=35.91),
        alpha=coefficient("power of N at one effective expert", typical=-0.1889, search=(-0.8, -0.02)),
        delta=coefficient("power of the experts in the finite-model part", typical=-0.2285, search=(-1.0, 0.5)),
        gamma=coefficient("how experts weaken the power of N", typical=0.0098, search=(-0.05, 0.05)),
        b=amplitude("size of the finite-data part", typical=35.98),
        beta=coefficient("power of D at one effective expert", typical=-0.1775, search=(-0.8, -0.02)),
        omega=coefficient("power of the experts in the finite-data part", typical=0.5529, search=(-0.5, 1.5)),
        zeta=coefficient("how experts strengthen the power of D", typical=-0.0259, search=(-0.1, 0.1)),
        E_start=few(2.0732),
        E_max=many(290.4521),
    ),
)
def joint_moe(N_active, D, experts, *, c, a, alpha, delta, gamma, b, beta, omega, zeta, E_start, E_max):
    """Loss of a model of N active parameters trained on D tokens, with so many experts of which one is active.

    For each number of experts it is the law of Chinchilla. One expert counts as E_start, not as one. The signs of the
    powers are those of the paper: alpha and beta are negative.
    """
    counted = np.log(saturated(experts, E_start, E_max))
    size, data = np.log(N_active), np.log(D)
    return (
        c
        + a * np.exp(delta * counted + (alpha + gamma * counted) * size)
        + b * np.exp(omega * counted + (beta + zeta * counted) * data)
    )
