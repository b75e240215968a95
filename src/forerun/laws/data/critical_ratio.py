"""Gu et al. 2024 (CMR): the largest share of a domain that continued training bears without harm to general text."""

from forerun.laws import coefficient, exponent, law
from forerun.units import DOMAIN_SHARE, TOKENS

UNIT = 2e8  # tokens: the unit in which the paper counts


@law(
    "critical-mixture-ratio",
    source="Gu et al. 2024, arXiv:2407.17467, equation 8",
    status="stated",
    group="data",
    answers="How much of a domain can be mixed in before general text gets worse?",
    inputs=dict(D=TOKENS),
    output=DOMAIN_SHARE,
    params=dict(
        a=coefficient("size of the part that changes with tokens, at 0.2 billion of them", typical=-1.2),
        s=exponent("power of the tokens", typical=-0.2, search=(-1.5, 1.0)),
        b=coefficient("share without that part", typical=0.9),
    ),
    caution="a law of one model and one domain, which can leave the range of 0 to 1 outside the tokens that were fitted",
)
def critical_mixture_ratio(D, *, a, s, b):
    """Largest domain share at which the general loss stays within 0.05 nats of where it was, after D tokens at most."""
    return a * (D / UNIT) ** s + b
