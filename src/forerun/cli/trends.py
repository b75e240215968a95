"""The command that says whether an outcome falls, rises or turns."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from forerun.cli.command import OUTPUT, Answer, Command, option
from forerun.cli.source import COLUMNS, runs_of

SOURCE = option("source", type=Path, metavar="SOURCE", help="table of runs (.csv, .tsv, .jsonl, .parquet, also .gz)")
QUESTION = (
    option("--axis", metavar="ROLE", help="the role along which it is looked at: C, D, x, N or step (default: the first there is)"),
    option("--better", metavar="WAY", help="which way the outcome should go: lower, or higher (default for a score)"),
    option("--level", type=float, default=0.9, help="share in which all intervals hold together (default 0.9)"),
    option("--draws", type=int, default=1000, metavar="COUNT", help="number of draws of the noise (default 1000)"),
    option("--seed", type=int, default=0, help="seed of everything random (default 0)"),
)  # fmt: skip


def trend(asked: Namespace) -> Answer:
    """Whether an outcome falls, rises, turns or is flat along an axis, or that its noise does not let anybody say."""
    import forerun as fr

    settings = {name: getattr(asked, name) for name in ("axis", "better", "level", "draws", "seed")}
    found = fr.trend(runs_of(asked), **settings)
    return found.to_dict(), str(found), found.notes


COMMANDS = {
    "trend": Command(
        trend,
        "SOURCE [--axis ROLE] [--N COLUMN --loss COLUMN --role se=COLUMN] [options]",
        {"": (SOURCE,), "question": QUESTION, "table": COLUMNS, "output": OUTPUT},
    ),
}
