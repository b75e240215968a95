"""The documents cannot lie: commands and examples in them are run, and what they print is compared."""

from __future__ import annotations

import doctest
import re
import shlex
import shutil
from pathlib import Path

import pytest

from forerun import cli

ROOT = Path(__file__).resolve().parents[2]
NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


def test_readme_commands_print_what_the_readme_shows(table, tmp_path, monkeypatch, capsys):
    shutil.copy(table("chinchilla_epoch245"), tmp_path / "runs.csv")
    shutil.copy(table("isoflop_llama_3"), tmp_path / "budgets.csv")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```console\n\$ forerun (.*?)\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    assert len(blocks) == 6
    for command, shown in blocks:
        assert cli.main(shlex.split(command)) == 0
        printed = capsys.readouterr().out
        assert NUMBER.sub("#", printed).split() == NUMBER.sub("#", shown).split()
        numbers = [[float(n) for n in NUMBER.findall(text)] for text in (printed, shown)]
        assert numbers[0] == pytest.approx(numbers[1], rel=2e-3)


@pytest.mark.parametrize("name", ["README.md", "ARCHITECTURE.md", "docs/mixtures.md"])
def test_examples_of_a_document_run(name):
    failed, _ = doctest.testfile(str(ROOT / name), module_relative=False)
    assert failed == 0


def test_every_command_is_documented():
    text = "".join((ROOT / name).read_text() for name in ("README.md", "CHANGELOG.md"))
    for command in cli.MODULES:
        assert f"`{command}`" in text or f"forerun {command}" in text, command


def test_files_named_in_the_documents_exist():
    for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"):
        for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / name).read_text()):
            if "://" not in target:
                assert (ROOT / target).exists(), f"{name} links to {target}"


def test_what_the_architecture_says_of_imports_is_what_is_tested():
    from tests.test_imports import ALLOWED

    rows = re.findall(r"^\| ([\w`, ]+?) \| (.+?) \|$", (ROOT / "ARCHITECTURE.md").read_text(), flags=re.MULTILINE)
    stated = {part.strip(" `"): text for names, text in rows for part in names.split(",")}
    for part, allowed in ALLOWED.items():
        if allowed is not None and part in stated:
            assert {word for word in ALLOWED if re.search(rf"\b{word}\b", stated[part])} == allowed - {part}
