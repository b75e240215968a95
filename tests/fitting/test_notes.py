"""Every note is raised by data that deserve it, and clean data raise none."""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr

TRUE = {"E": 1.8172, "A": 482.01, "alpha": 0.3478, "B": 2085.43, "beta": 0.3658}
CHINCHILLA = fr.laws.get("chinchilla")


def codes(result):
    return {note.code for note in result.notes}


def note(result, code):
    return next(n for n in result.notes if n.code == code)


def grid(sizes, tokens):
    n, d = np.meshgrid(sizes, tokens)
    return n.ravel(), d.ravel()


def runs_on(n, d, *, noise=0.003, seed=0, factor=1.0, **changes):
    rng = np.random.default_rng(seed)
    loss = CHINCHILLA(n, d, **{**TRUE, **changes}) * np.exp(noise * rng.standard_normal(len(n))) * factor
    return fr.read_runs({"N": n, "D": d, "loss": loss})


WIDE = grid(np.geomspace(1e7, 3e9, 7), np.geomspace(5e8, 3e11, 7))


@pytest.mark.parametrize("seed", range(5))
def test_clean_data_raise_no_warning(seed):
    fit = fr.fit("chinchilla", runs_on(*WIDE, seed=seed), draws=200)
    assert [n.code for n in fit.notes if n.severity != "info"] == []


def test_bound_hit_names_the_parameter_and_its_bound():
    n, d = WIDE
    fit = fr.fit("chinchilla", fr.read_runs({"N": n, "D": d, "loss": 2.0 + 0.5 * (n < 2e7) + 100 * d**-0.4}), draws=100)
    bound = {n.evidence["parameter"]: n for n in fit.notes if n.code == "bound-hit"}
    assert "alpha" in bound or "A" in bound
    for name, found in bound.items():
        assert found.severity == "error"
        assert fit.params[name] == pytest.approx(found.evidence["value"])
        assert "bound" in found.message


def test_an_effect_that_is_not_there_is_an_error():
    n, d = WIDE
    rng = np.random.default_rng(0)
    runs = fr.read_runs({"N": n, "D": d, "loss": (1.9 + 2085 * d**-0.37) * np.exp(0.003 * rng.standard_normal(len(n)))})
    fit = fr.fit("chinchilla", runs, draws=200)
    assert {n.severity for n in fit.notes} & {"warning", "error"}
    assert codes(fit) & {"bound-hit", "ridge", "not-identified", "wrong-sign", "sign-not-decided", "floor-not-seen"}


def test_ridge_is_named_when_tokens_follow_parameters():
    n = np.geomspace(1e7, 3e9, 25)
    fit = fr.fit("chinchilla", runs_on(n, 20 * n, noise=0.005), draws=300)
    assert codes(fit) & {"ridge", "not-identified", "bound-hit"}


@pytest.mark.capability("power-plus-constant-curves")
def test_floor_not_seen_when_the_data_are_a_pure_power_law():
    x = np.geomspace(1e3, 1e5, 20)
    y = 5 * x**-0.1 * np.exp(0.004 * np.random.default_rng(1).standard_normal(20))
    fit = fr.fit("power-law-floor", fr.read_runs({"x": x, "y": y}), draws=300)
    assert codes(fit) & {"floor-not-seen", "floor-at-zero"}


def test_floor_at_zero_is_an_error_when_the_data_bend_the_other_way():
    x = np.geomspace(1e3, 1e6, 30)
    y = 5 * x**-0.1 * np.exp(-0.02 * np.log(x / 1e3) ** 2)
    fit = fr.fit("power-law-floor", fr.read_runs({"x": x, "y": y}), draws=100)
    assert note(fit, "floor-at-zero").severity == "error"


@pytest.mark.capability("power-plus-constant-curves")
def test_exponent_floor_and_reducible_part_have_intervals_that_hold_the_truth():
    x = np.geomspace(1e3, 1e8, 40)
    y = (1.0 + 50 * x**-0.4) * np.exp(0.003 * np.random.default_rng(2).standard_normal(40))
    fit = fr.fit("power-law-floor", fr.read_runs({"x": x, "y": y}))
    for name, truth in {"E": 1.0, "A": 50.0, "alpha": 0.4}.items():
        low, high = fit.intervals[name]
        assert low < truth < high, name
        assert high / low < 1.3, name


