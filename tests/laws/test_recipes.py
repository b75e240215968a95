"""Data sets trained with one recipe at several scales, compared by law."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

import forerun as fr
import forerun.ladder as fl

SETS = ("fineweb-100b", "fineweb-edu-100b", "slimpajama-chunk1", "smollm-corpus")
LARGEST = 4.84e19  # FLOPs of the runs that are held back

# ImageNet accuracy by filter of the pool at the four scales: Gadre et al. 2023, arXiv:2304.14108, table 3.
ACCURACY = {
    "no filter": (0.025, 0.176, 0.459, 0.723),
    "CLIP score": (0.051, 0.273, 0.578, 0.764),
    "images and CLIP score": (0.039, 0.297, 0.631, 0.792),
}


@pytest.fixture
def recipes(table):
    """Runs of one recipe on each data set: N, D and the loss on held-out C4, from 2e17 to 4.8e19 FLOP."""
    return {
        name: fr.read_runs(
            table("loss_to_loss_sweep"), where=f"data == {name}", N="params", D="tokens", C="iso_flop",
            loss="c4_val_ce",
        )
        for name in SETS
    }  # fmt: skip


@pytest.mark.capability("fixed-recipe-dataset-comparison")
def test_laws_of_the_smaller_runs_tell_which_data_set_wins_at_the_largest_or_that_it_is_not_decided(recipes):
    """At least five of six pairs are decided, each as the held-back runs of 2.2 times the compute have it."""
    fits = {name: fr.fit("chinchilla", runs.where("iso_flop < 4e19"), draws=60) for name, runs in recipes.items()}
    reached = {name: runs.where("iso_flop > 4e19")["loss"].min() for name, runs in recipes.items()}
    decided = 0
    for one, two in combinations(SETS, 2):
        there = fr.compare({one: fits[one], two: fits[two]}, cuts=0).at(flops=LARGEST)
        low, high = there.multiplier_interval
        assert low <= there.multiplier <= high
        if there.winner != "not decided":
            decided += 1
            assert there.winner == min((one, two), key=lambda name: reached[name])
    assert decided >= 5


def odds(name):
    """Odds of an error, a power law of the samples while accuracy is neither near zero nor near one."""
    right = np.array(ACCURACY[name])
    samples = np.array([scale.samples for scale in fl.published("datacomp")])
    runs = fr.read_runs({"x": samples, "y": (1 - right) / right}, x="x", y="y")
    return fr.fit("power-law", runs, objective="squared-log", draws=100)


@pytest.mark.capability("fixed-recipe-dataset-comparison")
def test_filters_are_compared_over_the_four_scales_of_the_published_ladder():
    """A filter surely beats none; the stricter of two loses at the smallest scale, so that it wins only at the largest."""
    fits = {name: odds(name) for name in ACCURACY}
    for name in ("CLIP score", "images and CLIP score"):
        found = fr.compare({name: fits[name], "no filter": fits["no filter"]}, cuts=0)
        assert found.range == pytest.approx((12.8e6, 12.8e9))
        assert found.winner == name
        assert found.at(x=128e6).multiplier_interval[0] > 1.0
    loose, strict = fits["CLIP score"], fits["images and CLIP score"]
    found = fr.compare({"strict": strict, "loose": loose}, cuts=0)
    assert found.winner in ("not decided", "they cross")
    assert found.at(x=12.8e9).winner == "strict"
    assert found.at(x=12.8e6).winner == "not decided"


@pytest.mark.capability("fixed-recipe-dataset-comparison")
def test_the_scales_of_the_published_ladder_are_data():
    scales = fl.published("datacomp")
    assert [scale.samples for scale in scales] == [12.8e6, 128e6, 1.28e9, 12.8e9]
    assert [scale.model for scale in scales] == ["ViT-B-32", "ViT-B-32", "ViT-B-16", "ViT-L-14"]
    assert [scale.steps for scale in scales] == [3125, 31250, 156250, 142046]
    with pytest.raises(fr.DataError, match="datacomp"):
        fl.published("imagenet")
