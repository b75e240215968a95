"""The sensitivity table: each row is the fit of the runs that the choice leaves."""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr


@pytest.fixture(scope="module")
def runs():
    plain = fr.simulate("chinchilla", n=60, noise=0.004, seed=2)
    family = [f"f{i % 3}" for i in range(60)]
    return fr.read_runs({"N": plain["N"], "D": plain["D"], "loss": plain["loss"], "family": family})


@pytest.fixture(scope="module")
def fit(runs):
    return fr.fit("chinchilla", runs, draws=200)


def test_each_choice_is_the_fit_of_what_it_leaves(runs, fit):
    table = fr.sensitivity(fit, runs, N=7e10, D=1.4e12)
    by_name = {choice.name: choice for choice in table.choices}
    levels = np.sort(runs["N"])
    left = {
        "nothing": runs,
        "smallest models": runs.where(runs["N"] > levels[14]),
        "family f1": runs.where("family != f1"),
        "1 highest loss": runs.drop_outliers("highest-loss", 1),
    }
    for name, part in left.items():
        again = fr.fit("chinchilla", part, uncertainty="none")
        assert by_name[name].runs == len(part), name
        assert by_name[name].params == pytest.approx(again.params, rel=1e-5), name
        assert by_name[name].forecast == pytest.approx(again.forecast(N=7e10, D=1.4e12).value, rel=1e-6), name
    assert by_name["nothing"].moved == 0.0
    low, high = fit.intervals["beta"]
    shift = abs(by_name["family f1"].params["beta"] - fit.params["beta"]) / ((high - low) / 2)
    assert by_name["family f1"].moved >= shift * (1 - 1e-9)


def test_the_table_is_readable_and_says_what_moved_means(runs, fit):
    text = str(fr.sensitivity(fit, runs))
    assert max(map(len, text.splitlines())) <= 120
    assert "halves of its interval" in text
    assert "forecast" not in text


def test_a_choice_that_leaves_too_few_runs_is_not_offered():
    for rows, offered in ((8, {"nothing", "1 highest loss", "1 largest residuals"}), (6, {"nothing"})):
        runs = fr.simulate("chinchilla", n=rows, noise=0.004, seed=2)
        choices = fr.sensitivity(fr.fit("chinchilla", runs, uncertainty="none"), runs).choices
        assert {c.name for c in choices} == offered


def test_a_family_without_runs_has_no_parameters_of_its_own():
    plain = fr.simulate("chinchilla", n=30, noise=0.004, seed=2)
    small = np.argsort(np.argsort(plain["N"])) < 8
    runs = fr.read_runs(
        {"N": plain["N"], "D": plain["D"], "loss": plain["loss"], "family": np.where(small, "a", "b").tolist()}
    )
    fit = fr.fit(fr.laws.get("chinchilla").share("alpha", "beta", across="family"), runs, draws=20)
    assert "smallest models" not in {c.name for c in fr.sensitivity(fit, runs).choices}


def test_forgotten_weights_are_noticed(runs):
    weights = np.linspace(0.5, 2.0, len(runs))
    fit = fr.fit("chinchilla", runs, draws=20, weights=weights)
    assert fr.sensitivity(fit, runs, weights=weights).choices[0].moved == 0.0
    with pytest.raises(fr.DataError, match="weights were others"):
        fr.sensitivity(fit, runs)


def test_five_rows_of_the_chinchilla_table_move_beta(table):
    """REPRODUCE: without the five largest residuals E 1.828, alpha 0.350, beta 0.373."""
    runs = fr.read_runs(table("chinchilla_epoch245"), N="params", D="tokens", loss="loss")
    found = fr.sensitivity(fr.fit("chinchilla", runs, draws=100), runs)
    by_name = {choice.name: choice.params for choice in found.choices}
    assert by_name["5 highest loss"]["beta"] == pytest.approx(0.36717, abs=5e-5)
    assert by_name["5 largest residuals"]["beta"] == pytest.approx(0.373, abs=5e-4)
    assert by_name["5 largest residuals"]["E"] == pytest.approx(1.828, abs=5e-4)


def test_scaled_and_shared_fits_have_the_table_too(runs):
    for law, settings in ((fr.laws.get("chinchilla"), {"objective": "student-t"}),
                          (fr.laws.get("chinchilla").share("alpha", "beta", across="family"), {})):  # fmt: skip
        fit = fr.fit(law, runs, draws=50, **settings)
        names = [c.name for c in fr.sensitivity(fit, runs).choices]
        assert ("family f1" in names) == (not law.shared)
        assert "shortest runs" in names


def test_other_runs_are_refused(runs, fit):
    with pytest.raises(fr.DataError, match="not the runs that were fitted"):
        fr.sensitivity(fit, runs.where("N > 1e8"))
