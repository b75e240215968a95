"""The command line: one thin command per library call. Exit code 0 done, 1 the data do not allow it, 2 wrong usage."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import Parameter, Signature, cleandoc, getsource, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forerun.note import DataError, Note, text_table, worst
from forerun.units import parse_quantity

if TYPE_CHECKING:
    from forerun.fitting import Fit
    from forerun.laws import Law
    from forerun.runs import Runs

Answer = tuple[dict[str, Any], str, tuple[Note, ...]]  # JSON object, text, notes

app = typer.Typer(
    help="Fit neural scaling laws to small training runs, forecast the large one, and plan what to train.",
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
)  # fmt: skip
laws_app = typer.Typer(help="The laws that ship.", rich_markup_mode=None)
app.add_typer(laws_app, name="laws")

Source = Annotated[Path, typer.Argument(help="A table of runs (.csv, .jsonl, .parquet, .gz) or a saved fit (.json).")]
LawName = Annotated[
    str | None, typer.Option("--law", help="Name of a law (see `forerun laws`), or file.py:name for your own.")
]
ColumnN = Annotated[str | None, typer.Option("--N", help="Column of the model parameters.")]
ColumnD = Annotated[str | None, typer.Option("--D", help="Column of the training tokens.")]
ColumnC = Annotated[str | None, typer.Option("--C", help="Column of the training FLOPs.")]
ColumnLoss = Annotated[str | None, typer.Option("--loss", help="Column of the loss.")]
Roles = Annotated[
    list[str] | None, typer.Option("--role", help="Any other column, as ROLE=COLUMN: x=steps, run=id, r[web]=p1.")
]
Where = Annotated[list[str] | None, typer.Option("--where", help="Keep rows: 'params > 1e8', 'dataset == c4'.")]
Drop = Annotated[list[str] | None, typer.Option("--drop", help="Drop rows: 'loss is missing', 'step < 1000'.")]
Outliers = Annotated[str | None, typer.Option("--drop-outliers", help="RULE:COUNT, for example highest-loss:5.")]
Counts = Annotated[
    str | None, typer.Option("--N-counts", help="What N counts: total, non-embedding, active, or a column.")
]
Unit = Annotated[str | None, typer.Option("--loss-unit", help="Unit of the loss: nats/token, bits/byte, ...")]
Fix = Annotated[list[str] | None, typer.Option("--fix", help="Hold a parameter: alpha=0.34.")]
Tie = Annotated[list[str] | None, typer.Option("--tie", help="Set a parameter equal to another: alpha=beta.")]
Terms = Annotated[
    list[str] | None, typer.Option("--term", help="Replace an input by an effective quantity: D=repeated-data.")
]
Share = Annotated[
    list[str] | None, typer.Option("--share", help="A parameter with one value for all groups of --across.")
]
Across = Annotated[str | None, typer.Option("--across", help="Role or column of the groups of --share.")]
Objective = Annotated[str, typer.Option("--objective", help="huber, lad, squared-log, squared, binomial.")]
Uncertainty = Annotated[str, typer.Option("--uncertainty", help="bootstrap or none.")]
ResampleUnit = Annotated[str | None, typer.Option("--unit", help="What is resampled: row, run, family or seed.")]
Draws = Annotated[int, typer.Option("--draws", help="Number of refits.")]
Level = Annotated[float, typer.Option("--level", help="Coverage that intervals promise.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of everything random.")]
Weights = Annotated[str | None, typer.Option("--weights", help="Column of row weights.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Strict = Annotated[bool, typer.Option("--strict", help="Exit with 1 if a note of severity error stands.")]
At = Annotated[list[str] | None, typer.Option("--at", help="The question, as INPUT=VALUE: --at N=70e9 --at D=1.4T.")]


@dataclass(frozen=True)
class Asked:
    """What every command on runs may be told: the table, the law, and how it is fitted."""

    source: Source
    law: LawName = None
    N: ColumnN = None
    D: ColumnD = None
    C: ColumnC = None
    loss: ColumnLoss = None
    role: Roles = None
    where: Where = None
    drop: Drop = None
    drop_outliers: Outliers = None
    N_counts: Counts = None
    loss_unit: Unit = None
    fix: Fix = None
    tie: Tie = None
    term: Terms = None
    share: Share = None
    across: Across = None
    objective: Objective = "huber"
    uncertainty: Uncertainty = "bootstrap"
    unit: ResampleUnit = None
    draws: Draws = 1000
    level: Level = 0.9
    seed: Seed = 0
    weights: Weights = None


def _answer(run: Callable[[], Answer], as_json: AsJson = False, strict: Strict = False) -> None:
    """Print what ``run`` gives; a DataError becomes one plain line on standard error and exit code 1."""
    try:
        data, text, notes = run()
    except DataError as error:
        if as_json:
            print(json.dumps({"schema": 1, "error": error.to_dict()}, allow_nan=False))
        print(f"forerun: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    print(json.dumps(data, allow_nan=False) if as_json else text)
    if strict and worst(notes) == "error":
        note = next(n for n in notes if n.severity == "error")
        print(f"forerun: {note.code}: {note.message}. {note.advice}", file=sys.stderr)
        raise typer.Exit(1)


def on_runs(command: Callable[..., Answer]) -> Callable[..., None]:
    """A command ``(asked, ...)`` with the options of :class:`Asked`, ``--json`` and ``--strict`` added to its own."""
    own = list(signature(command, eval_str=True).parameters.values())[1:]
    common = list(signature(Asked, eval_str=True).parameters.values())
    output = list(signature(_answer, eval_str=True).parameters.values())[1:]
    merged = [p.replace(kind=Parameter.KEYWORD_ONLY) for p in (*common, *own, *output)]

    def run(**given: Any) -> None:
        asked = Asked(**{p.name: given[p.name] for p in common})
        _answer(lambda: command(asked, **{p.name: given[p.name] for p in own}), given["as_json"], given["strict"])

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__annotations__ = {p.name: p.annotation for p in merged}
    vars(run)["__signature__"] = Signature(merged)
    return run


@app.command("fit")
@on_runs
def fit_command(
    asked: Asked,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Save the fit to this file.")] = None,
) -> Answer:
    """Fit a law to a table of runs: parameters with intervals, and what speaks against them."""
    fitted = _fit(asked)
    text = str(fitted)
    if output is not None:
        _save(output, fitted.to_json())
        text += f"\n\nsaved to {output}"
    return fitted.to_dict(), text, fitted.notes


@app.command()
@on_runs
def forecast(
    asked: Asked,
    at: At = None,
    target: Annotated[str, typer.Option("--target", help="mean, or new-run for one single run.")] = "mean",
) -> Answer:
    """Forecast what a run of a size never trained reaches, with its interval."""
    answer = _fit(asked).forecast(target=target, **_question(at, "forecast"))
    return answer.to_dict(), str(answer), answer.notes


@app.command()
@on_runs
def invert(asked: Asked, at: At = None) -> Answer:
    """Which N, D or C reaches an outcome: --at loss=2 --at D=1.4T gives N; --at loss=2 --at M=20 gives C."""
    answer = _fit(asked).invert(**_question(at, "invert"))
    return answer.to_dict(), str(answer), answer.notes


@app.command()
@on_runs
def plan(
    asked: Asked,
    flops: Annotated[str, typer.Option("--flops", help="Compute budget, for example 5.76e23.")],
    tolerance: Annotated[float, typer.Option("--tolerance", help="Relative excess loss that is near-optimal.")] = 0.005,
    force: Annotated[bool, typer.Option("--force", help="Plan with a fit that carries error notes.")] = False,
) -> Answer:
    """What to train for a compute budget: the optimum, what is as good, and what over-training costs."""
    import forerun as fr

    answer = fr.plan(_fit(asked), flops=_number("--flops", flops), tolerance=tolerance, force=force)
    return answer.to_dict(), str(answer), answer.notes


@laws_app.callback(invoke_without_command=True)
def laws(context: typer.Context, as_json: AsJson = False) -> None:
    """List the laws by what they answer; `forerun laws show NAME` prints one."""
    if context.invoked_subcommand is not None:
        return

    def run() -> Answer:
        from forerun import laws

        found = [laws.get(name) for name in laws.names()]
        found.sort(key=lambda law: (law.group, law.name))
        rows = [[law.name, law.group, law.status, ", ".join(law.inputs), law.answers] for law in found]
        table = text_table(
            ["law", "group", "status", "inputs", "answers"], rows, words=("group", "status", "inputs", "answers")
        )
        return {"schema": 1, "items": [_law_item(law) for law in found]}, table, ()

    _answer(run, as_json)


@laws_app.command("show")
def show_law(name: Annotated[str, typer.Argument(help="Name of a law.")], as_json: AsJson = False) -> None:
    """Formula, parameters and published coefficients of one law."""

    def run() -> Answer:
        from forerun import laws

        law = laws.get(name)
        return {"schema": 1, "items": [_law_item(law)]}, _law_text(law), ()

    _answer(run, as_json)


def main() -> None:
    """Entry point of the command ``forerun``."""
    app()


def _fit(asked: Asked) -> Fit:
    """The saved fit that ``source`` names, or a fit of its table."""
    import forerun as fr

    if asked.source.suffix == ".json":
        return fr.Fit.from_json(_read(asked.source))
    law = _law(asked)
    options = {k: getattr(asked, k) for k in ("objective", "uncertainty", "unit", "draws", "level", "seed", "weights")}
    return fr.fit(law, _runs(asked), **options)


def _runs(asked: Asked) -> Runs:
    import forerun as fr

    roles = {k: v for k in ("N", "D", "C", "loss") if (v := getattr(asked, k)) is not None}
    roles |= _pairs(asked.role, "--role", "ROLE=COLUMN")
    if asked.across not in (None, "family", *roles):
        roles["family"] = str(asked.across)
    runs = fr.read_runs(
        asked.source,
        N_counts=asked.N_counts,
        loss_unit=asked.loss_unit,
        where=asked.where or (),
        drop=asked.drop or (),
        **roles,
    )
    if asked.drop_outliers is not None:
        rule, _, count = asked.drop_outliers.partition(":")
        runs = runs.drop_outliers(rule, int(_number("--drop-outliers", count)))
    return runs


def _law(asked: Asked) -> Law:
    from forerun import laws

    name = asked.law
    if name is None:
        raise DataError(
            "no-law", "no law is named", advice="Add --law, for example --law chinchilla; see `forerun laws`"
        )
    law = _own_law(name) if ".py:" in name else laws.get(name)
    terms = _pairs(asked.term, "--term", "INPUT=TERM")
    for term in terms.values():
        if term not in laws.terms():
            raise DataError(
                "unknown-term", f"there is no term {term!r}", advice=f"Known: {', '.join(laws.terms()) or 'none yet'}"
            )
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
    from runpy import run_path

    from forerun.laws import Law

    path, _, attribute = name.rpartition(":")
    if not Path(path).is_file():
        raise DataError("no-file", f"there is no file {path}", advice="Write --law file.py:name")
    try:
        found = run_path(path)
    except Exception as error:
        raise DataError("bad-law", f"{path} does not run: {type(error).__name__}: {error}") from error
    law = found.get(attribute)
    if not isinstance(law, Law):
        raise DataError(
            "bad-law", f"{path} declares no law {attribute!r}", advice="Decorate the function with @forerun.law(...)"
        )
    return law


def _pairs(items: Sequence[str] | None, option: str, form: str) -> dict[str, str]:
    pairs = {}
    for item in items or ():
        name, equals, value = item.partition("=")
        if not (equals and name and value):
            raise DataError("bad-option", f"{option} takes {form}, received {item!r}")
        pairs[name.strip()] = value.strip()
    return pairs


def _question(at: Sequence[str] | None, command: str) -> dict[str, Any]:
    pairs = _pairs(at, "--at", "INPUT=VALUE")
    if not pairs:
        raise DataError(
            "missing-input",
            "the question is empty",
            advice=f"Add --at, for example `forerun {command} ... --at N=70e9 --at D=1.4T`",
        )
    return {k: v if k in ("family", "N_counts") else _number(f"--at {k}", v) for k, v in pairs.items()}


def _number(option: str, text: str) -> float:
    try:
        return parse_quantity(text)
    except ValueError as error:
        raise DataError("bad-value", f"{option}: {error}") from None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            "unreadable",
            f"cannot read {path}: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}",
            advice="Check the path",
        ) from None


def _save(path: Path, text: str) -> None:
    """Write beside the target and rename, so that no half-written fit is ever left."""
    draft = path.with_name(path.name + ".part")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise DataError(
            "cannot-write", f"cannot write {path}: {error.strerror}", advice="Choose another place with -o"
        ) from None


def _law_item(law: Law) -> dict[str, Any]:
    return {"name": law.name, "kind": law.kind, "group": law.group, "status": law.status, "inputs": list(law.inputs),
            "params": list(law.params), "source": law.source, "answers": law.answers}  # fmt: skip


def _law_text(law: Law) -> str:
    body = getsource(law.body).split('"""')[-1].strip() if law.body.__name__ != "body" else ""
    inputs = text_table(
        ["input", "unit", "meaning"], [[k, c.unit, c.meaning] for k, c in law.inputs.items()], words=("unit", "meaning")
    )
    params = text_table(
        ["parameter", "bounds", "meaning"],
        [[k, f"{p.bounds[0]:g} to {p.bounds[1]:g}", p.meaning] for k, p in law.params.items()],
        words=("bounds", "meaning"),
    )
    sets = "\n".join(
        f"  {s.name}: {', '.join(f'{k} = {v:g}' for k, v in s.values.items())}\n"
        f"    fitted on {s.fitted_on}\n    {s.source} ({'checked against its source' if s.verified else 'NOT checked, never a default'})"
        for s in law.published
    )
    head = f"{law.name} ({law.status}): {law.answers}\n{law.source}\n\n{cleandoc(law.doc)}"
    return "\n\n".join(
        part
        for part in (head, body and "  " + body, inputs, params, sets and f"published coefficients\n{sets}")
        if part
    )


if __name__ == "__main__":
    main()
