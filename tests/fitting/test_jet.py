"""Derivatives carried through a formula agree with differences of high order, and what has no rule is refused."""

from __future__ import annotations

import operator

import numpy as np
import pytest

import forerun as fr
from forerun.fitting.jet import RULES, Jet
from forerun.fitting.prediction import supports_jets
from forerun.units import TOKENS, X, Y

STEP = 0.01
EIGHTH_ORDER = np.array([1 / 280, -4 / 105, 1 / 5, -4 / 5, 0, 4 / 5, -1 / 5, 4 / 105, -1 / 280])
PLACES = np.arange(-4, 5)
DIGITS_GRADIENT, DIGITS_HESSIAN = 11, 9
UNARY = sorted((f for f in RULES if f.nin == 1), key=lambda f: f.__name__)
BINARY = sorted((f for f in RULES if f.nin == 2), key=lambda f: f.__name__)
OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]
U, V = np.random.default_rng(0).uniform(0.9, 1.6, (2, 7))


def slope(f, u, v, which):
    """First difference of eighth order in one of two arguments."""
    moves = [(k * STEP, 0.0) if which == 0 else (0.0, k * STEP) for k in PLACES]
    return sum(c * f(u + a, v + b) for c, (a, b) in zip(EIGHTH_ORDER, moves)) / STEP


def expect_derivatives(f):
    """``f`` of two jets has the value, slopes and curvatures of ``f`` of two arrays."""
    jet = f(Jet(U, {0: 1.0}), Jet(V, {1: 1.0}))
    assert isinstance(jet, Jet)
    np.testing.assert_allclose(jet.value, f(U, V), rtol=1e-14)
    for i in (0, 1):
        found = np.broadcast_to(jet.grad.get(i, 0.0), U.shape)
        expected = slope(f, U, V, i)
        assert np.abs(found - expected).max() <= 10.0**-DIGITS_GRADIENT * max(1.0, np.abs(expected).max()), i
        for j in range(i, 2):
            found = np.broadcast_to(jet.hess.get((i, j), 0.0), U.shape)
            expected = slope(lambda u, v: slope(f, u, v, i), U, V, j)  # noqa: B023
            assert np.abs(found - expected).max() <= 10.0**-DIGITS_HESSIAN * max(1.0, np.abs(expected).max()), (i, j)


@pytest.mark.parametrize("ufunc", UNARY, ids=lambda f: f.__name__)
def test_a_function_of_one_argument_carries_both_derivatives(ufunc):
    expect_derivatives(lambda u, v: ufunc(0.7 * u + u * v + 0.2))


@pytest.mark.parametrize("ufunc", BINARY, ids=lambda f: f.__name__)
@pytest.mark.parametrize("sides", ["both", "left", "right"])
def test_a_function_of_two_arguments_carries_both_derivatives(ufunc, sides):
    constant = np.linspace(0.5, 2.0, len(U))
    expect_derivatives(
        {
            "both": lambda u, v: ufunc(u * v + 0.3, v + 0.5 * u),
            "left": lambda u, v: ufunc(u * v + 0.3, constant),
            "right": lambda u, v: ufunc(constant, u * v + 0.3),
        }[sides]
    )


@pytest.mark.parametrize("operate", OPERATORS, ids=lambda f: f.__name__)
@pytest.mark.parametrize(
    "other", [1.7, 2, np.float64(0.6), np.linspace(0.5, 2.0, 7)], ids=["float", "int", "np", "array"]
)
def test_an_operator_takes_a_jet_on_either_side_of_a_number_or_array(operate, other):
    expect_derivatives(lambda u, v: operate(u * v, other))
    expect_derivatives(lambda u, v: operate(other, u * v))


@pytest.mark.parametrize("operate", OPERATORS, ids=lambda f: f.__name__)
def test_an_operator_between_jets_carries_both_derivatives(operate):
    expect_derivatives(lambda u, v: operate(u + 0.3 * v, v * u))


def test_signs_keep_the_derivatives():
    expect_derivatives(lambda u, v: -(+u) * v)


def test_a_whole_power_of_a_negative_number_is_differentiated():
    expect_derivatives(lambda u, v: (u - 3.0 * v - 5.0) ** 2)


