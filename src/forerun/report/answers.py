"""What a fit can say by itself to the reporting checklist, and a hint where it had to take something for granted."""

from __future__ import annotations

from inspect import cleandoc

import numpy as np

from forerun.fitting import Fit
from forerun.fitting import objective as objectives
from forerun.fitting.evidence import OUTCOMES
from forerun.fitting.forecast import why_not
from forerun.fitting.percentile import percentiles
from forerun.fitting.polish import FINISHED
from forerun.laws import Law
from forerun.units import Column, format_quantity

MOST_NAMED = 12  # parameters in a sentence
SCALES = ("N", "D", "C", "M")
NOT_STATED = "taken as {}, which nobody stated"


def known_answers(fit: Fit) -> dict[str, str]:
    """Answers by the name of the item, for those items that the fit knows."""
    found = {**_hypothesis(fit), **_training(fit), **_data(fit), **_fitting(fit)}
    return {name: text for name, text in found.items() if text}


def hints(fit: Fit) -> dict[str, str]:
    """For items that stay open: what the fit took for granted."""
    conventions, ranges = fit.runs.conventions, fit.runs.ranges
    found = {
        name: NOT_STATED.format(getattr(conventions, name))
        for name, role in (("N_counts", "N"), ("flop_rule", "C")) if role in ranges and name in conventions.assumed
    }  # fmt: skip
    if fit.law.output.role == "loss" and "loss_unit" in conventions.assumed:
        found["loss"] = NOT_STATED.format(conventions.loss_unit)
    if fit.runs.design is not None and fit.runs.design.runs is None:
        found["models"] = f"taken as {fit.runs.n}, one for each row, as no column names the runs"
        found["checkpoints"] = "every row taken as a run of its own, as no column names the runs"
    return found


def _hypothesis(fit: Fit) -> dict[str, str]:
    law = fit.law
    formula = "; ".join(line.strip() for line in law.formula.splitlines()) + (" = 0" if law.between else "")
    words = " ".join(cleandoc(law.doc).split("\n\n")[0].split())
    doubt = f" ({law.status}, not read in its source)" if law.status in ("recalled", "inferred") else ""
    parts = [formula if law.formula else "", words.rstrip("."), f"{law.source}{doubt}" if law.source else ""]
    inputs = ", ".join(_column(role, column) for role, column in law.inputs.items())
    return {
        "form": f"{law.name}: {'. '.join(part for part in parts if part)}",
        "variables": f"{inputs} -> {_column(law.output.role, law.output)}",
        "parameters": _parameters(fit),
        "assumptions": _assumptions(fit),
    }


def _column(role: str, column: Column) -> str:
    unit = f" [{column.unit}]" if column.unit and column.unit not in column.meaning else ""
    return f"{role} = {column.meaning}{unit}"


def _parameters(fit: Fit) -> str:
    names = list(fit.params)
    shown = ", ".join(names[:MOST_NAMED]) + (f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else "")
    return "; ".join([f"{len(names)} fitted: {shown}", *_restrictions(fit.law)])


def _restrictions(law: Law) -> list[str]:
    said = []
    for verb, detail in law.operations:
        if verb == "fix":
            said += [f"{name} fixed at {value:g}" for name, value in detail.items()]
        elif verb == "borrow":
            said += [f"{name} borrowed as {value:g} +- {width:g}" for name, (value, width) in detail.items()]
        elif verb == "tie":
            said += [f"{name} tied to {target}" for name, target in detail.items()]
        elif verb == "share":
            said.append(
                f"{', '.join(detail['names']) or 'none'} shared across {detail['across']}, the others one for each"
            )
        elif verb == "where":
            said += [f"{slot} replaced by the term {name}" for slot, name in detail.items()]
        elif verb == "along":
            said += [f"{name} taken from {role}" for name, role in detail.items()]
        else:
            said += [f"{index}: {', '.join(members)}" for index, members in detail.items()]
    return (
        said
        if any(verb in ("fix", "borrow", "tie", "share") for verb, _ in law.operations)
        else [*said, "none fixed, borrowed, tied or shared"]
    )


def _assumptions(fit: Fit) -> str:
    if not set(fit.law.inputs) & set(SCALES):
        return ""
    derived = [] if fit.runs.design is None else [role for role in fit.runs.design.derived if role in SCALES]
    said = [f"{', '.join(derived)} derived by C = 6ND and M = D/N"] if derived else []
    return "; ".join([*said, "budgets and plans take C = 6ND"])


