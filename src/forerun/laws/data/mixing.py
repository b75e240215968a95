"""Ye et al. 2024: loss on one domain against the shares of all domains in the training mixture."""

import numpy as np

from forerun.laws import coefficient, dot, floor, law
from forerun.units import LOSS, WEIGHT


@law(
    "data-mixing",
    source="Ye et al. 2024, arXiv:2403.16952, equation 1",
    status="stated",
    group="data",
    answers="Which mixture of domains should be trained on?",
    inputs=dict(r=WEIGHT.over("domain")),
    output=LOSS,
    params=dict(
        c=floor("loss that no mixture goes below", typical=1.5),
        t=coefficient(
            "effect of the share of a domain", typical=(0.6, -0.9, -0.2), bounds=(-30.0, 30.0), search=(-3.0, 2.0)
        ).over("domain"),
    ),
)
def data_mixing(r, *, c, t):
    """Loss on one validation domain: c + exp(sum of t_j r_j) over the shares r_j of the training domains.

    The factor k of the paper is absorbed: the shares sum to one, so log k adds to every t_j alike.
    """
    return c + np.exp(dot(t, r))
