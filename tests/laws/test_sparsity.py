"""Zero weights and idle neurons: limits, and what an average size says."""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr


@pytest.mark.capability("activation-sparsity-law")
@pytest.mark.parametrize("law", ["active-neurons-relu", "active-neurons-silu"])
def test_the_limit_of_the_active_share_is_found_in_synthetic_runs_to_800b_tokens(law):
    """SYNTHETIC: from the published ReLU coefficients, and from assumed SiLU ones, for none were read; 0.3 % noise."""
    law = fr.laws.get(law)
    D = np.geomspace(1e9, 8e11, 60)
    fit = fr.fit(law, fr.simulate(law, inputs={"D": D}, noise=0.003, seed=2), draws=300)
    limit, truth = fit.params["A_0"], law.typical()["A_0"]
    low, high = fit.intervals["A_0"]
    assert fit.outcome == "converged"
    assert low <= truth <= high
    assert limit == pytest.approx(truth, rel=0.1)
    falling = law.name.endswith("relu")
    assert (fit.predict({"D": 1e9})[0] > limit) == falling
    assert (np.diff(fit.predict({"D": D})) < 0).all() == falling


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
