"""Derivatives carried through a formula agree with differences of high order, and what has no rule is refused."""

from __future__ import annotations

import operator

import numpy as np
import pytest

import forerun as fr
from forerun.fitting.jet import RULES, Jet, parameter, slopes, weighted_bends
from forerun.fitting.prediction import supports_jets
from forerun.units import TOKENS, X, Y

STEP = 0.01
EIGHTH_ORDER = np.array([1 / 280, -4 / 105, 1 / 5, -4 / 5, 0, 4 / 5, -1 / 5, 4 / 105, -1 / 280])
PLACES = np.arange(-4, 5)
DIGITS_GRADIENT, DIGITS_HESSIAN = 11, 9
UNARY = sorted((f for f in RULES if f.nin == 1), key=lambda f: f.__name__)
BINARY = sorted((f for f in RULES if f.nin == 2), key=lambda f: f.__name__)
OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]
U, V = np.random.default_rng(0).uniform(0.9, 1.6, (2, 1, 7))
EACH = np.ones((1, 1, 7))


def slope(f, u, v, which):
    """First difference of eighth order in one of two arguments."""
    moves = [(k * STEP, 0.0) if which == 0 else (0.0, k * STEP) for k in PLACES]
    return sum(c * f(u + a, v + b) for c, (a, b) in zip(EIGHTH_ORDER, moves)) / STEP


def leaf(value, number):
    """A quantity of its own in every row, from which derivatives are taken."""
    return Jet(value, gradient=((number,), EACH))


def second(jet, i, j, params=2):
    """The second derivative in each row: the sum over rows under weights that leave one."""
    rows = jet.value.shape[1]
    return np.array([weighted_bends(jet, row[None], params)[0, i, j] for row in np.eye(rows)])


def expect_derivatives(f):
    """``f`` of two jets has the value, slopes and curvatures of ``f`` of two arrays."""
    jet = f(leaf(U, 0), leaf(V, 1))
    assert isinstance(jet, Jet)
    np.testing.assert_allclose(jet.value, f(U, V), rtol=1e-14)
    for i in (0, 1):
        expected = slope(f, U, V, i)[0]
        error = np.abs(slopes(jet, U.shape, 2)[0, i] - expected).max()
        assert error <= 10.0**-DIGITS_GRADIENT * max(1.0, np.abs(expected).max()), i
        for j in range(2):
            expected = slope(lambda u, v: slope(f, u, v, i), U, V, j)[0]  # noqa: B023
            error = np.abs(second(jet, i, j) - expected).max()
            assert error <= 10.0**-DIGITS_HESSIAN * max(1.0, np.abs(expected).max()), (i, j)


@pytest.mark.parametrize("ufunc", UNARY, ids=lambda f: f.__name__)
def test_a_function_of_one_argument_carries_both_derivatives(ufunc):
    expect_derivatives(lambda u, v: ufunc(0.7 * u + u * v + 0.2))


@pytest.mark.parametrize("ufunc", BINARY, ids=lambda f: f.__name__)
@pytest.mark.parametrize("sides", ["both", "left", "right"])
def test_a_function_of_two_arguments_carries_both_derivatives(ufunc, sides):
    constant = np.linspace(0.5, 2.0, U.shape[1])
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


def test_a_quantity_that_is_used_twice_counts_twice():
    expect_derivatives(lambda u, v: (w := u * v) * w + w / w + w**w)
    expect_derivatives(lambda u, v: (w := np.exp(u) + 1.0) * v + (w - 0.5) * w)


def test_what_is_the_same_in_all_rows_counts_for_their_sum():
    """A parameter of one value, taken through functions and products before it meets the rows."""
    x = np.linspace(0.5, 2.0, 7)[None]

    def f(a, b):
        return np.exp(a * b) * x ** -np.log(a) + a / b

    jet = f(parameter(np.array([[1.2], [0.9]]), 0), parameter(np.array([[0.7], [1.4]]), 1))
    weights = np.random.default_rng(1).uniform(0.5, 1.5, (2, 7))
    found = weighted_bends(jet, weights, 2)
    for row, (a, b) in enumerate([(1.2, 0.7), (0.9, 1.4)]):
        total = lambda u, v: (weights[row] * f(u, v)).sum()  # noqa: B023, E731
        for i in (0, 1):
            for j in (0, 1):
                expected = slope(lambda u, v: slope(total, u, v, i), a, b, j)  # noqa: B023
                assert found[row, i, j] == pytest.approx(expected, rel=1e-8)


def test_a_power_of_a_share_that_is_zero_has_derivatives_zero():
    share = Jet(np.array([0.0, 0.5]))
    with np.errstate(divide="ignore"):
        y = share ** parameter(np.array([[0.4]]), 0)
    np.testing.assert_allclose(y.value, [[0.0, 0.5**0.4]], atol=1e-100)
    np.testing.assert_allclose(slopes(y, (1, 2), 1), [[[0.0, 0.5**0.4 * np.log(0.5)]]], atol=1e-100)
    np.testing.assert_allclose(second(y, 0, 0, params=1), [0.0, 0.5**0.4 * np.log(0.5) ** 2], atol=1e-100)


def test_what_does_not_depend_on_a_parameter_carries_nothing_for_it():
    y = leaf(U, 0) ** 2 + Jet(V) * 3.0
    assert y.gradient()[0] == (0,)
    assert not slopes(y, U.shape, 2)[:, 1].any()
    bends = weighted_bends(y, np.ones(U.shape), 2)[0]
    assert bends[0, 0] == pytest.approx(2.0 * U.size)
    assert not bends[1].any()
    assert not bends[:, 1].any()


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
        formula(leaf(U, 0))


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
        return Jet(y.value, tuple((parent, 1.01 * slope) for parent, slope in y.parents), y.bends)

    monkeypatch.setitem(RULES, np.exp, wrong)

    @fr.law("own-chinchilla", inputs=dict(D=TOKENS), output=Y, params=dict(B=fr.amplitude(), beta=fr.exponent()))
    def own(D, *, B, beta):
        return B * np.exp(-beta * np.log(D))

    assert not supports_jets(own, inputs[1:], params[:, 3:])


def test_a_formula_that_loses_its_derivatives_is_noticed():
    law = declared(lambda x, A, alpha: getattr(A, "value", A) * x**-alpha)
    runs = fr.simulate("power-law-floor", n=16)
    assert not supports_jets(law, [runs["x"]], np.array([[0.05, 5.0, 0.35]]))
