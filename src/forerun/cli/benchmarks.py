"""The command that scores the product on public data by a fixed protocol."""

from __future__ import annotations

import sys
from argparse import Namespace
from importlib import import_module

from forerun.cli.command import OUTPUT, Answer, Command, option

NAMES = ("extrapolation", "decade")
WHICH = option(
    "name", choices=NAMES, help="extrapolation: learning curves; decade: the last decade of compute of run tables"
)


def bench(asked: Namespace) -> Answer:
    """Score forecasts on public data whose last part is hidden: ten minutes for extrapolation, two for decade."""
    result = import_module(f"forerun.benchmarks.{asked.name}").run(
        lambda line: print(line, file=sys.stderr, flush=True)
    )
    return result.to_dict(), str(result), ()


COMMANDS = {"bench": Command(bench, "extrapolation | decade [--json]", {"": (WHICH,), "output": OUTPUT})}
