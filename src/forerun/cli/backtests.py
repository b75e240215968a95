"""The command that hides the largest runs and predicts them."""

from __future__ import annotations

from argparse import Namespace

from forerun.cli.command import OUTPUT, Answer, Command, option, picture, several
from forerun.cli.pictures import check_plots, draw
from forerun.cli.source import ON_RUNS, SOURCE, law_of, runs_of
from forerun.cli.values import number
from forerun.note import DataError

CUTTING = (
    option("--axis", metavar="ROLE", help="cut the runs along this: C (default), D, N, x or step"),
    option(
        "--leave-out", metavar="ROLE", help="hide one label of this column after the other instead, for example family"
    ),
    option("--by", metavar="COLUMN", help="also score each value of this column apart: a family, a data set"),
    option("--cuts", type=int, default=6, metavar="COUNT", help="number of cuts (default 6)"),
    several("--hide-from", metavar="VALUE", help="cut at this value of the axis instead of at --cuts places"),
    option("--wished", type=float, default=0.01, metavar="SHARE", help="error that the horizon allows (default 0.01)"),
)
FITTING = ("objective", "unit", "level", "seed", "weights")


def backtest(asked: Namespace) -> Answer:
    """How wrong a law was about the largest runs when they were hidden: error, bias and coverage against distance."""
    import forerun as fr

    if asked.source.suffix == ".json":
        raise DataError("saved-fit", "a back-test needs the runs", advice="Give the table instead of the saved fit")
    if asked.uncertainty not in ("bootstrap", "none"):
        message = f"a back-test scores the intervals of the bootstrap, not of --uncertainty {asked.uncertainty}"
        raise DataError("bad-option", message, advice="Use --uncertainty bootstrap or none")
    check_plots(asked, ("backtest",))
    settings = {name: getattr(asked, name) for name in FITTING}
    places = [number("--hide-from", value) for value in asked.hide_from]
    found = fr.backtest(
        law_of(asked), runs_of(asked), axis=asked.axis, leave_out=asked.leave_out, by=asked.by, cuts=places or asked.cuts, wished=asked.wished,
        draws=0 if asked.uncertainty == "none" else asked.draws, **settings,
    )  # fmt: skip
    return found.to_dict(), str(found) + draw(asked, {"backtest": found.plot}), found.notes


COMMANDS = {
    "backtest": Command(
        backtest,
        "SOURCE --law NAME [--axis ROLE | --leave-out ROLE] [options]",
        {"": SOURCE, "cuts": CUTTING, "table and law": ON_RUNS, "output": (picture(), *OUTPUT)},
    ),
}
