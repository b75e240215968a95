"""The source of most commands: a table of runs with a law, or a saved fit."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from forerun.cli.command import option, several
from forerun.cli.values import number, pairs, read
from forerun.note import DataError

if TYPE_CHECKING:
    from forerun.fitting import Fit
    from forerun.laws import Law
    from forerun.predict import Ensemble
    from forerun.runs import Runs

SOURCE = (
    option(
        "source",
        type=Path,
        metavar="SOURCE",
        help="table of runs (.csv, .tsv, .jsonl, .parquet, also .gz), folder of a ladder, or a saved fit (.json)",
    ),
)
TABLE = "table and law (not with a saved fit; repeatable options add up)"
COLUMNS = (
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
)
ON_RUNS = (
    option("--law", help="name of a law (see `forerun laws`), file.py:name for your own, or auto"),
    *COLUMNS,
    several("--fix", metavar="PARAMETER=VALUE", help="hold a parameter: alpha=0.34"),
    several(
        "--borrow",
        metavar="PARAMETER=VALUE+-WIDTH",
        help="a parameter known from elsewhere, and how well: alpha=0.34+-0.02",
    ),
    several("--tie", metavar="PARAMETER=PARAMETER", help="set a parameter equal to another: alpha=beta"),
    several("--term", metavar="INPUT=TERM", help="replace an input by a registered effective quantity: D=NAME"),
    several(
        "--share", metavar="PARAMETER", help="a parameter with one value for all groups of --across (repeat for more)"
    ),
    option(
        "--across", metavar="COLUMN", help="column of the groups, which have their own values of all other parameters"
    ),
    option(
        "--objective",
        default="huber",
        help="huber (default), lad, squared-log, squared, quantile:0.1, student-t:4, huber-scale, binomial",
    ),
    option("--uncertainty", default="bootstrap", help="bootstrap (default), sandwich, jackknife, profile or none"),
    option(
        "--unit", help="what is resampled: row, run, family or seed (default row, or run where runs have several rows)"
    ),
    option("--draws", type=int, default=1000, metavar="COUNT", help="number of refits (default 1000)"),
    option("--level", type=float, default=0.9, help="coverage that intervals promise (default 0.9)"),
    option("--seed", type=int, default=0, help="seed of everything random (default 0)"),
    option("--weights", metavar="COLUMN", help="column of row weights"),
)


AUTOMATIC = ("--law", "--draws", "--level", "--seed", *(f"--{role}" for role in ("N", "D", "C", "loss", "role")),
             "--where", "--drop", "--drop-outliers", "--N-counts", "--loss-unit")  # fmt: skip


def fit_of(asked: Namespace) -> Fit | Ensemble:
    """The saved fit that ``source`` names, or a fit of its table; of ``--law auto`` a weighted set of fits."""
    import forerun as fr

    if asked.source.suffix == ".json":
        _only_the_question(asked)
        law = own_law(asked.law) if asked.law is not None and ".py:" in asked.law else None
        if law is not None:
            return fr.Fit.from_json(read(asked.source), law)
        from forerun.predict.saved import load

        return load(read(asked.source))
    if asked.law == "auto":
        _refuse(
            asked, AUTOMATIC, "auto", "auto chooses forms, objective and weights itself", "Leave it out, or name a law"
        )
        return fr.fit("auto", runs_of(asked), level=asked.level, draws=asked.draws, seed=asked.seed)
    settings = ("objective", "uncertainty", "unit", "draws", "level", "seed", "weights")
    return fr.fit(law_of(asked), runs_of(asked), **{name: getattr(asked, name) for name in settings})


def _only_the_question(asked: Namespace) -> None:
    """Refuse options that would need the table again: a saved fit would ignore them without a word."""
    own = ("--law",) if asked.law is not None and ".py:" in asked.law else ()
    advice = "Leave it out, or give the table of runs instead of the saved fit"
    _refuse(asked, own, "saved-fit", f"{asked.source} is fitted already", advice)


def _refuse(asked: Namespace, allowed: Sequence[str], code: str, why: str, advice: str) -> None:
    """Refuse every option of a table and law that was given and would be ignored."""
    for (flag, *_), settings in ON_RUNS:
        value = getattr(asked, flag.lstrip("-").replace("-", "_"))
        if value != settings.get("default") and flag not in allowed:
            raise DataError(code, f"{flag} belongs to the fit of one law, and {why}", advice=advice)


def runs_of(asked: Namespace) -> Runs:
    """The runs of the table that was named, with its columns, conditions and outlier rule."""
    import forerun as fr

    roles = {k: v for k in ("N", "D", "C", "loss") if (v := getattr(asked, k)) is not None}
    roles |= pairs(asked.role, "--role", "ROLE=COLUMN")
    if getattr(asked, "across", None) is not None:
        roles["family"] = roles.get(asked.across, asked.across)
    reader = fr.ladder.read_ladder if is_ladder(asked.source) else fr.read_runs
    runs = reader(
        asked.source, N_counts=asked.N_counts, loss_unit=asked.loss_unit, where=asked.where, drop=asked.drop, **roles
    )
    if asked.drop_outliers is not None:
        rule, _, count = asked.drop_outliers.partition(":")
        if not (count.isascii() and count.isdigit() and len(count) < 10):
            message = f"--drop-outliers takes RULE:COUNT, received {asked.drop_outliers!r}"
            raise DataError("bad-option", message, advice="Write for example --drop-outliers highest-loss:5")
        runs = runs.drop_outliers(rule, int(count))
    return runs


def is_ladder(source: Path) -> bool:
    """Whether ``source`` is the folder of a ladder."""
    return os.path.isfile(os.path.join(source, "ladder.db"))  # unlike a Path, quiet about names that no file can have


def law_of(asked: Namespace) -> Law:
    """The law that was named, with its terms, fixed, tied and shared parameters."""
    from forerun import laws

    if asked.law is None:
        raise DataError(
            "no-law", "no law is named", advice="Add --law, for example --law chinchilla; see `forerun laws`"
        )
    if asked.law == "auto":
        message = f"`{asked.command}` takes one law; auto back-tests its own forms, see `forerun fit --law auto`"
        raise DataError("auto", message, advice="Name a law, for example --law chinchilla")
    law = own_law(asked.law) if ".py:" in asked.law else laws.get(asked.law)
    terms = pairs(asked.term, "--term", "INPUT=TERM")
    for term in terms.values():
        if term not in laws.terms():
            known = ", ".join(laws.terms()) or "none yet"
            raise DataError("unknown-term", f"there is no term {term!r}", advice=f"Known: {known}")
    law = law.where(**{slot: laws.terms()[t] for slot, t in terms.items()}) if terms else law
    fixed = {k: number("--fix", v) for k, v in pairs(asked.fix, "--fix", "PARAMETER=VALUE").items()}
    law = law.fix(**fixed) if fixed else law
    borrowed = {k: _known(k, v) for k, v in pairs(asked.borrow, "--borrow", "PARAMETER=VALUE+-WIDTH").items()}
    law = law.borrow(**borrowed) if borrowed else law
    tied = pairs(asked.tie, "--tie", "PARAMETER=PARAMETER")
    law = law.tie(**tied) if tied else law
    if bool(asked.share) != (asked.across is not None):
        raise DataError("bad-share", "--share and --across go together", advice="For example --share E --across family")
    return law.share(*asked.share, across="family") if asked.share else law


def _known(name: str, text: str) -> tuple[float, float]:
    """A value and how far it is trusted, written as 0.34+-0.02."""
    value, sign, width = text.partition("+-")
    if not sign:
        message = f"--borrow {name} takes a value and its standard deviation, received {text!r}"
        raise DataError("bad-option", message, advice="Write for example --borrow alpha=0.34+-0.02")
    return number(f"--borrow {name}", value), number(f"--borrow {name}", width)


def own_law(name: str) -> Law:
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
