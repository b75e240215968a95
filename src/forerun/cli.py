"""The command line: one thin command per library call. Exit code 0 done, 1 the data do not allow it, 2 wrong usage."""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forerun.note import DataError, Note, text_table, worst
from forerun.units import parse_quantity

if TYPE_CHECKING:
    from forerun.fitting import Fit
    from forerun.laws import Law
    from forerun.runs import Runs

Answer = tuple[dict[str, Any], str, tuple[Note, ...]]  # JSON object, text, notes
Option = tuple[tuple[str, ...], dict[str, Any]]

SUMMARY = "Fit neural scaling laws to small training runs, forecast the large one, and plan what to train."
EXAMPLES = """examples:
  forerun fit runs.csv --law chinchilla --N params --D tokens --loss val_loss -o fit.json
  forerun forecast fit.json --at N=70e9 --at D=1.4T
  forerun plan fit.json --flops 5.76e23
  forerun laws"""


def option(*flags: str, **settings: Any) -> Option:
    """One option, as argparse takes it."""
    return flags, settings


def several(*flags: str, **settings: Any) -> Option:
    """One option that may be given more than once."""
    return option(*flags, action="append", default=[], **settings)


OUTPUT = (
    option("--json", dest="as_json", action="store_true", help="print one JSON object and nothing else"),
    option("--strict", action="store_true", help="exit with 1 if a note of severity error stands"),
)
ON_RUNS = (
    option("--law", help="name of a law (see `forerun laws`), or file.py:name for your own"),
    option("--N", metavar="COLUMN", help="column of the model parameters"),
    option("--D", metavar="COLUMN", help="column of the training tokens"),
    option("--C", metavar="COLUMN", help="column of the training FLOPs"),
    option("--loss", metavar="COLUMN", help="column of the loss"),
    several("--role", metavar="ROLE=COLUMN", help="any other column: x=steps, run=id, r[web]=p1"),
    several("--where", metavar="CONDITION", help="keep rows: 'params > 1e8', 'dataset == c4'"),
    several("--drop", metavar="CONDITION", help="drop rows: 'loss is missing', 'step < 1000'"),
    option("--drop-outliers", metavar="RULE:COUNT", help="for example highest-loss:5"),
    option("--N-counts", metavar="WHAT", help="what N counts: total, non-embedding, active, or a column that says it"),
    option("--loss-unit", metavar="UNIT", help="unit of the loss: nats/token, bits/byte, ..."),
    several("--fix", metavar="PARAMETER=VALUE", help="hold a parameter: alpha=0.34"),
    several("--tie", metavar="PARAMETER=PARAMETER", help="set a parameter equal to another: alpha=beta"),
    several("--term", metavar="INPUT=TERM", help="replace an input by a registered effective quantity: D=NAME"),
    several(
        "--share", metavar="PARAMETER", help="a parameter with one value for all groups of --across (repeat for more)"
    ),
    option(
        "--across", metavar="COLUMN", help="column of the groups, which have their own values of all other parameters"
    ),
    option("--objective", default="huber", help="huber (default), lad, squared-log, squared, binomial"),
    option("--uncertainty", default="bootstrap", help="bootstrap (default) or none"),
    option(
        "--unit", help="what is resampled: row, run, family or seed (default row, or run where runs have several rows)"
    ),
    option("--draws", type=int, default=1000, metavar="COUNT", help="number of refits (default 1000)"),
    option("--level", type=float, default=0.9, help="coverage that intervals promise (default 0.9)"),
    option("--seed", type=int, default=0, help="seed of everything random (default 0)"),
    option("--weights", metavar="COLUMN", help="column of row weights"),
)
EXAMPLE_PAIRS = {
    "--role": "x=steps", "--fix": "alpha=0.34", "--tie": "alpha=beta", "--term": "D=NAME", "--at": "N=70e9",
}  # fmt: skip
AT = option(
    "--at",
    nargs="+",
    action="extend",
    default=[],
    metavar="INPUT=VALUE",
    help="the question: --at N=70e9 D=1.4T; C (FLOPs) and M (tokens per parameter) may stand for them",
)


