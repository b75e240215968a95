"""Saving, the look that touches nobody's settings, and what is said where matplotlib is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest

import forerun as fr
from forerun import report
from forerun.note import MissingExtra
from forerun.report.axis import log_ticks, number, tick_labels


@pytest.mark.parametrize(
    ("ending", "start"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF"), ("SVG", b"<?xml")]
)
def test_the_ending_decides_the_format(case, tmp_path, ending, start):
    fit, runs = case("one-input")
    path = report.save(report.fit_figure(fit, runs, size="slide"), tmp_path / f"a.{ending}")
    assert path.read_bytes().startswith(start)
    assert [p.name for p in tmp_path.iterdir()] == [f"a.{ending}"]


def test_an_svg_is_the_same_bytes_every_time(case, tmp_path):
    fit, runs = case("isoflop")
    one, two = (report.save(report.fit_figure(fit, runs), tmp_path / f"{k}.svg").read_bytes() for k in "ab")
    assert one == two
    root = ElementTree.fromstring(one)
    assert root.tag.endswith("svg")


@pytest.mark.parametrize("name", ["picture.gif", "picture", "picture.svg.txt"])
def test_other_endings_are_refused_before_anything_is_written(tmp_path, name):
    with pytest.raises(fr.DataError, match=r"End the name in \.svg, \.png or \.pdf"):
        report.save(None, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_is_one_plain_error(case, tmp_path):
    figure = report.fit_figure(*case("one-input"))
    with pytest.raises(fr.DataError, match="there is no folder") as error:
        report.save(figure, tmp_path / "no" / "a.svg")
    assert error.value.code == "cannot-write"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_folder_is_one_plain_error(case, tmp_path):
    figure = report.fit_figure(*case("one-input"))
    tmp_path.chmod(0o500)
    with pytest.raises(fr.DataError, match="cannot write"):
        report.save(figure, tmp_path / "a.svg")
    tmp_path.chmod(0o700)


def test_a_failed_write_leaves_the_old_file_and_no_draft(case, tmp_path, monkeypatch):
    figure = report.fit_figure(*case("one-input"))
    (tmp_path / "a.svg").write_text("old")

    def full(*args, **kwargs):
        (tmp_path / ".a.svg.part").write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(figure, "savefig", full)
    with pytest.raises(fr.DataError, match="No space left on device"):
        report.save(figure, tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.svg"]


def test_a_folder_in_the_place_of_the_file_is_one_plain_error(case, tmp_path):
    (tmp_path / "a.svg").mkdir()
    with pytest.raises(fr.DataError, match="cannot write"):
        report.save(report.fit_figure(*case("one-input")), tmp_path / "a.svg")


def test_a_size_that_is_not_there_is_refused(case):
    with pytest.raises(fr.DataError, match="Use one of: page, slide"):
        report.fit_figure(*case("one-input"), size="poster")


def test_settings_of_the_user_are_neither_used_nor_changed(case, tmp_path):
    figures = []
    for settings in ({}, {"font.size": 30.0, "font.family": "serif", "axes.grid": True, "figure.facecolor": "black"}):
        with matplotlib.rc_context(settings):
            before = dict(matplotlib.rcParams)
            figure = report.fit_figure(*case("one-input"))
            figures.append(report.save(figure, tmp_path / f"{len(figures)}.svg").read_bytes())
            assert dict(matplotlib.rcParams) == before
    assert figures[0] == figures[1]


def test_a_missing_matplotlib_names_the_extra(case, monkeypatch):
    fit, runs = case("one-input")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtra, match=r"pip install 'forerun\[plot\]'"):
        report.fit_figure(fit, runs)


def test_importing_the_pictures_loads_no_matplotlib_and_drawing_no_pyplot():
    program = (
        "import sys, forerun as fr; from forerun import report\n"
        "assert 'matplotlib' not in sys.modules\n"
        "runs = fr.simulate('power-law', n=12); fit = fr.fit('power-law', runs, draws=20)\n"
        "report.fit_figure(fit, runs); assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("most", [2, 3, 4, 5, 7])
@pytest.mark.parametrize(("low", "high"), [(1e6, 1.5e6), (2.0, 5.0), (3e7, 2e10), (1e18, 1e24), (1e-5, 1e9), (7, 8)])
def test_ticks_are_few_enough_and_tell_themselves_apart(low, high, most):
    ticks = log_ticks(low, high, most)
    assert 1 <= len(ticks) <= most + 1
    assert all(low <= t <= high for t in ticks)
    assert len(set(tick_labels(ticks, "N"))) == len(ticks)


def test_numbers_are_written_as_persons_write_them():
    shown = [number(v) for v in (7e10, 1.4e12, 350_000, 1234, 0.05, 1.81722, 5.76e23, 1e-6, 0.0)]
    assert shown == ["70B", "1.4T", "350k", "1230", "0.05", "1.82", "5.76e23", "1e-6", "0"]
    assert tick_labels([1e7, 1e8, 1e9], "N") == ["10M", "100M", "1B"]
    assert tick_labels([1e18, 1e20], "C") == ["$10^{18}$", "$10^{20}$"]
    assert tick_labels([1e18, 3e18], "C") == ["1e18", "3e18"]


def test_shades_differ_in_lightness_so_that_grey_paper_keeps_their_order():
    from forerun.report.style import shades

    light = np.array([np.dot(c[:3], [0.2126, 0.7152, 0.0722]) for c in shades(7)])
    assert (np.diff(light) > 0.03).all()
    assert light[-1] < 0.8
