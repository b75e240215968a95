"""Recommenders: quality follows the compute of the dense part; embedding tables are memory."""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr

ALPHA = -np.log(1 - 0.001) / np.log(4)  # 0.1 % lower log loss for four times the compute: Wukong, arXiv:2403.02545
TABLES = 2e-4  # power of the embedding parameters: assumed, no source states one
SEEDS, ENOUGH = range(10), 6  # of ten 90 % intervals fewer hold the truth once in six hundred times
BOTH = fr.laws.get("step-law-lr").along(N="N_embedding", D="C", lr="y")  # a product of two powers


def trained(together, seed=0):
    """SYNTHETIC: log loss over three orders of compute; tables that grow with compute, or apart from it."""
    rng = np.random.default_rng(seed)
    C = np.geomspace(1e19, 1e22, 40)
    N = 1e9 * (C / 1e19) ** 0.8 if together else np.exp(rng.uniform(np.log(1e9), np.log(2.5e11), 40))
    loss = 0.6 * (C / 1e19) ** -ALPHA * (N / 1e9) ** -TABLES * np.exp(3e-5 * rng.standard_normal(40))
    return fr.read_runs({"C": C, "N_embedding": N, "y": loss}, C="C", N_embedding="N_embedding", y="y")


@pytest.mark.capability("recsys-laws")
def test_compute_and_embedding_memory_get_their_own_powers_from_synthetic_runs():
    fits = [fr.fit(BOTH, trained(together=False, seed=seed), draws=200) for seed in SEEDS]
    for name, truth in (("e_D", -ALPHA), ("e_N", -TABLES)):
        limits = [fit.intervals[name] for fit in fits]
        assert sum(low <= truth <= high for low, high in limits) >= ENOUGH
        assert max(high - low for low, high in limits) < 3e-5
    four = fits[0].predict({"N_embedding": [1e10, 1e10], "C": [1e20, 4e20]})
    assert four[1] / four[0] == pytest.approx(0.999, abs=5e-5)


@pytest.mark.capability("recsys-laws")
def test_on_synthetic_runs_a_power_law_in_compute_alone_takes_the_gain_of_growing_tables_for_its_own():
    """Over three orders of compute: true where the tables stay, a quarter too steep where they grow along."""
    line = fr.laws.get("power-law").along(x="C")
    limits = [fr.fit(line, trained(together=True, seed=seed), draws=200).intervals["alpha"] for seed in SEEDS]
    assert sum(low <= ALPHA + 0.8 * TABLES <= high for low, high in limits) >= ENOUGH
    assert min(low for low, _ in limits) > 1.1 * ALPHA
