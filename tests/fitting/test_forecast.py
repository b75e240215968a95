"""Forecasts, inversions and the layers of their intervals."""

from __future__ import annotations

import json

import numpy as np
import pytest

import forerun as fr

TRUE = {"E": 1.8172, "A": 482.01, "alpha": 0.3478, "B": 2085.43, "beta": 0.3658}


@pytest.fixture(scope="module")
def runs():
    return fr.simulate("chinchilla", n=80, noise=0.005, seed=1, params=TRUE)


@pytest.fixture(scope="module")
def fit(runs):
    return fr.fit("chinchilla", runs, draws=400)


def test_the_value_is_the_law_at_the_fitted_parameters(fit):
    answer = fit.forecast(N=7e9, D=1.4e11)
    assert answer.value == pytest.approx(float(fit.law(7e9, 1.4e11, **fit.params)), rel=1e-12)
    assert answer.low < answer.value < answer.high
    assert answer.layers == ("parameters",)


def test_limits_are_percentiles_of_the_samples(fit):
    answer = fit.forecast(N=7e9, D=1.4e11)
    assert answer.samples.shape == (400,)
    assert [answer.low, answer.high] == pytest.approx(np.quantile(answer.samples, [0.05, 0.95]).tolist())


def test_a_new_run_is_less_certain_than_the_mean_of_runs(fit):
    mean, single = fit.forecast(N=1e9, D=1e11), fit.forecast(N=1e9, D=1e11, target="new-run")
    assert single.high - single.low > 2 * (mean.high - mean.low)
    assert single.layers == ("parameters", "run-noise")
    assert np.log(single.high / single.low) == pytest.approx(2 * 1.645 * 0.005, rel=0.35)


def test_new_runs_fall_into_their_interval_as_often_as_promised():
    hits = []
    for seed in range(40):
        table = fr.simulate("chinchilla", n=60, noise=0.005, seed=seed, params=TRUE)
        fresh = fr.simulate("chinchilla", n=25, noise=0.005, seed=1000 + seed, params=TRUE)
        answer = fr.fit("chinchilla", table, draws=200).forecast(N=fresh["N"], D=fresh["D"], target="new-run")
        hits.append(np.mean((answer.low <= fresh["loss"]) & (fresh["loss"] <= answer.high)))
    assert 0.85 <= np.mean(hits) <= 0.95


def test_arrays_ask_several_questions_at_once(fit):
    answer = fit.forecast(N=np.array([1e9, 7e9]), D=1e11)
    assert answer.value.shape == (2,)
    assert answer.value[1] == pytest.approx(fit.forecast(N=7e9, D=1e11).value)
    assert len(answer.to_dict()["value"]) == 2


def test_compute_and_ratio_may_stand_for_the_inputs(fit):
    direct = fit.forecast(N=1e9, D=2e10)
    assert fit.forecast(C=6 * 1e9 * 2e10, M=20).value == pytest.approx(direct.value)
    assert fit.forecast(N=1e9, M=20).value == pytest.approx(direct.value)
    assert fit.forecast(C=1.2e20, N=1e9).value == pytest.approx(direct.value)


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ({"N": 1e9}, "missing-input"),
        ({"N": 1e9, "D": 1e10, "depth": 3}, "unknown-input"),
        ({"N": -1, "D": 1e10}, "bad-value"),
        ({"N": float("nan"), "D": 1e10}, "bad-value"),
        ({"N": "many", "D": 1e10}, "bad-value"),
        ({"N": 1e9, "D": 1e10, "N_counts": "active"}, "conventions-differ"),
        ({"N": 1e9, "D": 1e10, "target": "median"}, "unknown-target"),
    ],
)
def test_questions_that_have_no_answer_say_why(fit, question, code):
    with pytest.raises(fr.DataError) as error:
        fit.forecast(**question)
    assert error.value.code == code


