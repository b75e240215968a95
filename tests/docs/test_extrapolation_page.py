"""The page on extrapolation: its figures are those of the newest records."""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_figures_of_the_page_are_those_of_the_records():
    spec = importlib.util.spec_from_file_location("make_extrapolation", ROOT / "docs" / "make_extrapolation.py")
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = module.PAGE.read_text(encoding="utf-8")
    assert module.page(text) == text, "run docs/make_extrapolation.py"
    assert all(f"<!-- /{name} -->" in text for name in module.parts())
