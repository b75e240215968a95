"""The gallery cannot lie: its words are generated, its code draws its pictures, and every picture named is made."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path
from xml.etree import ElementTree

import pytest

from forerun import cli
from tests.report.legible import assert_legible

DOCS = Path(__file__).resolve().parents[2] / "docs"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def gallery():
    spec = importlib.util.spec_from_file_location("make_gallery", DOCS / "make_gallery.py")
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["make_gallery"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["make_gallery"]


def test_the_page_is_what_the_script_writes(gallery):
    assert (DOCS / "gallery.md").read_text(encoding="utf-8") == gallery.text(), "run docs/make_gallery.py"


def test_every_picture_named_is_made_and_is_whole(gallery, tmp_path):
    made = {path.name: path for path in gallery.make(tmp_path)}
    named = re.findall(r"!\[.*?\]\(gallery/(.*?)\)", (DOCS / "gallery.md").read_text(encoding="utf-8"))
    assert sorted(named) == sorted(made)
    for path in made.values():
        root = ElementTree.parse(path).getroot()
        assert root.tag == f"{SVG}svg"
        assert len(root.findall(f".//{SVG}path")) > 50
        assert len(root.findall(f".//{SVG}use")) > 50  # letters and markers are drawn by reference
        assert 10_000 < path.stat().st_size < 2_000_000


def test_every_picture_is_legible_on_a_slide(gallery):
    for entry in gallery.ENTRIES:
        assert_legible(gallery.draw(entry, "slide"))
        assert_legible(gallery.draw(entry))


def test_every_function_that_draws_is_in_the_gallery(gallery):
    from forerun import report

    code = "".join(entry.code for entry in gallery.ENTRIES)
    assert {name for name in report.__all__ if name.endswith("_figure")} == set(
        re.findall(r"report\.(\w+_figure)", code)
    )


def test_every_command_of_the_gallery_is_one_of_ours(gallery):
    for entry in gallery.ENTRIES:
        if entry.command:
            program, name, *rest = shlex.split(entry.command)
            assert program == "forerun"
            top = cli.parser(name)
            if not any(
                "--plot" in action.option_strings for action in top._subparsers._group_actions[0].choices[name]._actions
            ):
                pytest.skip("the command line has no --plot yet")
            top.parse_args([name, *rest])
