"""Every way of giving a table gives the same runs, and what was read is what stands there."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys

import numpy as np
import pandas
import polars
import pytest

import forerun as fr

HEADER = ["params", "tokens", "val_loss", "run"]
ROWS = [[7e7, 1.4e9, 3.41, "a"], [1.6e8, 3.2e9, 3.05, "b"], [4.1e8, 8.3e9, 2.72, "c"], [1e9, 2e10, 2.46, "d"]]
COLUMNS = {name: [row[i] for row in ROWS] for i, name in enumerate(HEADER)}
RECORDS = [dict(zip(HEADER, row)) for row in ROWS]
NAMED = dict(N="params", D="tokens", loss="val_loss", run="run")


def written(delimiter: str = ",", quoting: int = csv.QUOTE_MINIMAL) -> str:
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter, quoting=quoting, lineterminator="\n").writerows([HEADER, *ROWS])
    return stream.getvalue()


CSV = written()
JSONL = "".join(json.dumps(r) + "\n" for r in RECORDS)
FILES = {
    "runs.csv": CSV,
    "runs.CSV": CSV,
    "runs.csv.gz": gzip.compress(CSV.encode()),
    "runs.tsv": written("\t"),
    "runs.tsv.gz": gzip.compress(written("\t").encode()),
    "mark.csv": "\ufeff" + CSV,
    "quoted.csv": written(quoting=csv.QUOTE_ALL),
    "windows.csv": CSV.replace("\n", "\r\n"),
    "blank.csv": "\n\n" + CSV.replace("\n", "\n\n"),
    "spaces.csv": CSV.replace(",", " , "),
    "runs.jsonl": JSONL,
    "runs.jsonl.gz": gzip.compress(JSONL.encode()),
    "mark.jsonl": "\ufeff" + JSONL.replace("\n", "\n\n"),
}


@pytest.fixture
def reference() -> fr.Runs:
    return fr.read_runs(RECORDS, **NAMED)


def same(one: fr.Runs, two: fr.Runs) -> bool:
    return one.fingerprint == two.fingerprint and one.columns.keys() == two.columns.keys()


@pytest.mark.parametrize("name", FILES)
def test_every_kind_of_text_file_gives_the_same_runs(name, tmp_path, reference):
    content = FILES[name]
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert same(fr.read_runs(tmp_path / name, **NAMED), reference)
    assert same(fr.read_runs(str(tmp_path / name), **NAMED), reference)


@pytest.mark.parametrize(
    "make",
    [
        lambda: COLUMNS,
        lambda: {k: np.array(v) for k, v in COLUMNS.items()},
        lambda: {k: pandas.Series(v) for k, v in COLUMNS.items()},
        lambda: tuple(RECORDS),
        lambda: pandas.DataFrame(COLUMNS),
        lambda: pandas.DataFrame(COLUMNS, index=[9, 3, 3, 7]),
        lambda: pandas.DataFrame(COLUMNS).convert_dtypes(),
        lambda: polars.DataFrame(COLUMNS),
        lambda: polars.DataFrame(COLUMNS).to_arrow(),
    ],
    ids=["columns", "arrays", "series", "tuple", "pandas", "pandas index", "pandas nullable", "polars", "arrow"],
)
def test_every_kind_of_object_gives_the_same_runs(make, reference):
    assert same(fr.read_runs(make(), **NAMED), reference)


def test_parquet_gives_the_same_runs(tmp_path, reference):
    polars.DataFrame(COLUMNS).write_parquet(tmp_path / "runs.parquet")
    assert same(fr.read_runs(tmp_path / "runs.parquet", **NAMED), reference)


@pytest.mark.parametrize(
    ("written_as", "value"),
    [("70B", 7e10), ("70b", 7e10), ("1.4T", 1.4e12), ("5.76e23", 5.76e23), ("350_000", 350_000.0), ("410M", 4.1e8),
     ("160 m", 1.6e8), ("12k", 12e3), ("+7e9", 7e9), ("  7e9 ", 7e9), ("2P", 2e15), ("7E9", 7e9)],
)  # fmt: skip
def test_numbers_are_read_as_people_write_them(written_as, value, tmp_path):
    (tmp_path / "runs.csv").write_text(f"params,loss\n{written_as},3\n")
    assert fr.read_runs(tmp_path / "runs.csv")["N"].tolist() == [value]
    assert fr.read_runs([{"params": written_as, "loss": 3}])["N"].tolist() == [value]


def test_a_column_may_write_some_numbers_with_a_suffix_and_some_in_full():
    runs = fr.read_runs([{"N": "70B", "loss": 2}, {"N": 410_000_000, "loss": 3}, {"N": "1e9", "loss": 2.5}])
    assert runs["N"].tolist() == [7e10, 4.1e8, 1e9]


def test_thousands_may_stand_beside_small_numbers_without_a_suffix():
    runs = fr.read_runs([{"steps": "500", "loss": 3}, {"steps": "1k", "loss": 2}], step="steps")
    assert runs["step"].tolist() == [500.0, 1000.0]


def test_the_rarer_way_of_writing_is_named_when_units_are_mixed():
    with pytest.raises(fr.DataError, match="look like two units") as caught:
        fr.read_runs([{"N": "70M", "loss": 3}, {"N": "160M", "loss": 3}, {"N": "410", "loss": 3}])
    assert (caught.value.code, caught.value.row, caught.value.column) == ("mixed-units", 3, "N")


def test_sizes_that_jump_by_ten_thousand_raise_a_doubt_about_the_unit():
    runs = fr.read_runs({"params": [391.2, 2e8, 4e8, 9e8], "loss": [3, 3, 3, 3]})
    note = next(n for n in runs.notes if n.code == "units-suspect")
    assert (note.severity, note.evidence["row"]) == ("warning", 1)
    assert "units-suspect" not in {n.code for n in fr.read_runs({"params": [1e7, 1e9], "loss": [3, 3]}).notes}


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint64", "float32"])
def test_compute_does_not_overflow_at_seven_billion(dtype):
    N, D = 2_000_000_000 if dtype == "int32" else 7_000_000_000, 2_147_483_647
    for frame in (pandas.DataFrame, polars.DataFrame, dict):
        runs = fr.read_runs(frame({"N": np.array([N], dtype), "D": np.array([D], dtype), "loss": [2.0]}))
        assert runs["C"].dtype == np.float64
        assert runs["C"][0] == pytest.approx(6.0 * N * D, rel=1e-6 if dtype == "float32" else 1e-15)


def test_six_n_d_is_right_for_integers_of_numpy():
    known = fr.units.derive_scale({"N": np.array([70_000_000_000]), "D": np.array([1_400_000_000_000])})
    assert known["C"].tolist() == [5.88e23]
    assert known["M"].tolist() == [20.0]


def test_integers_beyond_two_to_the_53_are_read_as_the_nearest_number(tmp_path):
    flops = 588_000_000_000_000_000_000_001
    (tmp_path / "runs.jsonl").write_text(f'{{"C": {flops}, "loss": 3}}\n')
    (tmp_path / "runs.csv").write_text(f"C,loss\n{flops},3\n")
    for source in (tmp_path / "runs.jsonl", tmp_path / "runs.csv", [{"C": flops, "loss": 3}]):
        assert fr.read_runs(source)["C"].tolist() == [5.88e23]


@pytest.mark.parametrize("names", [[1000001, 1000002], [9007199254740992, 9007199254740993], [20240101.0, 20240102.0]])
def test_runs_named_by_large_numbers_stay_apart(names, tmp_path):
    path = tmp_path / "runs.csv"
    pandas.DataFrame({"run_id": names, "loss": [3.0, 2.0]}).to_csv(path, index=False)
    for source in (path, {"run_id": names, "loss": [3, 2]}, pandas.DataFrame({"run_id": names, "loss": [3, 2]})):
        runs = fr.read_runs(source)
        assert runs["run"].tolist() == [str(int(n)) for n in names]
        assert not runs.checkpoints


@pytest.mark.parametrize("cell", [None, float("nan"), "", "NaN", "NA", "null", "None", pandas.NA])
def test_a_missing_number_is_refused_with_its_row_and_its_column(cell):
    with pytest.raises(fr.DataError, match="empty or NaN") as caught:
        fr.read_runs([{"params": 1e8, "loss": 3.0}, {"params": cell, "loss": 2.9}])
    assert (caught.value.code, caught.value.row, caught.value.column) == ("bad-cell", 2, "params")


def test_a_missing_number_may_be_dropped_by_condition_whatever_word_says_it():
    for cell in (None, "", "NaN", "NA", "null", "None"):
        source = [{"params": "100M", "loss": 3.0}, {"params": cell, "loss": 2.9}]
        assert fr.read_runs(source, drop="params is missing").rows.tolist() == [1]


def test_booleans_are_not_numbers():
    for source in ([{"params": True, "loss": 3}], pandas.DataFrame({"params": [True], "loss": [3]})):
        with pytest.raises(fr.DataError, match="received 'True'"):
            fr.read_runs(source)


def test_a_column_that_was_only_guessed_and_cannot_be_used_is_skipped_with_a_note():
    runs = fr.read_runs([{"params": 1e8, "loss": 3, "flops": 1e18}, {"params": 2e8, "loss": 2.9, "flops": None}])
    assert "C" not in runs
    note = next(n for n in runs.notes if n.code == "column-skipped")
    assert (note.severity, note.evidence) == ("warning", {"column": "flops", "row": 2})
    with pytest.raises(fr.DataError, match="empty or NaN"):
        fr.read_runs([{"params": 1e8, "loss": 3, "flops": None}], C="flops")


def test_a_label_that_was_named_must_be_there():
    with pytest.raises(fr.DataError, match="the run is not known") as caught:
        fr.read_runs([{"loss": 3, "id": "a"}, {"loss": 3, "id": ""}], run="id")
    assert caught.value.row == 2


def test_roles_are_guessed_from_usual_names_and_a_note_says_so():
    runs = fr.read_runs({"Params": [1e8], "Train_Tokens": [1e9], "val_loss": [3.0], "loss": [2.8], "seed": [1]})
    assert runs.roles == {"N": "Params", "D": "Train_Tokens", "loss": "loss", "seed": "seed"}
    note = next(n for n in runs.notes if n.code == "columns-guessed")
    assert "N = column 'Params'" in note.message
    assert "loss = column 'loss' (not 'val_loss')" in note.message


def test_nothing_is_guessed_for_a_role_that_was_named():
    runs = fr.read_runs({"N": [1.0], "params": [1e8], "loss": [3.0]}, N="params", loss="loss")
    assert runs.roles == {"N": "params", "loss": "loss"}
    assert "columns-guessed" not in {n.code for n in runs.notes}


def test_single_letters_are_guessed_in_their_own_case_only():
    assert "D" not in fr.read_runs({"d": [1e9], "N": [1e8], "loss": [3.0]})


def test_an_indexed_role_takes_one_column_for_each_member():
    runs = fr.read_runs({"p1": [0.3, 0.5], "p2": [0.7, 0.5], "loss": [3, 2]}, r={"web": "p1", "code": "p2"})
    assert runs.members("r") == ["web", "code"]
    assert runs["r[code]"].tolist() == [0.7, 0.5]


@pytest.mark.parametrize("source", [None, 7, b"params,loss\n1,2\n", polars.LazyFrame({"N": [1]}), object()])
def test_what_is_no_table_is_refused(source):
    with pytest.raises(fr.DataError) as caught:
        fr.read_runs(source)
    assert caught.value.code == "unknown-source"


@pytest.mark.parametrize("source", [[], {}, {"N": []}, [{}], pandas.DataFrame(), polars.DataFrame({"N": []})])
def test_a_table_without_rows_is_refused(source):
    with pytest.raises(fr.DataError, match="no rows"):
        fr.read_runs(source)


def test_columns_of_different_length_are_refused():
    with pytest.raises(fr.DataError, match="column 'N' has 2 values and 'loss' has 1"):
        fr.read_runs({"N": [1, 2], "loss": [3]})


def test_a_data_frame_with_one_name_twice_is_refused():
    frame = pandas.DataFrame([[1e8, 1e9, 3.0]], columns=["N", "N", "loss"])
    with pytest.raises(fr.DataError, match="cannot be read"):
        fr.read_runs(frame)


def test_a_record_whose_keys_become_one_name_is_refused():
    with pytest.raises(fr.DataError, match="'1' twice"):
        fr.read_runs([{1: 2, "1": 3}])


def test_many_blank_lines_do_not_end_the_table(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text("params,loss\n1e8,3\n" + "\n" * 50_000 + "2e8,2.9\n")
    assert fr.read_runs(path)["N"].tolist() == [1e8, 2e8]


def test_a_word_late_in_a_long_table_does_not_change_what_was_before_it(tmp_path):
    path = tmp_path / "runs.csv"
    rows = "".join(f"{i % 7 + 1},3\n" for i in range(25_000))
    path.write_text("kind,loss\n" + rows + "other,3\n")
    assert len(fr.read_runs(path, where="kind == 3")) == sum(i % 7 == 2 for i in range(25_000))


def test_the_source_is_not_changed_and_not_frozen():
    N = np.array([1e8, 2e8])
    runs = fr.read_runs({"N": N, "loss": [3.0, 2.9]})
    N[0] = 5.0
    assert runs["N"].tolist() == [1e8, 2e8]


@pytest.mark.parametrize(
    ("ending", "header", "line"),
    [
        ("csv", "params,tokens,loss\n", "{0}e6,{0}e8,3\n"),
        ("jsonl", "", '{{"params": {0}e6, "tokens": {0}e8, "loss": 3}}\n'),
    ],
)
def test_ten_times_the_rows_take_ten_times_the_calls(tmp_path, ending, header, line):
    counts = []
    for rows in (500, 5_000):
        path = tmp_path / f"runs{rows}.{ending}"
        path.write_text(header + "".join(line.format(i + 1) for i in range(rows)))
        calls = 0

        def count(frame, event, argument):
            nonlocal calls
            calls += event in ("call", "c_call")

        sys.setprofile(count)
        try:
            read = fr.read_runs(path)
        finally:
            sys.setprofile(None)
        assert len(read) == rows
        counts.append(calls)
    assert counts[1] < 11 * counts[0]


def test_a_column_of_words_is_not_guessed_to_be_a_quantity():
    runs = fr.read_runs(
        {"flops": [1e18, 1e19], "param_count": ["kaplan", "standard"], "y": [1.0, 2.0]}, x="flops", y="y"
    )
    assert "N" not in runs
