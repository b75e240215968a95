"""Pools of data of unlike quality: their use under repetition, and which share of the data a filter should keep."""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr

POOL = 12.8e6  # samples of each, as in DataComp medium
BUDGETS = (32e6, 64e6, 128e6, 640e6)  # samples seen
PUBLISHED = [dict(s.values) for s in fr.laws.get("quality-pool").published[:4]]  # best tenth first
NAMES = ["p10", "p20", "p30", "p40"]
LAW = fr.laws.get("quality-pools").over(pool=NAMES)
TRUTH = {"a": 0.025, "d": 0.1} | {
    f"{n}[{pool}]": one[n] for n in ("b", "tau") for pool, one in zip(NAMES, PUBLISHED, strict=True)
}


def mixture(count, D):
    """Inputs of a run on the best ``count`` pools."""
    shares = [1.0 / count] * count + [0.0] * (len(NAMES) - count)
    return {"D": D, "U": POOL * count} | {f"r[{pool}]": share for pool, share in zip(NAMES, shares, strict=True)}


def alone(pool, D):
    return {"D": D, "U": POOL} | {f"r[{other}]": float(other == pool) for other in NAMES}


def stacked(rows):
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def error(coefficients, count, D):
    inputs = mixture(count, D)
    return float(LAW(*(inputs[role] for role in LAW.inputs), **coefficients))


def best(predict):
    """How many pools the filter should keep at each budget."""
    return [1 + int(np.argmin([predict(count, D) for count in range(1, 5)])) for D in BUDGETS]


@pytest.fixture(scope="module")
def synthetic():
    """Runs on one pool at a time, two to ten passes, drawn from the published coefficients with errors of 0.3 %.

    After one pass the published law puts the worst pool at an error above one.
    """
    rows = [alone(pool, POOL * passes) for pool in NAMES for passes in range(2, 11)]
    law = LAW.fix(d=0.1)
    return fr.simulate(law, params={k: v for k, v in TRUTH.items() if k != "d"}, inputs=stacked(rows), noise=0.003)


@pytest.fixture(scope="module")
def fit(synthetic):
    return fr.fit(LAW.fix(d=0.1), synthetic, draws=30)


@pytest.mark.capability("data-quality-pools")
def test_in_synthetic_runs_use_and_half_life_of_each_pool_are_found_with_limits(fit):
    held = 0
    for name, value in TRUTH.items():
        if name == "d":
            continue
        low, high = fit.intervals[name]
        held += low <= value <= high
        assert high - low < 0.7 * value if name.startswith("tau") else high - low < 0.02 + abs(value)
    assert held >= 7
    assert fit.params["b[p10]"] < fit.params["b[p20]"] < fit.params["b[p30]"] < fit.params["b[p40]"]


@pytest.mark.capability("data-quality-pools")
def test_mixtures_that_were_never_trained_on_are_predicted_from_their_pools_alone(fit):
    rows = [mixture(count, D) for count in (2, 3, 4) for D in BUDGETS]
    truth = np.array([error(TRUTH, count, D) for count in (2, 3, 4) for D in BUDGETS])
    told = fit.predict(stacked(rows))
    assert np.abs(told / truth - 1).max() < 0.02
    order = [np.argsort(one.reshape(3, -1)[:, 2]).tolist() for one in (told, truth)]
    assert order[0] == order[1]


@pytest.mark.capability("data-quality-pools")
def test_the_best_filter_keeps_more_of_the_data_at_a_larger_budget(fit):
    """With the published coefficients the best tenth alone up to 64M samples seen, and two tenths from 128M on."""
    assert best(lambda count, D: error(TRUTH, count, D)) == [1, 1, 2, 2]
    assert best(lambda count, D: fit.predict(stacked([mixture(count, D)]))[0]) == [1, 1, 2, 2]
    gain = [error(TRUTH, 4, D) - error(TRUTH, 1, D) for D in BUDGETS]
    assert gain[0] > 0 > gain[-1]


def test_one_pass_is_a_power_of_the_samples_and_one_pool_is_a_mixture_of_one():
    one = PUBLISHED[0]
    law = fr.laws.get("quality-pool")
    assert law(1e6, POOL, **one) == pytest.approx((0.025 * 1e6 / 1e5) ** -0.16 + 0.1, rel=1e-12)
    for D in (1e6, POOL, 5.3 * POOL):
        assert error(TRUTH, 1, D) == pytest.approx(float(law(D, POOL, **one)), rel=1e-12)


def test_two_passes_and_a_half_are_what_the_released_program_computes():
    """(n1**b0 + d) (2)**b1 (2.5 / 2)**b2 with b halved every tau passes."""
    one = PUBLISHED[1]
    use = [one["b"] * 0.5 ** (j / one["tau"]) for j in range(3)]
    made = ((0.025 * POOL / 1e5) ** use[0] + 0.1) * 2.0 ** use[1] * 1.25 ** use[2]
    assert fr.laws.get("quality-pool")(2.5 * POOL, POOL, **one) == pytest.approx(made, rel=1e-12)
