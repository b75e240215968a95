"""What a command of the command line is: a function of what was asked, its options in groups, and its usage."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from forerun.note import Note

Answer = tuple[dict[str, Any], str, tuple[Note, ...]]  # JSON object, text, notes
Option = tuple[tuple[str, ...], dict[str, Any]]
Groups = Mapping[str, tuple[Option, ...]]


class WrongUsage(Exception):
    """A command line that argparse accepts and the command cannot mean; it ends with exit code 2."""


@dataclass(frozen=True)
class Command:
    """One command: ``run`` does it, its docstring is the help, ``groups`` are its options by title."""

    run: Callable[[Namespace], Answer]
    usage: str
    groups: Groups

    @property
    def summary(self) -> str:
        """The first line of the function's docstring."""
        return str(self.run.__doc__).splitlines()[0]


def option(*flags: str, **settings: Any) -> Option:
    """One option, as argparse takes it."""
    return flags, settings


def picture(which: str = "") -> Option:
    """The option --plot, which may be given more than once; ``which`` names further pictures."""
    return several("--plot", metavar="FILE", help=f"draw it to a .svg, .png or .pdf file{which}")


def several(*flags: str, **settings: Any) -> Option:
    """One option that may be given more than once."""
    return option(*flags, action="append", default=[], **settings)


OUTPUT = (
    option("--json", dest="as_json", action="store_true", help="print one JSON object and nothing else"),
    option("--strict", action="store_true", help="exit with 1 if a note of severity error stands"),
)
