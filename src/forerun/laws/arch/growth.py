"""Du et al. 2024: when a small model should be stacked into a large one."""

import numpy as np

from forerun.laws import coefficient, law
from forerun.units import FLOPS, GROWTH_TOKENS, PARAMETERS

FACTOR = 4  # the depth of the small model goes into that of the large one so many times, as the authors advise


@law(
    "stacking-tokens",
    source="Du et al. 2024, arXiv:2405.15319, guideline in the authors' README",
    status="stated",
    group="architecture",
    answers="How long should a small model be trained before it is stacked?",
    caution="for stacking in depth by a factor of four",
    inputs=dict(N=PARAMETERS, C=FLOPS),
    output=GROWTH_TOKENS,
    params=dict(
        a=coefficient("powers of ten in tokens per tenfold of N", typical=0.88, search=(0.0, 2.0)),
        b=coefficient("how much earlier a larger budget asks for", typical=163.27, search=(0.0, 400.0)),
        c=coefficient("level", typical=-5.74, search=(-20.0, 20.0)),
    ),
)
def stacking_tokens(N, C, *, a, b, c):
    """Tokens of the small model before it is stacked into a model of N parameters that is trained with C FLOP."""
    return 10.0 ** (a * np.log10(N) + b / np.log10(C) + c)
