"""Clark et al. 2022: loss of a routed language model, and the dense model that it is worth."""

import numpy as np

from forerun.laws import Param, coefficient, law, term
from forerun.units import EXPERTS, LOSS, PARAMETERS

SOURCE = "Clark et al. 2022, arXiv:2202.01169"


def few(typical: float = 2.0) -> Param:
    """The number of experts at which a dense model is counted."""
    return Param(
        (1e-3, 1e6), "log", (1.02, 10.0), typical, "experts that a dense model counts as", "count", role="location"
    )


def many(typical: float = 300.0) -> Param:
    """The number of experts beyond which more of them do not help."""
    meaning = "experts beyond which more do not help"
    return Param((1e-3, 1e12), "log", (30.0, 3e3), typical, meaning, "count", role="location")


def saturated(experts, E_start, E_max):
    """Experts that count: E_start for one expert, and never more than E_max."""
    return 1.0 / (1.0 / (experts - 1.0 + 1.0 / (1.0 / E_start - 1.0 / E_max)) + 1.0 / E_max)


@law(
    "routed",
    source=SOURCE,
    status="stated",
    group="architecture",
    answers="What do more experts buy at a given size per token?",
    caution="made for one number of training tokens; coefficients with one or two digits do not fix where gains end",
    inputs=dict(N=PARAMETERS, experts=EXPERTS),
    output=LOSS,
    params=dict(
        a=coefficient("powers of ten in loss per tenfold of N", typical=-0.08, search=(-0.3, 0.0)),
        b=coefficient("powers of ten in loss per tenfold of experts", typical=-0.11, search=(-0.5, 0.1)),
        c=coefficient("how much less experts help a larger model", typical=0.01, search=(-0.02, 0.05)),
        d=coefficient("logarithm of the loss of one parameter", typical=1.1, search=(0.5, 2.0)),
        E_start=few(),
        E_max=many(),
    ),
)
def routed(N, experts, *, a, b, c, d, E_start, E_max):
    """Loss of a model with N parameters per token (its dense size) whose routed layers have so many experts.

    At N = 10^(-b/c) experts stop helping. Every second layer is routed, each token goes to one expert.
    """
    counted = np.log10(saturated(experts, E_start, E_max))
    return 10.0 ** (a * np.log10(N) + b * counted + c * np.log10(N) * counted + d)


@term(
    "routed-parameters",
    source=f"{SOURCE}, effective parameter count: the dense size of equal loss, solved by us",
    status="inferred",
    inputs=dict(N=PARAMETERS, experts=EXPERTS),
    output=PARAMETERS,
    params=dict(
        p=coefficient("b / a of the routed law: what experts are worth beside parameters", typical=1.3),
        q=coefficient("c / a of the routed law: less of it in a larger model", typical=-0.11, search=(-0.15, 0.0)),
        E_start=few(),
        E_max=many(),
    ),
)
def routed_parameters(N, experts, *, p, q, E_start, E_max):
    """Size of the dense model that a routed model with N parameters per token equals, by the law `routed`."""
    counted, one = np.log10(saturated(experts, E_start, E_max)), np.log10(E_start)
    return 10.0 ** (((1.0 + q * counted) * np.log10(N) + p * (counted - one)) / (1.0 + q * one))
