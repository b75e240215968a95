"""The learning-curve benchmark of Alabdulmohsin et al.: our optimiser against errors that another one reached."""

from __future__ import annotations

import csv

import numpy as np
import pytest

import forerun as fr

LAWS = ("m1", "m2", "m3", "m4", "bnsl-1", "bnsl-2", "bnsl-3")
NOT_DOUBTS = {"no-uncertainty"}


def read(path):
    with open(path, newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def curve_table():
    def key(row):
        return row["domain"], row["task"], row["model"]

    def load(find):
        curves = {}
        for row in read(find("extrapolation_benchmark")):
            curves.setdefault(key(row), []).append([float(row["seen"]), float(row["loss"]), float(row["train"])])
        reference = {key(row): row for row in read(find("extrapolation_reference"))}
        return {k: np.array(v) for k, v in curves.items()}, reference

    return load


def fitted_part(curve):
    """Training rows, one for each x: the language curves are repeated four times in the source."""
    rows = curve[curve[:, 2] == 1]
    first = np.unique(rows[:, 0], return_index=True)[1]
    return fr.read_runs({"x": rows[first, 0], "y": rows[first, 1]}, x="x", y="y")


def extrapolation_error(fit, curve):
    """Root mean square of the log error on the rows that were held out."""
    held_out = curve[curve[:, 2] == 0]
    return float(np.sqrt(np.mean(np.log(fit.predict({"x": held_out[:, 0]}) / held_out[:, 1]) ** 2)))


def agreeing(law, column, curves, reference):
    """Names of the curves on which the error agrees with the reference column within 2 %."""
    found = []
    for key, curve in curves.items():
        fit = fr.fit(law, fitted_part(curve), objective="squared-log", uncertainty="none")
        if abs(extrapolation_error(fit, curve) / float(reference[key][column]) - 1.0) < 0.02:
            found.append(key)
    return found


def test_a_power_law_with_a_floor_extrapolates_all_48_curves_as_the_reference_does(table, curve_table):
    curves, reference = curve_table(table)
    assert len(curves) == 48
    assert len(agreeing("m2", "M2logy", curves, reference)) == 48


def test_a_broken_power_law_extrapolates_most_curves_as_the_reference_does(table, curve_table):
    """Less agreement is expected: several optima fit some curves as well (the reference kept the best of its own)."""
    curves, reference = curve_table(table)
    assert len(agreeing("bnsl-1", "BNSL1logy", curves, reference)) >= 30


@pytest.mark.parametrize("law", LAWS)
def test_a_curve_is_fitted_or_the_fit_says_what_is_wrong(law, table, curve_table):
    curves, _ = curve_table(table)
    for key in (("IC", "cal_25", "ViT/S/16"), ("IC", "cal_25", "MiX/B/16"), ("LM", "val_loss", "1.34e+08")):
        runs = fitted_part(curves[key])
        if len(runs) <= len(fr.laws.get(law).params):
            with pytest.raises(fr.DataError, match="cannot carry"):
                fr.fit(law, runs)
            continue
        fit = fr.fit(law, runs, uncertainty="none")
        codes = {n.code for n in fit.notes} - NOT_DOUBTS
        assert fit.outcome == "converged" or codes, (key, fit.outcome)
        assert np.isfinite(list(fit.params.values())).all(), key


def test_a_form_with_more_freedom_never_fits_worse(table, curve_table):
    curves, _ = curve_table(table)
    runs = fitted_part(curves["IC", "bird_5", "MiX/B/16"])
    value = {
        law: fr.fit(law, runs, uncertainty="none").objective_value for law in ("m1", "m2", "m4", "bnsl-1", "bnsl-2")
    }
    assert value["m1"] >= value["m2"] >= value["m4"]
    assert value["m2"] >= value["bnsl-1"] >= value["bnsl-2"]
