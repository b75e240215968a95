"""Published numbers: every record is well-formed, agrees where its table is here, and could be found to differ."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest

from forerun import cli, datasets, laws, records
from forerun.records.checking import AGREES, DIFFERS, KNOWN, NO_TABLE, SHOWN
from forerun.records.preparing import PREPARED
from forerun.records.questions import MEASURES, QUESTIONS
from forerun.records.registry import STATUSES, Tolerance

NAMES = records.names()
CACHE: dict = {}
SCHEMA = json.loads((files("forerun.schemas") / "reproduce.json").read_text(encoding="utf-8"))
DATA = Path(os.environ.get("FORERUN_DATA_DIR") or Path(__file__).resolve().parents[3] / "shared" / "data")


@pytest.fixture
def tables(monkeypatch):
    monkeypatch.setenv("FORERUN_DATA_DIR", str(DATA))


@pytest.fixture
def no_tables(monkeypatch, tmp_path):
    monkeypatch.setenv("FORERUN_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("FORERUN_CACHE_DIR", str(tmp_path))


@pytest.mark.parametrize("name", NAMES)
def test_a_record_names_a_table_a_law_a_question_and_a_source_that_there_are(name):
    record = records.get(name)
    study = record.study
    assert record.what
    assert len(record.what) <= 60
    assert record.source
    assert record.status in STATUSES
    assert record.status != "not-reproduced" or record.reason
    assert sum(key in QUESTIONS for key in record.ask) == 1
    assert record.ask.get("error", "relative") in MEASURES
    assert set(study.prepare) <= set(PREPARED)
    assert bool(study.isoflop) != bool(study.law)
    if study.table:
        assert datasets.get(study.table)
    else:
        assert study.set in [s.name for s in laws.get(study.law).published]
    if study.law:
        assert laws.get(study.law)


@pytest.mark.parametrize("name", [n for n in NAMES if records.get(n).status != "memory"])
def test_what_was_published_comes_out_and_what_is_known_to_differ_still_does(name, tables):
    record = records.get(name)
    outcome = records.check(record, CACHE)
    if outcome.verdict == NO_TABLE:
        pytest.skip(f"needs the public table {record.study.table}: set FORERUN_DATA_DIR to a folder that has it")
    message = f"{name}: {outcome.got!r}, expected {record.expected!r} ({record.tolerance})"
    assert outcome.verdict == (AGREES if record.asserted else KNOWN), message


def test_a_wrong_number_is_found():
    record = records.get("kaplan-n-section-3-1")
    wrong = records.check(replace(record, expected=record.expected * 1.02))
    assert wrong.verdict == DIFFERS
    assert wrong.difference == pytest.approx(2**-0.076 / 0.969 - 1, abs=1e-6)
    assert wrong.digits == 1


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_a_number_from_memory_is_shown_and_never_asserted(factor):
    record = records.get("kaplan-n-section-3-1")
    outcome = records.check(replace(record, status="memory", expected=factor * record.expected))
    assert outcome.verdict == SHOWN
    assert not outcome.record.asserted
    assert records.to_dict([outcome])["items"][0]["agrees"] is None


def test_a_table_that_is_not_here_is_said_and_is_no_failure(no_tables, monkeypatch):
    monkeypatch.setattr(datasets.files, "_download", lambda address: pytest.fail("nothing may be fetched"))
    outcomes = records.check_all(["epoch-huber-beta", "kaplan-n-section-3-1"])
    assert [o.verdict for o in outcomes] == [NO_TABLE, AGREES]
    assert outcomes[0].got is None
    text = records.outcomes_text(outcomes)
    assert "no table here" in text
    assert "FORERUN_DATA_DIR" in text


@pytest.mark.parametrize(
    ("tolerance", "got", "holds"),
    [
        (Tolerance("digits", 4), 0.47774, False), (Tolerance("digits", 4), 0.47784, True),
        (Tolerance("relative", 0.01), 0.4825, True), (Tolerance("relative", 0.01), 0.4827, False),
        (Tolerance("absolute", 0.001), 0.4787, True), (Tolerance("absolute", 0.001), 0.4789, False),
    ],
)  # fmt: skip
def test_tolerances_mean_what_they_say(tolerance, got, holds):
    assert tolerance.holds(got, 0.4778) is holds


def test_an_interval_must_hold_the_number_and_be_narrow():
    tolerance = Tolerance("interval", 0.1)
    assert tolerance.holds(0.5, 0.52, (0.46, 0.54))
    assert not tolerance.holds(0.5, 0.55, (0.46, 0.54))
    assert not tolerance.holds(0.5, 0.52, (0.40, 0.54))
    assert not tolerance.holds(0.5, 0.5)


def test_records_of_one_study_are_fitted_once(tables, monkeypatch):
    solved = Counter()
    real = records.checking.solve
    monkeypatch.setattr(records.checking, "solve", lambda study: solved.update([study]) or real(study))
    names = ["kaplan-overfit-prefactor", "kaplan-overfit-exponent"]
    assert len(records.check_all(names)) == 2
    assert list(solved.values()) == [1]


def test_the_text_fits_120_columns_and_ends_with_counts(no_tables):
    text = records.outcomes_text(records.check_all())
    assert max(map(len, text.splitlines())) <= 120
    assert text.splitlines()[-1].startswith(f"{len(NAMES)} records: ")


def test_the_text_with_numbers_fits_120_columns(tables):
    names = [
        "epoch-huber-objective",
        "epoch-printed-A",
        "hoffmann-A",
        "clean-chinchilla-exponent",
        "hoffmann-rounded-allocation",
    ]
    text = records.outcomes_text(records.check_all(names))
    assert max(map(len, text.splitlines())) <= 120


def test_json_keeps_to_the_schema(tables):
    names = ["epoch-printed-A", "hoffmann-A", "kaplan-n-section-3-1", "porian-akima-tuned-short-const-standard"]
    data = records.to_dict(records.check_all(names))
    jsonschema.validate(json.loads(json.dumps(data, allow_nan=False)), SCHEMA)
    assert sum(data["counts"].values()) == len(names)


def test_an_unknown_record_is_answered_with_the_nearest():
    with pytest.raises(records.registry.DataError, match="Nearest: epoch-huber-beta"):
        records.get("epoch-huber-bet")


@pytest.mark.parametrize("bad", [{"digits": 2, "relative": 0.1}, {}])
def test_a_record_needs_exactly_one_tolerance(bad):
    item = {"id": "a", "what": "b", "ask": {"value": "alpha_N"}, "expected": 0.076, **bad}
    with pytest.raises(ValueError, match="one tolerance"):
        list(
            records.registry.from_toml("own", {"law": "kaplan-n", "source": "us", "status": "memory", "record": [item]})
        )


def ask(module, name, *arguments):
    """The answer of a command as the command line would give it, whether or not it is registered."""
    from argparse import ArgumentParser
    from importlib import import_module

    command = import_module(f"forerun.cli.{module}").COMMANDS[name]
    parser = ArgumentParser()
    for options in command.groups.values():
        for flags, settings in options:
            parser.add_argument(*flags, **settings)
    return command.run(parser.parse_args(arguments))


def test_the_command_notes_an_error_for_a_record_that_differs(monkeypatch):
    record = records.get("kaplan-n-section-3-1")
    data, text, notes = ask("records", "reproduce", record.id)
    assert "1 agrees" in text
    assert notes == ()
    monkeypatch.setattr(records.checking, "get", lambda name: replace(record, expected=1.0))
    data, text, notes = ask("records", "reproduce", record.id)
    assert data["counts"]["differs"] == 1
    assert [(n.code, n.severity) for n in notes] == [("record-differs", "error")]


def test_the_exit_code_is_one_if_a_record_differs_and_only_then(monkeypatch, capsys):
    monkeypatch.setitem(cli.MODULES, "reproduce", "records")
    record = records.get("kaplan-n-section-3-1")
    assert cli.main(["reproduce", record.id]) == 0
    monkeypatch.setattr(records.checking, "get", lambda name: replace(record, expected=1.0))
    assert cli.main(["reproduce", record.id]) == 1
    printed = capsys.readouterr()
    assert "record-differs" in printed.err
    assert "1 differs" in printed.out
    monkeypatch.setattr(records.checking, "get", lambda name: replace(record, expected=1.0, status="memory"))
    assert cli.main(["reproduce", record.id, "--json"]) == 0


def test_datasets_are_listed_shown_and_fitted(tables, tmp_path):
    listed, text, _ = ask("datasets", "datasets")
    assert len(listed["items"]) == len(datasets.names())
    assert max(map(len, text.splitlines())) <= 120
    assert ask("datasets", "datasets", "list")[1] == text
    shown, text, _ = ask("datasets", "datasets", "show", "mu_scaling10")
    assert [item["name"] for item in shown["items"]] == ["mu_scaling10"]
    if datasets.files.place(datasets.get("mu_scaling10"))[1] is None:
        pytest.skip("needs the public table mu_scaling10: set FORERUN_DATA_DIR to a folder that has it")
    found, text, _ = ask("datasets", "datasets", "fit", "mu_scaling10", "-o", str(tmp_path / "fit.json"))
    assert found["law"] == "power-law-floor"
    assert text.startswith("power-law-floor on 7 rows")
    assert (tmp_path / "fit.json").is_file()


def test_a_table_that_no_law_fits_is_one_plain_error():
    with pytest.raises(records.registry.DataError, match="none of the present laws fits the table metr_time_horizons"):
        ask("datasets", "datasets", "fit", "metr_time_horizons")


@pytest.mark.parametrize(
    "words", [("show",), ("list", "mu_scaling10"), ("give",), ("show", "a", "b"), ("show", "a", "-o", "x")]
)
def test_words_that_mean_nothing_are_wrong_usage(words):
    with pytest.raises(cli.WrongUsage):
        ask("datasets", "datasets", *words)
