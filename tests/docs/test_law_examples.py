"""The example of every law page runs, and its forecast has an interval."""

from __future__ import annotations

import re

import pytest

import forerun as fr


@pytest.mark.parametrize("name", [*fr.laws.names(), *fr.laws.terms()])
def test_the_example_of_a_page_runs(law_pages, name, capsys):
    page = (law_pages.PAGES / f"{name}.md").read_text(encoding="utf-8")
    code = re.search(r"## Example\n\n```python\n(.*?)```", page, flags=re.DOTALL)[1]
    exec(compile(code, f"{name}.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "interval" in printed or "fit.predict" in code
