"""The command that prints the reporting card of a fit."""

from __future__ import annotations

import tomllib
from argparse import Namespace
from pathlib import Path
from typing import Any

from forerun.cli.command import OUTPUT, Answer, Command, WrongUsage, option, several
from forerun.cli.fits import AT
from forerun.cli.source import ON_RUNS, SOURCE, TABLE, fit_of
from forerun.cli.values import number, pairs, question, read
from forerun.note import DataError

CARD = (
    option("--text", action="store_true", help="print the reporting card as text"),
    several("--fact", metavar="NAME=TEXT", help="answer an item that no fit can know: schedule='cosine to 10 %%'"),
    option("--facts", type=Path, metavar="FILE", help="such answers from a .toml file, one NAME = \"TEXT\" a line"),
    option("--flops", help="also say which single run, wrong by 1 %%, would change the plan for this budget"),
    AT,
)  # fmt: skip


def report(asked: Namespace) -> Answer:
    """The reporting card: what somebody else needs to repeat a fit, what of it is missing, which single run decides."""
    import forerun as fr

    if not (asked.text or asked.as_json):
        raise WrongUsage("the HTML report is not there yet; --text prints the reporting card")
    flops = None if asked.flops is None else number("--flops", asked.flops)
    at = question(asked) if asked.at else {}
    if asked.source.suffix == ".json" and (at or flops is not None):
        advice = "Give the table instead of the saved fit"
        raise DataError("saved-fit", "which run decides can only be asked of the runs", advice=advice)
    facts = _facts(asked)
    card = fr.report_card(fit_of(asked), facts=facts, flops=flops, weights=asked.weights, **at)
    return card.to_dict(), str(card), card.notes


def _facts(asked: Namespace) -> dict[str, Any]:
    """The facts of --fact and of the file of --facts; what both give is refused."""
    facts: dict[str, Any] = dict(pairs(asked.fact, "--fact", "NAME=TEXT"))
    if asked.facts is None:
        return facts
    try:
        stated = tomllib.loads(read(asked.facts))
    except tomllib.TOMLDecodeError as error:
        raise DataError(
            "bad-facts", f"{asked.facts} is not TOML: {error}", advice='Write NAME = "TEXT" lines'
        ) from None
    if twice := sorted(set(facts) & set(stated)):
        message = f"{twice[0]} is given by --fact and in {asked.facts}"
        raise DataError("bad-option", message, advice="Keep one of them")
    return facts | stated


COMMANDS = {
    "report": Command(
        report,
        "SOURCE --text [--flops BUDGET] [--fact NAME=TEXT] [options]",
        {"": SOURCE, "card": CARD, TABLE: ON_RUNS, "output": OUTPUT},
    ),
}
