"""Ge et al. 2024 (BiMix): loss on one domain against its own share and the amount of training data."""

from forerun.laws import amplitude, exponent, floor, law
from forerun.units import DOMAIN_SHARE, LOSS, TOKENS


@law(
    "bimix",
    source="Ge et al. 2024, arXiv:2405.14908",
    status="stated",
    group="data",
    answers="What do a larger share of a domain and more training each buy on that domain?",
    inputs=dict(domain_share=DOMAIN_SHARE, D=TOKENS),
    output=LOSS,
    params=dict(
        alpha=exponent("how fast the loss falls with the share", typical=0.08, search=(0.005, 1.0)),
        B=amplitude("size of the part that data reduce, at a share of 1", typical=400.0),
        beta=exponent("how fast that part falls with tokens", typical=0.3),
        C=floor("loss of endless data at a share of 1", typical=1.5),
    ),
)
def bimix(domain_share, D, *, alpha, B, beta, C):
    """Loss on one domain: a power of its own share times a power law with a floor in the training tokens.

    The factor A of the paper is one here, since only its products with B and C can be told. The loss is infinite at a
    share of zero, so that domains that were left out need another law.
    """
    return domain_share**-alpha * (B * D**-beta + C)
