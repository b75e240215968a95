"""The command that says at which size training may become unstable."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from forerun.cli.command import OUTPUT, Answer, Command, option, several
from forerun.cli.source import COLUMNS, runs_of
from forerun.cli.values import number, pairs

SOURCE = option("source", type=Path, metavar="TABLE", help="table of runs (.csv, .tsv, .jsonl, .parquet, also .gz), or folder of a ladder, which leaves out diverged runs")  # fmt: skip
QUESTION = (
    several("--watch", metavar="COLUMN=LIMIT", help="a column and the limit that it should not cross: logit_max=1e4"),
    option("--limit", metavar="VALUE", help="LR sensitivity that should not be crossed, in the unit of the loss"),
    option("--ceiling", metavar="LOSS", help="loss at initialisation, at which losses are clipped"),
    option("--lr", metavar="VALUE", help="learning rate at which columns are watched (default: the best of the largest size)"),
    option("--level", type=float, default=0.9, help="coverage that intervals promise (default 0.9)"),
    option("--seed", type=int, default=0, help="seed of everything random (default 0)"),
)  # fmt: skip


def stability(asked: Namespace) -> Answer:
    """The size at which LR sensitivity, norms or logits cross a limit, from learning-rate sweeps at several sizes."""
    import forerun as fr

    watch = {k: number(f"--watch {k}", v) for k, v in pairs(asked.watch, "--watch", "COLUMN=LIMIT").items()}
    settings = {name: None if (v := getattr(asked, name)) is None else number(f"--{name}", v) for name in ("limit", "ceiling", "lr")}  # fmt: skip
    found = fr.early_warning(runs_of(asked), watch=watch, level=asked.level, seed=asked.seed, **settings)
    return found.to_dict(), str(found), found.notes


COMMANDS = {
    "stability": Command(
        stability,
        "TABLE --N COLUMN --loss COLUMN --role lr=COLUMN [--watch COLUMN=LIMIT] [options]",
        {"": (SOURCE,), "question": QUESTION, "table": COLUMNS, "output": OUTPUT},
    ),
}
