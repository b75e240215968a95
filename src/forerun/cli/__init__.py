"""The command line: one thin command per library call. Exit code 0 done, 1 the data do not allow it, 2 wrong usage."""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from importlib import import_module

from forerun.cli.command import Command, WrongUsage
from forerun.note import DataError, worst

SUMMARY = "Fit neural scaling laws to small training runs, forecast the large one, and plan what to train."
EXAMPLES = """examples:
  forerun fit runs.csv --law chinchilla --N params --D tokens --loss val_loss -o fit.json
  forerun forecast fit.json --at N=70e9 --at D=1.4T
  forerun plan fit.json --flops 5.76e23
  forerun laws"""


MODULES = {
    "fit": "fits", "forecast": "fits", "invert": "fits", "plan": "fits", "backtest": "backtests", "compare": "comparisons",
    "trend": "trends", "stability": "stability", "ladder": "ladders", "select": "selections", "bench": "benchmarks", "isoflop": "isoflop", "laws": "laws", "datasets": "datasets", "report": "cards", "reproduce": "records",
    "transfer": "transfers",
}  # fmt: skip


def find(name: str) -> Command:
    """The command of that name; only its own module is imported."""
    return import_module(f"forerun.cli.{MODULES[name]}").COMMANDS[name]


def parser(only: str | None = None) -> ArgumentParser:
    """The parser of all commands, or of one: to build the options of all costs more than to read a table."""
    from forerun import __version__

    top = ArgumentParser(
        "forerun", description=SUMMARY, epilog=EXAMPLES, formatter_class=RawDescriptionHelpFormatter, allow_abbrev=False
    )
    top.add_argument("--version", action="version", version=f"forerun {__version__}")
    commands = top.add_subparsers(metavar="COMMAND", dest="command", required=True)
    for name in MODULES if only is None else (only,):
        found = find(name)
        command = commands.add_parser(
            name,
            help=found.summary.split(":")[0].split(";")[0].rstrip("."),
            description=found.summary,
            allow_abbrev=False,
            usage=f"forerun {name} {found.usage}",
        )
        for title, options in found.groups.items():
            part = command.add_argument_group(title) if title else command
            for flags, settings in options:
                part.add_argument(*flags, **settings)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; wrong usage leaves through ``SystemExit(2)``, as argparse does.

    A ``DataError`` becomes one plain line on standard error, and with ``--json`` an object on standard output.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    top = parser(given[0] if given and given[0] in MODULES else None)
    if arguments is None and not given:
        top.print_help()
        return 0
    asked = top.parse_args(given)
    try:
        data, text, notes = find(asked.command).run(asked)
    except WrongUsage as error:
        top.error(str(error))
    except DataError as error:
        if asked.as_json:
            print(json.dumps({"schema": 1, "error": error.to_dict()}, allow_nan=False))
        print(f"forerun: {error}", file=sys.stderr)
        return 1
    _print(json.dumps(data, allow_nan=False) if asked.as_json else text)
    if asked.strict and worst(notes) == "error":
        note = next(n for n in notes if n.severity == "error")
        print(f"forerun: {note.code}: {note.message}. {note.advice}", file=sys.stderr)
        return 1
    return 0


def _print(text: str) -> None:
    """Print, and say nothing when the reader (``head``, a pager) has gone."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
