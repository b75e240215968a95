"""One suite over every registered law and term: a new file under ``laws/`` is under test when it exists."""

from __future__ import annotations

import inspect
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from zlib import crc32

import checks
import numpy as np
import pytest

import forerun as fr
import forerun.laws as package
from forerun.laws.declare import Law, Term
from forerun.units import TOKENS, X, Y

ROOT = Path(str(files(package)))
LAWS = fr.laws.names()
DECLARED = {**{n: fr.laws.get(n) for n in LAWS}, **fr.laws.terms()}
FILES = sorted(p.relative_to(ROOT) for p in ROOT.glob("*/*.py") if p.name != "__init__.py")
MOST_LINES = 80
TABLES, ROWS = 4, 80  # simulated tables of each law, for the errors of its parameters

each_declared = pytest.mark.parametrize("name", DECLARED)
each_law = pytest.mark.parametrize("name", LAWS)


@each_declared
def test_it_is_finite_over_its_domain(name):
    checks.finite_over_its_domain(DECLARED[name])


@each_declared
def test_it_broadcasts_inputs_against_parameters(name):
    checks.broadcasts(DECLARED[name])


@each_declared
def test_its_derivatives_agree_with_differences(name):
    checks.has_right_derivatives(DECLARED[name])


@each_declared
def test_it_is_documented(name):
    checks.is_documented(DECLARED[name])


@each_law
def test_runs_without_noise_give_its_parameters_back(name):
    checks.gives_its_parameters_back(DECLARED[name])


@each_law
def test_a_fit_through_all_its_points_is_called_an_optimum(name):
    checks.is_content_with_a_perfect_fit(DECLARED[name])


@each_law
def test_its_published_numbers_come_out(name):
    checks.agrees_with_published_numbers(DECLARED[name])


@each_law
def test_a_saved_fit_of_it_reads_back_the_same(name):
    checks.survives_json(DECLARED[name])


def test_errors_of_the_parameters_are_as_large_as_the_draws_say():
    """Over all laws, (estimate - truth) / sd(draws) has a mean square near one: intervals neither boast nor cower."""
    z = np.concatenate([
        checks.standardised_errors(DECLARED[name], seed=crc32(f"{name}{table}".encode()), n=ROWS)
        for name in LAWS for table in range(TABLES)
        if not DECLARED[name].unidentified and DECLARED[name].kind == "explicit"
    ])  # fmt: skip
    assert len(z) > 150
    assert 0.8 < np.mean(z**2) < 1.25, np.mean(z**2)
    assert np.mean(np.abs(z) < 1.645) > 0.8


def test_a_law_without_verified_coefficients_is_simulated_from_typical_ones():
    law = fr.laws.get("lr-annealing")
    assert [s.verified for s in law.published] == [False]
    assert law.typical() == {n: p.typical for n, p in law.params.items()}
    assert not any(s.verified is False for s in fr.laws.get("chinchilla").published[:2])


@pytest.mark.parametrize("file", FILES, ids=str)
def test_the_file_of_a_law_is_short_and_registers_what_it_declares(file):
    assert len((ROOT / file).read_text(encoding="utf-8").splitlines()) <= MOST_LINES
    module = import_module(f"{package.__name__}.{'.'.join(file.with_suffix('').parts)}")
    declared = [v for v in vars(module).values() if isinstance(v, Law | Term)]
    assert declared, f"{file} declares no law and no term"
    for one in declared:
        assert DECLARED[one.name] is one
        assert inspect.isfunction(one.body)


def test_every_published_file_belongs_to_a_law():
    published = {p.stem for p in (ROOT / "published").glob("*.toml")}
    assert published
    assert published <= set(LAWS)


@fr.law(
    "own-decay",
    inputs=dict(D=TOKENS),
    output=Y,
    params=dict(
        floor=fr.floor("what remains", typical=0.4),
        size=fr.amplitude("outcome above it at one billion tokens", typical=0.5, search=(1e-3, 1e3)),
        rate=fr.exponent("powers of ten per tenfold of tokens", typical=0.3),
    ),
)
def own_decay(D, *, floor, size, rate):
    """An outcome that decays with tokens."""
    return floor + size * (D / 1e9) ** -rate


@fr.law(
    "own-product",
    inputs=dict(x=X),
    output=Y,
    unidentified="only the product of one and two",
    params=dict(
        one=fr.amplitude("first factor", typical=2.0),
        two=fr.amplitude("second factor", typical=3.0),
        rate=fr.exponent(typical=0.3),
    ),
)
def own_product(x, *, one, two, rate):
    """A law that no data identify."""
    return one * two * x**-rate


def test_a_law_declared_by_a_user_keeps_every_promise():
    checks.finite_over_its_domain(own_decay)
    checks.broadcasts(own_decay)
    checks.has_right_derivatives(own_decay)
    checks.gives_its_parameters_back(own_decay)
    checks.survives_json(own_decay, own=True)
    checks.is_documented(own_decay, own=True)
    assert own_decay.status == "own"


def test_a_law_that_is_declared_not_identified_gives_the_same_predictions_and_says_so():
    checks.gives_its_parameters_back(own_product)
    fit = fr.fit(own_product, checks.exact_runs(own_product), uncertainty="none")
    assert fit.params["one"] * fit.params["two"] == pytest.approx(6.0, rel=1e-6)
    assert "not-identified" in {n.code for n in fit.notes}


def test_a_law_that_is_not_identified_and_does_not_declare_it_is_found_out():
    from dataclasses import replace

    with pytest.raises(AssertionError):
        checks.gives_its_parameters_back(replace(own_product, unidentified=""))


@fr.law("own-maximum", inputs=own_decay.inputs, output=Y, params=own_decay.params)
def own_maximum(D, *, floor, size, rate):
    """The same law, written with a function that carries no derivatives."""
    return floor + size * np.maximum(D / 1e9, 0.0) ** -rate


def test_a_formula_without_derivatives_is_fitted_by_differences_to_the_same_optimum():
    runs = fr.simulate(own_decay, n=40, noise=0.005, seed=4)
    exact, fit = (fr.fit(law, runs, uncertainty="none") for law in (own_decay, own_maximum))
    assert (exact.derivatives, fit.derivatives) == ("exact", "differences")
    assert list(fit.params.values()) == pytest.approx(list(exact.params.values()), rel=1e-6)
    assert fit.outcome == "converged"
