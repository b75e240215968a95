"""A fit as text: everything it needs to answer again, except a formula of one's own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from forerun.fitting import objective as objectives
from forerun.fitting.evidence import OUTCOMES, Data, Design, Solution
from forerun.fitting.forecast import plain
from forerun.laws import Law
from forerun.laws.registry import get, rebuild
from forerun.note import DataError, Note
from forerun.runs import Conventions

if TYPE_CHECKING:
    from forerun.fitting.result import Fit

VERSION = 1
ADVICE = "Save one with `forerun fit ... -o fit.json`"


def dump(fit: Fit) -> str:
    """The fit's JSON object with its draws, its noise, and how its law was made from a registered one."""
    recipe = {"base": fit.law.base or fit.law.name, "operations": fit.law.operations}
    whole = {**fit.to_dict(), "recipe": recipe, "draws": fit.draws.tolist(), "noise": fit.noise.tolist()}
    whole["limits"] = None if fit.limits is None else {k: [plain(x) for x in v] for k, v in fit.limits.items()}
    return json.dumps(whole, allow_nan=False)


def load(text: str, law: Law | None, make: type[Fit]) -> Fit:
    """The fit that :func:`dump` wrote; ``DataError`` that says which part of it is missing or wrong."""
    try:
        data = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise DataError("bad-fit", f"this is not a saved fit, it is not JSON ({error})", advice=ADVICE) from None
    if not isinstance(data, dict) or not isinstance(data.get("schema"), int):
        raise DataError("bad-fit", "this is not a saved fit, it has no schema number", advice=ADVICE)
    if data.get("kind") == "ensemble":
        raise DataError(
            "bad-fit", "this is a saved ensemble, not the fit of one law", advice="Read it with Ensemble.from_json"
        )
    if data["schema"] > VERSION:
        message = f"the fit has schema {data['schema']}, this version reads up to {VERSION}"
        raise DataError("newer-fit", message, advice="Update forerun")
    try:
        fit = _build(data, law, make)
    except DataError:
        raise
    except KeyError as error:
        raise DataError("bad-fit", f"this is not a saved fit, it lacks {error}", advice=ADVICE) from None
    except (TypeError, ValueError, AttributeError, IndexError) as error:
        raise DataError("bad-fit", f"this is not a saved fit ({error})".splitlines()[0], advice=ADVICE) from None
    return fit


def _build(data: dict[str, Any], law: Law | None, make: type[Fit]) -> Fit:
    recipe, runs = data["recipe"], data["runs"]
    if law is None or law.name != data["law"]:
        base = law if law is not None and recipe["base"] in (law.name, law.base) else get(recipe["base"])
        law = rebuild(base, recipe["operations"])
    params = {str(name): float(value) for name, value in data["params"].items()}
    flat = {name.split("[")[0] for name in params} | set(params)
    if law.name != data["law"] or not set(law.params) <= flat:
        raise ValueError(f"its parameters are not those of {law.name}")
    if data["outcome"] not in OUTCOMES or not 0.0 < data["level"] < 1.0:
        raise ValueError("its outcome or level is unknown")
    uncertainty = {"kind": str(data["uncertainty"]["kind"]), "unit": data["uncertainty"]["unit"],
                   "draws": int(data["uncertainty"]["draws"]), "seed": int(data["uncertainty"]["seed"])}  # fmt: skip
    ranges = {name: (float(low), float(high)) for name, (low, high) in runs["ranges"].items()}
    return make(
        law=law,
        params=params,
        draws=np.array(data["draws"], float).reshape(-1, len(params)),
        level=float(data["level"]),
        uncertainty=uncertainty,
        objective=objectives.find(data["objective"]).name,
        objective_value=float(data["objective_value"]),
        outcome=data["outcome"],
        solution=Solution(**data["solution"]),
        runs=Data(int(runs["n"]), str(runs["fingerprint"]), Conventions.from_dict(runs["conventions"]), ranges,
                  str(runs["source"]), tuple(runs["audit"]), Design.from_dict(runs["design"]) if runs.get("design") else None),
        notes=tuple(Note.from_dict(n) for n in data["notes"]),
        noise=np.array(data["noise"], float).reshape(-1),
        limits=_limits(data.get("limits")),
        scale=data.get("scale"),
    )  # fmt: skip


def _limits(data: dict[str, list[float | None]] | None) -> dict[str, tuple[float, float]] | None:
    """Limits by name; JSON has no infinity, so an open side is null there."""
    if data is None:
        return None
    return {k: (-np.inf if low is None else low, np.inf if high is None else high) for k, (low, high) in data.items()}
