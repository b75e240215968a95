"""Gao et al. 2022: the true reward of a policy that is optimised against a model of that reward."""

from typing import Any

import numpy as np

from forerun.laws import coefficient, law
from forerun.units import DIVERGENCE, REWARD, ROUNDS

DETAILS: dict[str, Any] = dict(
    source="Gao et al. 2022, arXiv:2210.10760, section 1, read in a translated copy",
    status="stated",
    group="alignment",
    output=REWARD,
)
ALPHA = coefficient("reward at first, for each root of a nat", typical=1.0, search=(0.0, 5.0))
BETA = coefficient("how fast the reward model is exploited", typical=0.1, search=(0.0, 2.0))


def divergence_of_best(n):
    """Divergence in nats of the best of n samples from a single one; an upper bound where samples tie.

    A known result with nothing to fit: log n + (n - 1) times the mean log rank share, -1 / n, of the best.

    >>> round(float(divergence_of_best(16)), 4), round(float(divergence_of_best(1024)), 4)
    (1.8351, 5.9324)
    """
    return np.log(n) - (n - 1) / n


@law(
    "reward-best-of-n",
    answers="From how many samples on does picking the best by a reward model do harm?",
    inputs=dict(kl=DIVERGENCE),
    params=dict(alpha=ALPHA, beta=BETA),
    **DETAILS,
)
def reward_best_of_n(kl, *, alpha, beta):
    """True reward of the best of n samples by a reward model: highest at a divergence of (alpha / (2 beta))**2 nats.

    :func:`divergence_of_best` tells the divergence of n. True means: by the reward model that made the comparisons.
    """
    return kl**0.5 * (alpha - beta * kl**0.5)


@law(
    "reward-reinforcement",
    answers="How far from its start should a policy be trained against a reward model?",
    caution="is not valid near a divergence of zero, where its slope is infinite",
    inputs=dict(kl=DIVERGENCE),
    params=dict(alpha=ALPHA, beta=BETA),
    **DETAILS,
)
def reward_reinforcement(kl, *, alpha, beta):
    """True reward of a policy trained against a reward model: highest at a divergence of exp(2 (alpha / beta - 1)) nats.

    Rafailov et al. 2024, arXiv:2406.02900, find the same form for win rates of policies trained on comparisons without
    a reward model: ``along(reward="score")``.
    """
    return kl**0.5 * (alpha - beta * np.log(kl) / 2)


@law(
    "reward-iterated",
    answers="What do new reward models on the way buy?",
    caution="is derived in the paper from the law of one round, for rounds of equal divergence",
    inputs=dict(kl=DIVERGENCE, rounds=ROUNDS),
    params=dict(alpha=ALPHA, beta=BETA),
    **DETAILS,
)
def reward_iterated(kl, rounds, *, alpha, beta):
    """True reward after so many rounds, each with a new reward model; one round is ``reward-reinforcement``."""
    return kl**0.5 * (alpha - beta * np.log(kl) / 2 + beta * np.log(rounds))
