"""Loss on one domain against the shares of all domains in the training mixture: Ye et al. 2024, and a plain line."""

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


@law(
    "linear-mixture",
    source="Liu et al. 2024 (RegMix), arXiv:2407.01492, linear regression of the authors' notebook",
    status="stated",
    group="data",
    answers="How does a line in the shares rank mixtures, which every mixing law should beat?",
    inputs=dict(r=WEIGHT.over("domain")),
    output=LOSS,
    params=dict(
        w=coefficient("loss of a model of this domain alone", typical=(3.4, 2.6, 3.0), search=(0.0, 10.0)).over(
            "domain"
        ),
    ),
)
def linear_mixture(r, *, w):
    """Loss as the mean of one number for each domain, weighted by its share; the intercept is in these numbers.

    Its best mixture is always a single domain, or the limits: a baseline, not a guide.
    """
    return dot(w, r)