def test_inversion_is_the_inverse_of_the_forecast(fit):
    target = fit.forecast(N=3e9, D=5e10).value
    assert fit.invert(loss=target, D=5e10).value == pytest.approx(3e9, rel=1e-9)
    assert fit.invert(loss=target, N=3e9).value == pytest.approx(5e10, rel=1e-9)
    assert fit.invert(loss=target, M=5e10 / 3e9).value == pytest.approx(6 * 3e9 * 5e10, rel=1e-9)


def test_inversion_has_an_interval_that_holds_the_truth(fit):
    target = float(fit.law(3e9, 6e10, **TRUE))
    answer = fit.invert(loss=target, M=20)
    assert answer.quantity == "C"
    assert answer.low < 6 * 3e9 * 6e10 < answer.high


def test_an_unreachable_target_is_refused_with_what_is_reachable(fit):
    with pytest.raises(fr.DataError, match=r"no N reaches loss = 1\.5: the law stays between") as error:
        fit.invert(loss=1.5, D=1e12)
    assert error.value.code == "unreachable"


def test_draws_that_never_reach_the_target_make_the_limit_infinite_and_are_counted(fit):
    floor = float(np.quantile(fit.draws[:, 0], 0.5))
    answer = fit.invert(loss=max(floor, fit.params["E"]) + 0.005, M=20)
    assert np.isinf(answer.high)
    assert answer.to_dict()["high"] is None
    assert "unreachable-draws" in {n.code for n in answer.notes}


def test_the_compute_for_a_score_is_found_though_scores_rise():
    runs = fr.simulate("score-sigmoid", n=60, noise=0.005, seed=1)
    fit = fr.fit("score-sigmoid", runs, objective="squared", draws=200)
    answer = fit.invert(score=fit.forecast(C=2e20).value)
    assert answer.value == pytest.approx(2e20, rel=1e-9)
    assert answer.low < 2e20 < answer.high
    with pytest.raises(fr.DataError, match=r"no C reaches score = 0\.99: the law stays between"):
        fit.invert(score=0.99)
    near = fit.invert(score=min(fit.params["h"], float(np.quantile(fit.draws[:, 1], 0.5))) - 1e-4)
    assert near.notes[0].advice == "The target is close to the ceiling."
    assert np.isinf(near.high)


def test_residuals_of_other_conventions_are_refused(fit, runs):
    other = fr.read_runs({k: runs[k] for k in ("N", "D", "loss")}, N_counts="non-embedding")
    with pytest.raises(fr.DataError) as error:
        fit.residuals(other)
    assert error.value.code == "conventions-differ"
    assert np.std(fit.residuals(runs)) == pytest.approx(0.005, rel=0.2)


def test_a_saved_fit_answers_as_the_live_one(fit):
    again = fr.Fit.from_json(fit.to_json())
    assert str(again) == str(fit)
    assert json.dumps(again.forecast(N=1e11, D=2e12).to_dict()) == json.dumps(fit.forecast(N=1e11, D=2e12).to_dict())


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "null", '{"schema": 1}', "{", '{"schema": 99, "recipe": {}, "runs": {}}']
)
def test_what_is_not_a_saved_fit_is_refused(text):
    with pytest.raises(fr.DataError, match=r"not a saved fit|reads up to"):
        fr.Fit.from_json(text)


@pytest.mark.parametrize(("unit", "count"), [("row", 80), ("family", 20), ("seed", 16)])
def test_the_bootstrap_resamples_the_unit_that_it_names(runs, unit, count):
    table = {k: runs[k] for k in ("N", "D", "loss")}
    labels = [f"g{i % count}" for i in range(80)]
    fit = fr.fit("chinchilla", fr.read_runs({**table, unit: labels}), unit=unit, draws=50)
    assert fit.uncertainty == {"kind": "bootstrap", "unit": unit, "draws": 50, "seed": 0}


