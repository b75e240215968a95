"""Hernandez et al. 2022: a model that sees a small part of its data many times acts like a smaller one."""

from forerun.laws import amplitude, term
from forerun.units import PARAMETERS, REPEATED


@term(
    "repetition-damage",
    source="Hernandez et al. 2022, arXiv:2205.10487, abstract: 0.1 % of the data seen 100 times makes 800M act like 400M",
    status="inferred",
    inputs=dict(N=PARAMETERS, repeated=REPEATED),
    output=PARAMETERS,
    params=dict(
        f=amplitude("share of the parameters that still count in a treated run", typical=0.5, search=(0.02, 2.0))
    ),
)
def repetition_damage(N, repeated, *, f):
    """Size of the clean model that a model with a much-repeated subset acts like: f N where ``repeated`` is 1, else N.

    f belongs to one subset and one number of repeats, and is largest in effect where the model can memorise them.
    """
    return N * f**repeated
