"""A total shared out between fitted curves."""

from __future__ import annotations

import json
from itertools import product

import numpy as np
import pytest

import forerun as fr
from forerun.predict import best_split
from forerun.predict.splitting import PARTS

LAW = fr.laws.get("m2")
TRUTH = {"one": (0.1, 5.0, 0.5), "two": (0.2, 9.0, 0.8), "three": (0.3, 2.0, 0.2)}


def fits(names=TRUTH, **wish):
    x = np.geomspace(10, 1e4, 20)
    wish = wish or {"uncertainty": "none"}
    return {
        name: fr.fit(
            LAW, fr.simulate(LAW, params=dict(zip("ebc", TRUTH[name])), inputs={"x": x}, noise=0.003, seed=i), **wish
        )
        for i, name in enumerate(names)
    }


def test_no_other_way_to_hand_out_the_parts_is_better():
    found = best_split(fits(), 3000.0, weights={"one": 1.0, "two": 2.0, "three": 0.5})
    parts = np.arange(1, PARTS + 1) * 3000.0 / PARTS
    one, two, three = (w * fit.predict({"x": parts}) for w, fit in zip((1.0, 2.0, 0.5), fits().values()))
    best = min(
        one[i] + two[j] + three[PARTS - i - j - 3] for i, j in product(range(PARTS - 2), repeat=2) if i + j < PARTS - 2
    )
    assert found.sum == pytest.approx(best, rel=1e-12)
    assert sum(found.amounts.values()) == pytest.approx(3000.0)
    assert min(found.amounts.values()) >= 3000.0 / PARTS


def test_limits_hold_the_best_and_a_saved_answer_is_plain():
    found = best_split(fits(draws=50), 3000.0)
    for name, (low, high) in found.limits.items():
        assert low <= found.amounts[name] <= high
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["total"] == 3000.0
    assert "weighted sum" in str(found)
    assert all(v is None for v in best_split(fits(), 3000.0).limits.values())


def test_curves_that_pay_only_in_bulk_are_not_starved_by_small_steps():
    """A score that begins to rise late: greedy steps would never give it anything."""
    law = fr.laws.get("score-sigmoid")
    compute = np.geomspace(1e18, 1e23, 40)
    late = dict(g=0.0, h=0.9, m=21.4, k=12.0)
    early = dict(g=0.0, h=0.3, m=20.0, k=3.0)
    found = best_split(
        {
            n: fr.fit(
                law,
                fr.simulate(law, params=p, inputs={"C": compute}, noise=0.0),
                uncertainty="none",
                objective="squared",
            )
            for n, p in (("late", late), ("early", early))
        },
        1e22,
        highest=True,
    )
    assert found.amounts["late"] > 4e21
    assert found.sum > 1.1


@pytest.mark.parametrize(
    ("names", "total", "weights", "code"),
    [
        (("one",), 10.0, None, "bad-split"),
        (("one", "two"), 0.0, None, "bad-value"),
        (("one", "two"), 10.0, {"one": 1.0}, "bad-split"),
    ],
)
def test_what_cannot_be_split_is_refused_in_words(names, total, weights, code):
    with pytest.raises(fr.DataError) as refused:
        best_split(fits(names), total, weights=weights)
    assert refused.value.code == code


def test_a_law_of_two_inputs_is_refused():
    two = fr.fit("chinchilla", fr.simulate("chinchilla"), uncertainty="none")
    with pytest.raises(fr.DataError, match="takes N, D"):
        best_split({"a": two, "b": two}, 10.0)
