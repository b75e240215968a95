"""The benchmarks keep to their protocols: the estimator that was published, one row for each x, units read as they are meant."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from forerun.benchmarks import decade, extrapolation
from forerun.benchmarks.published_path import published

COPIED = ("NMT log_perplexity Dec-only", ("m2", "m3"))  # repeats the row above it in the printed table


@pytest.fixture
def printed(table):
    """Errors that the paper prints, by curve, where it prints them (text of three significant digits)."""
    with open(table("extrapolation_reference"), newline="", encoding="utf-8") as stream:
        return {f"{r['domain']} {r['task']} {r['model']}": r for r in csv.DictReader(stream)}


@pytest.mark.parametrize("form", ["m1", "m2", "m3"])
@pytest.mark.parametrize("domain", ["NMT", "BB"])
def test_forms_as_published_come_within_six_percent_of_the_printed_tables(form, domain, printed, table):
    table("extrapolation_benchmark")
    chosen = [c for c in extrapolation.curves() if c.domain == domain]
    assert len(chosen) == {"NMT": 3, "BB": 6}[domain]
    for curve, predict in zip(chosen, published(form, [(c.x, c.y) for c in chosen])):
        if (curve.name, form) in [(COPIED[0], f) for f in COPIED[1]]:
            continue
        error = float(np.sqrt(np.mean(np.log(predict(curve.hidden_x) / curve.hidden_y) ** 2)))
        assert error == pytest.approx(float(printed[curve.name][f"published_{form.upper()}"]), rel=0.06), curve.name


def test_repeated_rows_count_once_and_hidden_rows_are_never_fitted(table):
    table("extrapolation_benchmark")
    found = extrapolation.curves()
    assert len(found) == 48
    for curve in found:
        assert len(set(curve.x.tolist())) == len(curve.x)
        assert curve.x.max() < curve.hidden_x.min()


def test_the_interval_score_and_the_wins_follow_their_definitions():
    row = extrapolation.Curve("IC", "t", "m", np.ones(1), np.ones(1), np.ones(2), np.array([1.0, 2.0]))
    one = extrapolation._scored("a", row, np.array([1.0, 2.0]), np.array([0.5, 0.5]), np.array([1.5, 1.5]))
    width, beyond = np.log(3.0), np.log(2.0 / 1.5)
    assert one.coverage == 0.5
    assert one.interval_score == pytest.approx(width + 20.0 * beyond / 2.0)
    scores = [extrapolation.Score(m, "c", "IC", e) for m, e in (("a", 0.0104), ("b", 0.0109), ("c", 0.0112))]
    assert extrapolation.Result(tuple(scores)).wins(["a", "b", "c"], "IC") == {"a": 0.5, "b": 0.5, "c": 0.0}


def test_units_are_read_with_the_compute_that_they_spent(table):
    for unit in decade.units():
        table(unit.table)
        runs = unit.read()
        ratio = runs["C"] / (6.0 * runs["N"] * runs["D"])
        assert 0.2 < np.median(ratio) < 5.0, unit.name
        assert runs["C"].max() / runs["C"].min() > 10.0, unit.name
