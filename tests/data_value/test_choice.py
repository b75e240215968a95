"""The chosen mixture: against closed forms and grids, under limits, and with its doubts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import forerun as fr
from forerun.data_value import choose_mixture
from forerun.note import Note

GRID = np.linspace(0.05, 0.95, 9001)


def fitted(truth, *, noise=0.0, draws=0, seed=0, shares=None):
    """A fit of the mixing law with these coefficients, on shares of web and code between 0.05 and 0.95."""
    share = np.linspace(0.05, 0.95, 31) if shares is None else shares
    inputs = {"r[web]": share, "r[code]": 1.0 - share}
    law = fr.laws.get("data-mixing").over(domain=["web", "code"])
    runs = fr.simulate(law, noise=noise, seed=seed, params=truth, inputs=inputs)
    return fr.fit(law, runs, **(dict(draws=draws) if draws else dict(uncertainty="none")))


WEB = {"c": 1.5, "t[web]": -2.0, "t[code]": 0.3}
CODE = {"c": 0.8, "t[web]": 0.2, "t[code]": -3.0}


def loss(share, importance=(0.5, 0.5)):
    parts = [p["c"] + np.exp(p["t[web]"] * share + p["t[code]"] * (1 - share)) for p in (WEB, CODE)]
    return importance[0] * parts[0] + importance[1] * parts[1]


@pytest.mark.parametrize("importance", [(0.5, 0.5), (0.8, 0.2)])
def test_the_choice_is_the_lowest_point_of_the_weighted_losses(importance):
    fits = {"on web": fitted(WEB), "on code": fitted(CODE)}
    choice = choose_mixture(fits, importance=dict(zip(fits, importance)))
    best = GRID[loss(GRID, importance).argmin()]
    assert choice.weights["web"] == pytest.approx(best, abs=2e-4)
    assert sum(choice.weights.values()) == pytest.approx(1.0, abs=1e-12)
    assert choice.forecast.value == pytest.approx(loss(GRID, importance).min(), rel=1e-6)


def test_what_is_as_good_ends_where_the_loss_leaves_the_tolerance():
    choice = choose_mixture({"on web": fitted(WEB), "on code": fitted(CODE)}, tolerance=0.01)
    inside = GRID[loss(GRID) <= 1.01 * loss(GRID).min()]
    assert choice.near_optimal["web"] == pytest.approx((inside.min(), inside.max()), abs=3e-4)
    low, high = choice.near_optimal["code"]
    assert (1.0 - high, 1.0 - low) == pytest.approx(choice.near_optimal["web"], abs=3e-4)


def test_the_regret_is_what_the_choice_loses_against_the_best_mixture_of_each_draw():
    fits = {"on web": fitted(WEB, noise=0.01, draws=40), "on code": fitted(CODE, noise=0.01, draws=40, seed=1)}
    choice = choose_mixture(fits)
    along = {"r[web]": GRID, "r[code]": 1.0 - GRID}
    samples = np.mean([fit.sample(along) for fit in fits.values()], axis=0)
    there = np.mean([fit.sample({f"r[{d}]": [w] for d, w in choice.weights.items()}) for fit in fits.values()], axis=0)
    lost = there[:, 0] - samples.min(axis=1)
    assert choice.regret["mean"] == pytest.approx(lost.mean(), rel=1e-3)
    assert choice.regret["p95"] == pytest.approx(np.quantile(lost, 0.95), rel=1e-3)
    low, high = np.quantile(GRID[samples.argmin(axis=1)], [0.05, 0.95])
    assert choice.interval["web"] == pytest.approx((low, high), abs=0.01)
    assert choice.forecast.low < choice.forecast.value < choice.forecast.high


def test_without_draws_there_is_neither_regret_nor_interval():
    choice = choose_mixture({"on web": fitted(WEB), "on code": fitted(CODE)})
    assert (choice.regret, choice.interval, choice.forecast.low) == (None, None, None)
    assert "no interval because" in str(choice)


def test_a_finite_domain_gets_no_more_than_its_tokens_repeated_as_often_as_allowed():
    fits = {"on web": fitted(WEB), "on code": fitted(CODE)}
    free = choose_mixture(fits)
    assert free.binding == ()
    tight = choose_mixture(fits, available={"code": 10e9}, repetitions=2.0, D=100e9)
    assert tight.weights["code"] == pytest.approx(0.2, abs=1e-9)
    assert tight.binding == ("code",)
    assert tight.limits == {"web": 1.0, "code": 0.2}
    assert tight.forecast.value > free.forecast.value
    loose = choose_mixture(fits, available={"code": 10e9}, repetitions=20.0, D=100e9)
    assert loose.weights["code"] == pytest.approx(free.weights["code"], abs=1e-4)


def test_data_that_do_not_suffice_are_refused():
    with pytest.raises(fr.DataError, match=r"give 0\.4 of the tokens") as refusal:
        choose_mixture(fitted(WEB), available={"web": 30e9, "code": 10e9}, D=100e9)
    assert refusal.value.code == "too-little-data"


def test_data_that_would_need_shares_that_were_not_trained_are_refused_until_told_to_go_there():
    fit = fitted(WEB, shares=np.linspace(0.2, 0.6, 20))
    with pytest.raises(fr.DataError, match="shares that were trained") as refusal:
        choose_mixture(fit, available={"code": 30e9}, D=100e9)
    assert refusal.value.code == "outside-runs"
    beyond = choose_mixture(fit, available={"code": 30e9}, D=100e9, beyond_runs=True)
    assert beyond.weights["web"] >= 0.7


def test_a_choice_at_the_edge_of_the_runs_says_so_and_goes_beyond_them_only_when_told_to():
    fit = fitted(WEB, shares=np.linspace(0.2, 0.6, 20))
    inside = choose_mixture(fit)
    assert inside.weights["web"] == pytest.approx(0.6, abs=1e-6)
    assert [n.code for n in inside.notes if n.severity == "warning"] == ["edge-mixture"]
    beyond = choose_mixture(fit, beyond_runs=True)
    assert beyond.weights["web"] == pytest.approx(1.0, abs=1e-6)
    assert "mixture-outside" in {n.code for n in beyond.notes}


def test_laws_of_one_share_are_balanced_against_each_other():
    """BiMix with equal floors and powers, weighted 1 to w: the best odds are w**(1 / (1 + alpha))."""
    law = fr.laws.get("bimix")
    truth = {"alpha": 0.25, "B": 400.0, "beta": 0.3, "C": 1.5}
    fits = {
        name: fr.fit(law, fr.simulate(law, n=40, noise=0.0, seed=s, params=truth), uncertainty="none")
        for s, name in enumerate(("web", "code"))
    }
    choice = choose_mixture(fits, importance={"web": 1.0, "code": 3.0}, D=1e11)
    odds = choice.weights["code"] / choice.weights["web"]
    assert odds == pytest.approx(3.0 ** (1 / 1.25), rel=1e-3)
    assert choice.forecast.inputs["D"] == 1e11


def test_three_domains_alike_are_mixed_evenly():
    law = fr.laws.get("data-mixing").over(domain=["a", "b", "c"])
    fits = {}
    for own in "abc":
        truth = {"c": 1.0, **{f"t[{d}]": -2.0 if d == own else 0.1 for d in "abc"}}
        fits[own] = fr.fit(law, fr.simulate(law, n=40, noise=0.0, seed=3, params=truth), uncertainty="none")
    assert list(choose_mixture(fits).weights.values()) == pytest.approx([1 / 3] * 3, abs=1e-4)


def test_a_fit_that_is_in_doubt_is_refused_unless_forced():
    doubtful = replace(fitted(WEB), notes=(Note("not-converged", "error", "no optimum"),))
    with pytest.raises(fr.DataError, match="not fit to choose with"):
        choose_mixture(doubtful)
    assert "not-converged" in {n.code for n in choose_mixture(doubtful, force=True).notes}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(available={"books": 1e9}, D=1e10), "no domain 'books'"),
        (dict(available={"web": 1e9}), "not how many tokens"),
        (dict(available={"web": -1.0}, D=1e10), "zero or above"),
        (dict(importance={"on code": 1.0}), "importance cannot be"),
        (dict(tolerance=0.0), "tolerance"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(settings, message):
    with pytest.raises(fr.DataError, match=message):
        choose_mixture(fitted(WEB), **settings)


def test_a_law_without_shares_is_refused():
    fit = fr.fit("chinchilla", fr.simulate("chinchilla"), uncertainty="none")
    with pytest.raises(fr.DataError, match="no share of a domain"):
        choose_mixture(fit, N=1e9, D=1e10)
