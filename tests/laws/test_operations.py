"""Restricting and combining laws: what is left to fit, what it is called, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

import forerun as fr
from forerun.units import TOKENS, UNIQUE_TOKENS

FULL = dict(E=1.8, A=480.0, alpha=0.35, B=2100.0, beta=0.37)


@fr.term(
    "repeated-tokens",
    inputs=dict(D=TOKENS, U=UNIQUE_TOKENS),
    output=TOKENS,
    params=dict(R=fr.amplitude("repetitions after which a token is worth little", typical=15.0, search=(0.5, 200.0))),
    source="Muennighoff et al. 2023, arXiv:2305.16264, equation 5",
)
def repeated_tokens(D, U, *, R):
    """Unique tokens that are worth as much as D tokens with repetition of U unique ones."""
    return U * (1 + R * (1 - np.exp(-(D / U - 1) / R)))


@fr.term("scaled-tokens", inputs=dict(D=TOKENS), output=TOKENS, params=dict(beta=fr.exponent("a power", typical=0.9)))
def scaled_tokens(D, *, beta):
    """A term whose parameter has a name that the law uses."""
    return D**beta


@pytest.fixture
def chinchilla():
    return fr.laws.get("chinchilla")


def repeated_runs(n=80, noise=0.0, seed=0, **truth):
    rng = np.random.default_rng(seed)
    U = 10 ** rng.uniform(8.0, 10.5, n)
    inputs = dict(N=10 ** rng.uniform(7.0, 9.5, n), D=U * 10 ** rng.uniform(0.0, 1.8, n), U=U)
    law = fr.laws.get("chinchilla").where(D=repeated_tokens)
    return law, fr.simulate(law, inputs=inputs, params={**FULL, "R": 15.0, **truth}, noise=noise, seed=seed)


def test_a_fixed_parameter_is_held_and_the_others_are_recovered(chinchilla):
    runs = fr.simulate(chinchilla, params=FULL, noise=0.0)
    law = chinchilla.fix(alpha=0.35, E=1.8)
    assert list(law.params) == ["A", "B", "beta"]
    fit = fr.fit(law, runs, uncertainty="none")
    assert dict(fit.params) == pytest.approx({k: FULL[k] for k in law.params}, rel=1e-6)


def test_a_wrong_fixed_value_is_not_moved(chinchilla):
    fit = fr.fit(chinchilla.fix(alpha=0.5), fr.simulate(chinchilla, params=FULL, noise=0.005), uncertainty="none")
    free = fr.fit(chinchilla, fr.simulate(chinchilla, params=FULL, noise=0.005), uncertainty="none")
    assert "alpha" not in fit.params
    assert fit.objective_value > free.objective_value


def test_tied_parameters_are_one(chinchilla):
    law = chinchilla.tie(beta="alpha")
    truth = {k: v for k, v in FULL.items() if k != "beta"}
    runs = fr.simulate(law, params=truth, noise=0.0)
    fit = fr.fit(law, runs, uncertainty="none")
    assert dict(fit.params) == pytest.approx(truth, rel=1e-6)
    both = chinchilla(runs["N"], runs["D"], **fit.params, beta=fit.params["alpha"])
    np.testing.assert_allclose(both, runs["loss"], rtol=1e-9)


def test_a_law_of_x_is_fitted_along_tokens_and_asked_for_tokens():
    """The curve is the same under either name, and a saved fit still knows what its input is called."""
    x = np.geomspace(1e9, 1e12, 40)
    y = 1.9 + 30.0 * x**-0.2 / (1 + (x / 3e10) ** 2) ** 0.05
    for name in ("m2", "m3", "bnsl-1"):
        plain = fr.fit(name, fr.read_runs({"x": x, "y": y}), uncertainty="none")
        law = fr.laws.get(name).along(x="D", y="loss")
        fit = fr.fit(law, fr.read_runs({"D": x, "loss": y}), uncertainty="none")
        assert dict(fit.params) == pytest.approx(dict(plain.params), rel=1e-6)
        again = fr.Fit.from_json(fit.to_json())
        assert again.law.name == f"{name}.along(x=D, y=loss)"
        assert again.forecast(D=1e13).value == pytest.approx(plain.forecast(x=1e13).value, rel=1e-6)
    with pytest.raises(fr.DataError, match="no column"):
        fr.laws.get("m2").along(z="D")
    with pytest.raises(fr.DataError, match="cannot be"):
        fr.laws.get("m2").along(x="price")


def test_a_term_brings_its_inputs_and_parameters_and_both_are_recovered():
    law, runs = repeated_runs()
    assert list(law.inputs) == ["N", "D", "U"]
    assert list(law.params) == ["E", "A", "alpha", "B", "beta", "R"]
    fit = fr.fit(law, runs, uncertainty="none")
    assert dict(fit.params) == pytest.approx({**FULL, "R": 15.0}, rel=1e-6)
    assert fit.derivatives == "exact"


def test_without_repetition_the_term_changes_nothing(chinchilla):
    law, _ = repeated_runs()
    inputs = dict(N=1e9, D=2e10, U=2e10)
    assert law(*inputs.values(), **FULL, R=15.0) == pytest.approx(chinchilla(1e9, 2e10, **FULL), rel=1e-12)


def test_a_composed_fit_answers_questions_with_the_inputs_of_its_term():
    law, runs = repeated_runs(noise=0.005)
    fit = fr.fit(law, runs, draws=100)
    fresh = fit.forecast(N=1e9, D=1e10, U=1e10)
    worn = fit.forecast(N=1e9, D=1e10, U=2e8)
    assert fresh.high < worn.low
    with pytest.raises(fr.DataError, match="does not say U"):
        fit.forecast(N=1e9, D=1e10)


def test_a_parameter_of_a_term_with_a_taken_name_is_renamed_after_its_input(chinchilla):
    law = chinchilla.where(D=scaled_tokens)
    assert list(law.params) == [*FULL, "D_beta"]
    assert law(1e9, 1e10, **FULL, D_beta=0.9) == pytest.approx(chinchilla(1e9, 1e10**0.9, **FULL))
    with pytest.raises(fr.DataError, match="D_beta"):
        law.where(D=scaled_tokens)


def test_terms_for_two_inputs_and_their_order_give_one_law(chinchilla):
    @fr.term(
        "double",
        inputs=dict(N=chinchilla.inputs["N"]),
        output=chinchilla.inputs["N"],
        params=dict(k=fr.amplitude("factor")),
    )
    def double(N, *, k):
        """Parameters that count k times."""
        return k * N

    one, two = chinchilla.where(N=double).where(D=repeated_tokens), chinchilla.where(D=repeated_tokens).where(N=double)
    given = dict(N=1e9, D=4e10, U=2e9)
    values = [law(*(given[n] for n in law.inputs), **FULL, R=5.0, k=2.0) for law in (one, two)]
    assert values[0] == pytest.approx(values[1], rel=1e-14)
    assert values[0] == pytest.approx(chinchilla(2e9, repeated_tokens(4e10, 2e9, R=5.0), **FULL), rel=1e-14)


def test_a_term_replaces_the_input_of_an_implicit_law():
    m4 = fr.laws.get("m4")

    @fr.term("shifted", inputs=dict(x=m4.inputs["x"]), output=m4.inputs["x"], params=dict(x0=fr.coefficient("shift")))
    def shifted(x, *, x0):
        """x after a head start."""
        return x + x0

    law, params = m4.where(x=shifted), dict(e=0.1, e0=1.0, a=0.5, b=20.0, c=0.3)
    assert law(0.5, 900.0, **params, x0=100.0) == pytest.approx(m4(0.5, 1000.0, **params))


def test_operations_apply_in_order_and_leave_the_law_they_came_from_alone(chinchilla):
    law = chinchilla.where(D=repeated_tokens).fix(R=15.0).tie(beta="alpha").share("E", across="family")
    assert law.name == "chinchilla.where(D=repeated-tokens).fix(R=15.0).tie(beta=alpha).share(E; across=family)"
    assert [verb for verb, _ in law.operations] == ["where", "fix", "tie", "share"]
    assert list(law.params) == ["E", "A", "alpha", "B"]
    assert law.base == "chinchilla"
    assert list(chinchilla.params) == list(FULL)
    assert chinchilla.operations == ()
    assert law.published == chinchilla.published


def test_what_is_tied_may_then_be_fixed_through_the_parameter_it_is_tied_to(chinchilla):
    law = chinchilla.tie(alpha="beta").fix(beta=0.3)
    assert list(law.params) == ["E", "A", "B"]
    assert law(1e9, 1e10, E=1.8, A=480.0, B=2100.0) == pytest.approx(
        chinchilla(1e9, 1e10, **{**FULL, "alpha": 0.3, "beta": 0.3})
    )


def test_fixing_a_shared_parameter_leaves_the_others_to_their_groups(chinchilla):
    law = chinchilla.share("E", "alpha", across="family").fix(alpha=0.35)
    assert law.shared == (("E",), "family")
    with pytest.raises(fr.DataError, match="left to fit"):
        law.fix(A=1.0, B=1.0, beta=0.3)


@pytest.mark.parametrize(
    ("restrict", "words"),
    [
        (lambda law: law.fix(alhpa=0.3), "no parameter 'alhpa'. Nearest: alpha"),
        (lambda law: law.tie(alpha="gamma"), "no parameter 'gamma'"),
        (lambda law: law.share("F", across="family"), "no parameter 'F'"),
        (lambda law: law.where(U=repeated_tokens), "no input 'U'. It has: N, D"),
        (lambda law: law.over(domain=["web"]), "no index 'domain'"),
        (lambda law: law.fix(alpha=float("nan")), "cannot fix alpha at nan"),
        (lambda law: law.fix(E=1, A=1, alpha=1, B=1, beta=1), "left to fit"),
        (lambda law: law.tie(alpha="beta", beta="A"), "tied and tied to"),
        (lambda law: law.share(*FULL, across="family"), "no groups to fit"),
        (lambda law: law.share("E", across="family").share("A", across="run"), "groups already"),
    ],
)
def test_a_restriction_that_makes_no_sense_is_refused_in_words(chinchilla, restrict, words):
    with pytest.raises(fr.DataError) as error:
        restrict(chinchilla)
    assert words in str(error.value)


def test_the_limits_of_an_implicit_law_stay_parameters():
    with pytest.raises(fr.DataError, match="e0 must stay"):
        fr.laws.get("m4").fix(e0=1.0)


def test_an_index_and_groups_do_not_go_together():
    law = fr.laws.get("data-mixing")
    with pytest.raises(fr.DataError, match="index"):
        law.share("c", across="family")
    with pytest.raises(fr.DataError, match="index"):
        law.over(domain=["web", "code"]).share("c", across="family")


def test_an_indexed_or_curve_input_cannot_be_replaced():
    for name, slot in (("data-mixing", "r"), ("lr-annealing", "lr")):
        with pytest.raises(fr.DataError, match="cannot replace"):
            fr.laws.get(name).where(**{slot: repeated_tokens})


def test_a_declaration_that_differs_from_its_function_is_refused(chinchilla):
    with pytest.raises(ValueError, match="keyword-only"):

        @fr.law("wrong", inputs=chinchilla.inputs, output=chinchilla.output, params=dict(E=fr.floor()))
        def wrong(N, D, *, F):
            return F

    with pytest.raises(ValueError, match="positional"):

        @fr.law("crossed", inputs=chinchilla.inputs, output=chinchilla.output, params=dict(E=fr.floor()))
        def crossed(D, N, *, E):
            return E

    with pytest.raises(ValueError, match="implicit"):
        fr.law("half", inputs=dict(), output=chinchilla.output, params=dict(), kind="implicit")(lambda y: y)


@pytest.mark.parametrize(
    "restrict",
    [
        lambda law: law.fix(alpha=0.35),
        lambda law: law.tie(alpha="beta"),
        lambda law: law.fix(E=1.8).tie(alpha="beta"),
    ],
)
def test_a_saved_fit_of_a_restricted_law_rebuilds_it(chinchilla, restrict):
    law = restrict(chinchilla)
    fit = fr.fit(law, fr.simulate(chinchilla, params=FULL), draws=20)
    again = fr.Fit.from_json(fit.to_json())
    assert again.law.name == law.name
    assert again.to_json() == fit.to_json()
    assert again.forecast(N=7e10, D=1.4e12).value == fit.forecast(N=7e10, D=1.4e12).value


def test_a_saved_fit_with_a_term_of_ones_own_needs_the_law_and_says_so():
    law, runs = repeated_runs(noise=0.005)
    fit = fr.fit(law.fix(alpha=0.35), runs, draws=20)
    text = fit.to_json()
    assert json.loads(text)["recipe"]["operations"][0] == ["where", {"D": "repeated-tokens"}]
    again = fr.Fit.from_json(text, law=law.fix(alpha=0.35))
    question = dict(N=1e9, D=1e10, U=1e9)
    assert again.forecast(**question).value == fit.forecast(**question).value
    with pytest.raises(fr.DataError, match="no term 'repeated-tokens'"):
        fr.Fit.from_json(text)


def test_a_law_keeps_the_formula_that_its_author_wrote(chinchilla):
    written = "E + A * N**-alpha + B * D**-beta"
    for law in (chinchilla, chinchilla.fix(alpha=0.34).share("E", across="family"), chinchilla.tie(alpha="beta")):
        assert law.formula == written

    @fr.law("two-steps", inputs=dict(D=TOKENS), output=fr.units.LOSS, params=dict(E=fr.floor(), beta=fr.exponent()))
    def two_steps(D, *, E, beta):
        """Loss.

        In two lines.
        """
        part = D**-beta
        return E + part

    assert two_steps.formula == "part = D**-beta\nE + part"
    assert fr.laws.get("bnsl-2").formula == ""  # made by another function, whose variables it hangs on
