"""Mixtures by rule: AutoScale's two numbers, and entropy weights."""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr
from forerun.data_value import entropy_weights, next_mixture

# Kang et al. 2024, arXiv:2407.20177, feiyang-k/AutoScale commit f3cae22: best data of seven RedPajama domains, in sevenths
# of 0.3 and of 1.2 billion tokens, as the notebook prints them.
SMALL = [1.55818971, 0.2, 1.1645966, 1.42333261, 1.49550525, 0.68184781, 0.47652801]
LARGE = [1.63121445, 0.2, 1.30180479, 1.21425702, 1.83266187, 0.62006189, 0.2]


def tokens(shares, total):
    return {str(i): share * total / len(shares) for i, share in enumerate(shares)}


@pytest.mark.parametrize(("steps", "published"), [(1.0, 5.000487), (-0.5, 0.596115)])
def test_the_next_scale_and_the_one_between_come_out_as_autoscale_prints_them(steps, published):
    """In billions of tokens; the rule gives the one beyond 1.2 and the one between 0.3 and 1.2."""
    carried = next_mixture(tokens(SMALL, 0.3), tokens(LARGE, 1.2), steps=steps)
    assert sum(carried.values()) == pytest.approx(published, abs=5e-7)


def test_a_domain_that_grows_faster_than_the_rest_has_a_larger_share_at_the_next_scale():
    small, large = tokens(SMALL, 0.3), tokens(LARGE, 1.2)
    after = next_mixture(small, large)
    share = {d: after[d] / sum(after.values()) for d in after}
    before = {d: large[d] / sum(large.values()) for d in large}
    grows = [d for d in large if large[d] / small[d] > 4.4]
    assert grows
    assert all(share[d] > before[d] for d in grows)


def test_entropy_weights_grow_with_the_exponential_of_entropy():
    weights = entropy_weights({"code": 1.0, "web": 1.0 + np.log(3.0)})
    assert weights == pytest.approx({"code": 0.25, "web": 0.75})
    assert sum(entropy_weights({"a": 900.0, "b": 3.0}).values()) == 1.0


def test_a_rule_that_has_not_what_it_needs_says_so():
    with pytest.raises(fr.DataError, match="same domains"):
        next_mixture({"a": 1.0}, {"b": 1.0})
    with pytest.raises(fr.DataError, match="above zero"):
        next_mixture({"a": 0.0}, {"a": 1.0})
    with pytest.raises(fr.DataError, match="two numbers"):
        entropy_weights({"a": 1.0})
