"""Agents that trade compute for data by updating more often."""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr

LAW = fr.laws.get("rl-data")
PARAMETERS, BATCH = 4.92e6, 256.0  # the critic of the source, and an assumed batch at one update an interaction
SLOPES = {"DM Control": 0.4879, "OpenAI Gym": 0.3096}  # how the best batch falls with the update ratio


def published(domain):
    return next(one.values for one in LAW.published if one.name.startswith(domain))


def compute(domain, utd, data):
    """FLOP until the return is reached: 10 N, times the batch, times the updates."""
    return 10 * PARAMETERS * BATCH * utd ** -SLOPES[domain] * utd * data


def frontier(fit, domain, budget):
    """Least data at a compute budget with its interval: the update ratio that spends it is solved for on a grid."""
    utd = np.geomspace(0.1, 100, 4000)
    spent = compute(domain, utd, fit.predict({"utd": utd}))
    best = float(np.interp(np.log(budget), np.log(spent), np.log(utd)))
    return fit.forecast(utd=np.exp(best))


@pytest.mark.capability("control-and-rl-laws")
@pytest.mark.parametrize("domain", SLOPES)
def test_synthetic_runs_at_small_update_ratios_tell_the_data_needed_at_a_larger_compute_budget(domain):
    """SYNTHETIC: from the published coefficients, 1 % noise, five update ratios up to 4; asked at 16."""
    truth = published(domain)
    runs = fr.simulate(LAW, params=truth, inputs={"utd": np.repeat([0.25, 0.5, 1.0, 2.0, 4.0], 8)}, noise=0.01, seed=3)
    fit = fr.fit(LAW, runs, draws=200)
    data = float(LAW(16.0, **truth))
    budget = compute(domain, 16.0, data)
    assert budget > 1.5 * compute(domain, 4.0, float(LAW(4.0, **truth)))
    found = frontier(fit, domain, budget)
    assert found.low <= data <= found.high
    assert found.high - found.low < 0.25 * data
    line = fr.fit("power-law", fr.read_runs({"x": runs["utd"], "y": runs["interactions"]}), uncertainty="none")
    assert line.predict({"x": [16.0]})[0] < 0.9 * found.low


@pytest.mark.capability("control-and-rl-laws")
@pytest.mark.parametrize("domain", SLOPES)
def test_along_one_return_the_published_data_fall_while_compute_grows(domain):
    utd = np.geomspace(0.25, 16, 50)
    data = LAW(utd, **published(domain))
    assert (np.diff(data) < 0).all()
    assert (np.diff(compute(domain, utd[utd > 2], data[utd > 2])) > 0).all()
    assert LAW(published(domain)["beta"], **published(domain)) == pytest.approx(published(domain)["D_min"] + 1)