def test_resampling_by_family_sees_an_error_that_families_share():
    rng = np.random.default_rng(0)
    table = fr.simulate("chinchilla", n=96, noise=0.001, seed=2, params=TRUE)
    families = np.arange(96) % 12
    loss = table["loss"] * np.exp(0.01 * rng.standard_normal(12))[families]
    runs = fr.read_runs({"N": table["N"], "D": table["D"], "loss": loss, "family": [f"f{i}" for i in families]})
    by_row = fr.fit("chinchilla", runs, unit="row", draws=300).intervals["E"]
    by_family = fr.fit("chinchilla", runs, unit="family", draws=300).intervals["E"]
    assert by_family[1] - by_family[0] != pytest.approx(by_row[1] - by_row[0], rel=0.02)


def test_the_same_seed_gives_the_same_draws_and_another_one_others(runs):
    one, two, three = (fr.fit("chinchilla", runs, draws=30, seed=s) for s in (3, 3, 4))
    assert (one.draws == two.draws).all()
    assert (one.draws != three.draws).any()
    assert one.params == three.params


def test_row_weights_act_as_repeated_rows(runs):
    table = {k: runs[k][:40] for k in ("N", "D", "loss")}
    twice = {k: np.concatenate([v, v[:10]]) for k, v in table.items()}
    weights = np.where(np.arange(40) < 10, 2.0, 1.0)
    weighted = fr.fit("chinchilla", fr.read_runs(table), weights=weights, uncertainty="none")
    repeated = fr.fit("chinchilla", fr.read_runs(twice), uncertainty="none")
    assert weighted.params == pytest.approx(repeated.params, rel=1e-6)


def test_a_large_table_says_that_its_draws_are_one_step_and_agrees_with_full_refits(monkeypatch):
    runs = fr.simulate("chinchilla", n=3000, noise=0.01, seed=3, params=TRUE)
    full = fr.fit("chinchilla", runs, draws=400)
    monkeypatch.setattr("forerun.fitting.uncertainty.MOST_WEIGHTS", 1000)
    step = fr.fit("chinchilla", runs, draws=400)
    assert step.uncertainty["kind"] == "one-step bootstrap"
    assert "one-step" in {n.code for n in step.notes}
    assert step.draws.std(0)[[0, 2, 4]] == pytest.approx(full.draws.std(0)[[0, 2, 4]], rel=0.2)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("draws", None), ("params", [1]), ("params", {"E": "x"}), ("level", None), ("outcome", "fine"), ("objective", None),
        ("noise", "none"), ("uncertainty", None), ("law", "kaplan-n"), ("recipe", None), ("runs", {}), ("notes", [1]),
    ],
)  # fmt: skip
def test_a_saved_fit_that_was_tampered_with_is_refused_in_one_line(fit, field, value):
    data = json.loads(fit.to_json())
    with pytest.raises(fr.DataError) as error:
        fr.Fit.from_json(json.dumps({**data, field: value}))
    assert len(str(error.value).splitlines()) == 1
    del data[field]
    with pytest.raises(fr.DataError, match=f"lacks '{field}'"):
        fr.Fit.from_json(json.dumps(data))


def test_inversion_refuses_another_count_of_parameters(fit):
    with pytest.raises(fr.DataError, match="N_counts is 'total' here and 'active' there"):
        fit.invert(loss=2.3, N=1e9, N_counts="active")


def test_a_parameter_cannot_be_fixed_outside_its_bounds(fit):
    with pytest.raises(fr.DataError, match="Its bounds are -2 to 6"):
        fit.law.fix(alpha=99)


def test_one_step_draws_of_absolute_deviations_are_as_wide_as_full_refits(monkeypatch):
    runs = fr.simulate("power-law-floor", n=1500, noise=0.02, seed=2)
    full = fr.fit("power-law-floor", runs, objective="lad", draws=200)
    monkeypatch.setattr("forerun.fitting.uncertainty.MOST_WEIGHTS", 1000)
    step = fr.fit("power-law-floor", runs, objective="lad", draws=200)
    assert step.draws.std(0) == pytest.approx(full.draws.std(0), rel=0.35)