def test_floor_is_seen_when_the_data_bend():
    x = np.geomspace(1e3, 1e8, 40)
    y = (1.0 + 50 * x**-0.4) * np.exp(0.003 * np.random.default_rng(1).standard_normal(40))
    assert not codes(fr.fit("power-law-floor", fr.read_runs({"x": x, "y": y}), draws=300)) & {
        "floor-not-seen",
        "floor-at-zero",
    }


def test_exponent_of_the_wrong_sign_is_an_error():
    x = np.geomspace(1e3, 1e6, 20)
    y = 0.5 * x**0.05 * np.exp(0.002 * np.random.default_rng(0).standard_normal(20))
    fit = fr.fit("power-law", fr.read_runs({"x": x, "y": y}), draws=100)
    assert fit.params["alpha"] == pytest.approx(-0.05, abs=0.003)
    assert note(fit, "wrong-sign").severity == "error"


def test_sign_not_decided_when_nothing_but_noise_is_there():
    x = np.geomspace(1e3, 1e6, 20)
    y = 2.0 * np.exp(0.05 * np.random.default_rng(3).standard_normal(20))
    assert codes(fr.fit("power-law", fr.read_runs({"x": x, "y": y}), draws=300)) & {"sign-not-decided", "wrong-sign"}


def test_one_wrong_run_that_decides_is_named():
    n, d = grid(np.geomspace(1e7, 1e9, 5), np.geomspace(1e9, 1e11, 5))
    runs = runs_on(n, d, factor=np.where(np.arange(25) == 4, 1.25, 1.0))
    fit = fr.fit("chinchilla", runs, objective="squared-log", draws=100)
    assert note(fit, "few-points-decide").evidence["rows"] == [5]


def test_a_bound_that_is_reached_without_a_run_is_no_certainty():
    """Without the last run the floor is at zero in every refit: their spread, which is none, is not its doubt."""
    x = np.geomspace(1e3, 1e7, 30)
    y = 5 * x**-0.2 * np.exp(-0.004 * np.log(x / 1e3) ** 2 + 0.003 * np.random.default_rng(0).standard_normal(30))
    y[-1] *= 1.6
    fit = fr.fit("power-law-floor", fr.read_runs({"x": x, "y": y}), objective="squared-log", uncertainty="none")
    found = note(fit, "few-points-decide").evidence
    assert found["rows"] == [30]
    assert 2.5 <= found["standard_errors"] < 10


def test_residual_trend_names_the_input():
    n, d = WIDE
    runs = runs_on(n, d, factor=1 + 0.02 * np.log10(n / n.min()) ** 2)
    fit = fr.fit(fr.laws.get("chinchilla").fix(alpha=0.3478, A=482.01), runs, draws=50)
    assert note(fit, "residual-trend").evidence["input"] in ("N", "D")


def test_narrow_range_is_said_in_decades():
    n, d = grid(np.geomspace(1e8, 5e8, 6), np.geomspace(1e9, 1e12, 6))
    fit = fr.fit("chinchilla", runs_on(n, d), draws=50)
    found = note(fit, "narrow-range")
    assert found.evidence["input"] == "N"
    assert found.evidence["decades"] == pytest.approx(np.log10(5), rel=1e-6)


def test_two_ways_of_counting_flops_in_one_table_are_noted():
    n, d = WIDE
    flops = 6 * n * d * np.where(np.arange(len(n)) % 2, 1.0, 3.0)
    loss = CHINCHILLA(n, d, **TRUE)
    fit = fr.fit("chinchilla", fr.read_runs({"N": n, "D": d, "C": flops, "loss": loss}), uncertainty="none")
    assert note(fit, "conventions-mixed").severity == "warning"


