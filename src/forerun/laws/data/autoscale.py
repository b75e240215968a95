"""Kang et al. 2024 (AutoScale): loss on one domain when only the amount of its own data changes."""

from forerun.laws import exponent, floor, law
from forerun.units import LOSS, RELATIVE_TOKENS


@law(
    "autoscale-domain",
    source="Kang et al. 2024, arXiv:2407.20177, authors' notebook (direct data optimization)",
    status="stated",
    group="data",
    answers="What does a multiple of the data of one domain buy, all else kept?",
    inputs=dict(relative_tokens=RELATIVE_TOKENS),
    output=LOSS,
    params=dict(
        a=floor("what the rest of the mixture is worth, in the same unit", typical=0.6, search=(0.0, 5.0)),
        b=exponent("how fast the loss falls with its data", typical=0.3),
        c=floor("loss that data of this domain do not go below", typical=2.4),
    ),
)
def autoscale_domain(relative_tokens, *, a, b, c):
    """Loss with ``relative_tokens`` times the data of a domain; the authors retrain at 1/5, 1 and 3 times.

    The part that data reduce is one where data and the rest together are worth one, so that it has no size of its own.
    """
    return (relative_tokens + a) ** -b + c
