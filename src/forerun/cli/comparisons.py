"""The command that sets two fits beside each other."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forerun.cli.command import OUTPUT, Answer, Command, option, several
from forerun.cli.source import ON_RUNS, TABLE, fit_of
from forerun.cli.values import number, pairs
from forerun.note import DataError, note_lines

if TYPE_CHECKING:
    pass

SOURCES = option(
    "sources",
    nargs=2,
    type=Path,
    metavar="SOURCE",
    help="two tables of runs with one law and the same columns, or two saved fits (.json); named by their files. Only "
    "tables can be back-tested and paired",
)
ASKED = (
    several(
        "--at", metavar="VALUE", help="also compare at this compute (or value of the law's input), for example 1e24"
    ),
    several(
        "--effective", metavar="N=VALUE,D=VALUE", help="the N that the second needs for what the first reaches there"
    ),
    option("--cuts", type=int, default=3, metavar="COUNT", help="cuts of the back-test, 0 for none (default 3)"),
)
LEVEL = 0.9  # the default of --level, which is no setting of a saved fit here: the comparison has its own


def compare(asked: Namespace) -> Answer:
    """Two methods on their whole curves: held-out error, who wins, where they cross, the compute multiplier, or that it is not decided."""
    import forerun as fr

    first, second = (path.stem for path in asked.sources)
    if first == second:
        raise DataError("bad-option", f"both sources are called {first}", advice="Give them files of different names")
    fits = {path.stem: _fit(asked, path) for path in asked.sources}
    found = fr.compare(fits, level=asked.level, cuts=asked.cuts)
    data, text, notes = found.to_dict(), str(found), list(found.notes)
    verdicts = [found.at(number("--at", value)) for value in asked.at]
    sizes = [found.effective(**_run(item)) for item in asked.effective]
    for answer in (*verdicts, *sizes):
        new = [n for n in answer.notes if n not in notes]
        text = "\n".join([f"{text}\n", answer.line(), *note_lines(new)])
        notes += new
    data |= {"at": [v.to_dict() for v in verdicts], "effective": [s.to_dict() for s in sizes]}
    return data, text, tuple(notes)


def _fit(asked: Namespace, path: Path) -> Any:
    level = LEVEL if path.suffix == ".json" else asked.level
    return fit_of(Namespace(**{**vars(asked), "source": path, "level": level}))


def _run(item: str) -> dict[str, float]:
    given = pairs([part for part in item.split(",") if part], "--effective", "N=VALUE,D=VALUE")
    return {name: number(f"--effective {name}", value) for name, value in given.items()}


COMMANDS = {
    "compare": Command(
        compare,
        "SOURCE SOURCE [--law NAME] [--at VALUE] [--effective N=VALUE,D=VALUE] [options]",
        {"": (SOURCES,), "question": ASKED, TABLE: ON_RUNS, "output": OUTPUT},
    ),
}
