"""Fitted exponents beside what theories say of them."""

from __future__ import annotations

import json

import numpy as np
import pytest

import forerun as fr
from forerun.predict import check_theories, check_theory, known_theories
from forerun.predict.theories import ANSWERS


@pytest.fixture(scope="module")
def wide():
    """Models of forty widths whose loss falls as one over the width, with little noise."""
    law = fr.laws.get("superposition-width")
    truth = dict(L0=1.8, c=300.0, alpha=1.0)
    inputs = dict(width=np.geomspace(64, 8192, 40))
    return fr.fit(law, fr.simulate(law, params=truth, inputs=inputs, noise=0.002, seed=3), draws=200)


@pytest.mark.capability("theory-predicted-exponents")
def test_every_named_theory_answers_for_public_runs_in_one_line_with_its_source(table):
    runs = fr.read_runs(table("chinchilla_epoch245")).drop_outliers("highest-loss", 5)
    compute = fr.fit("chinchilla", runs, draws=200)
    widths = fr.read_runs(table("mu_scaling10"), width="d_model", loss="train_loss")
    width = fr.fit("superposition-width", widths, draws=200)
    lines = [*check_theories(compute, dimension=12.0), *check_theories(width)]
    assert {check.theory.name for check in lines} == {theory.name for theory in known_theories()}
    for check in lines:
        text = str(check)
        assert text.count("\n") == 0
        assert text.startswith(f"{check.theory.name}: {check.answer} - ")
        assert check.answer in ANSWERS
        assert check.theory.source
    answers = {(check.theory.name, check.quantity): check.answer for check in lines}
    assert answers["variance-limited", "exponent of D"] == "disagrees"
    assert answers["width-superposition", "exponent of width"] == "disagrees"
    assert answers["intrinsic-dimension", "exponent of D"] == "agrees"
    assert answers["data-manifold", "exponent of N"] == "cannot tell"
    assert answers["steps-outgrow-parameters", "exponent of N minus that of D, over their sum"] == "cannot tell"


@pytest.mark.capability("theory-predicted-exponents")
def test_runs_that_follow_a_theory_agree_with_it_and_not_with_another(wide):
    check = check_theory(wide, "width-superposition")
    assert check.answer == "agrees"
    assert check.low < 1.0 < check.high
    assert json.loads(json.dumps(check.to_dict(), allow_nan=False))["predicted"] == [1.0, 1.0]


def test_five_digitised_points_decide_whether_steps_outgrow_parameters(table):
    runs = fr.read_runs(table("chinchilla_epoch245"))
    answers = [
        check_theory(fr.fit("chinchilla", some, draws=200), "steps-outgrow-parameters").answer
        for some in (runs, runs.drop_outliers("highest-loss", 5))
    ]
    assert answers == ["disagrees", "cannot tell"]


def test_a_fit_without_an_interval_cannot_tell(wide):
    fit = fr.fit(wide.law, wide.table, uncertainty="none")
    check = check_theory(fit, "width-superposition")
    assert check.answer == "cannot tell"
    assert "no interval" in str(check)


@pytest.mark.parametrize(
    ("limits", "answer"),
    [
        ((1.0, 0.95, 1.05), "agrees"), ((1.0, 0.5, 1.5), "cannot tell"), ((0.7, 0.6, 0.8), "disagrees"),
        ((1.05, 1.02, 1.08), "agrees"), ((1.2, 1.05, 1.3), "cannot tell"), ((1.3, 1.2, 1.4), "disagrees"),
    ],
)  # fmt: skip
def test_only_a_narrow_interval_near_the_prediction_agrees(limits, answer):
    assert check_theory(limits, "width-superposition").answer == answer


def test_a_dimension_turns_into_an_exponent():
    assert check_theory((0.34, 0.32, 0.36), "data-manifold", of="N", dimension=12).answer == "agrees"
    assert check_theory((0.34, 0.32, 0.36), "data-manifold", of="N", dimension=4).answer == "disagrees"
    assert check_theory((0.34, 0.32, 0.36), "intrinsic-dimension", dimension=4).predicted == (0.25, np.inf)
    with pytest.raises(fr.DataError, match="Give dimension"):
        check_theory((0.34, 0.32, 0.36), "data-manifold")


def test_the_exponent_of_an_input_is_named_where_the_law_does_not_say():
    law = fr.laws.get("gadre-overtraining")
    fit = fr.fit(law, fr.simulate(law), draws=50)
    with pytest.raises(fr.DataError, match="is a law of C, M"):
        check_theory(fit, "variance-limited")
    law = fr.laws.get("sun-floating-point")
    fit = fr.fit(law, fr.simulate(law, n=120), draws=50)
    with pytest.raises(fr.DataError, match="which parameter"):
        check_theory(fit, "variance-limited")
    named = check_theory(fit, "variance-limited", exponents={"D": "beta"})
    assert named.value == pytest.approx(fit.params["beta"])


@pytest.mark.parametrize(
    ("theory", "more", "words"),
    [
        ("width-superpositon", {}, "Nearest: width-superposition"),
        ("data-manifold", {"dimension": 12.0}, "Say which"),
        ("variance-limited", {"exponents": {"D": "gamma"}}, "no parameter 'gamma'"),
        ("width-superposition", {}, "Fit a law of that input"),
    ],
)
def test_a_question_that_cannot_be_answered_says_what_to_do(theory, more, words):
    fit = fr.fit("chinchilla", fr.simulate("chinchilla"), draws=20)
    with pytest.raises(fr.DataError, match=words):
        check_theory(fit, theory, **more)


def test_an_exponent_outside_its_own_limits_is_refused():
    with pytest.raises(fr.DataError, match="between its limits"):
        check_theory((1.0, 1.1, 1.2), "width-superposition")
