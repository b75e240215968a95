"""Published numbers on public tables: the figures that the engine must reach."""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr
from forerun.fitting.estimate import solve
from forerun.fitting.objective import find
from forerun.fitting.observations import observe
from forerun.fitting.refit import refit


@pytest.fixture
def epoch240(table):
    runs = fr.read_runs(table("chinchilla_epoch245"), N="params", D="tokens", loss="loss")
    return runs.drop_outliers("highest-loss", 5)


def test_chinchilla_reaches_the_best_known_huber_optimum(epoch240):
    fit = fr.fit("chinchilla", epoch240, uncertainty="none")
    assert fit.objective_value <= 0.00101827403
    expected = {"E": 1.81722, "A": 477.83, "B": 2143.4, "alpha": 0.34731, "beta": 0.36717}
    for name, value in expected.items():
        assert fit.params[name] == pytest.approx(value, rel=1e-5 if name in "EAalpha" else 2e-5), name
    assert fit.outcome == "converged"
    assert fit.solution.agreeing == fit.solution.starts


def test_least_absolute_deviations_reaches_its_own_optimum(epoch240):
    fit = fr.fit("chinchilla", epoch240, objective="lad", uncertainty="none")
    expected = {"A": 482.006, "B": 2085.44, "E": 1.816864, "alpha": 0.347813, "beta": 0.365854}
    for name, value in expected.items():
        assert fit.params[name] == pytest.approx(value, rel=1e-4), name
    residuals = np.abs(fit.residuals(epoch240))
    assert (residuals < 1e-8).sum() == 5


def test_five_rows_of_the_chinchilla_table_decide_and_the_fit_says_so(table):
    fit = fr.fit("chinchilla", fr.read_runs(table("chinchilla_epoch245")), uncertainty="none")
    note = next(n for n in fit.notes if n.code == "few-points-decide")
    assert note.evidence["parameter"] == "beta"
    assert note.evidence["with"] == pytest.approx(0.453, abs=5e-4)
    assert note.evidence["without"] == pytest.approx(0.367, abs=5e-4)
    assert note.evidence["rows"] == [1, 2, 3, 4, 5]


def test_the_clean_chinchilla_table_does_not_raise_that_note(epoch240):
    assert "few-points-decide" not in {n.code for n in fr.fit("chinchilla", epoch240, uncertainty="none").notes}


def test_bootstrap_standard_errors_agree_with_the_reference(epoch240):
    fit = fr.fit("chinchilla", epoch240, draws=4000)
    spread = dict(zip(fit.params, fit.draws.std(axis=0)))
    for name, reference in {"E": 0.0252, "alpha": 0.0148, "beta": 0.0202}.items():
        assert spread[name] == pytest.approx(reference, rel=0.10), name
    # B is heavy-tailed, so its standard error says little: its logarithm is held to multinomial resamples.
    problem, starts, _ = solve(fit.law, observe(fit.law, epoch240, find("huber"), np.ones(240)), find("huber"))
    counts = np.random.default_rng(1).multinomial(240, np.full(240, 1 / 240), size=1000).astype(float)
    B = list(fit.params).index("B")
    quartiles = [
        np.quantile(log_B, [0.25, 0.5, 0.75])
        for log_B in (np.log(fit.draws[:, B]), refit(problem, starts, counts, 0).z[:, B])
    ]
    assert quartiles[0] == pytest.approx(quartiles[1], abs=0.05)


def test_gadre_law_of_five_small_runs_predicts_a_heavily_overtrained_one(table):
    runs = fr.read_runs(
        table("gadre_overtraining99"), N="params", D="tokens", loss="loss_c4_val", where="dataset == rpj"
    )
    small = runs.where(
        np.isclose(runs["M"], 20, rtol=0.05) & (runs["N"] < 5e8)
        | np.isclose(runs["M"], 320, rtol=0.05) & (runs["N"] < 2e7)
    )
    target = runs.where(np.isclose(runs["M"], 640, rtol=0.05) & (runs["N"] > 1e9))
    assert len(small) == 5
    assert len(target) == 1
    fit = fr.fit("gadre-overtraining", small, objective="squared")
    value = fit.forecast(N=target["N"][0], D=target["D"][0]).value
    assert abs(value / target["loss"][0] - 1) == pytest.approx(0.007103, abs=2e-6)
    assert "no-uncertainty" in {n.code for n in fit.notes}
