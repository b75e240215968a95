"""The command that computes published numbers again."""

from __future__ import annotations

from argparse import Namespace

from forerun.cli.command import OUTPUT, Answer, Command, option
from forerun.note import Note


def reproduce(asked: Namespace) -> Answer:
    """Compute published numbers again on public tables: got, published, and whether they agree; exit code 1 if not."""
    from forerun import records

    outcomes = records.check_all(asked.ids or None)
    notes = tuple(
        Note("record-differs", "error", f"{o.record.id} is {o.got:g} here and {o.record.expected:g} in {o.record.source}",
             {"got": o.got, "expected": o.record.expected}, "Report it: forerun or the record is wrong.")
        for o in outcomes if o.verdict == "differs"
    )  # fmt: skip
    return records.to_dict(outcomes), records.outcomes_text(outcomes), notes


ALWAYS = option("--strict", action="store_true", default=True, help="always on: exit with 1 if a number differs")
COMMANDS = {
    "reproduce": Command(
        reproduce,
        "[ID ...] [--json]",
        {
            "": (option("ids", nargs="*", metavar="ID", help="records to compute (default all)"),),
            "output": (OUTPUT[0], ALWAYS),
        },
    ),
}
