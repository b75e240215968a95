"""The laws of Kaplan et al. 2020 from small runs: tables are synthetic, made from the published constants."""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr
from forerun.fitting.jet import Jet
from forerun.fitting.prediction import differentiate

SMALL, LARGE = (1e6, 6e7), 33e9  # parameters of the runs that are fitted, and of the one held out
NOISE = 0.003
ROWS = 90
SETTINGS = {
    "kaplan-n": {"N": SMALL},
    "kaplan-d": {"D": (2e7, 2e10)},
    "kaplan-nd": {"N": SMALL, "D": (2e7, 2e10)},
    "kaplan-ns": {"N": SMALL, "step": (3e3, 3e5)},
    "unraveling-trajectory": {"N": SMALL, "step": (3e3, 1e5), "batch": (3e4, 3e6)},
    "kaplan-bcrit": {"loss": (2.5, 6.0)},
}
HELD = {"N": LARGE, "D": 1e12, "step": 1e6, "batch": 4e6, "loss": 1.9}


def synthetic(name, seed):
    """Runs over the small ranges, and one at the large size, with the same noise."""
    law, rng = fr.laws.get(name), np.random.default_rng(seed)
    params = dict(law.published[0].values)
    inputs = {role: np.exp(rng.uniform(*np.log(limits), ROWS)) for role, limits in SETTINGS[name].items()}
    runs = fr.simulate(law, params=params, inputs=inputs, noise=NOISE, seed=seed)
    asked = {role: HELD[role] for role in law.inputs}
    true = float(law(*asked.values(), **params))
    return runs, params, asked, true * np.exp(NOISE * rng.standard_normal())


@pytest.mark.capability("kaplan-laws-from-small-runs")
@pytest.mark.parametrize("name", SETTINGS)
def test_synthetic_runs_up_to_60m_give_every_constant_back_and_forecast_a_run_of_33b(name):
    runs, truth, asked, held = synthetic(name, seed=5)
    fit = fr.fit(name, runs, level=0.95, draws=300)
    assert fit.outcome == "converged"
    for parameter, value in truth.items():
        low, high = fit.intervals[parameter]
        assert low < value < high, (parameter, value, low, high)
    forecast = fit.forecast(target="new-run", **asked)
    assert forecast.low < held < forecast.high
    assert forecast.high / forecast.low < 1.25


def test_the_trajectory_solves_its_own_equation_at_any_batch():
    law = fr.laws.get("unraveling-trajectory")
    p = law.published[0].values
    N, step, batch = (x.ravel() for x in np.meshgrid([1e6, 1e9], [10.0, 1e3, 1e6], [1e3, 1e5, 1e8]))
    loss = law(N, step, batch, **p)
    critical = fr.laws.get("kaplan-bcrit")(loss, B_star=p["B_star"], alpha_B=p["alpha_B"])
    rest = {name: p[name] for name in ("N_c", "alpha_N", "S_c", "alpha_S")}
    np.testing.assert_allclose(fr.laws.get("kaplan-ns")(N, step / (1 + critical / batch), **rest), loss, rtol=1e-10)


def test_two_steps_from_the_solution_give_both_derivatives_of_the_trajectory():
    """The steps before them are taken with constants, which carry none."""
    law = fr.laws.get("unraveling-trajectory")
    inputs = [Jet(np.array(x)) for x in ([1e6, 1e9, 1e8], [1e3, 1e5, 1e4], [1e4, 1e6, 1e5])]
    at = np.array([[law.published[0].values[name] for name in law.params]])
    exact = differentiate(law, inputs, at, exact=True)
    bends = np.stack([exact.bends(row[None])[0] for row in np.eye(3)], axis=-1)
    for j in range(at.shape[1]):
        step = 1e-5 * at[0, j] * np.eye(at.shape[1])[j]
        up, down = (differentiate(law, inputs, at + sign * step, exact=True) for sign in (1, -1))
        np.testing.assert_allclose(exact.slopes[0, j], (up.value - down.value)[0] / (2 * step[j]), rtol=1e-6)
        bend = (up.slopes - down.slopes)[0] / (2 * step[j])
        for i in range(at.shape[1]):
            np.testing.assert_allclose(bends[i, j], bend[i], rtol=1e-5, atol=1e-9 * np.abs(bend[i]).max())


def test_the_compute_exponent_that_the_three_others_predict_is_near_the_measured_one():
    """1 / (1/alpha_S + 1/alpha_B + 1/alpha_N) = 0.052 against 0.050 (Kaplan et al. 2020, section 6.1)."""
    sets = {name: fr.laws.get(name).published[0].values for name in ("kaplan-n", "kaplan-ns", "kaplan-bcrit")}
    alphas = (sets["kaplan-n"]["alpha_N"], sets["kaplan-ns"]["alpha_S"], sets["kaplan-bcrit"]["alpha_B"])
    predicted = 1 / sum(1 / a for a in alphas)
    measured = next(s.values for s in fr.laws.get("kaplan-c").published if s.name == "adjusted")["alpha_C"]
    assert predicted == pytest.approx(0.0520, abs=1e-4)
    assert predicted == pytest.approx(measured, rel=0.05)


def test_steps_and_tokens_are_twice_the_fewest_at_the_critical_batch():
    steps = fr.laws.get("mccandlish-steps")
    batch = np.array([1e3, 1e6, 1e9])
    s = steps(batch, S_min=5e3, B_crit=1e6)
    tokens = s * batch
    assert s[1] == pytest.approx(2 * 5e3)
    assert tokens[1] == pytest.approx(2 * 5e3 * 1e6)
    np.testing.assert_allclose((s / 5e3 - 1) * (tokens / 5e9 - 1), 1.0, rtol=1e-9)


def test_constants_in_pf_days_and_in_flop_give_the_loss_that_gpt3_reached():
    """3640 PF-days, 3.14e23 FLOP: 1.73 nats per token, from memory of the GPT-3 paper."""
    henighan = fr.laws.get("henighan-autoregressive")
    values = next(s.values for s in henighan.published if s.name == "language C")
    assert henighan(3640.0, **values) == pytest.approx(1.73, rel=0.01)
    adjusted = next(s.values for s in fr.laws.get("kaplan-c").published if s.name == "adjusted")
    assert fr.laws.get("kaplan-c")(3640.0 * 8.64e19, **adjusted) == pytest.approx(1.73, rel=0.03)