def test_a_power_of_a_share_that_is_zero_has_derivatives_zero():
    share = Jet(np.array([0.0, 0.5]))
    with np.errstate(divide="ignore"):
        y = share ** Jet(np.array([[0.4]]), {0: 1.0})
    np.testing.assert_allclose(y.value, [[0.0, 0.5**0.4]], atol=1e-100)
    np.testing.assert_allclose(y.grad[0], [[0.0, 0.5**0.4 * np.log(0.5)]], atol=1e-100)
    np.testing.assert_allclose(y.hess[0, 0], [[0.0, 0.5**0.4 * np.log(0.5) ** 2]], atol=1e-100)


def test_what_does_not_depend_on_a_parameter_carries_nothing_for_it():
    y = Jet(U, {0: 1.0}) ** 2 + Jet(V) * 3.0
    assert set(y.grad) == {0}
    assert set(y.hess) == {(0, 0)}


@pytest.mark.parametrize(
    "formula",
    [
        np.arcsinh,
        np.abs,
        lambda u: np.maximum(u, 1.0),
        lambda u: np.where(np.array([True]), u, 1.0),
        lambda u: np.clip(u, 0.0, 1.0),
        lambda u: np.sum(u),
        lambda u: np.add.reduce(u),
        lambda u: np.exp(u, out=np.zeros(7)),
        lambda u: float(u > 1.0),
        lambda u: u if u else 0.0,
        lambda u: u == 1.0,
        lambda u: np.array(u),
        lambda u: np.asarray(u, float),
    ],
)
def test_what_has_no_rule_is_refused_and_never_silently_wrong(formula):
    with pytest.raises(TypeError):
        formula(Jet(U, {0: 1.0}))


def declared(formula):
    """A power law with a floor whose reducible part is written as ``formula(x, A, alpha)``."""

    @fr.law(
        "own", inputs=dict(x=X), output=Y, params=dict(E=fr.floor(typical=0.05), A=fr.amplitude(), alpha=fr.exponent())
    )
    def own(x, *, E, A, alpha):
        return E + formula(x, A, alpha)

    return own


@pytest.mark.parametrize(
    "formula",
    [
        lambda x, A, alpha: A * np.maximum(x, 1.0) ** -alpha,
        lambda x, A, alpha: np.where(x > 0, A * x**-alpha, 0.0),
        lambda x, A, alpha: np.clip(A, 1e-9, 1e9) * x**-alpha,
        lambda x, A, alpha: A * np.exp(-alpha * np.arcsinh(x)) * 2.0**alpha,
    ],
    ids=["maximum", "where", "clip", "arcsinh"],
)
def test_a_formula_without_rules_is_fitted_by_differences_to_the_same_parameters(formula):
    runs = fr.simulate("power-law-floor", n=30, noise=0.01, seed=3)
    exact = fr.fit("power-law-floor", runs, uncertainty="none")
    fit = fr.fit(declared(formula), runs, uncertainty="none")
    assert exact.derivatives == "exact"
    assert fit.derivatives == "differences"
    assert list(fit.params.values()) == pytest.approx(list(exact.params.values()), rel=1e-6)


def test_a_wrong_derivative_is_noticed(monkeypatch):
    law = fr.laws.get("chinchilla")
    runs = fr.simulate(law, n=16)
    inputs = [runs["N"], runs["D"]]
    params = np.array([[1.7, 400.0, 0.34, 400.0, 0.28], [2.0, 300.0, 0.4, 800.0, 0.3]])
    assert supports_jets(law, inputs, params)
    right = RULES[np.exp]

    def wrong(x):
        y = right(x)
        return Jet(y.value, {i: 1.01 * g for i, g in y.grad.items()}, y.hess)

    monkeypatch.setitem(RULES, np.exp, wrong)

    @fr.law("own-chinchilla", inputs=dict(D=TOKENS), output=Y, params=dict(B=fr.amplitude(), beta=fr.exponent()))
    def own(D, *, B, beta):
        return B * np.exp(-beta * np.log(D))

    assert not supports_jets(own, inputs[1:], params[:, 3:])


def test_a_formula_that_loses_its_derivatives_is_noticed():
    law = declared(lambda x, A, alpha: getattr(A, "value", A) * x**-alpha)
    runs = fr.simulate("power-law-floor", n=16)
    assert not supports_jets(law, [runs["x"]], np.array([[0.05, 5.0, 0.35]]))
