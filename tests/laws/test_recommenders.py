"""Recommenders: quality follows the compute of the dense part; embedding tables are memory."""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr

ALPHA = -np.log(1 - 0.001) / np.log(4)  # 0.1 % lower log loss for four times the compute: Wukong, arXiv:2403.02545
TABLES = 2e-4  # power of the embedding parameters: assumed, no source states one
BOTH = fr.laws.get("step-law-lr").along(N="N_embedding", D="C", lr="y")  # a product of two powers


def trained(together):
    """SYNTHETIC: log loss over three orders of compute; tables that grow with compute, or apart from it."""
    rng = np.random.default_rng(2)
    C = np.geomspace(1e19, 1e22, 40)
    N = 1e9 * (C / 1e19) ** 0.8 if together else np.exp(rng.uniform(np.log(1e9), np.log(2.5e11), 40))
    loss = 0.6 * (C / 1e19) ** -ALPHA * (N / 1e9) ** -TABLES * np.exp(3e-5 * rng.standard_normal(40))
    return fr.read_runs({"C": C, "N_embedding": N, "y": loss}, C="C", N_embedding="N_embedding", y="y")


@pytest.mark.capability("recsys-laws")
def test_compute_and_embedding_memory_get_their_own_powers_from_synthetic_runs():
    fit = fr.fit(BOTH, trained(together=False), draws=200)
    for name, truth in (("e_D", -ALPHA), ("e_N", -TABLES)):
        low, high = fit.intervals[name]
        assert low <= truth <= high
        assert high - low < 3e-5
    four = fit.predict({"N_embedding": [1e10, 1e10], "C": [1e20, 4e20]})
    assert four[1] / four[0] == pytest.approx(0.999, abs=5e-5)


@pytest.mark.capability("recsys-laws")
def test_on_synthetic_runs_a_power_law_in_compute_alone_takes_the_gain_of_growing_tables_for_its_own():
    """Over three orders of compute: true where the tables stay, a quarter too steep where they grow along."""
    line = fr.laws.get("power-law").along(x="C")
    grown = fr.fit(line, trained(together=True), draws=200)
    low, high = grown.intervals["alpha"]
    assert low <= ALPHA + 0.8 * TABLES <= high
    assert low > 1.1 * ALPHA
