"""The commands that fit a law and ask it: fit, forecast, invert, plan."""

from __future__ import annotations

from argparse import Namespace
from functools import partial
from pathlib import Path

from forerun.cli.command import OUTPUT, Answer, Command, option, picture
from forerun.cli.pictures import check_plots, draw
from forerun.cli.source import ON_RUNS, SOURCE, TABLE, fit_of, runs_of
from forerun.cli.values import check_output, number, question, save
from forerun.note import DataError

AT = option(
    "--at",
    nargs="+",
    action="extend",
    default=[],
    metavar="INPUT=VALUE",
    help="the question: --at N=70e9 D=1.4T; C (FLOPs) and M (tokens per parameter) may stand for them",
)
PLAN = (
    option("--flops", required=True, help="compute budget, for example 5.76e23"),
    option("--tolerance", type=float, default=0.005, help="relative excess loss that is near-optimal (default 0.005)"),
    option("--force", action="store_true", help="plan with a fit that carries error notes"),
)
TARGET = option("--target", default="mean", help="mean (default), or new-run for one single run")
SENSITIVITY = option(
    "--sensitivity",
    action="store_true",
    help="also refit without the smallest, the shortest, each family, the outliers",
)
SAVE = option("-o", "--output", type=Path, metavar="FILE", help="save the fit to this file")


def fit(asked: Namespace) -> Answer:
    """Fit a law to a table of runs: parameters with intervals, and what speaks against them."""
    import forerun as fr

    kinds = ("fit", "residuals", "draws")
    check_plots(asked, kinds)
    if asked.output is not None:
        check_output(asked)
    found = fit_of(asked)
    text, data = str(found), found.to_dict()
    if asked.sensitivity:
        if asked.source.suffix == ".json":
            raise DataError(
                "saved-fit", "--sensitivity needs the runs", advice="Give the table instead of the saved fit"
            )
        table = fr.sensitivity(found, runs_of(asked), weights=asked.weights)
        text, data = f"{text}\n\n{table}", {**data, "sensitivity": table.to_dict()}
    if asked.output is not None:
        save(asked.output, found.to_json())
        text += f"\n\nsaved to {asked.output}"
    return data, text + draw(asked, {kind: partial(found.plot, kind=kind) for kind in kinds}), found.notes


def forecast(asked: Namespace) -> Answer:
    """Forecast what a run of a size never trained reaches, with its interval."""
    check_plots(asked, ("forecast",))
    found = fit_of(asked)
    answer = found.forecast(target=asked.target, **question(asked))
    text = str(answer) + draw(asked, {"forecast": partial(answer.plot, found)})
    return answer.to_dict(), text, answer.notes


def invert(asked: Namespace) -> Answer:
    """Which N, D or C reaches an outcome: --at loss=2 --at D=1.4T gives N; --at loss=2 --at M=20 gives C."""
    answer = fit_of(asked).invert(**question(asked))
    return answer.to_dict(), str(answer), answer.notes


def plan(asked: Namespace) -> Answer:
    """What to train for a compute budget: the optimum, what is as good, and what over-training costs."""
    import forerun as fr

    flops = number("--flops", asked.flops)
    check_plots(asked, ("plan",))
    found = fit_of(asked)
    answer = fr.plan(found, flops=flops, tolerance=asked.tolerance, force=asked.force)
    return answer.to_dict(), str(answer) + draw(asked, {"plan": partial(answer.plot, found)}), answer.notes


COMMANDS = {
    "fit": Command(
        fit,
        "SOURCE --law NAME [--N COLUMN --D COLUMN --loss COLUMN] [-o FILE] [options]",
        {
            "": SOURCE,
            TABLE: ON_RUNS,
            "output": (SAVE, SENSITIVITY, picture("; residuals:FILE and draws:FILE draw those"), *OUTPUT),
        },
    ),
    "forecast": Command(
        forecast,
        "SOURCE --at INPUT=VALUE ... [options]",
        {"": SOURCE, "question": (AT, TARGET), TABLE: ON_RUNS, "output": (picture(), *OUTPUT)},
    ),
    "invert": Command(
        invert,
        "SOURCE --at loss=VALUE INPUT=VALUE ... [options]",
        {"": SOURCE, "question": (AT,), TABLE: ON_RUNS, "output": OUTPUT},
    ),
    "plan": Command(
        plan,
        "SOURCE --flops BUDGET [options]",
        {"": SOURCE, "question": PLAN, TABLE: ON_RUNS, "output": (picture(), *OUTPUT)},
    ),
}
