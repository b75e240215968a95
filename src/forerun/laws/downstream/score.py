"""Score of a benchmark as a sigmoid in log compute, between chance and a ceiling."""

import numpy as np

from forerun.laws import Param, coefficient, law
from forerun.units import FLOPS, SCORE


def _below_smallest(columns):
    return 0.0, max(float(columns["y"].min()), 0.01)


def _above_largest(columns):
    return min(float(columns["y"].max()), 0.99), 1.0


@law(
    "score-sigmoid",
    source="Owen 2024, arXiv:2401.04757: sigmoid in log compute; chance and ceiling as in step two of OLMo-ladder, fitting_functions.py",
    status="recalled",
    group="downstream",
    answers="Which score does a benchmark reach at this compute?",
    inputs=dict(C=FLOPS),
    output=SCORE,
    params=dict(
        g=Param(
            (0.0, 1.0), "linear", _below_smallest, 0.25, "score of guessing; fix it where it is known", role="floor"
        ),
        h=Param((0.0, 1.0), "linear", _above_largest, 0.9, "score of unlimited compute", role="ceiling"),
        m=coefficient(
            "log10 of the FLOP half way between them", typical=20.5, bounds=(-50.0, 100.0), search=(15.0, 28.0)
        ),
        k=Param((0.01, 20.0), "log", (0.2, 10.0), 2.0, "steepness: logits per decade of compute", role="exponent"),
    ),
)
def score_sigmoid(C, *, g, h, m, k):
    """Score at compute C, between guessing and a ceiling.

    Fix the score of guessing (``.fix(g=0.25)`` for four choices), and the ceiling where no run comes near it: runs that
    have not begun to bend know neither. Scores near zero need ``objective="squared"``.
    """
    return g + (h - g) / (1 + np.exp(-k * (np.log10(C) - m)))
