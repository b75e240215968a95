"""Goyal et al. 2024: pools of data of unlike quality, whose use falls by half in a number of passes of its own."""

from dataclasses import replace

import numpy as np

from forerun.laws import Param, amplitude, law
from forerun.units import ERROR, TOKENS, UNIQUE_TOKENS, WEIGHT

SOURCE = "Goyal et al. 2024, arXiv:2404.07177, locuslab/scaling_laws_data_filtering commit cf5ced1, objective.py"
MOST_PASSES = 50  # that the sum below goes to, as the program of the source does with its largest budget
PER = 1e5  # samples: the unit that the source counts in
SAMPLES = replace(TOKENS, unit="samples", meaning="samples seen, repeats included", typical=(3e7, 2e9))
UNIQUE = replace(UNIQUE_TOKENS, unit="samples", meaning="unlike samples among them", typical=(1e7, 1e8))
CAUTION = "fitted on CLIP models and up to ten passes; more than 50 passes count as 50"
SHARED = dict(
    a=amplitude("samples that a sample counts as", typical=0.025, search=(1e-4, 0.2)),
    d=Param((0.0, 1.0), "linear", (0.0, 0.4), 0.1, "part of the error after one pass that no data remove"),
)
USE = Param((-5.0, 1.0), "linear", (-0.5, -0.005), -0.16, "use of fresh samples: power in which the error falls")
HALF = Param((0.05, 1e4), "log", (1.0, 20.0), 6.7, "passes in which the use falls by half", "passes", role="location")


def up_to(x, limit):
    """min(x, limit) of an input, written so that derivatives pass by."""
    return limit - ((limit - x) + ((limit - x) ** 2) ** 0.5) / 2


def fall(a, d, D, U, uses):
    """Error; ``uses`` are pairs: use of fresh samples, and what is left of it after a pass."""
    done, fresh, exponent = [up_to(D / U, float(j)) for j in range(1, MOST_PASSES + 1)], 0.0, 0.0
    grown = [np.log(1.0 + (done[j] - done[j - 1]) / j) for j in range(1, MOST_PASSES)]
    for b, left in uses:
        worn = 0.0
        for one in reversed(grown):
            worn = (worn + one) * left
        fresh, exponent = fresh + b, exponent + b * worn
    return ((a * U * done[0] / PER) ** fresh + d) * np.exp(exponent)


@law(
    "quality-pool",
    source=SOURCE,
    status="stated",
    group="data",
    answers="How long does one pool of data stay of use when it is repeated?",
    caution=CAUTION,
    inputs=dict(D=SAMPLES, U=UNIQUE),
    output=ERROR,
    params=dict(**SHARED, b=USE, tau=HALF),
)
def quality_pool(D, U, *, a, d, b, tau):
    """Error after D samples drawn from one pool of U samples; in pass j it falls as samples to b 0.5**(j / tau)."""
    return fall(a, d, D, U, [(b, 0.5 ** (1.0 / tau))])


@law(
    "quality-pools",
    source=SOURCE,
    status="stated",
    group="data",
    answers="Which share of the data should a filter keep at this compute?",
    caution=CAUTION,
    inputs=dict(D=SAMPLES, U=UNIQUE, r=replace(WEIGHT, meaning="share of each pool", typical=(0.3, 1.0)).over("pool")),
    output=ERROR,
    params=dict(
        **SHARED,
        b=replace(USE, typical=(-0.16, -0.125, -0.1)).over("pool"),
        tau=replace(HALF, typical=(6.7, 8.5, 5.3)).over("pool"),
    ),
)
def quality_pools(D, U, r, *, a, d, b, tau):
    """Error of a mixture of equal pools: fitted on pools alone, it predicts mixtures that were never trained on.

    The use in pass j is the mean over the p pools of b 0.5**(j / (p tau)); where shares are not equal, p is one over
    the sum of their squares, which is ours. It misleads where pools say the same things.
    """
    count = 1.0 / sum(r[m] ** 2 for m in r)
    return fall(a, d, D, U, [(r[m] * b[m], 0.5 ** (1.0 / (count * tau[m]))) for m in r])
