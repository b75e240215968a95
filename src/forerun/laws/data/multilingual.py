"""Fernandes et al. 2023: one model for several language pairs acts on each like a smaller model of its own."""

from forerun.laws import amplitude, exponent, term
from forerun.units import DOMAIN_SHARE, PARAMETERS


@term(
    "task-parameters",
    source="Fernandes et al. 2023, arXiv:2302.09650, equations 11 and 12",
    status="stated",
    inputs=dict(N=PARAMETERS, domain_share=DOMAIN_SHARE),
    output=PARAMETERS,
    params=dict(
        c1=amplitude("size of what tasks lend each other", typical=0.5, search=(0.01, 5.0)),
        c2=exponent("power of the share", typical=0.6, search=(0.05, 2.0)),
        c3=exponent("power of the rest", typical=0.8, search=(0.05, 2.0)),
    ),
)
def task_parameters(N, domain_share, *, c1, c2, c3):
    """Parameters of a model of one task alone that does as well on it as N that get it with this sampling weight.

    The sum over tasks exceeds N where they help each other. Use it as
    ``power-law-floor`` along N: exponent and floor do not depend on the weights.
    """
    return N * (domain_share + c1 * domain_share**c2 * (1 - domain_share) ** c3)
