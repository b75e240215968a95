"""A table of runs: derived quantities, filters that keep count, splits, and a fingerprint that notices."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

import forerun as fr

TABLE = {
    "params": [1e8, 2e8, 4e8, 8e8, 1.6e9, 3.2e9],
    "tokens": [2e9, 4e9, 8e9, 16e9, 32e9, 64e9],
    "loss": [3.4, 3.1, 2.9, 2.7, 2.5, 2.4],
    "dataset": ["c4", "c4", "rpj", "c4", "rpj", ""],
    "family": ["a", "a", "b", "b", "c", "c"],
    "seed": [0, 1, 0, 1, 0, 1],
    "note": ["x", "y", "z", "x", "y", "z"],
}


@pytest.fixture
def runs() -> fr.Runs:
    return fr.read_runs(TABLE)


def changed(column: str, row: int, value: object) -> fr.Runs:
    columns = {k: list(v) for k, v in TABLE.items()}
    columns[column][row] = value
    return fr.read_runs(columns)


# -- derived -------------------------------------------------------------------------------------------------------


def test_compute_ratio_and_epochs_are_derived(runs):
    assert runs["C"] == pytest.approx(6 * runs["N"] * runs["D"], rel=1e-15)
    assert runs["M"].tolist() == [20.0] * 6
    with_unique = fr.read_runs({"N": [1e8], "D": [4e9], "unique_tokens": [1e9], "loss": [3]})
    assert with_unique["epochs"].tolist() == [4.0]


def test_the_bits_of_all_weights_are_derived_from_size_and_precision():
    assert fr.read_runs({"N": [1e9], "bits": [4.0]}, bits="bits")["total_bits"].tolist() == [4e9]


@pytest.mark.parametrize("given", [("N", "D"), ("N", "C"), ("D", "C"), ("N", "M"), ("D", "M"), ("C", "M")])
def test_any_two_of_the_four_sizes_give_the_others(given):
    whole = {"N": 7e9, "D": 1.4e11, "C": 5.88e21, "M": 20.0}
    runs = fr.read_runs({**{k: [whole[k]] for k in given}, "loss": [2.0]})
    for role, value in whole.items():
        assert runs[role][0] == pytest.approx(value, rel=1e-12), role
        assert role in runs


def test_what_is_given_is_never_overwritten_by_what_follows():
    runs = fr.read_runs({"N": [1e8], "D": [2e9], "C": [2e18], "loss": [3.0]})
    assert runs["C"].tolist() == [2e18]


def test_a_role_that_is_not_there_is_named_with_the_way_to_give_it(runs):
    with pytest.raises(fr.DataError, match="--role x=COLUMN") as caught:
        runs["x"]
    assert caught.value.code == "missing-role"
    assert "x" not in runs


# -- conditions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("params > 4e8", [4, 5, 6]),
        ("params >= 400M", [3, 4, 5, 6]),
        ("params<4e8", [1, 2]),
        ("N <= 2e8", [1, 2]),
        ("params == 8e8", [4]),
        ("params != 8e8", [1, 2, 3, 5, 6]),
        ("dataset == c4", [1, 2, 4]),
        ("dataset == 'c4'", [1, 2, 4]),
        ('"dataset" == "c4"', [1, 2, 4]),
        ("`dataset` != c4", [3, 5, 6]),
        ("dataset is missing", [6]),
        ("params > 1e8 and dataset == c4", [2, 4]),
        ("params > 1e8 and dataset == c4 and loss < 3", [4]),
        ("C > 1e20", [5, 6]),
        ("seed == 1", [2, 4, 6]),
        ("seed > 0", [2, 4, 6]),
    ],
)
def test_where_keeps_and_drop_removes_the_rows_that_satisfy_a_condition(runs, condition, rows):
    assert runs.where(condition).rows.tolist() == rows
    assert runs.drop(condition).rows.tolist() == [r for r in range(1, 7) if r not in rows]
    assert fr.read_runs(TABLE, where=condition).rows.tolist() == rows
    assert fr.read_runs(TABLE, drop=condition).rows.tolist() == [r for r in range(1, 7) if r not in rows]


def test_numbers_with_a_suffix_are_compared_as_numbers():
    source = {"params": ["70M", "160M", "1.4B"], "loss": [3, 3, 3]}
    assert fr.read_runs(source, where="params > 1e8").rows.tolist() == [2, 3]
    assert fr.read_runs(source, where="params == 0.07B").rows.tolist() == [1]


def test_a_cell_that_is_no_number_is_named_when_it_has_to_be_compared():
    source = {"params": ["70M", "big", "1.4B"], "loss": [3, 3, 3]}
    with pytest.raises(fr.DataError, match="received 'big'") as caught:
        fr.read_runs(source, where="params > 1e8")
    assert (caught.value.row, caught.value.column) == (2, "params")
    assert fr.read_runs(source, where=["params != big", "params > 1e8"]).rows.tolist() == [3]


@pytest.mark.parametrize("condition", ["", "params", "params big", "params >", "loss is missing today", "> 3", "and"])
def test_a_condition_that_cannot_be_read_is_refused(runs, condition):
    with pytest.raises(fr.DataError) as caught:
        runs.where(condition)
    assert caught.value.code in ("bad-condition", "unknown-column")


def test_a_mask_of_booleans_works_and_anything_else_is_refused(runs):
    assert runs.where(runs["N"] > 1e9).rows.tolist() == [5, 6]
    for mask in (np.ones(6), np.ones(5, bool), [1, 0, 1, 0, 1, 0]):
        with pytest.raises(fr.DataError, match="6 booleans"):
            runs.where(mask)


def test_row_numbers_survive_filters_and_stand_in_later_errors():
    source = {"N": [1e8, 2e8, 3e8, 4e8], "loss": [3, 2.9, 2.8, -1], "kind": ["a", "b", "b", "b"]}
    with pytest.raises(fr.DataError, match="received -1") as caught:
        fr.read_runs(source, where="kind == b")
    assert caught.value.row == 4
    mixed = {"N": [1e8, 2e8, 3e8, 4e8], "loss": [3] * 4, "tokenizer": ["x", "y", "y", "z"]}
    with pytest.raises(fr.DataError, match="'y' and 'z'") as caught:
        fr.read_runs(mixed, drop="tokenizer == x")
    assert caught.value.row == 4


def test_rows_that_are_filtered_out_need_not_be_good():
    source = {"N": ["1e8", "bad", "3e8"], "loss": [3, "nan", 2]}
    assert fr.read_runs(source, drop="N == bad").rows.tolist() == [1, 3]


def test_filters_are_written_down_in_order():
    runs = fr.read_runs(TABLE, where="params > 1e8", drop="dataset == rpj").where("loss < 3")
    assert runs.audit == (
        "kept rows where params > 1e8: 5 of 6 rows left",
        "dropped rows where dataset == rpj: 3 of 5 rows left",
        "kept rows where loss < 3: 2 of 3 rows left",
    )


# -- outliers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rule", "gone"), [("highest-loss", [1, 2]), ("smallest-N", [1, 2]), ("smallest-D", [1, 2]), ("smallest-C", [1, 2])])  # fmt: skip
def test_an_outlier_rule_drops_the_rows_that_it_names_and_says_which(runs, rule, gone):
    left = runs.drop_outliers(rule, 2)
    assert left.rows.tolist() == [r for r in range(1, 7) if r not in gone]
    assert left.audit == (f"outlier rule {rule}:2 (rows 1, 2): 4 of 6 rows left",)


def test_outlier_rows_are_numbered_as_in_the_source(runs):
    assert "(rows 4)" in runs.where("params > 4e8").drop_outliers("highest-loss", 1).audit[-1]


def test_dropping_no_outliers_changes_nothing_but_the_audit(runs):
    assert runs.drop_outliers("highest-loss", 0).fingerprint == runs.fingerprint


@pytest.mark.parametrize("count", [-1, 6, 100])
def test_an_outlier_rule_leaves_at_least_one_row(runs, count):
    with pytest.raises(fr.DataError, match="from 0 to 5"):
        runs.drop_outliers("highest-loss", count)


# -- frozen ------------------------------------------------------------------------------------------------------------


def test_nothing_in_a_table_can_be_written_to(runs):
    for role in ("N", "loss", "C", "M", "family"):
        with pytest.raises(ValueError, match="read-only"):
            runs[role][0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        runs.rows[0] = 9
    with pytest.raises(ValueError, match="read-only"):
        runs.where("params > 1e8")["N"][0] = 1.0
    with pytest.raises(FrozenInstanceError):
        runs.source = "other"


# -- fingerprint -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("column", "value"), [("params", np.nextafter(4e8, 1)), ("tokens", 9e9), ("loss", 2.9000001), ("family", "B"), ("seed", 7)])  # fmt: skip
def test_the_fingerprint_changes_with_any_value_that_a_fit_can_see(runs, column, value):
    assert changed(column, 2, value).fingerprint != runs.fingerprint


def test_the_fingerprint_does_not_change_with_unrelated_columns_or_names(runs):
    assert changed("note", 2, "other").fingerprint == runs.fingerprint
    renamed = {{"params": "size"}.get(k, k): v for k, v in TABLE.items() if k != "note"}
    assert fr.read_runs(renamed, N="size").fingerprint == runs.fingerprint


def test_the_fingerprint_changes_with_roles_conventions_and_order(runs):
    reversed_rows = {k: v[::-1] for k, v in TABLE.items()}
    others = [
        fr.read_runs(TABLE, C="params"),
        fr.read_runs(TABLE, x="params"),
        fr.read_runs(TABLE, N_counts="non-embedding"),
        fr.read_runs(TABLE, loss_unit="bits/byte"),
        fr.read_runs(TABLE, tokenizer="gpt2"),
        fr.read_runs(reversed_rows),
        runs.where("params > 1e8"),
    ]
    assert len({runs.fingerprint, *(o.fingerprint for o in others)}) == len(others) + 1


def test_labels_that_run_into_each_other_have_different_fingerprints():
    one = fr.read_runs({"loss": [3, 2], "family": ["a\0b", "c"]})
    two = fr.read_runs({"loss": [3, 2], "family": ["a", "b\0c"]})
    assert one.fingerprint != two.fingerprint


def test_labels_that_are_not_proper_unicode_still_have_a_fingerprint():
    assert len(fr.read_runs({"loss": [3], "family": ["\ud800"]}).fingerprint) == 16


# -- checkpoints and splits --------------------------------------------------------------------------------------------

CURVES = {"run": ["a", "b", "a", "b", "a"], "step": [100, 100, 300, 200, 200], "loss": [4, 4.2, 3, 3.5, 3.4]}


def test_final_points_are_the_last_step_of_each_run_in_any_order():
    runs = fr.read_runs(CURVES, step="step")
    assert runs.checkpoints
    final = runs.final()
    assert final.rows.tolist() == [3, 4]
    assert final["loss"].tolist() == [3, 3.5]
    assert not final.checkpoints
    assert final.audit == ("kept the final row of each run: 2 of 5 rows left",)


def test_final_points_follow_tokens_where_there_are_no_steps():
    runs = fr.read_runs({"run": ["a", "a", "b"], "D": [2e9, 1e9, 1e9], "loss": [3, 4, 4]})
    assert runs.final().rows.tolist() == [1, 3]


def test_every_row_is_final_without_a_run(runs):
    assert runs.final() is runs


def test_holding_out_by_scale_splits_at_the_limit(runs):
    rest, held = runs.hold_out("N", above=8e8)
    assert (rest.rows.tolist(), held.rows.tolist()) == ([1, 2, 3, 4], [5, 6])
    assert rest.audit == ("held out N > 8e+08: 4 of 6 rows left",)
    assert runs.hold_out("C", above=1e20)[1].rows.tolist() == [5, 6]


@pytest.mark.parametrize("values", [[1], ["1"], [1.0], [np.int64(1)]])
def test_holding_out_by_seed_takes_numbers_and_words(runs, values):
    assert runs.hold_out("seed", values=values)[1].rows.tolist() == [2, 4, 6]


def test_holding_out_by_family(runs):
    rest, held = runs.hold_out("family", values=["a", "c"])
    assert (rest.rows.tolist(), held.rows.tolist()) == ([3, 4], [1, 2, 5, 6])


@pytest.mark.parametrize(
    ("by", "how", "says"),
    [("N", {"above": 1e12}, "1e\\+08 to 3.2e\\+09"), ("family", {"values": ["z"]}, "family a, b, c"),
     ("family", {"above": 3}, "holds words"), ("N", {}, "either a limit"),
     ("N", {"above": 1e9, "values": [1]}, "either a limit"), ("planet", {"above": 1}, "no planet")],
)  # fmt: skip
def test_a_split_that_is_none_is_refused(runs, by, how, says):
    with pytest.raises(fr.DataError, match=says):
        runs.hold_out(by, **how)


# -- weights and errors ------------------------------------------------------------------------------------------------


@pytest.fixture
def sweep() -> dict[str, np.ndarray]:
    made = fr.simulate("power-law", n=20, noise=0.02, seed=3)
    return {"x": made["x"], "y": made["y"]}


def fitted(columns, **settings):
    settings = {"objective": "squared-log", "uncertainty": "none", **settings}
    return fr.fit(
        "power-law", fr.read_runs(columns, x="x", y="y", **{r: r for r in ("weight", "se") if r in columns}), **settings
    ).params


def test_a_weight_of_zero_is_the_same_as_leaving_the_row_out(sweep):
    weight = np.ones(20)
    weight[4:9] = 0.0
    without = fitted({k: v[weight > 0] for k, v in sweep.items()})
    assert fitted({**sweep, "weight": weight}) == pytest.approx(without, rel=1e-6)
    assert fitted({**sweep, "w": weight}, weights="w") == pytest.approx(without, rel=1e-6)
    assert fitted(sweep, weights=weight) == pytest.approx(without, rel=1e-6)
    assert abs(without["alpha"] - fitted(sweep)["alpha"]) > 1e-5


def test_standard_errors_weigh_by_their_inverse_square(sweep):
    se = np.linspace(0.01, 0.1, 20)
    relative = se / sweep["y"]
    assert fitted({**sweep, "se": se}) == pytest.approx(fitted(sweep, weights=1 / relative**2), rel=1e-6)
    plain = fitted(sweep, weights=1 / se**2, objective="squared")
    assert fitted({**sweep, "se": se}, objective="squared") == pytest.approx(plain, rel=1e-6)
    absolute = fitted(sweep, weights=1 / relative, objective="lad")
    assert fitted({**sweep, "se": se}, objective="lad") == pytest.approx(absolute, rel=1e-6)


def test_weights_that_cannot_be_are_refused(sweep):
    for weights in (-np.ones(20), np.zeros(20), np.full(20, np.nan), np.ones(19), "x y"):
        with pytest.raises(fr.DataError) as caught:
            fitted(sweep, weights=weights)
        assert caught.value.code in ("bad-weights", "missing-column")
    with pytest.raises(fr.DataError, match="above zero"):
        fitted({**sweep, "se": np.zeros(20)})


def test_the_table_prints_what_was_read(runs):
    lines = runs.table().splitlines()
    assert lines[1].split() == ["N", "params", "N", "(model", "parameters)", "100M", "to", "3.2B"]
    assert any("3 different" in line for line in lines)
