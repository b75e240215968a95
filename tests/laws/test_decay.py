"""Power law or faster decay? Hidden runs tell, in both directions."""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr

X = np.geomspace(1e3, 1e6, 40)
TRUTHS = {
    "power-law-floor": {"E": 0.05, "A": 5.0, "alpha": 0.35},
    "exponential-floor": {"E": 0.05, "A": 2.0, "x0": 1e5},
    "stretched-exponential": {"E": 0.05, "A": 2.0, "x0": 3e4, "b": 0.6},
}


@pytest.mark.parametrize("truth", TRUTHS)
def test_the_law_behind_the_runs_predicts_hidden_ones_better_than_the_other_kind(truth):
    """Power law against exponential; a stretched exponential lies between the two, so it is not asked to lose to them."""
    runs = fr.simulate(truth, params=TRUTHS[truth], inputs={"x": X}, noise=0.01, seed=3)
    shown, hidden = runs.hold_out("x", above=2e5)
    error = {
        name: np.median(np.abs(fr.fit(name, shown, uncertainty="none").predict({"x": hidden["x"]}) / hidden["y"] - 1))
        for name in TRUTHS
    }
    rivals = set(TRUTHS) - {truth, "stretched-exponential"}
    assert all(error[truth] < 0.5 * error[rival] for rival in rivals), error


def test_a_stretched_exponential_with_b_one_is_the_exponential():
    values = {"E": 0.1, "A": 2.0, "x0": 1e4}
    stretched, plain = fr.laws.get("stretched-exponential"), fr.laws.get("exponential-floor")
    np.testing.assert_allclose(stretched(X, b=1.0, **values), plain(X, **values), rtol=1e-14)
