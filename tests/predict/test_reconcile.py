"""One convention after the other: known shifts are found and decided, none is made up, and Kaplan becomes Chinchilla."""

from __future__ import annotations

import json

import numpy as np
import pytest

import forerun as fr

BUDGETS = np.geomspace(1e18, 1e21, 7)


def budgets(exponent, *, noise=0.003, seed=0):
    """Runs on seven budgets whose best size is 0.1 C^exponent, scaled to be equal at the middle budget."""
    budget, offset = np.meshgrid(BUDGETS, np.linspace(-0.5, 0.5, 9), indexing="ij")
    n = 0.1 * BUDGETS[3] ** 0.5 * (budget / BUDGETS[3]) ** exponent * 10**offset
    loss = (2.0 + 0.3 * offset**2) * np.exp(np.random.default_rng(seed).normal(0, noise, n.shape))
    return fr.read_runs({k: v.ravel() for k, v in {"N": n, "C": budget, "loss": loss}.items()}, C="C")


@pytest.mark.parametrize("method", ["akima", "parabola"])
def test_known_shifts_are_found_and_decided(method):
    tables = {"a": budgets(0.8), "b": budgets(0.65, seed=1), "c": budgets(0.45, seed=2)}
    found = fr.reconcile(tables, method=method, draws=400)
    assert [s.name for s in found.steps] == list("abc")
    assert found.steps[0].shift is None
    assert [s.shift.decided for s in found.steps[1:]] == [True, True]
    assert [s.shift.value for s in found.steps[1:]] == pytest.approx([-0.15, -0.2], abs=0.03)
    assert found.total.value == pytest.approx(sum(s.shift.value for s in found.steps[1:]))
    assert (found.total.value, found.total.decided) == (pytest.approx(-0.35, abs=0.03), True)
    assert found.largest == "c"


def test_intervals_of_shifts_cover_the_truth_and_seldom_decide_a_shift_that_is_not_there():
    """100 pairs of tables: 90 % intervals, held to what 100 draws of a share of 0.9 allow (three standard deviations)."""
    held = 0
    for seed in range(100):
        true = (0.0, -0.05)[seed % 2]
        tables = {"a": budgets(0.6, seed=2 * seed), "b": budgets(0.6 + true, seed=2 * seed + 1)}
        low, high = fr.reconcile(tables, method="parabola", draws=200, seed=seed).total.limits
        held += low <= true <= high
    assert 0.81 <= held / 100 <= 0.99


def test_a_step_is_the_isoflop_of_its_table():
    tables = {"a": budgets(0.7), "b": budgets(0.5, seed=1)}
    found = fr.reconcile(tables, method="parabola", draws=300, seed=4)
    first = fr.isoflop(tables["a"], method="parabola", draws=300, seed=4)
    assert found.steps[0].exponent == first.scaling["N"].exponent
    assert found.steps[0].limits == first.scaling["N"].exponent_interval


def test_the_same_table_twice_shifts_nothing_and_decides_nothing():
    """Draws of the two are independent, though the runs are the same: the interval is there, and holds zero."""
    found = fr.reconcile({"once": budgets(0.6), "again": budgets(0.6)}, method="parabola", draws=300)
    assert found.total.value == 0.0
    assert not found.total.decided
    assert found.total.limits[0] < 0.0 < found.total.limits[1]


def test_the_largest_switch_is_named_with_how_sure_that_is():
    found = fr.reconcile({"a": budgets(0.8), "b": budgets(0.55, seed=1), "c": budgets(0.5, seed=2)}, draws=300)
    assert found.largest == "b"
    assert found.largest_share > 0.9
    text = str(found)
    assert "largest shift: b (in" in text
    assert "yes" in text
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["largest"] == "b"


def test_doubts_of_a_table_carry_its_name():
    edge = budgets(0.6)
    edge = edge.drop((edge["C"] == BUDGETS[2]) & (edge["N"] > 1.1 * np.median(edge["N"][edge["C"] == BUDGETS[2]])))
    found = fr.reconcile({"good": budgets(0.6), "cut": edge}, method="parabola", draws=200)
    assert any(n.message.startswith("cut: ") for n in found.notes)
    assert not any(n.message.startswith("good: ") for n in found.notes)


def test_four_sizes_a_budget_give_shifts_without_intervals():
    few = budgets(0.6)
    few = few.where(np.tile(np.isin(np.arange(9), (1, 3, 5, 7)), 7))
    found = fr.reconcile({"a": few, "b": few})
    assert found.total.limits is None
    assert not found.total.decided
    assert found.largest_share is None
    assert "no draws" in str(found)
    assert "no-uncertainty" in {n.code for n in found.notes}


@pytest.mark.parametrize(
    ("tables", "settings", "words"),
    [
        ({"a": 0.6}, {}, "two tables or more, received 1"),
        ({"a": 0.6, "b": 0.5}, {"draws": 1}, "draws"),
        ({"a": 0.6, "b": 0.5}, {"level": 1.5}, "level"),
        ({"a": 0.6, "b": 0.5}, {"method": "cubic"}, "no method 'cubic'"),
    ],
)
def test_what_cannot_be_reconciled_is_refused(tables, settings, words):
    with pytest.raises(fr.DataError, match=words):
        fr.reconcile({name: budgets(a) for name, a in tables.items()}, **settings)


# Porian et al. 2024, arXiv:2406.19146: hparams, warmup, decay, param_count, loss_split and the exponent they published.
WAY = {
    "Kaplan's counting": (("base", "long", "kaplan", "kaplan", "train"), 0.834),
    "standard counting": (("base", "long", "kaplan", "standard", "val"), 0.701),
    "short warm-up": (("base", "short", "kaplan", "standard", "val"), 0.604),
    "Chinchilla's decay": (("base", "short", "chinchilla", "standard", "val"), 0.571),
    "tuned": (("tuned", "short", "const", "standard", "val"), 0.497),
}


@pytest.mark.capability("kaplan-chinchilla-reconciliation")
def test_switching_one_convention_after_the_other_leads_from_kaplan_to_chinchilla(table):
    """Each published exponent and each published shift lies in our interval for it, from the runs, not the optima."""
    path, columns = table("porian_refinedweb_isoflop"), ("hparams", "warmup", "decay", "param_count", "loss_split")
    tables = {
        name: fr.read_runs(path, N="params", D="tokens", C="flops", loss="loss",
                           where=[f"{c} == {v}" for c, v in zip(columns, choice)])
        for name, (choice, _) in WAY.items()
    }  # fmt: skip
    found = fr.reconcile(tables)
    published = [value for _, value in WAY.values()]
    for step, value in zip(found.steps, published):
        assert step.limits[0] < value < step.limits[1], step
    shifts = [step.shift for step in found.steps[1:]]
    for shift, before, after in zip(shifts, published, published[1:]):
        assert shift.limits[0] < after - before < shift.limits[1]
        assert np.sign(shift.value) == np.sign(after - before)
    assert [s.decided for s in shifts] == [True, True, False, True]  # what docs/kaplan-to-chinchilla.md says
    assert found.largest == "standard counting"
    assert found.total.limits[0] < published[-1] - published[0] < found.total.limits[1]
