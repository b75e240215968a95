"""The command that reads the best size and token count off runs on compute budgets."""

from __future__ import annotations

from argparse import Namespace
from functools import partial
from pathlib import Path

from forerun.cli.command import OUTPUT, Answer, Command, option, picture, several
from forerun.cli.pictures import check_plots, draw
from forerun.cli.source import COLUMNS, runs_of
from forerun.cli.values import number
from forerun.note import note_lines

SOURCE = option("source", type=Path, metavar="SOURCE", help="table of runs (.csv, .tsv, .jsonl, .parquet, also .gz)")
QUESTION = (
    option("--method", default="parabola", help="parabola (default), akima, envelope or surface"),
    option("--clean", action="store_true", help="first leave out runs by rules that are named and counted"),
    several("--budget", metavar="FLOPS", help="also give the best N and D at this compute, for example 3.8e25"),
    option("--tolerance", type=float, default=0.005, help="relative excess loss that is near-optimal (default 0.005)"),
    option("--draws", type=int, default=1000, metavar="COUNT", help="number of bootstrap draws (default 1000)"),
    option("--level", type=float, default=0.9, help="coverage that intervals promise (default 0.9)"),
    option("--seed", type=int, default=0, help="seed of everything random (default 0)"),
)


def isoflop(asked: Namespace) -> Answer:
    """How the best N and D grow with compute: from runs on several compute budgets, with what biases the answer."""
    import forerun as fr

    names = ("method", "clean", "tolerance", "draws", "level", "seed")
    check_plots(asked, ("isoflop",))
    runs = runs_of(asked)
    found = fr.isoflop(runs, **{name: getattr(asked, name) for name in names})
    data, text, notes = found.to_dict(), str(found), list(found.notes)
    data["optima"] = []
    for budget in asked.budget:
        optimum = found.optimum(C=number("--budget", budget))
        text += "\n"
        for answer in optimum.values():
            text += "\n" + "\n".join(answer.lines())
            notes += [n for n in answer.notes if n not in notes]
        text += "\n" + "\n".join(note_lines(next(iter(optimum.values())).notes))
        data["optima"].append({name: answer.to_dict() for name, answer in optimum.items()})
    return data, text.rstrip() + draw(asked, {"isoflop": partial(found.plot, runs)}), tuple(notes)


COMMANDS = {
    "isoflop": Command(
        isoflop,
        "SOURCE [--C COLUMN --N COLUMN --D COLUMN --loss COLUMN] [--budget FLOPS] [options]",
        {"": (SOURCE,), "question": QUESTION, "table": COLUMNS, "output": (picture(), *OUTPUT)},
    ),
}