def fit(asked: Namespace) -> Answer:
    """Fit a law to a table of runs: parameters with intervals, and what speaks against them."""
    if asked.output is not None:
        _check_output(asked)
    fitted = _fit(asked)
    text = str(fitted)
    if asked.output is not None:
        _save(asked.output, fitted.to_json())
        text += f"\n\nsaved to {asked.output}"
    return fitted.to_dict(), text, fitted.notes


def forecast(asked: Namespace) -> Answer:
    """Forecast what a run of a size never trained reaches, with its interval."""
    answer = _fit(asked).forecast(target=asked.target, **_question(asked))
    return answer.to_dict(), str(answer), answer.notes


def invert(asked: Namespace) -> Answer:
    """Which N, D or C reaches an outcome: --at loss=2 --at D=1.4T gives N; --at loss=2 --at M=20 gives C."""
    answer = _fit(asked).invert(**_question(asked))
    return answer.to_dict(), str(answer), answer.notes


def plan(asked: Namespace) -> Answer:
    """What to train for a compute budget: the optimum, what is as good, and what over-training costs."""
    import forerun as fr

    flops = _number("--flops", asked.flops)
    answer = fr.plan(_fit(asked), flops=flops, tolerance=asked.tolerance, force=asked.force)
    return answer.to_dict(), str(answer), answer.notes


def laws(asked: Namespace) -> Answer:
    """List the laws by what they answer; `forerun laws show NAME` prints formula, parameters and published values."""
    from forerun import laws
    from forerun.catalogue import law_item, law_text

    if asked.names:
        law = _own_law(asked.names[-1]) if ".py:" in asked.names[-1] else laws.get(asked.names[-1])
        return {"schema": 1, "items": [law_item(law)]}, law_text(law), ()
    found = sorted((laws.get(name) for name in laws.names()), key=lambda law: (law.group, law.name))
    footer = "\n\nstatus: stated = read in the source, recalled = from memory, inferred = derived by us\n`forerun laws show NAME` prints formula, parameters and published values"
    rows = [[law.name, law.group, law.status, ", ".join(law.inputs), law.answers] for law in found]
    header = ["law", "group", "status", "inputs", "answers"]
    return (
        {"schema": 1, "items": [law_item(law) for law in found]},
        text_table(header, rows, words=header) + footer,
        (),
    )


Groups = dict[str, tuple[Option, ...]]
SOURCE = (
    option(
        "source",
        type=Path,
        metavar="SOURCE",
        help="table of runs (.csv, .tsv, .jsonl, .parquet, also .gz) or a saved fit (.json)",
    ),
)
PLAN = (
    option("--flops", required=True, help="compute budget, for example 5.76e23"),
    option("--tolerance", type=float, default=0.005, help="relative excess loss that is near-optimal (default 0.005)"),
    option("--force", action="store_true", help="plan with a fit that carries error notes"),
)
TARGET = option("--target", default="mean", help="mean (default), or new-run for one single run")
SAVE = option("-o", "--output", type=Path, metavar="FILE", help="save the fit to this file")
TABLE = "table and law (not with a saved fit; repeatable options add up)"
COMMANDS: dict[str, tuple[Callable[[Namespace], Answer], Groups]] = {
    "fit": (fit, {"": SOURCE, TABLE: ON_RUNS, "output": (SAVE, *OUTPUT)}),
    "forecast": (forecast, {"": SOURCE, "question": (AT, TARGET), TABLE: ON_RUNS, "output": OUTPUT}),
    "invert": (invert, {"": SOURCE, "question": (AT,), TABLE: ON_RUNS, "output": OUTPUT}),
    "plan": (plan, {"": SOURCE, "question": PLAN, TABLE: ON_RUNS, "output": OUTPUT}),
    "laws": (
        laws,
        {"": (option("names", nargs="*", metavar="show NAME", help="one law instead of the list"),), "output": OUTPUT},
    ),
}


USAGE = {
    "fit": "SOURCE --law NAME [--N COLUMN --D COLUMN --loss COLUMN] [-o FILE] [options]",
    "forecast": "SOURCE --at INPUT=VALUE ... [options]",
    "invert": "SOURCE --at loss=VALUE INPUT=VALUE ... [options]",
    "plan": "SOURCE --flops BUDGET [options]",
    "laws": "[show NAME] [--json]",
}


