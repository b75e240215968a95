"""What `forerun datasets` prints."""

from __future__ import annotations

import json
from importlib.resources import files

import jsonschema
import pytest

from forerun import DataError, datasets
from forerun.datasets.listing import dataset_item, dataset_text, datasets_table, to_dict

SCHEMA = json.loads((files("forerun") / "schemas" / "datasets.json").read_text())


def test_the_list_has_one_line_a_table_and_fits_120_columns():
    lines = datasets_table().splitlines()
    assert len(lines) == 1 + len(datasets.names())
    assert max(map(len, lines)) <= 120


def test_the_answer_keeps_the_promise_of_the_schema():
    answer = json.loads(json.dumps(to_dict(), allow_nan=False))
    jsonschema.validate(answer, SCHEMA)
    assert [item["name"] for item in answer["items"]] == datasets.names()
    assert {item["here"] for item in answer["items"] if item["repository"]} == {"absent"}
    assert {item["here"] for item in answer["items"] if not item["repository"]} <= {"shipped"}
    assert dataset_item(datasets.get("mixinglaws_pile2"))["roles"]["r[cc]"] == "p2"


@pytest.mark.parametrize("name", datasets.names())
def test_a_page_names_source_licence_and_place_in_120_columns(name):
    text, entry = dataset_text(name), datasets.get(name)
    assert max(map(len, text.splitlines())) <= 120
    assert " ".join(entry.licence.split()) in " ".join(text.split())
    assert entry.repository in text
    assert ("comes with the package" if entry.shipped else "not here") in text
    assert (entry.law or "none of the present laws") in text


def test_a_page_says_where_the_file_is(machine, monkeypatch, register):
    register(b"x")
    monkeypatch.setenv("FORERUN_MIRROR", "http://127.0.0.1:9")
    assert "it would be fetched from FORERUN_MIRROR" in dataset_text("toy")
    (machine / "cache").mkdir()
    (machine / "cache" / "toy.csv").write_bytes(b"x")
    assert "cached: " in dataset_text("toy")
    monkeypatch.setenv("FORERUN_DATA_DIR", str(machine / "cache"))
    assert "local: " in dataset_text("toy")
    assert dataset_item(datasets.get("toy"))["place"] == str(machine / "cache" / "toy.csv")


def test_an_unknown_name_is_one_plain_line():
    with pytest.raises(DataError, match="there is no public table 'gemstone'"):
        dataset_text("gemstone")
