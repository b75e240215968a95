"""The page on Kaplan and Chinchilla cannot drift: its code prints its numbers, and the published ones are the authors'."""

from __future__ import annotations

import csv
import re
from itertools import pairwise

import pytest

from tests.docs.test_docs import NUMBER, ROOT

PAGE = (ROOT / "docs" / "kaplan-to-chinchilla.md").read_text(encoding="utf-8")
CODE, SHOWN = (re.search(rf"```{kind}\n(.*?)```", PAGE, flags=re.DOTALL)[1] for kind in ("python", "text"))
CHOICE = re.compile(r': \("(\w+)", "(\w+)", "(\w+)", "(\w+)", "(\w+)"\)')


def test_the_code_of_the_page_prints_what_the_page_shows(table, monkeypatch, capsys):
    monkeypatch.setenv("FORERUN_DATA_DIR", str(table("porian_refinedweb_isoflop").parent))
    exec(compile(CODE, "kaplan-to-chinchilla.md", "exec"), {})
    printed = capsys.readouterr().out
    assert NUMBER.sub("#", printed).split() == NUMBER.sub("#", SHOWN).split()
    numbers = [[float(n) for n in NUMBER.findall(text)] for text in (printed, SHOWN)]
    assert numbers[0] == pytest.approx(numbers[1], rel=2e-3, abs=1.1e-3)  # one unit of the last digit shown


def test_the_published_exponents_are_those_of_the_authors_table(table):
    with table("porian_refinedweb_published_fits").open(encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if (r["fit"], r["quantity"]) == ("basic", "n_exponent")]
    names = ("hparams", "warmup", "decay", "param_count", "loss_split")
    known = {tuple(r[n] for n in names): float(r["value"]) for r in rows}
    published = [known[choice] for choice in CHOICE.findall(CODE)]
    shown = re.findall(r"^\|.*\| (0\.\d+) \| (-0\.\d+)? ?\|$", PAGE, flags=re.MULTILINE)
    assert len(published) == 5
    assert [value for value, _ in shown] == [f"{value:.3f}" for value in published]
    assert [shift for _, shift in shown[1:]] == [f"{b - a:+.3f}" for a, b in pairwise(published)]