def test_far_questions_carry_the_distance():
    fit = fr.fit("chinchilla", runs_on(*WIDE), draws=50)
    inside = fit.forecast(N=1e8, D=1e10)
    far = fit.forecast(N=3e11, D=1e12)
    very_far = fit.forecast(N=3e13, D=1e15)
    assert inside.decades_outside == 0
    assert "far-extrapolation" not in codes(inside)
    assert far.decades_outside == pytest.approx(np.log10(3e11 * 1e12 / (3e9 * 3e11)), rel=1e-6)
    assert note(far, "far-extrapolation").severity == "warning"
    assert note(very_far, "far-extrapolation").severity == "error"


def test_a_second_optimum_that_fits_as_well_is_reported():
    x = np.geomspace(1e2, 1e6, 24)
    rng = np.random.default_rng(5)
    y = 3 * x**-0.1 * np.exp(0.05 * rng.standard_normal(24))
    fits = [
        fr.fit("bnsl-1", fr.read_runs({"x": x, "y": y * np.exp(0.03 * rng.standard_normal(24))}), uncertainty="none")
        for _ in range(6)
    ]
    found = [n for fit in fits for n in fit.notes if n.code == "several-optima"]
    assert found
    assert all(n.evidence["ratio"] < 1.2 and n.evidence["best"] != n.evidence["other"] for n in found)


def test_too_few_runs_for_a_bootstrap_say_why_there_is_no_interval():
    n, d = WIDE
    fit = fr.fit("chinchilla", runs_on(n[::6], d[::6]))
    assert len(fit.runs.ranges) >= 2
    assert note(fit, "no-uncertainty").evidence["needed"] == 10
    answer = fit.forecast(N=1e10, D=1e12)
    assert answer.low is None
    assert "no interval because" in str(answer)


def test_runs_with_several_rows_are_resampled_by_run_and_it_is_said():
    n, d = WIDE
    runs = runs_on(n, d)
    table = {**{k: runs[k] for k in ("N", "D", "loss")}, "run": [f"r{i // 2}" for i in range(len(n))]}
    fit = fr.fit("chinchilla", fr.read_runs(table), draws=50)
    assert fit.uncertainty["unit"] == "run"
    assert "unit-run" in codes(fit)


def test_notes_travel_gravest_first_and_survive_json():
    x = np.geomspace(1e3, 1e6, 20)
    fit = fr.fit("power-law", fr.read_runs({"x": x, "y": 0.5 * x**0.05}), draws=50)
    severities = [n.severity for n in fit.notes]
    assert severities == sorted(severities, key=["error", "warning", "info"].index)
    assert fr.Fit.from_json(fit.to_json()).notes == fit.notes


def test_a_family_that_decides_is_named_and_like_families_are_not():
    n, d = WIDE
    families = [f"f{i % 4}" for i in range(len(n))]
    shifted = np.array([1.0 + 0.12 * (f == "f3") * (np.log10(t / d.min()) / 2.8) for f, t in zip(families, d)])
    table = {k: runs_on(n, d, factor=shifted)[k] for k in ("N", "D", "loss")}
    fit = fr.fit("chinchilla", fr.read_runs({**table, "family": families}), objective="squared-log", draws=50)
    assert note(fit, "one-group-decides").evidence["family"] == "f3"
    alike = {k: runs_on(n, d)[k] for k in ("N", "D", "loss")}
    assert "one-group-decides" not in codes(fr.fit("chinchilla", fr.read_runs({**alike, "family": families}), draws=50))


def test_an_input_of_two_values_is_fitted_without_a_warning_from_numpy():
    table = {"N": [1e8, 2e8] * 8, "D": np.geomspace(1e9, 1e11, 16), "loss": np.geomspace(4, 2, 16)}
    assert fr.fit("chinchilla", fr.read_runs(table), draws=20).runs.n == 16


def test_refits_that_changed_their_basin_are_counted():
    fit = fr.fit("bnsl-1", fr.simulate("bnsl-1", n=40, noise=0.03, seed=1), draws=300)
    found = note(fit, "refits-moved")
    assert 0 < found.evidence["moved"] < 100
    assert f"{found.evidence['moved']} of 300 refits" in found.message
    assert found.evidence["moved_last"] <= found.evidence["moved"]
    assert f"moved {found.evidence['moved_last']}" in found.advice
