"""Attacks on models: linear in what is controlled, a power of the perturbation."""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr


@pytest.mark.capability("security-scaling-laws")
def test_a_synthetic_attack_table_gives_the_linear_law_with_an_interval():
    """SYNTHETIC: 8 tokens forced for each one controlled is assumed; the source was read for the form alone."""
    law = fr.laws.get("activation-attack")
    tokens = np.repeat([1.0, 2.0, 4.0, 8.0, 16.0, 32.0], 3)
    runs = fr.simulate(law, params={"kappa": 8.0}, inputs={"controlled": tokens}, noise=0.1, seed=4)
    fit = fr.fit(law, runs, draws=200)
    low, high = fit.intervals["kappa"]
    assert low <= 8.0 <= high
    assert high - low < 1.5
    power = fr.fit("power-law", fr.read_runs({"x": tokens, "y": runs["forced"]}), draws=200)
    low, high = power.intervals["alpha"]
    assert low <= -1.0 <= high  # the same path says whether it is linear at all
    assert high - low < 0.3


@pytest.mark.capability("security-scaling-laws")
@pytest.mark.parametrize("power", [0.7, 1.0])
def test_a_synthetic_perturbation_table_gives_the_power_with_an_interval(power):
    """SYNTHETIC: a power of one is recalled, 0.7 is there to be told from it; the amplitude is assumed."""
    law = fr.laws.get("adversarial-error")
    size = np.geomspace(1e-4, 1e-2, 20)
    runs = fr.simulate(law, params={"A": 20.0 if power == 1 else 5.0, "B": power}, inputs={"perturbation": size},
                       noise=0.05, seed=2)  # fmt: skip
    fit = fr.fit(law, runs, draws=200)
    low, high = fit.intervals["B"]
    assert low <= power <= high
    assert (low <= 1.0 <= high) == (power == 1.0)
    found = fit.forecast(perturbation=2e-3)
    assert found.low <= law(2e-3, A=20.0 if power == 1 else 5.0, B=power) <= found.high