def _training(fit: Fit) -> dict[str, str]:
    ranges, design, conventions = fit.runs.ranges, fit.runs.design, fit.runs.conventions
    found = {}
    if design is not None and design.runs is not None:
        found["models"] = f"{design.runs} runs"
    for name, role in (("sizes", "N"), ("tokens", "D"), ("compute", "C")):
        if role in ranges:
            count = None if design is None else design.different.get(role)
            found[name] = f"{role} = {_range(ranges[role])}" + ("" if count is None else f", {count} different")
    if design is not None and "M" in design.ranges and "tokens" in found:
        found["tokens"] += f"; {_range(design.ranges['M'])} tokens per parameter"
    if design is not None and "epochs" in design.ranges:
        found["repetition"] = f"{_range(design.ranges['epochs'])} passes over the unique tokens"
    if "N" in ranges and "N_counts" not in conventions.assumed:
        found["N_counts"] = conventions.N_counts
    if "C" in ranges and design is not None and "C" in design.derived:
        found["flop_rule"] = "6ND: C is no column, it was derived"
    elif "C" in ranges and "flop_rule" not in conventions.assumed:
        found["flop_rule"] = conventions.flop_rule
    if "lr" in fit.law.inputs:
        found["schedule"] = "the learning rate at every step is an input of the law"
    return found


def _data(fit: Fit) -> dict[str, str]:
    design, conventions, output = fit.runs.design, fit.runs.conventions, fit.law.output
    found = {"points": f"{fit.runs.n} rows of {fit.runs.source}"}
    if design is not None and design.runs is not None:
        several = design.runs < fit.runs.n
        found["checkpoints"] = f"{fit.runs.n} rows of {design.runs} runs" if several else "one point of each run"
    if "lr" in fit.law.inputs:
        found["checkpoint_schedule"] = "the learning rate at every step is an input of the law"
    if output.role != "loss":
        found["loss"] = "" if output.role == "y" else f"no loss: {output.meaning}"
        found["tokenizer"] = "not needed: the outcome is no loss"
    elif "loss_unit" not in conventions.assumed:
        found["loss"] = f"{output.meaning}, {conventions.loss_unit}"
        found["tokenizer"] = conventions.tokenizer or (
            "" if conventions.per_token else "not needed: not a loss per token"
        )
    return found


def _fitting(fit: Fit) -> dict[str, str]:
    objective, solution, u = objectives.find(fit.objective), fit.solution, fit.uncertainty
    scale = "" if fit.scale is None else f", scale of the residuals {fit.scale:.4g}"
    if len(fit.draws):
        how = f"{u['kind']} by {u['unit']}: {u['draws']} draws, seed {u['seed']}; limits at {fit.level:.0%} are percentiles"
    elif fit.limits is not None:
        how = f"{u['kind']} by {u['unit']}: limits of the parameters at {fit.level:.0%}, none of forecasts"
    else:
        how = f"none, because {why_not(fit.notes)}"
    return {
        "objective": f"{fit.objective}: {objective.meaning}; {fit.objective_value:.9g} at the optimum{scale}",
        "row_weights": "" if fit.runs.design is None else fit.runs.design.weights,
        "solver": "linear parameters projected out, the rest screened; then damped Newton steps inside the bounds, with "
        f"{solution.derivatives if solution.derivatives == 'exact' else 'differences as'} derivatives, until a step promises "
        f"less than {FINISHED:g} of the objective; {OUTCOMES[fit.outcome]} (scaled gradient {solution.gradient:.1g}, "
        f"smallest scaled curvature {solution.curvature:.1g})",
        "starts": f"{solution.agreeing} of {solution.starts} starts from the screening reached the optimum",
        "dropped": "; ".join(fit.runs.audit) or "none",
        "uncertainty": how,
        "goodness": _goodness(fit),
    }  # fmt: skip


def _goodness(fit: Fit) -> str:
    if not len(fit.noise):
        return ""
    half, most = percentiles(np.abs(fit.noise), [0.5, 0.9]).tolist()
    log = objectives.find(fit.objective).residual == "log"
    shown = [f"{100 * x:.2g} %" if log else f"{x:.3g}" for x in (half, most)]
    what = "log residuals" if log else "residuals"
    return f"half of the {what} lie within {shown[0]}, nine in ten within {shown[1]}, corrected for {len(fit.params)} parameters"


def _range(pair: tuple[float, float]) -> str:
    return f"{format_quantity(pair[0])} to {format_quantity(pair[1])}"
