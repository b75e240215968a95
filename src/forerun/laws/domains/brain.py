"""Antonello et al. 2023: how well language models of growing size predict what a brain does."""

import numpy as np

from forerun.laws import coefficient, law
from forerun.units import PARAMETERS, SCORE

SMALLEST = 125e6


@law(
    "brain-encoding",
    source="Antonello et al. 2023, arXiv:2305.11863, abstract: logarithmic in size, about 15 % from 125M to 30B",
    status="stated",
    group="biomedical",
    answers="How much better does a larger language model predict the responses of a brain?",
    caution="has no ceiling, and some areas of the brain are near theirs",
    inputs=dict(N=PARAMETERS),
    output=SCORE,
    params=dict(
        level=coefficient("score of a model of 125M parameters", typical=0.12, search=(0.0, 1.0)),
        gain=coefficient("share of that score that is gained for ten times the size", typical=0.063),
    ),
)
def brain_encoding(N, *, level, gain):
    """Correlation of predicted with held-out responses, as a straight line in the logarithm of size."""
    return level * (1 + gain * np.log10(N / SMALLEST))
