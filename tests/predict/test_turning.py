"""Where a fitted outcome turns along one input, and what is said where it does not."""

from __future__ import annotations

import json

import numpy as np
import pytest

import forerun as fr
from forerun.predict import best_inputs, turning_point


@fr.law(
    "valley",
    inputs=dict(N=fr.units.PARAMETERS, D=fr.units.TOKENS),
    output=fr.units.LOSS,
    params=dict(
        m=fr.floor("lowest loss", typical=2.0),
        k=fr.coefficient("bend", typical=0.05),
        r=fr.coefficient("log of the best D / N", typical=3.0, search=(0.0, 10.0)),
    ),
)
def valley(N, D, *, m, k, r):
    """A loss that is lowest at D = e**r N."""
    return m + k * (np.log(D) - np.log(N) - r) ** 2


def fitted(noise=0.005, **wish):
    N, D = (grid.ravel() for grid in np.meshgrid([1e8, 1e9], np.geomspace(3e8, 2e11, 12)))
    runs = fr.simulate(valley, inputs={"N": N, "D": D}, noise=noise, seed=1)
    return fr.fit(valley, runs, **({"draws": 100} | wish))


def test_the_place_of_the_turn_is_finer_than_any_grid_and_has_an_interval():
    best = turning_point(fitted(noise=0.0, uncertainty="none"), "D", N=1e9)
    assert best.at == pytest.approx(np.exp(3) * 1e9, rel=1e-4)
    assert best.outcome == pytest.approx(2.0, abs=1e-8)
    assert best.limits is None
    noisy = turning_point(fitted(), "D", N=1e9)
    assert noisy.limits[0] < np.exp(3) * 1e9 < noisy.limits[1]
    assert "of the draws turn" in str(noisy)
    assert json.loads(json.dumps(noisy.to_dict(), allow_nan=False))["along"] == "D"


def test_it_agrees_with_the_best_of_many_candidates():
    fit = fitted()
    best = turning_point(fit, "D", N=1e9)
    D = np.geomspace(1e9, 1e12, 2001)
    among = best_inputs(fit, {"N": 1e9, "D": D})
    assert best.at == pytest.approx(among.inputs["D"], rel=0.01)
    assert best.limits == pytest.approx(among.limits["D"], rel=0.01)


def test_draws_that_do_not_turn_push_the_limit_to_where_they_are_best():
    """A curve that is nearly flat at its end: some draws still fall there, and count as infinite."""
    kl = np.geomspace(0.1, 8, 12)
    reward = fr.laws.get("reward-best-of-n")(kl, alpha=1.0, beta=0.05) + 0.1 * np.random.default_rng(2).standard_normal(
        12
    )
    runs = fr.read_runs({"kl": kl, "reward": reward}, kl="kl", reward="reward")
    found = turning_point(fr.fit("reward-best-of-n", runs, objective="squared", draws=100), "kl", highest=True,
                          between=(0.01, 1e3))  # fmt: skip
    assert 0 < found.share < 0.95
    assert found.limits[1] == np.inf
    assert "turn-outside-runs" in [note.code for note in found.notes]
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["limits"][1] is None


@pytest.mark.parametrize(
    ("along", "wish", "code"),
    [
        ("M", {"N": 1e9}, "unknown-input"),
        ("D", {"N": 1e9, "highest": True}, "no-turn"),
        ("D", {"N": 1e9, "between": (1e12, 1e13)}, "no-turn"),
        ("D", {"N": 1e9, "between": (1e12, 1e11)}, "bad-value"),
        ("D", {"N": 1e9, "D": 1e9}, "unknown-input"),
        ("D", {}, "missing-input"),
    ],
)
def test_questions_without_an_answer_are_refused_in_words(along, wish, code):
    with pytest.raises(fr.DataError) as refused:
        turning_point(fitted(uncertainty="none"), along, **wish)
    assert refused.value.code == code
