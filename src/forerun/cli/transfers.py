"""The command that carries settings of a small model to a large one."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from forerun.cli.command import OUTPUT, Answer, Command, option, several
from forerun.cli.values import number, pairs

QUESTION = (
    several("--from", dest="proxy", metavar="NAME=VALUE,...", help="sizes and settings of the proxy: width=256,depth=4,batch=64,tokens=1B,lr=0.01,weight_decay=0.1; lr.embedding=0.04 for one group of weights"),
    several("--to", dest="target", metavar="NAME=VALUE,...", help="sizes of the target: width, depth, batch, tokens or steps, rank"),
    option("--parametrisation", default="completep", metavar="NAME", help="standard, mup, depth-mup or completep (default), of proxy and target"),
    option("--optimizer", default="adamw", metavar="NAME", help="adamw (default), adam, sgd or muon"),
)  # fmt: skip


def transfer(asked: Namespace) -> Answer:
    """The settings of a large model from those of a small one, by the rules of a parametrisation, each with its source."""
    import forerun as fr
    from forerun.parametrisation.rules import AXES

    given = _numbers(asked.proxy, "--from")
    proxy = {name: value for name, value in given.items() if name in (*AXES, "steps")}
    settings = {name: value for name, value in given.items() if name not in proxy}
    found = fr.transfer(
        settings,
        proxy=proxy,
        target=_numbers(asked.target, "--to"),
        parametrisation=asked.parametrisation,
        optimizer=asked.optimizer,
    )
    return found.to_dict(), str(found), found.notes


def _numbers(items: Sequence[str], flag: str) -> dict[str, float]:
    parts = [part for item in items for part in item.split(",") if part]
    return {name: number(f"{flag} {name}", value) for name, value in pairs(parts, flag, "NAME=VALUE").items()}


COMMANDS = {
    "transfer": Command(
        transfer,
        "--from width=256,depth=4,lr=0.01 --to width=4096,depth=32 [--parametrisation NAME] [--optimizer NAME] [options]",
        {"question": QUESTION, "output": OUTPUT},
    ),
}
