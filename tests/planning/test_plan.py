"""Plans for a compute budget."""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr

TRUE = {"E": 1.8172, "A": 482.01, "alpha": 0.3478, "B": 2085.43, "beta": 0.3658}
FLOPS = 5.76e23


def optimum(flops, E, A, alpha, B, beta):
    """Closed form of Hoffmann et al. 2022, equation 4."""
    G = (alpha * A / (beta * B)) ** (1 / (alpha + beta))
    return G * (flops / 6) ** (beta / (alpha + beta))


@pytest.fixture(scope="module")
def fit():
    return fr.fit("chinchilla", fr.simulate("chinchilla", n=120, noise=0.004, seed=4, params=TRUE), draws=300)


@pytest.fixture(scope="module")
def plan(fit):
    return fr.plan(fit, flops=FLOPS)


def test_the_choice_is_the_closed_form_optimum(fit, plan):
    assert plan.choice["N"] == pytest.approx(optimum(FLOPS, **fit.params), rel=1e-4)
    assert 6 * plan.choice["N"] * plan.choice["D"] == pytest.approx(FLOPS)
    assert plan.choice["tokens_per_parameter"] == pytest.approx(plan.choice["D"] / plan.choice["N"])
    assert plan.binding == ("flops",)


def test_the_interval_of_the_optimum_is_that_of_the_closed_form_over_the_draws(fit, plan):
    draws = np.array([optimum(FLOPS, **dict(zip(fit.params, d))) for d in fit.draws])
    assert plan.choice["N_interval"] == pytest.approx(np.quantile(draws, [0.05, 0.95]).tolist(), rel=1e-3)
    assert plan.choice["N_interval"][0] < optimum(FLOPS, **TRUE) < plan.choice["N_interval"][1]


def test_the_near_optimal_set_is_where_the_loss_stays_within_the_tolerance(fit, plan):
    for N in plan.near_optimal["N"]:
        loss = fit.forecast(N=N, C=FLOPS).value
        assert loss / plan.forecast.value - 1 == pytest.approx(0.005, rel=0.1)
    assert fr.plan(fit, flops=FLOPS, tolerance=0.001).near_optimal["N"][0] > plan.near_optimal["N"][0]


def test_regret_is_what_the_choice_loses_against_each_draw(fit, plan):
    lost = []
    for draw in fit.draws:
        p = dict(zip(fit.params, draw))
        best = optimum(FLOPS, **p)
        at = [float(fit.law(N, FLOPS / 6 / N, **p)) for N in (plan.choice["N"], best)]
        lost.append(at[0] - at[1])
    assert plan.regret["mean"] == pytest.approx(np.mean(lost), rel=0.02)
    assert plan.regret["p95"] >= plan.regret["median"] >= 0


def test_overtraining_costs_what_the_law_says(fit, plan):
    table = plan.cost["overtraining"]
    for row in table:
        assert row["N"] == pytest.approx(plan.choice["N"] / row["factor"])
        assert row["excess_loss"] == pytest.approx(fit.forecast(N=row["N"], D=row["D"]).value - plan.forecast.value)
        if row["flops_for_equal_loss"] is not None:
            assert fit.forecast(N=row["N"], C=row["flops_for_equal_loss"]).value == pytest.approx(
                plan.forecast.value, rel=1e-9
            )
    assert [r["excess_loss"] for r in table] == sorted(r["excess_loss"] for r in table)


def test_rounded_coefficients_would_have_given_another_plan():
    sets = {s.name: s.values for s in fr.laws.get("chinchilla").published}
    assert optimum(FLOPS, **sets["hoffmann-unrounded"]) == pytest.approx(40e9, rel=0.02)
    assert optimum(FLOPS, **sets["hoffmann-rounded"]) == pytest.approx(32e9, rel=0.02)


def test_a_fit_with_error_notes_is_refused_unless_forced(fit):
    doubtful = fit.with_notes(fr.Note("not-identified", "error", "nothing is known", {}, "Add runs."))
    with pytest.raises(fr.DataError, match="not fit to plan with: nothing is known") as error:
        fr.plan(doubtful, flops=FLOPS)
    assert error.value.code == "fit-refused"
    forced = fr.plan(doubtful, flops=FLOPS, force=True)
    assert "not-identified" in {n.code for n in forced.notes}


def test_a_law_without_a_trade_off_has_no_plan():
    fit = fr.fit("kaplan-n", fr.simulate("kaplan-n", n=20), draws=20)
    with pytest.raises(fr.DataError) as error:
        fr.plan(fit, flops=1e21)
    assert error.value.code == "no-optimum"


def test_a_law_of_something_else_cannot_plan_a_budget():
    fit = fr.fit("power-law", fr.simulate("power-law", n=20), draws=20)
    with pytest.raises(fr.DataError, match="does not say x"):
        fr.plan(fit, flops=1e21)


@pytest.mark.parametrize("flops", [0.0, -1e20, float("nan"), float("inf")])
def test_budgets_that_are_none_are_refused(fit, flops):
    with pytest.raises(fr.DataError, match="flops must be a positive number"):
        fr.plan(fit, flops=flops)


def test_a_plan_without_draws_says_that_it_has_no_interval():
    fit = fr.fit("chinchilla", fr.simulate("chinchilla", n=40), uncertainty="none")
    plan = fr.plan(fit, flops=1e21)
    assert plan.regret is None
    assert "N_interval" not in plan.choice
    assert "no interval because" in str(plan)


def test_the_gadre_law_says_that_it_is_not_for_allocation():
    fit = fr.fit("gadre-overtraining", fr.simulate("gadre-overtraining", n=30), draws=50)
    plan = fr.plan(fit, flops=1e21)
    assert "law-caution" in {n.code for n in plan.notes}


def test_a_plan_far_outside_the_runs_says_so(fit):
    assert "far-extrapolation" in {n.code for n in fr.plan(fit, flops=1e26).notes}


def test_anything_that_predicts_can_be_planned_with():
    class Valley:
        notes, level = (), 0.9

        def predict(self, inputs):
            return 2 + (np.log(inputs["N"]) - np.log(1e9)) ** 2 / 100

        def sample(self, inputs):
            return np.stack([self.predict(inputs), self.predict({**inputs, "N": inputs["N"] * 2})])

        def forecast(self, **inputs):
            fit = fr.fit("chinchilla", fr.simulate("chinchilla", n=20), uncertainty="none")
            return fit.forecast(**inputs)

    plan = fr.plan(Valley(), flops=1e21)
    assert plan.choice["N"] == pytest.approx(1e9, rel=1e-3)
    assert plan.choice["N_interval"] == pytest.approx([0.5e9, 1e9], rel=0.1)


def test_a_grouped_law_has_no_single_plan():
    table = fr.simulate("chinchilla", n=40)
    columns = {k: table[k] for k in ("N", "D", "loss")}
    runs = fr.read_runs({**columns, "family": ["a", "b"] * 20})
    fit = fr.fit(fr.laws.get("chinchilla").share("E", "A", "alpha", "beta", across="family"), runs, draws=20)
    with pytest.raises(fr.DataError, match="the question does not say family"):
        fr.plan(fit, flops=1e21)
