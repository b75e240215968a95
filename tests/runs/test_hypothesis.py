"""Random tables: every one of them is either read and fitted, or refused in one line."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import forerun as fr

SOME = settings(derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
NAMES = st.one_of(
    st.sampled_from(
        ["N", "D", "C", "loss", "params", "tokens", "run", "family", "seed", "tokenizer", "x", "y", "N_counts"]
    ),
    st.text(max_size=6),
)
ODD = st.sampled_from(
    [None, "", "NA", "nan", "inf", "70B", "1.4T", "12 px", 0, -1, 1e300, 1e-300, 5e-324, 10**400, True, "True", [1], {"a": 1}]
)  # fmt: skip
NUMBERS = st.one_of(st.floats(), st.integers(), st.floats(1e-3, 1e12), st.integers(1, 10**12), st.floats(1e-60, 1e60))
CELLS = st.one_of(NUMBERS, ODD, st.text(max_size=5))
WORDS = ["N", "loss", "a and b", '"a and b"', "`N`", "and", "is missing", ">", "<=", "==", "!=", "x", "1e8", "'", '"']
WHOLESOME = st.floats(0.5, 1e13)


@st.composite
def tables(draw, cells=CELLS):
    """Columns of one length: most of one kind, some of a mixture."""
    count = draw(st.integers(0, 12))
    columns = {}
    for name in draw(st.lists(NAMES, max_size=5, unique=True)):
        kind = draw(st.sampled_from([cells, WHOLESOME, WHOLESOME, st.just(1e9)]))
        columns[name] = draw(st.lists(kind, min_size=count, max_size=count))
    return columns


def is_one_line(error: fr.DataError) -> bool:
    return "\n" not in str(error) and bool(str(error).strip()) and bool(json.dumps(error.to_dict(), allow_nan=False))


def tried(action: Callable[[], Any]) -> tuple[Any, fr.DataError | None]:
    """What ``action`` gives, or the one kind of error that it may raise."""
    try:
        return action(), None
    except fr.DataError as error:
        return None, error


@settings(SOME, max_examples=300)
@given(tables(), st.booleans())
def test_any_table_is_read_or_refused_in_one_line(columns, as_records):
    source = [dict(zip(columns, row)) for row in zip(*columns.values())] if as_records else columns
    runs, error = tried(lambda: fr.read_runs(source))
    assert is_one_line(error) if error else len(runs) > 0
    for role in runs.roles if runs else ():
        values = runs[role]
        assert len(values) == len(runs)
        assert np.isfinite(values).all() if values.dtype.kind == "f" else all(isinstance(v, str) for v in values)


@settings(SOME, max_examples=200)
@given(tables())
def test_any_table_written_as_csv_is_read_or_refused_in_one_line(tmp_path_factory, columns):
    path = tmp_path_factory.mktemp("h") / "runs.csv"
    with open(path, "w", newline="", encoding="utf-8", errors="surrogatepass") as stream:
        csv.writer(stream).writerows([columns, *zip(*columns.values())])
    runs, error = tried(lambda: fr.read_runs(path))
    assert is_one_line(error) if error else len(runs) > 0


@settings(SOME, max_examples=300)
@given(st.binary(max_size=400), st.sampled_from([".csv", ".csv.gz", ".jsonl", ".tsv", ".parquet", ""]))
def test_any_bytes_are_read_or_refused_in_one_line(tmp_path_factory, content, ending):
    path = tmp_path_factory.mktemp("h") / f"runs{ending}"
    path.write_bytes(content)
    runs, error = tried(lambda: fr.read_runs(path))
    assert is_one_line(error) if error else len(runs) > 0


@settings(SOME, max_examples=200)
@given(st.one_of(st.text(max_size=30), st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)))
def test_any_condition_is_understood_or_refused_in_one_line(condition):
    runs = fr.read_runs({"N": [1e8, 2e8], "loss": [3, 2], "a and b": ["x", "y"]})
    kept, error = tried(lambda: runs.where(condition))
    assert is_one_line(error) if error else 0 < len(kept) <= 2


@st.composite
def sweeps(draw):
    """Positive columns of one length, from tame to absurd, some of them constant or repeated."""
    count = draw(st.integers(1, 14))
    ranges = st.sampled_from([(1.5, 6.0), (1e7, 1e10), (1e9, 1e12), (1e-3, 1e3), (1e-59, 1e59), (1.0, 1.0)])

    def column():
        low, high = draw(ranges)
        if draw(st.booleans()):
            return draw(st.lists(st.sampled_from([low, high]), min_size=count, max_size=count))
        exponents = st.floats(math.log(low), math.log(high))
        return [min(max(math.exp(e), low), high) for e in draw(st.lists(exponents, min_size=count, max_size=count))]

    return {name: column() for name in ("x", "N", "D", "loss")}


@settings(SOME, max_examples=120, phases=[Phase.explicit, Phase.generate])  # to shrink a fit takes minutes
@given(sweeps(), st.sampled_from(["power-law-floor", "chinchilla"]))
def test_any_sweep_is_fitted_with_finite_parameters_or_refused_in_one_line(columns, law):
    fit, error = tried(lambda: fr.fit(law, fr.read_runs(columns, x="x"), uncertainty="none"))
    if error:
        assert is_one_line(error)
    else:
        assert all(math.isfinite(v) for v in (*fit.params.values(), fit.objective_value))
        assert fit.outcome == "converged" or fit.notes
        assert json.loads(fit.to_json())["schema"] == 1


POSITIVE = st.floats(1e-59, 1e59)


@settings(SOME, max_examples=100)
@given(st.lists(POSITIVE, min_size=1, max_size=30))
def test_positive_numbers_survive_the_way_through_files(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("h")
    (folder / "runs.csv").write_text("x\n" + "".join(f"{v!r}\n" for v in values))
    (folder / "runs.jsonl").write_text("".join(json.dumps({"x": v}) + "\n" for v in values))
    for source in (folder / "runs.csv", folder / "runs.jsonl", {"x": values}, [{"x": str(v)} for v in values]):
        assert fr.read_runs(source, x="x")["x"].tolist() == values


@settings(SOME, max_examples=100)
@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=8), min_size=1, max_size=10))
def test_labels_survive_the_way_through_csv_apart_from_spaces_around_them(tmp_path_factory, labels):
    path = tmp_path_factory.mktemp("h") / "runs.csv"
    with open(path, "w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, quoting=csv.QUOTE_ALL).writerows([["loss", "family"], *([3.0, label] for label in labels)])
    from_file, error = tried(lambda: fr.read_runs(path, family="family"))
    if error:
        assert is_one_line(error)
        assert error.code in ("bad-cell", "bad-csv", "not-text")  # an empty label, or a zero byte
    else:
        direct = fr.read_runs({"loss": [3.0] * len(labels), "family": labels}, family="family")
        assert from_file["family"].tolist() == direct["family"].tolist()
