"""`make capabilities`: each row of the capability table with the tests that show it, or "not yet"."""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from pathlib import Path

import pytest

ROWS = [
    row["row"] for row in csv.DictReader(Path(__file__).with_suffix(".csv").read_text(encoding="utf-8").splitlines())
]


class Collector:
    """Gathers the marked tests while pytest collects."""

    def __init__(self) -> None:
        self.shown: dict[str, list[str]] = defaultdict(list)

    def pytest_collection_modifyitems(self, items):
        for item in items:
            for mark in item.iter_markers("capability"):
                self.shown[mark.args[0]].append(item.nodeid)


def collect() -> dict[str, list[str]]:
    """Row names with the tests that carry them."""
    collector = Collector()
    root = Path(__file__).parent
    code = pytest.main(["--collect-only", "-o", "addopts=", "-p", "no:terminal", str(root)], plugins=[collector])
    if code != pytest.ExitCode.OK:
        sys.exit(f"collecting the tests failed ({code.name})")
    return collector.shown


def main() -> None:
    shown = collect()
    unknown = sorted(set(shown) - set(ROWS))
    if unknown:
        sys.exit(f"tests are marked with rows that are not in the table: {', '.join(unknown)}")
    for number, row in enumerate(ROWS, 1):
        print(f"{number:3}  {row:40}  {', '.join(shown[row]) or 'not yet'}")
    print(f"\n{sum(1 for row in ROWS if shown[row])} of {len(ROWS)} rows have a test")


if __name__ == "__main__":
    main()
