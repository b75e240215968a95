"""Where the public tables are, and what was skipped and why."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("FORERUN_DATA_DIR") or ROOT.parent / "shared" / "data")


@pytest.fixture
def table():
    """Path of a public table by name; the test is skipped where it is not to be had."""

    def find(name: str) -> Path:
        for ending in (".csv", ".csv.gz"):
            if (path := DATA / (name + ending)).is_file():
                return path
        pytest.skip(f"needs the public table {name}: set FORERUN_DATA_DIR to a folder that has it")

    return find


def pytest_terminal_summary(terminalreporter):
    reasons = Counter(
        report.longrepr[2].removeprefix("Skipped: ") for report in terminalreporter.stats.get("skipped", [])
    )
    if reasons:
        terminalreporter.section(f"{sum(reasons.values())} skipped")
        for reason, count in sorted(reasons.items()):
            terminalreporter.line(f"{count:4}  {reason}")
