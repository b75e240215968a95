"""The command that lists laws and shows one."""

from __future__ import annotations

from argparse import Namespace

from forerun.cli.command import OUTPUT, Answer, Command, WrongUsage, option
from forerun.cli.source import own_law


def laws(asked: Namespace) -> Answer:
    """List the laws by what they answer; `forerun laws show NAME` prints formula, parameters and published values."""
    from forerun import laws
    from forerun.catalogue import law_item, law_text, laws_text

    if asked.names == ["show"] or len(asked.names) > 1 + ("show" in asked.names):
        raise WrongUsage("write `forerun laws show NAME` with one name")
    if asked.names:
        law = own_law(asked.names[-1]) if ".py:" in asked.names[-1] else laws.get(asked.names[-1])
        return {"schema": 1, "items": [law_item(law)]}, law_text(law), ()
    found = sorted((laws.get(name) for name in laws.names()), key=lambda law: (law.group, law.name))
    return {"schema": 1, "items": [law_item(law) for law in found]}, laws_text(found), ()


COMMANDS = {
    "laws": Command(
        laws,
        "[show NAME] [--json]",
        {"": (option("names", nargs="*", metavar="show NAME", help="one law instead of the list"),), "output": OUTPUT},
    ),
}
