"""Comparisons of simulated methods whose truth is known: right where decided, and not decided where there is no difference."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

import forerun as fr

TRUTH = {"E": 1.8172, "A": 482.01, "alpha": 0.3478, "B": 2085.43, "beta": 0.3658}
CROSSING = {"E": 1.75, "A": 520.0, "alpha": 0.3478, "B": 2250.0, "beta": 0.3658}  # worse small, better large
TABLES = 20


def fitted(seed, multiplier=1.0, params=TRUTH, noise=0.003, rows=60):
    """A method whose runs reach what ``multiplier`` times their compute would reach under ``params``."""
    rng = np.random.default_rng(seed)
    compute = np.exp(rng.uniform(np.log(1e18), np.log(1e21), rows))
    ratio = np.exp(rng.uniform(np.log(5), np.log(100), rows))
    size = np.sqrt(compute / 6 / ratio)
    k = multiplier**0.5
    loss = fr.laws.get("chinchilla")(size * k, ratio * size * k, **params) * np.exp(rng.normal(0, noise, rows))
    return fr.fit("chinchilla", fr.read_runs({"N": size, "D": ratio * size, "loss": loss}), draws=200, seed=seed)


def frontier(params, compute):
    ratio = np.geomspace(0.1, 1000, 4000)
    size = np.sqrt(compute / 6 / ratio)
    return fr.laws.get("chinchilla")(size, ratio * size, **params).min()


@pytest.fixture(scope="module")
def reference():
    return [fitted(seed) for seed in range(TABLES)]


@pytest.mark.capability("compute-multiplier")
def test_a_known_multiplier_is_decided_and_measured(reference):
    winners, held = Counter(), 0
    for seed, one in enumerate(reference):
        found = fr.compare({"one": one, "two": fitted(seed + 500, 1 / 1.5)})
        winners[found.winner] += 1
        low, high = found.at(flops=3e19).multiplier_interval
        held += low <= 1.5 <= high
    assert winners == {"one": TABLES}
    assert held >= 0.75 * TABLES


def test_identical_methods_are_not_decided(reference):
    winners = Counter(fr.compare({"one": one, "two": fitted(seed + 700)}).winner for seed, one in enumerate(reference))
    assert winners["not decided"] >= 0.9 * TABLES


@pytest.mark.capability("comparison-by-full-laws")
def test_methods_that_cross_are_said_to_cross_and_where(reference):
    grid = np.geomspace(1e18, 1e21, 400)
    gap = np.array([frontier(TRUTH, c) - frontier(CROSSING, c) for c in grid])
    assert gap[0] < 0 < gap[-1]
    truth = grid[np.flatnonzero(np.diff(np.sign(gap)))[0]]
    winners, held = Counter(), 0
    for seed, one in enumerate(reference):
        found = fr.compare({"one": one, "two": fitted(seed + 900, params=CROSSING)})
        winners[found.winner] += 1
        if found.crossing is not None:
            held += found.crossing[1] <= truth <= found.crossing[2]
    decided = TABLES - winners["not decided"]
    assert winners["they cross"] >= 0.95 * decided
    assert decided >= 0.9 * TABLES
    assert held >= 0.75 * winners["they cross"]


def test_laws_of_one_input_are_compared_along_it():
    one, two = (
        fr.fit("power-law-floor", fr.simulate("power-law-floor", n=40, noise=0.01, seed=s), draws=100) for s in (0, 1)
    )
    found = fr.compare({"one": one, "two": two})
    assert found.axis == "x"
    assert found.at(x=1e5).winner in ("one", "two", "not decided")
    assert "share of draws" in str(found)


def test_what_cannot_be_compared_is_refused(reference):
    other = fr.fit("power-law", fr.simulate("power-law", n=30), draws=20)
    plain = fr.fit("chinchilla", fr.simulate("chinchilla"), uncertainty="none")
    bits = fr.fit("chinchilla", fr.read_runs({"N": [1e8, 2e8] * 8, "D": np.geomspace(1e9, 1e11, 16), "loss": np.geomspace(4, 2, 16)},
                                             loss_unit="bits/byte"), draws=20)  # fmt: skip
    score = fr.fit("score-sigmoid", fr.simulate("score-sigmoid"), draws=20)
    one = reference[0]
    for fits, words in (
        ({"a": score, "b": score}, "the lower outcome wins"),
        ({"a": one, "b": other}, "law of C and b of x"),
        ({"a": one, "b": plain}, "no draws"),
        ({"a": one}, "takes two fits"),
        ({"a": one, "b": bits}, "loss_unit"),
    ):
        with pytest.raises(fr.DataError, match=words):
            fr.compare(fits)
    with pytest.raises(fr.DataError, match="one positive value"):
        fr.compare({"a": one, "b": reference[1]}).at(x=1e20)
