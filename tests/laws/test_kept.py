"""Pruned data: examples are chosen and a linear classifier of largest margin is trained, here, on what is kept."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from scipy.optimize import nnls

import forerun as fr


def classifier(examples):
    """The direction of largest margin over examples times their labels: the nearest point of their hull, by NNLS."""
    system = np.vstack([examples.T, np.ones(len(examples))])
    found = examples.T @ nnls(system, np.r_[np.zeros(examples.shape[1]), 1.0])[0]
    return found / np.linalg.norm(found)


def error(direction):
    """Share of examples that a classifier gets wrong: the angle to the teacher, the first axis, over pi."""
    return float(np.arccos(np.clip(direction[0], -1.0, 1.0)) / np.pi)


# -- power law or faster decay -------------------------------------------------------------------------------------


def learnt(rng, *, pool, dimension=10, more=100):
    """Errors while examples are added, each the one of a fresh pool that the classifier of the moment is least sure of."""
    kept = rng.normal(size=(dimension, dimension))
    kept *= np.sign(kept[:, :1])
    errors = []
    for _ in range(more):
        direction = classifier(kept)
        errors.append(error(direction))
        fresh = rng.normal(size=(pool, dimension))
        hardest = fresh[np.argmin(np.abs(fresh @ direction))]
        kept = np.vstack([kept, hardest * np.sign(hardest[0])])
    return np.log(errors)


def curve(pool):
    """Typical error over examples for each dimension."""
    y = np.exp(np.mean([learnt(np.random.default_rng(seed), pool=pool) for seed in range(12)], axis=0))
    x = 1.0 + np.arange(len(y)) / 10.0
    return fr.read_runs({"x": x[::2], "y": y[::2]}, x="x", y="y")


@pytest.mark.capability("data-pruning-law")
@pytest.mark.parametrize(("pool", "law"), [(200, "exponential-floor"), (1, "power-law-floor")])
def test_hidden_runs_tell_that_chosen_examples_beat_the_power_law_that_random_ones_follow(pool, law):
    """One in 200 kept, or all of them."""
    runs = curve(pool)
    found = fr.select(["power-law-floor", "exponential-floor"], runs)
    assert found.best == law
    assert found.laws[0].wins >= 4
    shown, hidden = runs.hold_out("x", above=6.0)
    missed = [
        np.median(np.abs(fr.fit(name, shown, uncertainty="none").residuals(hidden)))
        for name in (law, next(one.law for one in found.laws if one.law != law))
    ]
    assert missed[0] < 0.8 * missed[1]


# -- which share to keep -------------------------------------------------------------------------------------------

SHARES = (1.0, 0.5, 0.25, 0.12)
SIZES = np.array([1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 12, 16])  # kept examples for each dimension
ANGLE = np.pi / 9  # between the teacher and the metric that says which examples are hard


def hardest(size, share, rng, dimension=20):
    """Error after ``size`` examples for each dimension, those of a larger set that an imperfect metric calls hardest."""
    count = round(size * dimension)
    x = rng.normal(size=(count, dimension))
    by_metric = [NormalDist().inv_cdf(u) for u in rng.uniform(0.5 - share / 2, 0.5 + share / 2, count)]
    along, across = np.array(by_metric), x[:, 1].copy()
    x[:, 0] = np.cos(ANGLE) * along - np.sin(ANGLE) * across
    x[:, 1] = np.sin(ANGLE) * along + np.cos(ANGLE) * across
    return error(classifier(x * np.sign(x[:, :1])))


@pytest.fixture(scope="module")
def pruned():
    rows = [
        (size, share, np.mean([hardest(size, share, np.random.default_rng(seed)) for seed in range(24)]))
        for size in SIZES for share in SHARES
    ]  # fmt: skip
    size, share, y = np.array(rows).T
    return fr.read_runs({"x": size, "share": share, "y": y}, x="x", y="y")


@pytest.mark.capability("data-pruning-law")
def test_the_share_to_keep_at_a_data_size_is_returned_and_holds_on_larger_sets(pruned):
    """All examples when they are few, the hardest part when there are many: the turn is found from the smaller sets."""
    shown, hidden = pruned.hold_out("x", above=9.0)
    laws = {
        share: fr.fit("power-law", shown.where(f"share == {share}").where("x >= 4"), uncertainty="none")
        for share in SHARES
    }

    def choice(size):
        return min(SHARES, key=lambda share: laws[share].predict({"x": [size]})[0])

    for size in np.unique(hidden["x"]):
        there = hidden.where(f"x == {size}")
        kept, y = there.columns["share"], there["y"]
        assert y[kept == choice(size)].item() < 1.15 * y.min()
        assert y[kept == choice(size)].item() < 0.75 * y[kept == 1.0].item()
    few = pruned.where("x <= 2")
    assert few["y"][few.columns["share"] >= 0.5].mean() < few["y"][few.columns["share"] <= 0.25].mean()
