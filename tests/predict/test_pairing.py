"""Draws of two fits: under the same weights for runs that both methods made, and independent otherwise."""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr
from tests.predict.methods import (
    FEWEST_HELD,
    TABLES,
    fitted,
    grid_columns,
    on_grid,
    random_runs,
    saved,
    verdict,
    width,
)


@pytest.fixture(scope="module")
def pairs():
    """Two methods on one grid with the same seeds, the second worth 1 / 1.5 of the compute of the first."""
    return [(on_grid(seed), on_grid(seed, 1 / 1.5, method=2)) for seed in range(TABLES)]


def test_noise_that_both_methods_share_cancels(pairs):
    """Var(a - b) is 1 - SHARED of what independent noise gives, so intervals shrink towards its root, 0.45, and still cover."""
    held, ratios = 0, []
    for one, two in pairs:
        together, apart = verdict(one, two), verdict(saved(one), saved(two))
        assert (together.pairing.paired, together.pairing.runs) == (True, 60)
        assert not apart.pairing.paired
        low, high = together.at(flops=3e19).multiplier_interval
        held += low <= 1.5 <= high
        ratios.append(width((low, high)) / width(apart.at(flops=3e19).multiplier_interval))
    assert held >= FEWEST_HELD
    assert np.median(ratios) < 0.7
    assert "paired    on 60 runs that both made" in str(together)
    assert together.to_dict()["pairing"] == {"paired": True, "runs": 60, "reason": ""}


def test_runs_are_matched_by_what_they_are_and_not_by_their_place(pairs):
    """The optimum under each draw's weights is the same in any order of the rows: equal to what a refit is solved to."""
    one, two = pairs[0]
    columns, order = grid_columns(0, 1 / 1.5, method=2), np.random.default_rng(0).permutation(60)
    mixed = verdict(one, fitted(fr.read_runs({k: v[order] for k, v in columns.items()})))
    assert mixed.pairing.runs == 60
    expected = verdict(one, two).at(flops=3e19).multiplier_interval
    assert mixed.at(flops=3e19).multiplier_interval == pytest.approx(expected, rel=1e-5)


def test_a_few_runs_without_a_match_do_not_hinder(pairs):
    columns = grid_columns(0, 1 / 1.5, method=2)
    found = verdict(pairs[0][0], fitted(fr.read_runs({k: v[4:] for k, v in columns.items()})))
    assert (found.pairing.paired, found.pairing.runs) == (True, 56)
    apart = verdict(pairs[0][0], saved(pairs[0][1]))
    assert width(found.at(flops=3e19).multiplier_interval) < 0.8 * width(apart.at(flops=3e19).multiplier_interval)


def test_whole_seeds_are_paired_where_seeds_are_resampled():
    """The second table names its seeds in another order: the two runs of each of 30 seeds still get the weight of theirs."""
    ratios = []
    for table in range(8):
        columns = [grid_columns(table), grid_columns(table, 1 / 1.5, method=2)]
        for c in columns:
            c["seed"] = np.tile(np.arange(30), 2)
        turned = {k: v[::-1] for k, v in columns[1].items()}
        one, two, other = (fitted(fr.read_runs(c), unit="seed") for c in (*columns, turned))
        together, apart = verdict(one, other), verdict(saved(one), saved(two))
        assert together.pairing.runs == 60
        interval = together.at(flops=3e19).multiplier_interval
        assert interval == pytest.approx(verdict(one, two).at(flops=3e19).multiplier_interval, rel=1e-5)
        ratios.append(width(interval) / width(apart.at(flops=3e19).multiplier_interval))
    assert np.median(ratios) < 0.8


def test_pairing_keeps_the_weights_that_runs_were_fitted_with():
    """Twelve spoilt runs that hardly counted in the fit must not come back in the draws: they would move the multiplier by a third."""
    columns = grid_columns(0)
    columns["loss"] = np.where(np.arange(60) % 5 == 0, 1.05, 1.0) * columns["loss"]
    weights = np.where(np.arange(60) % 5 == 0, 1e-9, 1.0)
    spoilt = fitted(fr.read_runs(columns), weights=weights.tolist())
    low, high = verdict(spoilt, on_grid(0, 1 / 1.5, method=2)).at(flops=3e19).multiplier_interval
    assert low < 1.5 < high
    assert width((low, high)) < 0.1


@pytest.mark.parametrize(
    ("settings", "change", "reason"),
    [
        (dict(uncertainty="sandwich"), {}, "draws by sandwich cannot be drawn again"),
        (dict(unit="seed"), {}, "resampled by row, the other by seed"),
        ({}, {"seed": 9}, "0 of 60 runs match one to one in N, D and seed"),
        ({}, {"seed": None}, "0 of 60 runs match one to one in N and D"),  # each setting is there twice
    ],
)
def test_runs_that_do_not_match_are_not_paired_and_the_reason_is_given(pairs, settings, change, reason):
    columns = grid_columns(0, 1 / 1.5, method=2)
    if "seed" in change:
        columns["seed"] = np.full(60, change["seed"])
        columns = {k: v for k, v in columns.items() if k != "seed" or change["seed"] is not None}
    if settings.get("unit") == "seed":
        columns["seed"] = np.arange(60)
    found = verdict(pairs[0][0], fitted(fr.read_runs(columns), **settings))
    assert (found.pairing.paired, found.pairing.runs) == (False, 0)
    assert reason in found.pairing.reason
    assert reason in str(found)


@pytest.mark.parametrize("kind", ["bootstrap", "sandwich"])
def test_unpaired_draws_of_fits_with_one_seed_are_independent(kind):
    """Both fits take seed 0, as users leave it: a sandwich then moves both by the same normals, and seems to cancel noise.

    The bound is three standard errors of a correlation over 1000 independent draws.
    """
    one, two = (fitted(random_runs(seed), uncertainty=kind, draws=1000) for seed in (1, 2))
    before = np.corrcoef(one.draws[:, 0], two.draws[:, 0])[0, 1]
    if kind == "sandwich":
        assert abs(before) > 0.5
    found = verdict(one, two)
    outcomes = [curve.at(3e19)[1] for curve in found.curves]
    assert abs(np.corrcoef(outcomes)[0, 1]) < 0.095
