"""Laws ranked on one table: hidden runs decide, and what is best by chance is said to be."""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr

X = np.geomspace(1e3, 1e7, 50)


def table(y, noise=0.003, seed=0):
    rng = np.random.default_rng(seed)
    return fr.read_runs({"x": X, "y": y * np.exp(rng.normal(0, noise, len(X)))}, x="x", y="y")


def test_a_decay_faster_than_a_power_law_is_told_from_one():
    fast = fr.select(["power-law-floor", "exponential-floor"], table(0.2 + 0.8 * np.exp(-X / 1e6)))
    slow = fr.select(["power-law-floor", "exponential-floor"], table(0.2 + 30.0 * X**-0.4))
    assert (fast.best, fast.decided) == ("exponential-floor", True)
    assert (slow.best, slow.decided) == ("power-law-floor", True)


def test_a_break_is_found_where_there_is_one_and_not_claimed_where_there_is_none():
    broken = table(5.0 * X**-0.15 * (1 + (X / 3e4) ** 4) ** -0.08)
    straight = table(5.0 * X**-0.25)
    assert fr.select(["m1", "bnsl-1"], broken).best == "bnsl-1"
    found = fr.select(["m1", "bnsl-1"], straight)
    assert not (found.best == "bnsl-1" and found.decided)


def test_equal_laws_are_best_by_chance():
    """A law, and the same law with an exponent fixed at its true value: neither is better, so it is seldom said."""
    chinchilla = fr.laws.get("chinchilla")
    truth = chinchilla.typical()["alpha"]
    laws = [chinchilla, chinchilla.fix(alpha=truth)]
    found = [fr.select(laws, fr.simulate("chinchilla", n=60, noise=0.01, seed=s)) for s in range(20)]
    assert sum(f.decided for f in found) <= 2
    undecided = next(f for f in found if not f.decided)
    assert "by chance" in undecided.verdict
    assert "best-by-chance" in {n.code for n in undecided.notes}


def test_criteria_order_laws_where_no_cut_can_be_scored():
    few = fr.read_runs(
        {"x": [1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6], "y": [2.0, 1.9, 1.81, 1.74, 1.68, 1.62, 1.57]}, x="x", y="y"
    )
    found = fr.select(["m1", "m2"], few)
    assert found.laws[0].missed is None or found.laws[0].cuts > 0
    assert found.laws[0].bic is not None


def test_criteria_follow_their_formulas():
    runs = table(5.0 * X**-0.25)
    found = fr.select(["m1", "m2"], runs, objective="squared-log")
    fit = fr.fit("m1", runs, objective="squared-log", uncertainty="none")
    n, p = 50, 3  # two parameters and the scale
    deviance = n * np.log(fit.objective_value / n)
    (m1,) = (law for law in found.laws if law.law == "m1")
    assert m1.aic == pytest.approx(deviance + 2 * p, rel=1e-9)
    assert m1.bic == pytest.approx(deviance + p * np.log(n), rel=1e-9)


def test_what_cannot_be_ranked_is_refused():
    with pytest.raises(fr.DataError, match="at least two"):
        fr.select(["m1"], table(X**-0.2))
    with pytest.raises(fr.DataError, match="none of the laws"):
        fr.select(["m2", "m3"], fr.read_runs({"x": [1.0, 2.0], "y": [2.0, 1.0]}, x="x", y="y"))
