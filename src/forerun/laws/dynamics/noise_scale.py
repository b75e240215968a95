"""McCandlish et al. 2018: steps that a loss takes at each batch, and the batch beyond which more of it is wasted."""

from dataclasses import replace

from forerun.laws import amplitude, law
from forerun.units import BATCH, STEP


@law(
    "mccandlish-steps",
    source="McCandlish et al. 2018, arXiv:1812.06162, equation 2.11",
    status="stated",
    group="batch size",
    answers="How many steps does a larger batch save, and what does it cost in tokens?",
    inputs=dict(batch=BATCH),
    output=replace(STEP, meaning="optimiser steps to one loss"),
    params=dict(
        S_min=amplitude("steps at an unlimited batch", typical=5e3, search=(1.0, 1e8)),
        B_crit=amplitude("critical batch, tokens: twice the fewest steps, twice the fewest tokens", typical=1e6),
    ),
)
def mccandlish_steps(batch, *, S_min, B_crit):
    """Steps to reach one loss at a batch: (S / S_min - 1)(E / E_min - 1) = 1 with E = S batch and B_crit = E_min / S_min.

    All runs must reach the same loss, each batch at its own best learning rate.
    """
    return S_min * (1 + B_crit / batch)
