"""Zero weights and idle neurons: limits, and what an average size says."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import forerun as fr
from forerun.predict import best_inputs


@pytest.mark.capability("activation-sparsity-law")
@pytest.mark.parametrize("law", ["active-neurons-relu", "active-neurons-silu"])
def test_the_limit_of_the_active_share_is_found_in_synthetic_runs_to_800b_tokens(law):
    """SYNTHETIC: from the published ReLU coefficients, and from assumed SiLU ones, for none were read; 0.3 % noise."""
    law = fr.laws.get(law)
    D = np.geomspace(1e9, 8e11, 60)
    fits = [fr.fit(law, fr.simulate(law, inputs={"D": D}, noise=0.003, seed=seed), draws=300) for seed in range(10)]
    fit, truth = fits[0], law.typical()["A_0"]
    limit = fit.params["A_0"]
    assert {fit.outcome for fit in fits} == {"converged"}
    # Of ten 90 % intervals fewer than six hold the truth once in six hundred times.
    assert sum(low <= truth <= high for low, high in (fit.intervals["A_0"] for fit in fits)) >= 6
    assert limit == pytest.approx(truth, rel=0.1)
    falling = law.name.endswith("relu")
    assert (fit.predict({"D": 1e9})[0] > limit) == falling
    assert (np.diff(fit.predict({"D": D})) < 0).all() == falling


@pytest.mark.capability("weight-sparsity-laws")
def test_dense_and_sparse_synthetic_runs_collapse_on_the_average_parameter_count():
    """SYNTHETIC: losses from Chinchilla at the average size of a schedule; the final size leaves ten times the error."""
    averaged = fr.laws.get("chinchilla").where(N=fr.laws.terms()["average-parameters"])
    rng = np.random.default_rng(0)
    N, D = np.exp(rng.uniform(np.log(5e7), np.log(5e8), 80)), np.exp(rng.uniform(np.log(1e9), np.log(1e11), 80))
    sparsity = np.where(np.arange(80) < 30, 0.0, rng.uniform(0.2, 0.8, 80))
    truth = {**fr.laws.get("chinchilla").typical(), "share": 0.5}
    runs = fr.simulate(averaged, params=truth, inputs={"N": N, "D": D, "sparsity": sparsity}, noise=1e-3, seed=1)
    fit = fr.fit(averaged, runs, draws=100)
    low, high = fit.intervals["share"]
    assert low <= 0.5 <= high
    assert high - low < 0.1
    left = fr.read_runs({"N": N * (1 - sparsity), "D": D, "loss": runs["loss"]})
    final = fr.fit("chinchilla", left, uncertainty="none")
    assert np.std(final.residuals(left)) > 5 * np.std(fit.residuals(runs))


def test_published_coefficients_make_sparse_models_worth_larger_dense_ones():
    """Arbitrarily sparse models are worth at most 3.65 (T5) and 3.47 (ViT) times their parameters that are not zero."""
    law = fr.laws.get("weight-sparsity")
    for one, most in zip(law.published, (3.65, 3.47)):
        v = one.values
        assert ((v["a_S"] + v["c_S"]) / v["c_S"]) ** (1 / v["b_N"]) == pytest.approx(most, abs=0.005)
        losses = law(1e8, 1e11, np.array([0.0, 0.5, 0.75, 0.9]), **v)
        assert (np.diff(losses) < 0).all()


@pytest.mark.capability("weight-sparsity-laws")
def test_the_best_sparsity_found_in_synthetic_runs_rises_with_the_tokens_that_are_paid_for():
    """SYNTHETIC: T5 runs from published coefficients. 30M weights stay, from a larger dense start that also costs.

    Compute for 190 tokens a weight at no sparsity is best spent at 62 %, for 190,000 at 89 %. What a run costs is its
    average size: sparsity rises as a cubic from 25 % to 75 % of the tokens, 0.625 of the last on average (from memory).
    """
    law, average = fr.laws.get("weight-sparsity"), fr.laws.terms()["average-parameters"]
    truth, left = dict(law.published[0].values), 3e7
    rng = np.random.default_rng(1)
    runs = {
        "N": np.exp(rng.uniform(np.log(1e6), np.log(2e8), 120)),
        "D": np.exp(rng.uniform(np.log(1e9), np.log(1e12), 120)),
        "sparsity": rng.choice([0.0, 0.5, 0.75, 0.875], 120),
    }
    fit = fr.fit(law, fr.simulate(law, params=truth, inputs=runs, noise=0.002, seed=1), draws=100)
    sparsity, found = np.linspace(0.0, 0.95, 96), []
    for flops in (1e18, 1e19, 1e20, 1e21):
        tokens = flops / 6 / average(left / (1.0 - sparsity), sparsity, share=0.625)
        best = best_inputs(fit, {"N": left, "D": tokens, "sparsity": sparsity})
        low, high = best.limits["sparsity"]
        assert low <= sparsity[law(left, tokens, sparsity, **truth).argmin()] <= high
        assert not best.edges
        found.append((best.inputs["D"], low, high))
    for (before, _, high), (after, low, _) in pairwise(found):
        assert before < after
        assert high < low  # the intervals of two budgets do not touch
