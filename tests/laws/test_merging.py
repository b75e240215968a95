"""Merged models: loss by size, number of merged models and method, and how well hidden ones are predicted.

No table of merged scores and no coefficients of the published law could be read: all numbers here are assumed, with the
sizes and methods of the paper (arXiv:2509.24244: 0.5B to 72B, four methods). So nothing here shows the row of the
capability table, which asks for real or published numbers.
"""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr

LAW = fr.laws.get("model-merging")
SIZES = np.array([0.5e9, 1.5e9, 3e9, 7e9, 14e9, 32e9, 72e9])
TRUTH = {"L_star": 0.4, "B": 100.0, "beta": 0.27, "gamma": 0.25}
METHODS = {"average": (50.0, 0.8), "task arithmetic": (45.0, 0.7), "ties": (42.0, 0.9), "dare": (44.0, 0.75)}  # A_0, b
NOISE = 0.004


SEEDS = range(10)


def merges(seed):
    """SYNTHETIC, assumed: the loss of each size, number of merged models and method, with 0.4 % noise."""
    N, merged = (x.ravel() for x in np.meshgrid(SIZES, np.arange(1.0, 10.0)))
    rng = np.random.default_rng(seed)
    loss = [
        LAW(N, merged, **TRUTH, A_0=A_0, b=b) * np.exp(NOISE * rng.standard_normal(len(N)))
        for A_0, b in METHODS.values()
    ]
    columns = {"N": np.tile(N, 4), "merged": np.tile(merged, 4), "loss": np.concatenate(loss)}
    return fr.read_runs({**columns, "family": np.repeat(list(METHODS), len(N))}, merged="merged")


@pytest.mark.parametrize("condition", ["merged > 5", "N > 5e10"])
def test_hidden_merges_of_assumed_numbers_are_predicted_within_the_noise(condition):
    """Fitted to merges of up to 5 models, or of up to 32B; hidden are those of 6 to 9, or of 72B; ten tables."""
    law, means = LAW.share(*TRUTH, across="family"), []
    for seed in SEEDS:
        table = merges(seed)
        fit = fr.fit(law, table.drop(condition), objective="squared-log", draws=50)
        assert fit.outcome == "converged"
        error = np.abs(fit.residuals(table.where(condition)))
        means.append(error.mean())
        assert error.max() < 4 * NOISE
        for method, (A_0, b) in METHODS.items():
            answer = fit.forecast(N=72e9, merged=9, family=method)
            assert answer.value == pytest.approx(LAW(72e9, 9.0, **TRUTH, A_0=A_0, b=b), rel=NOISE)
            assert answer.high - answer.low < 4 * NOISE * answer.value
    assert np.mean(means) < NOISE


def test_a_back_test_reports_the_held_out_error_of_one_method():
    """For 72B, from all sizes below it. From three sizes below 7B it misses by some 5 %, which is no forecast to hold to."""
    near = []
    for seed in SEEDS:
        table = merges(seed)
        _, cut = fr.backtest(
            LAW, table.where(table["family"] == "ties"), axis="N", cuts=2, draws=0, objective="squared-log"
        ).cuts
        near.append((cut.median_error, cut.median_error / cut.nearest_error))
    error, share = np.median(near, axis=0)
    assert error < NOISE
    assert share < 0.1


def test_the_number_of_models_that_is_worth_merging_follows_from_the_fit():
    """Half of all that merging can give is there at 2 + b models, here at three of them."""
    tables = [merges(seed) for seed in SEEDS]
    fits = [fr.fit(LAW, t.where(t["family"] == "average"), objective="squared-log", draws=100) for t in tables]
    # Of ten 90 % intervals fewer than six hold the truth once in six hundred times.
    assert sum(low < 0.8 < high for low, high in (fit.intervals["b"] for fit in fits)) >= 6
    few = np.arange(1.0, 10.0)
    loss = fits[0].predict({"N": np.full(9, 7e9), "merged": few})
    limit = float(fits[0].predict({"N": np.array([7e9]), "merged": np.array([1e9])})[0])
    gained = (loss[0] - loss) / (loss[0] - limit)
    assert gained[1] < 0.5 < gained[2]
