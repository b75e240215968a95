"""What synthetic samples are worth: multipliers with limits, from two curves or from one table of mixtures."""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr

# Askari-Hemmat et al. 2025, arXiv:2502.15588, tables 4 and 5: synthetic images and accuracy in % on real ones, for images
# that are chosen for being hard while the model learns, and for images that were all made before.
HARD_100 = {80e3: 59.48, 96e3: 60.54, 112e3: 61.80, 128e3: 62.68, 160e3: 64.40, 256e3: 65.52, 320e3: 66.28, 416e3: 66.92,
            640e3: 67.80, 910e3: 68.28, 1794e3: 68.46, 3138e3: 68.88}  # fmt: skip
STATIC_100 = {64e3: 56.56, 130e3: 59.44, 260e3: 60.02, 400e3: 61.92, 2e6: 62.16, 4e6: 62.32}
HARD_1K = {320e3: 42.572, 480e3: 44.880, 640e3: 47.910, 1308e3: 50.226, 1962e3: 50.670, 7800e3: 50.908, 13080e3: 51.198}
STATIC_1K = {320e3: 39.334, 654e3: 42.514, 1300e3: 44.116, 2600e3: 45.006, 10e6: 45.614, 13e6: 45.628}


def fitted(points):
    runs = {"x": np.array(list(points)), "y": 1.0 - np.array(list(points.values())) / 100.0}
    return fr.fit("power-law-floor", fr.read_runs(runs, x="x", y="y"), draws=150, seed=1)


@pytest.mark.capability("synthetic-data-value")
@pytest.mark.parametrize(
    ("hard", "static", "few", "published"),
    [(HARD_100, STATIC_100, 1.0e5, 3.4), (HARD_1K, STATIC_1K, 4e5, 8.0)],
    ids=["ImageNet-100", "ImageNet-1k"],
)
def test_hard_synthetic_images_are_worth_several_others_and_the_more_the_larger_the_set(hard, static, few, published):
    """The paper says 3.4 and 8 times fewer images for what earlier work reached with its largest sets."""
    found = fr.compare({"hard": fitted(hard), "static": fitted(static)}, cuts=0)
    small, large = found.at(x=few), found.at(x=6.4e5)
    assert small.winner == large.winner == "hard"
    low, high = small.multiplier_interval
    assert 1.0 < low < small.multiplier < high < 100
    assert large.multiplier > published
    assert large.multiplier_interval[0] > published


@pytest.mark.capability("synthetic-data-value")
def test_in_synthetic_runs_rephrased_text_that_trains_three_times_faster_is_measured_so():
    """Published: about three times. Both curves are drawn from one law, the second with three times the tokens."""
    D, truth = np.geomspace(1e9, 3e11, 24), {"E": 1.8, "A": 400.0, "alpha": 0.3}
    law = fr.laws.get("power-law-floor").along(x="D", y="loss")
    real, rephrased = (
        fr.fit(law, fr.simulate(law, params=values, inputs={"D": D}, noise=0.003, seed=seed), draws=150)
        for seed, values in ((1, truth), (2, {**truth, "A": truth["A"] * 3.0 ** -truth["alpha"]}))
    )
    found = fr.compare({"rephrased": rephrased, "real": real}, cuts=0)
    assert found.winner == "rephrased"
    for verdict in found.over_range:
        low, high = verdict.multiplier_interval
        assert low < 3.0 < high < 2 * low


@pytest.mark.capability("synthetic-data-value")
def test_in_synthetic_mixtures_the_worth_of_a_noisy_image_is_found_with_limits():
    """Published: a clean image is worth 1.5 to 1.75 noisy ones; the runs are drawn with 1.6, a tenth clean or more."""
    law = fr.laws.get("power-law-floor").where(x=fr.laws.terms()["sample-worth"])
    truth = {"E": 0.02, "A": 5.0, "alpha": 0.35, "worth": 1 / 1.6}
    D = np.geomspace(3e4, 1.3e6, 12)
    inputs = {"D": np.tile(D, 3), "synthetic": np.repeat([0.0, 0.5, 0.9], 12)}
    fit = fr.fit(law, fr.simulate(law, params=truth, inputs=inputs, noise=0.01, seed=3), draws=150)
    low, high = fit.intervals["worth"]
    assert low < 1 / 1.6 < high
    assert high < 1.0
    assert high - low < 0.2
