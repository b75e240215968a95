"""What nothing beats, and the best within limits: on networks that were measured, and on small sets by hand."""

from __future__ import annotations

import csv

import numpy as np
import pytest

import forerun as fr

FAMILIES = ("lcnet", "tinynet")  # each one network, cut down in width or in width, depth and resolution


def measured(table, chosen):
    """Models of the timm table with what they cost and how often they are right."""
    with open(table("timm_imagenet")) as file:
        rows = [row for row in csv.DictReader(file) if chosen(row["model"]) and row["rtx4090_img_per_s"]]
    names = {"model": "model", "gmacs": "gmacs", "millions": "param_count", "accuracy": "top1"}
    columns = {new: [row[old] if new == "model" else float(row[old]) for row in rows] for new, old in names.items()}
    return {**columns, "milliseconds": [1e3 / float(row["rtx4090_img_per_s"]) for row in rows]}


def beaten(candidates, costs, score):
    """Which candidates another beats, by comparing each with every other."""
    values = np.stack(
        [*(np.asarray(candidates[c], float) for c in costs), -np.asarray(candidates[score], float)], axis=1
    )
    below = (values[:, None] <= values[None]).all(axis=2) & (values[:, None] < values[None]).any(axis=2)
    return below.any(axis=0)


@pytest.mark.capability("submodel-under-budget")
def test_a_family_of_networks_cut_down_from_one_has_a_front_and_a_best_at_each_budget(table):
    """Eight of lcnet and tinynet: seven stand on the front; 0.2 GMACs buy 72.1 %, and 0.21 already 74.9 %."""
    family = measured(table, lambda name: name.split("_")[0] in FAMILIES)
    found = fr.front(family, costs="gmacs", score="accuracy")
    assert (len(family["model"]), len(found)) == (8, 7)
    assert not beaten(family, ["gmacs"], "accuracy")[found.rows].any()
    assert (np.diff(found["gmacs"]) > 0).all()
    assert (np.diff(found["accuracy"]) > 0).all()
    for budget in (0.03, 0.06, 0.11, 0.2, 0.3, 1.0):
        within = [a for a, cost in zip(family["accuracy"], family["gmacs"]) if cost <= budget]
        assert found.best(gmacs=budget)["accuracy"] == max(within)
    assert found.best(gmacs=0.2)["model"] == "lcnet_100.ra2_in1k"
    assert found.best(gmacs=0.21)["model"] == "tinynet_b.in1k"


@pytest.mark.capability("submodel-under-budget")
def test_of_1500_networks_those_that_nothing_beats_in_three_costs_are_found(table):
    networks = measured(table, lambda name: True)
    costs = ("gmacs", "millions", "milliseconds")
    found = fr.front(networks, costs=costs, score="accuracy")
    worse = beaten(networks, costs, "accuracy")
    assert 40 < len(found) < 300
    assert not worse[found.rows].any()
    distinct = {tuple(networks[c][i] for c in (*costs, "accuracy")) for i in np.flatnonzero(~worse)}
    assert len(distinct) == len(found)
    limits = {"gmacs": 2.0, "millions": 12.0, "milliseconds": 0.5}
    allowed = np.all([np.array(networks[c]) <= limit for c, limit in limits.items()], axis=0)
    assert found.best(**limits)["accuracy"] == np.array(networks["accuracy"])[allowed].max()


def test_more_costs_keep_what_one_cost_drops():
    models = {"compute": [1.0, 2.0, 3.0], "memory": [3.0, 9.0, 1.0], "loss": [2.5, 2.2, 2.4]}
    one = fr.front(models, costs="compute", score="loss", lowest=True)
    both = fr.front(models, costs=["compute", "memory"], score="loss", lowest=True)
    assert (one.rows.tolist(), both.rows.tolist()) == ([0, 1], [0, 1, 2])
    assert both.best(memory=5)["row"] == 2
    assert both.best(memory=5, compute=1.5)["row"] == 0


@pytest.mark.parametrize("costs", ["cost", ["cost", "other"]])
def test_of_equal_candidates_the_first_stays_and_a_dearer_equal_goes(costs):
    models = {"cost": [2.0, 1.0, 1.0], "other": [1.0, 1.0, 1.0], "score": [0.7, 0.7, 0.7]}
    assert fr.front(models, costs=costs, score="score").rows.tolist() == [1]


def test_one_candidate_is_its_own_front_and_the_answer_is_plain_values():
    found = fr.front({"name": ["a"], "cost": [1], "score": [0.5]}, costs="cost", score="score")
    assert found.best() == {"row": 0, "name": "a", "cost": 1.0, "score": 0.5}
    assert found.to_dict()["rows"] == [0]
    assert "1 of 1 candidates are beaten by none (highest score)" in str(found)


@pytest.mark.parametrize(
    ("candidates", "words"),
    [
        ({"cost": [1.0], "points": [1.0]}, "no 'score'. They have: cost, points"),
        ({"cost": [1.0, 2.0], "score": [1.0]}, r"score has shape \(1,\) and cost has \(2,\)"),
        ({"cost": [], "score": []}, "at least one row"),
        ({"cost": ["cheap"], "score": [1.0]}, "cost holds words"),
        ({"cost": [1.0, np.nan], "score": [1.0, 2.0]}, "missing or infinite"),
    ],
)
def test_candidates_that_cannot_be_compared_are_refused(candidates, words):
    with pytest.raises(fr.DataError, match=words):
        fr.front(candidates, costs="cost", score="score")


def test_limits_that_nothing_keeps_are_refused_with_the_least_that_is_needed():
    found = fr.front(
        {"cost": [2.0, 4.0], "memory": [9.0, 1.0], "score": [0.5, 0.6]}, costs=["cost", "memory"], score="score"
    )
    with pytest.raises(fr.DataError, match=r"cost of at most 1\. The least is 2"):
        found.best(cost=1)
    with pytest.raises(fr.DataError, match="keeps all limits: cost 3, memory 2"):
        found.best(cost=3, memory=2)
    with pytest.raises(fr.DataError, match=r"no cost 'price'\. Its costs are cost, memory"):
        found.best(price=1)
