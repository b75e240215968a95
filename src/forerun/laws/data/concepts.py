"""Udandarao et al. 2024: zero-shot scores rise in a straight line with the logarithm of how often a concept was seen."""

from dataclasses import replace

import numpy as np

from forerun.laws import coefficient, law
from forerun.units import FREQUENCY, SCORE


@law(
    "concept-frequency",
    source="Udandarao et al. 2024, arXiv:2404.04125, abstract",
    status="stated",
    group="data",
    answers="How often must a concept occur in the training set for a score on it?",
    caution="about means over concepts of like frequency: single concepts scatter by tens of points",
    inputs=dict(frequency=FREQUENCY),
    output=replace(SCORE, meaning="mean score of the concepts of this frequency"),
    params=dict(
        a=coefficient("score of concepts that were seen once", typical=0.1, bounds=(-10.0, 10.0), search=(0.0, 0.5)),
        b=coefficient("gain for each tenfold of occurrences", typical=0.08, bounds=(-10.0, 10.0), search=(0.0, 0.2)),
    ),
)
def concept_frequency(frequency, *, a, b):
    """Score, a share of one, of concepts that occur so often; it passes one at last, which no score does.

    Every equal gain costs the same factor of data. Counts are of text and image together in the source.
    """
    return a + b * np.log10(frequency)