def parser(only: str | None = None) -> ArgumentParser:
    """The parser of all commands; the reference in the docs and the tests read it too.

    With ``only`` the other commands have no options: to build those costs more than to read the table.
    """
    from forerun import __version__

    top = ArgumentParser(
        "forerun", description=SUMMARY, epilog=EXAMPLES, formatter_class=RawDescriptionHelpFormatter, allow_abbrev=False
    )
    top.add_argument("--version", action="version", version=f"forerun {__version__}")
    commands = top.add_subparsers(metavar="COMMAND", dest="command", required=True)
    for name, (function, groups) in COMMANDS.items():
        summary = str(function.__doc__)
        command = commands.add_parser(
            name,
            help=summary.split(":")[0].split(";")[0].rstrip("."),
            description=summary,
            allow_abbrev=False,
            usage=f"forerun {name} {USAGE[name]}",
        )
        for title, options in groups.items() if only in (None, name) else ():
            part = command.add_argument_group(title) if title else command
            for flags, settings in options:
                part.add_argument(*flags, **settings)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; wrong usage leaves through ``SystemExit(2)``, as argparse does.

    A ``DataError`` becomes one plain line on standard error, and with ``--json`` an object on standard output.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    top = parser(next((word for word in given if word in COMMANDS), None))
    if arguments is None and not given:
        top.print_help()
        return 0
    asked = top.parse_args(given)
    if asked.command == "laws" and (asked.names == ["show"] or len(asked.names) > 1 + ("show" in asked.names)):
        top.error("write `forerun laws show NAME` with one name")
    try:
        data, text, notes = COMMANDS[asked.command][0](asked)
    except DataError as error:
        if asked.as_json:
            print(json.dumps({"schema": 1, "error": error.to_dict()}, allow_nan=False))
        print(f"forerun: {error}", file=sys.stderr)
        return 1
    _print(json.dumps(data, allow_nan=False) if asked.as_json else text)
    if asked.strict and worst(notes) == "error":
        note = next(n for n in notes if n.severity == "error")
        print(f"forerun: {note.code}: {note.message}. {note.advice}", file=sys.stderr)
        return 1
    return 0


