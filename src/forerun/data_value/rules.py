"""Mixtures by rule, without a fit: entropy weights to beat, and how the best mixture moves with scale."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from forerun.note import DataError


def entropy_weights(entropies: Mapping[str, float]) -> dict[str, float]:
    """Shares in proportion to exp(entropy) of each domain, in nats for a token: a baseline that needs no training.

    After Ge et al. 2024 (BiMix), arXiv:2405.14908, whose entropy-driven mixtures need no runs; the exponential is
    recalled and was not compared with the paper. The cross-entropy of a small model may stand for the entropy.

    >>> entropy_weights({"web": 3.0, "code": 3.0})
    {'web': 0.5, 'code': 0.5}
    """
    numbers = np.array(list(entropies.values()), float)
    if len(numbers) < 2 or not np.isfinite(numbers).all():
        raise DataError("bad-value", f"entropies must be two numbers or more, received {dict(entropies)}"[:200])
    shares = np.exp(numbers - numbers.max())
    return dict(zip(entropies, (shares / shares.sum()).tolist()))


def next_mixture(smaller: Mapping[str, float], larger: Mapping[str, float], *, steps: float = 1.0) -> dict[str, float]:
    """The best tokens of each domain at another scale, from the best ones at two: each goes on by its own factor.

    ``steps=1`` is one scale beyond ``larger``: tokens times larger over smaller; -0.5 lies between the two. Their sum is
    the scale, shares follow. From Kang et al. 2024 (AutoScale), arXiv:2407.20177, authors' notebook. Two points fix it, so
    that it has no interval, and an error of the small optimum is carried on.

    >>> next_mixture({"web": 1.0, "code": 1.0}, {"web": 4.0, "code": 2.0})
    {'web': 16.0, 'code': 4.0}
    """
    if set(smaller) != set(larger):
        raise DataError("bad-value", "both scales need the same domains", advice=f"They are: {', '.join(smaller)}")
    for domain in smaller:
        for value in (smaller[domain], larger[domain]):
            if not (np.isfinite(value) and value > 0):
                raise DataError("bad-value", f"the tokens of {domain} must be above zero, received {value!r}")
    return {d: float(larger[d] * (larger[d] / smaller[d]) ** steps) for d in smaller}
