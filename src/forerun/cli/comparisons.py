"""The command that sets two saved fits beside each other."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from forerun.cli.command import OUTPUT, Answer, Command, option, several
from forerun.cli.values import number, read
from forerun.note import DataError, note_lines
from forerun.units import format_quantity

FITS = option("fits", nargs=2, type=Path, metavar="FIT", help="two saved fits (.json), named by their files")
ASKED = (
    several(
        "--at", metavar="VALUE", help="also compare at this compute (or value of the law's input), for example 1e24"
    ),
    option("--level", type=float, default=0.9, help="share of draws that decides, and of intervals (default 0.9)"),
)


def compare(asked: Namespace) -> Answer:
    """Two methods on their whole curves: who wins, where they cross, the compute multiplier, or that it is not decided."""
    import forerun as fr

    first, second = asked.fits
    if first.stem == second.stem:
        raise DataError("bad-option", f"both fits are called {first.stem}", advice="Give them files of different names")
    found = fr.compare({path.stem: fr.Fit.from_json(read(path)) for path in asked.fits}, level=asked.level)
    data, text, notes = found.to_dict(), str(found), list(found.notes)
    data["at"] = []
    for value in asked.at:
        verdict = found.at(number("--at", value))
        low, high = verdict.multiplier_interval
        shown = "not decided" if verdict.winner == "not decided" else f"{verdict.winner} is better"
        text += (
            f"\n\nat {found.axis} = {format_quantity(verdict.at)}: {shown}; {second.stem} needs {verdict.multiplier:.3g} times "
            f"the compute of {first.stem} ({found.level:.0%} interval {low:.3g} to {high:.3g})"
        )
        text = "\n".join([text, *note_lines(verdict.notes)])
        notes += [n for n in verdict.notes if n not in notes]
        data["at"].append(verdict.to_dict())
    return data, text, tuple(notes)


COMMANDS = {
    "compare": Command(compare, "FIT FIT [--at VALUE] [options]", {"": (FITS,), "question": ASKED, "output": OUTPUT}),
}
