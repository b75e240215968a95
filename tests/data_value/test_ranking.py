"""How well fits order mixtures: the correlation, its interval, and the cost of following it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

import forerun as fr
from forerun.data_value import rank_mixtures
from forerun.data_value.ranking import _limits


def runs(noise=0.0, seed=0, n=40):
    return fr.simulate("data-mixing", n=n, noise=noise, seed=seed)


def test_the_correlation_is_spearmans_and_the_regret_that_of_the_mixture_predicted_best():
    fit, noisy = fr.fit("linear-mixture", runs(), uncertainty="none"), runs(noise=0.1, seed=5)
    found = rank_mixtures(fit, noisy)
    predicted = fit.predict_runs(noisy)[0]
    assert found.spearman == pytest.approx(spearmanr(predicted, noisy["loss"]).statistic, abs=1e-12)
    assert found.chosen == predicted.argmin()
    assert found.regret == noisy["loss"][predicted.argmin()] - noisy["loss"].min()
    assert (found.low, found.n) < (found.spearman, 41)


def test_several_losses_are_ranked_by_their_weighted_mean():
    one, two = runs(seed=1), runs(seed=1, noise=0.3)
    fits = {
        "one": fr.fit("linear-mixture", one, uncertainty="none"),
        "two": fr.fit("linear-mixture", two, uncertainty="none"),
    }
    tables = {"one": one, "two": two}
    found = rank_mixtures(fits, tables, importance={"one": 3.0, "two": 1.0})
    predicted, observed = (0.75 * a + 0.25 * b for a, b in (
        (fits["one"].predict_runs(one)[0], fits["two"].predict_runs(two)[0]), (one["loss"], two["loss"])))  # fmt: skip
    assert found.spearman == pytest.approx(spearmanr(predicted, observed).statistic, abs=1e-12)


@pytest.mark.parametrize(("truth", "n"), [(0.3, 30), (0.8, 25), (0.95, 60)])
def test_nine_intervals_in_ten_hold_the_correlation_of_many_mixtures(truth, n):
    rng = np.random.default_rng(0)
    cov = [[1.0, truth], [truth, 1.0]]
    population = spearmanr(*rng.multivariate_normal([0, 0], cov, 200_000).T).statistic
    held = 0
    for _ in range(400):
        low, high = _limits(float(spearmanr(*rng.multivariate_normal([0, 0], cov, n).T).statistic), n, 0.9)
        held += low <= population <= high
    assert 0.85 <= held / 400 <= 0.95


def test_a_perfect_order_of_few_mixtures_is_no_certainty():
    fit = fr.fit("data-mixing", runs(), uncertainty="none")
    found = rank_mixtures(fit, runs(seed=2, n=8))
    assert found.spearman == pytest.approx(1.0)
    assert found.low < 0.97


def test_tables_that_do_not_belong_to_the_fits_are_refused():
    fit = fr.fit("linear-mixture", runs(), uncertainty="none")
    with pytest.raises(fr.DataError, match="same mixtures"):
        rank_mixtures(fit, runs(n=4))
    with pytest.raises(fr.DataError, match="a table for each"):
        rank_mixtures({"web": fit, "code": fit}, runs())
