"""Run the benchmarks: all of them, or those named. Writes bench/records/ and bench/RESULTS.md.

    .venv/bin/python bench/run.py [NAME...] [--quick]

``--quick`` measures on less, prints, and writes nothing. Ends with 1 if something required does not hold.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is loaded

import argparse
import sys
from importlib import import_module
from pathlib import Path

NAMES = (
    "speed",
    "process",
    "refits",
    "rows",
    "coverage",
    "uncertainties",
    "comparisons",
    "peers",
    "practice",
    "extrapolation",
    "decade",
    "ablation",
    "catalogue",
    "ladder_kills",
    "ladder_tables",
    "ladder_throughput",
)
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def main() -> int:
    """Run what the command line names, in order."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(NAMES)}; all without a name")
    parser.add_argument("--quick", action="store_true", help="measure on less, print, and write nothing")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(NAMES):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    from bench.record import table, write

    failed = []
    for name in asked.names or NAMES:
        record = import_module(f"bench.{name}").measure(quick=asked.quick)
        failed += [f"{name}: {m.name}" for m in record.measures if m.holds is False]
        print("\n".join([f"## {name}", "", *table(record.to_dict()["measures"]), ""]), flush=True)
        if not asked.quick:
            print(f"written to {write(record)}", flush=True)
    for line in failed:
        print(f"does not hold: {line}", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
