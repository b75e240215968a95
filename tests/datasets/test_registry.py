"""The entries: complete, true to the tables, readable, and fitted by the law that they name."""

from __future__ import annotations

import ast
import csv
import inspect
from pathlib import Path

import pytest

import forerun as fr
from forerun import datasets
from forerun.datasets.files import place
from forerun.datasets.registry import CHECKED
from forerun.datasets.upstream import CONVERTERS

ROOT = Path(__file__).resolve().parents[2]
OURS = [name for name in datasets.names() if datasets.get(name).shipped]
FITTED = [name for name in datasets.names() if datasets.get(name).law]


def rows_of(path):
    with open(path, encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_every_table_of_both_manifests_is_registered_as_it_is(table):
    manifests = [row for name in ("MANIFEST", "MANIFEST_downstream") for row in rows_of(table(name))]
    assert {row["name"] for row in manifests} == {name for name in datasets.names() if not datasets.get(name).shipped}
    for row in manifests:
        entry = datasets.get(row["name"])
        assert (entry.file, entry.rows, entry.sha256) == (row["file"], int(row["rows"]), row["sha256"])
        assert (entry.licence, entry.paper, entry.units) == (row["license"], row["paper"], row["units"])
        assert (entry.repository, entry.commit) == (row["source_repo"].removeprefix("github:"), row["commit"])
        assert entry.path == row["source_path"]


def test_every_published_file_is_registered_as_it_is(table):
    found = {
        (d.name, d.repository, d.commit, d.upstream.path, str(d.upstream.bytes), d.upstream.sha256)
        for d in map(datasets.get, datasets.names())
        if d.upstream
    }
    assert found == {tuple(row.values()) for row in rows_of(table("UPSTREAM"))}


@pytest.mark.parametrize("name", FITTED)
def test_a_table_with_a_law_is_read_and_fitted_by_it(table, monkeypatch, name):
    entry = datasets.get(name)
    if not entry.shipped:
        monkeypatch.setenv("FORERUN_DATA_DIR", str(table(name).parent))
    runs = datasets.read(name)
    fit = fr.fit(entry.law, runs, objective=entry.objective or "huber", draws=20)
    assert fit.outcome == "converged"
    assert {c.split("[")[0] for c in entry.roles} >= set(fr.laws.get(entry.law).inputs) - {"C", "M"}


@pytest.mark.parametrize("name", OURS)
def test_a_table_of_ours_comes_with_the_package_as_it_is_registered(monkeypatch, name):
    entry = datasets.get(name)
    monkeypatch.delenv("FORERUN_DATA_DIR", raising=False)
    assert place(entry)[0] == "shipped"
    assert len(rows_of(datasets.path(name))) == entry.rows
    assert (ROOT / entry.path).is_file()


def test_the_reference_table_gives_the_reference_fit(table, monkeypatch):
    monkeypatch.setenv("FORERUN_DATA_DIR", str(table("chinchilla_epoch245").parent))
    runs = datasets.read("chinchilla_epoch245")
    assert (len(runs), len(datasets.read("chinchilla_epoch245", drop=()))) == (240, 245)
    assert fr.fit("chinchilla", runs, uncertainty="none").objective_value == pytest.approx(0.00101827402, rel=1e-8)


def test_the_last_row_of_each_run_is_read_where_that_is_registered(table, monkeypatch):
    monkeypatch.setenv("FORERUN_DATA_DIR", str(table("olmo_ladder_tasks").parent))
    assert len(datasets.read("olmo_ladder_tasks")) == 24
    assert len(datasets.read("olmo_ladder_tasks", final=False)) == datasets.get("olmo_ladder_tasks").rows


def test_names_of_converters_are_those_that_exist_and_each_is_short():
    entries = [datasets.get(name) for name in datasets.names()]
    named = {d.converter for d in entries if d.converter}
    assert named == set(CONVERTERS)
    assert sum(bool(d.converter) for d in entries) >= 12
    assert all(len(inspect.getsource(f).splitlines()) <= 20 for f in CONVERTERS.values())


def test_no_converter_is_registered_for_a_file_that_nobody_saw():
    for entry in map(datasets.get, datasets.names()):
        assert (entry.checked in CHECKED) == (entry.upstream is not None)
        assert not (entry.converter and entry.checked == "not seen")


def test_datasets_import_only_notes_units_and_runs():
    for path in Path(datasets.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                parts = name.split(".")
                assert parts[0] != "forerun" or parts[1] in ("note", "units", "runs", "datasets"), (path, name)


def test_entries_say_what_they_are_in_one_line():
    for entry in map(datasets.get, datasets.names()):
        assert 0 < len(entry.title) <= 38
        assert 0 < len(entry.what) <= 118
        assert "\n" not in entry.what + entry.caution
        assert bool(entry.law) == bool(entry.roles)