def _print(text: str) -> None:
    """Print, and say nothing when the reader (``head``, a pager) has gone."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fit(asked: Namespace) -> Fit:
    """The saved fit that ``source`` names, or a fit of its table."""
    import forerun as fr

    if asked.source.suffix == ".json":
        _only_the_question(asked)
        law = _own_law(asked.law) if asked.law is not None and ".py:" in asked.law else None
        return fr.Fit.from_json(_read(asked.source), law)
    settings = ("objective", "uncertainty", "unit", "draws", "level", "seed", "weights")
    return fr.fit(_law(asked), _runs(asked), **{name: getattr(asked, name) for name in settings})


def _only_the_question(asked: Namespace) -> None:
    """Refuse options that would need the table again: a saved fit would ignore them without a word."""
    for (flag, *_), settings in ON_RUNS:
        value = getattr(asked, flag.lstrip("-").replace("-", "_"))
        if value != settings.get("default") and not (flag == "--law" and ".py:" in value):
            message = f"{flag} belongs to the fit, and {asked.source} is fitted already"
            raise DataError(
                "saved-fit", message, advice="Leave it out, or give the table of runs instead of the saved fit"
            )


def _runs(asked: Namespace) -> Runs:
    import forerun as fr

    roles = {k: v for k in ("N", "D", "C", "loss") if (v := getattr(asked, k)) is not None}
    roles |= _pairs(asked.role, "--role", "ROLE=COLUMN")
    if asked.across is not None:
        roles["family"] = roles.get(asked.across, asked.across)
    runs = fr.read_runs(
        asked.source, N_counts=asked.N_counts, loss_unit=asked.loss_unit, where=asked.where, drop=asked.drop, **roles
    )
    if asked.drop_outliers is not None:
        rule, _, count = asked.drop_outliers.partition(":")
        if not (count.isascii() and count.isdigit() and len(count) < 10):
            message = f"--drop-outliers takes RULE:COUNT, received {asked.drop_outliers!r}"
            raise DataError("bad-option", message, advice="Write for example --drop-outliers highest-loss:5")
        runs = runs.drop_outliers(rule, int(count))
    return runs


def _law(asked: Namespace) -> Law:
    from forerun import laws

    if asked.law is None:
        raise DataError(
            "no-law", "no law is named", advice="Add --law, for example --law chinchilla; see `forerun laws`"
        )
    law = _own_law(asked.law) if ".py:" in asked.law else laws.get(asked.law)
    terms = _pairs(asked.term, "--term", "INPUT=TERM")
    for term in terms.values():
        if term not in laws.terms():
            known = ", ".join(laws.terms()) or "none yet"
            raise DataError("unknown-term", f"there is no term {term!r}", advice=f"Known: {known}")
    law = law.where(**{slot: laws.terms()[t] for slot, t in terms.items()}) if terms else law
    fixed = {k: _number("--fix", v) for k, v in _pairs(asked.fix, "--fix", "PARAMETER=VALUE").items()}
    law = law.fix(**fixed) if fixed else law
    tied = _pairs(asked.tie, "--tie", "PARAMETER=PARAMETER")
    law = law.tie(**tied) if tied else law
    if bool(asked.share) != (asked.across is not None):
        raise DataError("bad-share", "--share and --across go together", advice="For example --share E --across family")
    return law.share(*asked.share, across="family") if asked.share else law


def _own_law(name: str) -> Law:
    """The law that a user's Python file declares under a name."""
    from contextlib import redirect_stdout
    from runpy import run_path

    from forerun.laws import Law

    path, _, attribute = name.rpartition(":")
    if not Path(path).is_file():
        raise DataError("no-file", f"there is no file {path}", advice="Write --law file.py:name")
    try:
        with redirect_stdout(sys.stderr):
            found = run_path(path)
    except (Exception, SystemExit) as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise DataError(
            "bad-law", f"{path} does not run ({reason})", advice="Run it with Python to see where"
        ) from error
    law = found.get(attribute)
    if not isinstance(law, Law):
        advice = "Decorate the function with @forerun.law(...)"
        raise DataError("bad-law", f"{path} declares no law {attribute!r}", advice=advice)
    return law


def _pairs(items: Sequence[str], flag: str, form: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not (equals and name and value):
            advice = f"Write for example {flag} {EXAMPLE_PAIRS[flag]}"
            raise DataError("bad-option", f"{flag} takes {form}, received {item!r}", advice=advice)
        if name.strip() in pairs:
            message = f"{flag} gives {name.strip()} twice: {pairs[name.strip()]!r} and {value.strip()!r}"
            raise DataError("bad-option", message, advice="Keep one of them")
        pairs[name.strip()] = value.strip()
    return pairs


def _question(asked: Namespace) -> dict[str, Any]:
    pairs = _pairs([part for item in asked.at for part in item.split(",") if part], "--at", "INPUT=VALUE")
    if not pairs:
        advice = f"Add --at, for example `forerun {asked.command} ... --at N=70e9 D=1.4T`"
        raise DataError("missing-input", "the question is empty", advice=advice)
    return {k: v if k in ("family", "N_counts") else _number(f"--at {k}", v) for k, v in pairs.items()}


def _number(flag: str, text: str) -> float:
    try:
        return parse_quantity(text)
    except ValueError as error:
        raise DataError("bad-value", f"{flag}: {error}") from None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise DataError("unreadable", f"cannot read {path}: {reason}", advice="Check the path") from None


def _check_output(asked: Namespace) -> None:
    """Refuse to write over anything that is not a saved fit, the table of runs above all."""
    path: Path = asked.output
    if path.is_file() and not path.read_bytes()[:12].startswith(b'{"schema": '):
        message = f"{path} is there and is not a saved fit"
        raise DataError("would-overwrite", message, advice="Choose another name with -o, for example -o fit.json")


def _save(path: Path, text: str) -> None:
    """Write beside the target and rename, so that no half-written fit is ever left."""
    draft = path.with_name(path.name + ".part")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True) if draft.parent.is_dir() else None
        advice = "Choose another place with -o"
        raise DataError("cannot-write", f"cannot write {path}: {error.strerror}", advice=advice) from None


if __name__ == "__main__":
    sys.exit(main())
