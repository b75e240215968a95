"""The command that lists the public tables, shows one, and fits one."""

from __future__ import annotations

from argparse import Namespace

from forerun.cli.command import OUTPUT, Answer, Command, WrongUsage, option
from forerun.cli.fits import SAVE
from forerun.cli.values import check_output, save
from forerun.note import DataError

ACTIONS = ("list", "show", "fit")


def datasets(asked: Namespace) -> Answer:
    """List the public tables; `datasets show NAME` says all about one, `datasets fit NAME` fits its law."""
    from forerun import datasets
    from forerun.datasets.listing import dataset_text, datasets_table

    action, *rest = asked.words or ["list"]
    if action not in ACTIONS or len(rest) != (action != "list"):
        raise WrongUsage("write `forerun datasets list`, `datasets show NAME` or `datasets fit NAME`")
    if asked.output is not None and action != "fit":
        raise WrongUsage("-o belongs to `forerun datasets fit NAME`")
    if action == "fit":
        return _fit(rest[0], asked)
    if action == "show":
        return datasets.to_dict([datasets.get(rest[0])]), dataset_text(rest[0]), ()
    return datasets.to_dict(), f"{datasets_table()}\n\n`forerun datasets show NAME` says all about one", ()


def _fit(name: str, asked: Namespace) -> Answer:
    """The registered law fitted to the registered reading of a table, as `forerun fit` prints it."""
    import forerun as fr
    from forerun import datasets

    dataset = datasets.get(name)
    if not dataset.law:
        advice = f"Fit one of your own with: forerun fit {dataset.file} --law file.py:name"
        raise DataError("no-law", f"none of the present laws fits the table {name}", advice=advice)
    if asked.output is not None:
        check_output(asked)
    found = fr.fit(dataset.law, datasets.read(name), objective=dataset.objective or "huber")
    text = str(found)
    if asked.output is not None:
        save(asked.output, found.to_json())
        text += f"\n\nsaved to {asked.output}"
    return found.to_dict(), text, found.notes


COMMANDS = {
    "datasets": Command(
        datasets,
        "[list | show NAME | fit NAME [-o FILE]] [--json]",
        {
            "": (option("words", nargs="*", metavar="list | show NAME | fit NAME", help="what to do (default list)"),),
            "output": (SAVE, *OUTPUT),
        },
    ),
}