def test_contradicting_scales_are_refused_however_they_are_given(fit):
    for question in ({"N": 1e9, "C": 1e21, "M": 20}, {"D": 2e10, "C": 1e21, "M": 20}, {"N": 1e9, "D": 2e10, "C": 1e22}):
        with pytest.raises(fr.DataError, match="contradicts"):
            fit.forecast(**question)


def test_shares_of_a_mixture_must_sum_to_one():
    fit = fr.fit("data-mixing", fr.simulate("data-mixing", n=30), draws=20)
    names = list(fit.law.inputs)
    assert fit.forecast(**dict(zip(names, (0.5, 0.3, 0.2)))).value > 0
    with pytest.raises(fr.DataError, match=r"sum to 1\.5"):
        fit.forecast(**dict(zip(names, (0.5, 0.5, 0.5))))


def test_a_law_that_passes_the_target_twice_says_so(fit):
    answer = fit.invert(loss=2.6, C=1e21)
    assert "several-answers" in {n.code for n in answer.notes}


def test_counts_of_a_new_run_are_not_forecast():
    fit = fr.fit("pass-sigmoid", fr.simulate("pass-sigmoid", n=30), draws=20)
    assert 0 <= fit.forecast(x=1e4).low <= fit.forecast(x=1e4).high <= 1
    with pytest.raises(fr.DataError, match="number of trials"):
        fit.forecast(x=1e4, target="new-run")


def test_groups_that_are_numbers_are_asked_for_as_numbers_or_words():
    table = fr.simulate("power-law", n=40, seed=3)
    family = np.tile([0.5, 2.0], 20)
    runs = fr.read_runs({"x": table["x"], "y": table["y"] * family, "family": family})
    fit = fr.fit(fr.laws.get("power-law").share("alpha", across="family"), runs, draws=20)
    assert fit.forecast(x=1e5, family=2.0).value == fit.forecast(x=1e5, family="2").value
    assert fit.forecast(x=1e5, family=2.0).value == pytest.approx(4 * fit.forecast(x=1e5, family=0.5).value, rel=0.05)


def test_text_quantities_are_read_in_python_too(fit):
    assert fit.forecast(N="7B", D="1.4T").value == fit.forecast(N=7e9, D=1.4e12).value


@pytest.mark.parametrize("law", ["kaplan-n", "kaplan-d", "kaplan-nd", "m3", "m4", "chinchilla", "bnsl-1"])
def test_laws_that_ship_are_differentiated_exactly(law):
    assert fr.fit(law, fr.simulate(law, n=40, seed=1), uncertainty="none").derivatives == "exact"


def test_a_saved_fit_keeps_how_its_runs_were_laid_out():
    table = fr.simulate("chinchilla", n=40, seed=5)
    size = np.repeat(table["N"][:10], 4)
    run = np.repeat([f"r{i}" for i in range(10)], 4).astype(object)
    weight = np.linspace(0.5, 1.5, 40)
    runs = fr.read_runs({"N": size, "D": table["D"], "loss": table["loss"], "run": run, "importance": weight})
    fit = fr.fit("chinchilla", runs, draws=20, weights="importance")
    design = fr.Fit.from_json(fit.to_json()).runs.design
    assert design == fit.runs.design
    assert (design.runs, design.different["N"], design.different["D"]) == (10, 10, 40)
    assert design.ranges["M"] == pytest.approx((float((table["D"] / size).min()), float((table["D"] / size).max())))
    assert design.derived == ("C",)
    assert design.weights == "column 'importance'"


def test_a_fit_that_was_saved_without_the_layout_of_its_runs_is_still_read(fit):
    data = json.loads(fit.to_json())
    del data["runs"]["design"]
    again = fr.Fit.from_json(json.dumps(data))
    assert again.runs.design is None
    assert again.forecast(N=1e11, D=2e12).value == fit.forecast(N=1e11, D=2e12).value
