"""Encoder and decoder: separate exponents, the best split of a total, and what the total alone cannot tell."""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr
from forerun.laws.transfer.translation import alignment
from forerun.predict import best_inputs
from forerun.units import DECODER_PARAMETERS, ENCODER_PARAMETERS, X

BEST = 0.18 / (0.18 + 0.31)  # of the exponents that are remembered of the paper


@pytest.fixture(scope="module")
def runs():
    """SYNTHETIC: from exponents that were recalled; encoders alone, decoders alone, and both scaled together."""
    grow, still = np.geomspace(2e7, 8e8, 8), np.full(8, 6e7)
    inputs = {"N_encoder": np.concatenate([grow, still, grow]), "N_decoder": np.concatenate([still, grow, grow])}
    return fr.simulate("encoder-decoder", inputs=inputs, noise=0.002, seed=4)


@pytest.fixture(scope="module")
def fit(runs):
    return fr.fit("encoder-decoder", runs, draws=200)


@pytest.mark.capability("encoder-decoder-law")
def test_synthetic_scaling_of_encoder_and_decoder_gives_each_its_exponent_and_the_best_split(fit):
    (low_e, high_e), (low_d, high_d) = fit.intervals["p_e"], fit.intervals["p_d"]
    assert low_e <= 0.18 <= high_e < low_d <= 0.31 <= high_d
    share, total = np.linspace(0.02, 0.98, 481), 1e9
    best = best_inputs(fit, {"N_encoder": share * total, "N_decoder": (1 - share) * total})
    low, high = best.limits["N_encoder"]
    assert low / total <= BEST <= high / total
    assert (high - low) / total < 0.05
    p_e, p_d = fit.params["p_e"], fit.params["p_d"]
    assert best.inputs["N_encoder"] / total == pytest.approx(p_e / (p_e + p_d), abs=0.002)


@pytest.mark.capability("encoder-decoder-law")
def test_the_total_alone_tells_the_same_synthetic_runs_worse_by_both_criteria(runs):
    total = fr.Term(
        "total", lambda e, d: e + d, dict(N_encoder=ENCODER_PARAMETERS, N_decoder=DECODER_PARAMETERS), X, {}
    )
    alone = fr.laws.get("m2").along(y="loss").where(x=total)
    found = fr.select(["encoder-decoder", alone], runs, axis="N_decoder", objective="squared-log")
    both = {one.law: one for one in found.laws}
    assert found.best == "encoder-decoder"
    assert both["encoder-decoder"].aic < both[alone.name].aic - 10
    assert both["encoder-decoder"].bic < both[alone.name].bic - 10


def test_shares_of_two_languages_align_with_a_task_as_published():
    assert alignment(0.5, 0.5) == pytest.approx(1.0)
    assert alignment(1.0, 0.0) == 0.7  # English alone, into German
    assert alignment(0.0, 1.0) == 0.8  # French alone, into French


def test_synthetic_scores_of_short_pre_training_predict_those_of_long():
    """SYNTHETIC: the paper fits the four smallest sets of tokens and predicts the others; errors there were up to 0.061."""
    law = fr.laws.get("transfer-log")
    runs = fr.simulate(law, inputs={"D": np.geomspace(1e8, 1e11, 8)}, noise=0.0)
    fit = fr.fit(law, runs.where("D < 2.5e9"), objective="squared-log", uncertainty="none")
    assert fit.runs.n == 4
    large = runs.where("D > 2.5e9")
    np.testing.assert_allclose(fit.predict({"D": large["D"]}), large["y"], rtol=0.01)
