"""Kaplan et al. 2020: loss against parameters, against data, and against both."""

from dataclasses import replace

from forerun.laws import Param, exponent, law
from forerun.units import LOSS, PARAMETERS, TOKENS

SOURCE = "Kaplan et al. 2020, arXiv:2001.08361"
NON_EMBEDDING = replace(PARAMETERS, meaning="non-embedding parameters")


def scale(meaning: str, typical: float, unit: str) -> Param:
    """A characteristic size: where the extrapolated loss would be one nat."""
    return Param((1e-40, 1e40), "log", (1e9, 1e18), typical, meaning, unit, role="location")


N_SCALE = scale("parameters at which the loss would reach 1", 8.8e13, "parameters")
D_SCALE = scale("tokens at which the loss would reach 1", 5.4e13, "tokens")


@law(
    "kaplan-n",
    source=f"{SOURCE}, equation 1.1",
    status="stated",
    group="pretraining",
    answers="What does size alone buy?",
    inputs=dict(N=NON_EMBEDDING),
    output=LOSS,
    params=dict(N_c=N_SCALE, alpha_N=exponent(typical=0.076)),
)
def kaplan_n(N, *, N_c, alpha_N):
    """Loss of a model trained to convergence on enough data. N counts non-embedding parameters."""
    return (N_c / N) ** alpha_N


@law(
    "kaplan-d",
    source=f"{SOURCE}, equation 1.2",
    status="stated",
    group="pretraining",
    answers="What does data alone buy?",
    inputs=dict(D=TOKENS),
    output=LOSS,
    params=dict(D_c=D_SCALE, alpha_D=exponent(typical=0.095)),
)
def kaplan_d(D, *, D_c, alpha_D):
    """Loss of a large model trained with early stopping on D unique tokens."""
    return (D_c / D) ** alpha_D


@law(
    "kaplan-nd",
    source=f"{SOURCE}, equation 1.5",
    status="stated",
    group="pretraining",
    answers="How much data does a size need before it overfits?",
    inputs=dict(N=NON_EMBEDDING, D=TOKENS),
    output=LOSS,
    params=dict(N_c=N_SCALE, alpha_N=exponent(typical=0.076), D_c=D_SCALE, alpha_D=exponent(typical=0.103)),
)
def kaplan_nd(N, D, *, N_c, alpha_N, D_c, alpha_D):
    """Loss with early stopping when size and unique data both limit; it has no floor."""
    return ((N_c / N) ** (alpha_N / alpha_D) + D_c / D) ** alpha_D
