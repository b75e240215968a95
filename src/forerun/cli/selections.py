"""The command that ranks laws on one table."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from forerun.cli.command import OUTPUT, Answer, Command, option
from forerun.cli.source import COLUMNS, own_law, runs_of

SOURCE = option("source", type=Path, metavar="SOURCE", help="table of runs (.csv, .tsv, .jsonl, .parquet, also .gz)")
QUESTION = (
    option("--laws", nargs="+", required=True, metavar="NAME", help="two or more laws: names, or file.py:name for your own"),
    option("--axis", metavar="ROLE", help="cut the runs along this: C (default), D, N, x or step"),
    option("--objective", default="huber", help="huber (default), squared-log, lad, ..."),
    option("--seed", type=int, default=0, help="seed of everything random (default 0)"),
)  # fmt: skip


def select(asked: Namespace) -> Answer:
    """Rank laws by how they predict the table's larger runs from its smaller ones; criteria stand beside it."""
    import forerun as fr

    laws = [own_law(name) if ".py:" in name else name for name in asked.laws]
    found = fr.select(laws, runs_of(asked), axis=asked.axis, objective=asked.objective, seed=asked.seed)
    return found.to_dict(), str(found), found.notes


COMMANDS = {
    "select": Command(
        select,
        "SOURCE --laws NAME NAME ... [--N COLUMN --D COLUMN --loss COLUMN] [options]",
        {"": (SOURCE,), "question": QUESTION, "table": COLUMNS, "output": OUTPUT},
    ),
}
