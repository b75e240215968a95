"""Krajewski et al. 2024: loss of a mixture of many small experts."""

from dataclasses import replace

from forerun.laws import amplitude, exponent, floor, law
from forerun.units import GRANULARITY, LOSS, PARAMETERS, TOKENS

BLOCKS = replace(PARAMETERS, meaning="parameters of all blocks, every expert counted, embeddings not")


@law(
    "granularity",
    source="Krajewski et al. 2024, arXiv:2402.07871",
    status="stated",
    group="architecture",
    answers="Into how many smaller experts should each expert be cut?",
    caution="finer experts always win here; what routing costs has to be added to the compute",
    inputs=dict(N=BLOCKS, D=TOKENS, granularity=GRANULARITY),
    output=LOSS,
    params=dict(
        c=floor(typical=0.47),
        g=amplitude("part of the finite-model part that finer experts remove", typical=2.1),
        gamma=exponent("how fast that part falls with granularity", typical=0.58),
        a=amplitude("finite-model part of the finest experts", typical=18.1),
        alpha=exponent("how fast the finite-model part falls with N", typical=0.115, search=(0.02, 1.0)),
        b=amplitude("size of the finite-data part", typical=30.8),
        beta=exponent("how fast the finite-data part falls with D", typical=0.147, search=(0.02, 1.0)),
    ),
)
def granularity(N, D, granularity, *, c, g, gamma, a, alpha, b, beta):
    """Loss of a model with 64 times the parameters of one expert per block, cut into finer experts.

    N counts all experts (about 43 times what a token meets): the losses of the paper come out in no other reading.
    """
    return c + (g * granularity**-gamma + a) * N**-alpha + b * D**-beta
