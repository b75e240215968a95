"""What a fit takes from runs: the arrays of the law, checked for whether they can carry it, and what is resampled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forerun.fitting.objective import Objective
from forerun.fitting.prediction import predict
from forerun.laws import Law
from forerun.note import DataError, Note, nearest
from forerun.runs import Runs
from forerun.runs.cells import word

Array = np.ndarray
COUNTED = 20_000  # rows up to which different settings are counted one by one


@dataclass(frozen=True)
class Observations:
    """The columns of a fit as arrays of one length; rows of one group stand side by side."""

    inputs: tuple[Array, ...]
    y: Array
    trials: Array | None
    weights: Array
    groups: Array | None
    columns: dict[str, Array]  # inputs by role, for messages about the data

    def taken(self, rows: slice | Array) -> Observations:
        """Some of the rows, or all in another order; a slice copies nothing."""
        inputs, columns = tuple(x[rows] for x in self.inputs), {k: v[rows] for k, v in self.columns.items()}
        trials, groups = (None if v is None else v[rows] for v in (self.trials, self.groups))
        return Observations(inputs, self.y[rows], trials, self.weights[rows], groups, columns)


def bound(law: Law, runs: Runs) -> Law:
    """The law with its indices spread over the members that the roles of ``runs`` name (``r[web]``, ``r[code]``)."""
    for index in law.indices:
        roles = [r for r, c in law.inputs.items() if c.index == index]
        members = runs.members(roles[0]) if roles else []
        if not members:
            raise DataError(
                "missing-role",
                f"{law.name} needs one column for each {index}",
                advice=f"Name them, for example --role '{roles[0] if roles else index}[web]=COLUMN'",
            )
        law = law.over(**{index: members})
    return law


def law_inputs(law: Law, runs: Runs) -> tuple[Array, ...]:
    """The arrays that the formula takes, (n,) each; the curves of a law with ``prepare`` are turned run by run."""
    raw = [runs[role] for role in law.inputs]
    if law.prepare is None:
        return tuple(raw)
    names = runs["run"] if "run" in runs else np.zeros(len(runs))
    prepared: list[Array] = []
    for name in dict.fromkeys(names.tolist()):
        rows = np.flatnonzero(names == name)
        rows = rows[np.argsort(raw[0][rows], kind="stable")]
        outputs = law.prepare(*(x[rows] for x in raw))
        prepared = prepared or [np.empty(len(runs)) for _ in outputs]
        for whole, part in zip(prepared, outputs):
            whole[rows] = part
    return tuple(prepared)


def outcome(law: Law, runs: Runs) -> tuple[Array, Array | None]:
    """The outcome column and, for counts, the number of trials. A law of y is fitted to the loss where no y is named."""
    role = "loss" if law.output.role == "y" and "y" not in runs and "loss" in runs else law.output.role
    return runs[role], None if law.trials is None else runs[law.trials.role]


def observe(law: Law, runs: Runs, objective: Objective, weights: Array) -> Observations:
    """The arrays of ``runs`` that ``law`` takes, in the order of the runs; ``DataError`` where they cannot carry it."""
    y, trials = outcome(law, runs)
    raw = {role: runs[role] for role in law.inputs}
    if (objective.rho is None) != (trials is not None):
        raise DataError(
            "bad-objective",
            f"{law.name} cannot be fitted with {objective.name}",
            advice="binomial is for laws of counts, and only for them",
        )
    if trials is not None and (bad := np.flatnonzero((y < 0) | (y > trials))).size:
        raise DataError(
            "bad-cell",
            f"{y[bad[0]]:g} successes in {trials[bad[0]]:g} trials",
            advice="Successes lie between 0 and the trials",
            row=int(runs.rows[bad[0]]),
        )
    if objective.residual == "log" and (bad := np.flatnonzero(y <= 0)).size:
        advice = f"Correct it, drop it, or use --objective squared instead of {objective.name}"
        raise DataError(
            "bad-cell",
            f"the outcome must be above zero for {objective.name}, received {y[bad[0]]:g}",
            advice=advice,
            row=int(runs.rows[bad[0]]),
        )
    groups = group_labels(runs[law.shared[1]]) if law.shared else None
    for part, name in zip(group_rows(groups, len(y)), dict.fromkeys(groups.tolist()) if groups is not None else [None]):
        _enough(law, {k: v[part] for k, v in raw.items()}, f" of {law.shared[1]} {name!r}" if law.shared else "")
    if np.ptp(y if trials is None else y / trials) == 0:
        raise DataError(
            "constant-outcome",
            f"the outcome is {y[0]:g} in every row",
            advice="There is no trend to fit; check the column",
        )
    inputs = law_inputs(law, runs)
    _evaluates(law, inputs)
    return Observations(inputs, y, trials, weights, groups, raw)


def _evaluates(law: Law, inputs: tuple[Array, ...]) -> None:
    """Refuse a formula that raises on the first rows of the data: the mistake is then in the law, not in the fit."""
    typical = np.array([list(law.typical(published=False).values())])
    try:
        with np.errstate(all="ignore"):
            predict(law, [x[:2] for x in inputs], typical)
    except DataError:
        raise
    except Exception as error:
        message = f"the formula of {law.name} raises {type(error).__name__}: {error}"[:200]
        raise DataError("bad-law", message, advice="Call the law with arrays of your data to see where") from error


def _enough(law: Law, raw: dict[str, Array], where: str) -> None:
    """Refuse a table that cannot carry the law: too few different settings, or an input that never changes."""
    count = len(next(iter(raw.values())))
    settings = len(set(zip(*(v.tolist() for v in raw.values())))) if count <= COUNTED else count
    fixed = any(verb in ("fix", "borrow") for verb, _ in law.operations)
    free = sum(param.prior is None for param in law.params.values())
    for role, values in raw.items():
        if np.ptp(values) == 0 and not fixed and count > 1:
            raise DataError(
                "constant-input", f"all {count} rows{where} have {role} = {values[0]:g}, so its effect cannot be fitted",
                advice=f"Add runs with another {role}, use a law without it, or fix its parameters",
            )  # fmt: skip
    needed = free + 1
    if settings < needed:
        rows = (
            f"{count} row{'s' if count > 1 else ''}"
            if settings == count
            else f"{count} rows with {settings} different settings"
        )
        raise DataError(
            "too-few-runs", f"{rows}{where} cannot carry the {free} parameters of {law.name}",
            advice=f"It needs at least {needed} different settings; add runs, fix parameters, or take a smaller law",
        )  # fmt: skip


def row_weights(law: Law, runs: Runs, objective: Objective, weights: str | Sequence[float] | None) -> Array:
    """The weight of each row: given ones, else a ``weight`` column and the precision that a ``se`` column gives.

    Standard errors are those of the outcome; of its logarithm they are relative. Squares are weighted by the inverse
    variance, absolute deviations by the inverse standard error.
    """
    outcome_size = outcome(law, runs)[0]
    if weights is None:
        out = runs["weight"] if "weight" in runs else np.broadcast_to(1.0, len(runs))
        if "se" in runs:
            se = runs["se"] / outcome_size if objective.residual == "log" else runs["se"]
            out = out * (np.median(se) / se) ** (1 if objective.kinked else 2)
    else:
        if isinstance(weights, str) and weights not in runs.columns:
            near = nearest(weights, runs.columns) or list(runs.columns)[:6]
            advice = f"Nearest: {', '.join(map(repr, near))}"
            raise DataError(
                "missing-column", "no column of the table has this name, which was given for the weights",
                advice=advice, column=weights,
            )  # fmt: skip
        out = np.asarray(runs.columns[weights] if isinstance(weights, str) else weights)
    if out.dtype.kind not in "fiu" or out.shape != (len(runs),):
        raise DataError(
            "bad-weights", f"weights must be {len(runs)} numbers or a column of numbers, received {weights!r}"[:200]
        )
    out = out.astype(float, copy=False)
    if not (np.isfinite(out).all() and (out >= 0).all() and out.sum() > 0):
        raise DataError("bad-weights", "weights must be finite, not negative, and not all zero")
    return out


def weights_in_words(runs: Runs, weights: str | Sequence[float] | None) -> str:
    """What each row counts in :func:`row_weights`, for a reader."""
    if isinstance(weights, str):
        return f"column {weights!r}"
    if weights is not None:
        return "numbers that were given with the fit"
    said = [f"column {runs.roles['weight']!r}"] if "weight" in runs else []
    said += [f"the precision that the standard errors in column {runs.roles['se']!r} give"] if "se" in runs else []
    return " times ".join(said) or "every row counts the same"


def arrangement(law: Law, runs: Runs) -> slice | Array:
    """The order of the rows in which those of one group stand side by side; all as they are without groups."""
    if law.shared is None:
        return slice(None)
    groups = group_labels(runs[law.shared[1]]).tolist()
    place = {g: i for i, g in enumerate(dict.fromkeys(groups))}
    return np.argsort([place[g] for g in groups], kind="stable")


def resampled(runs: Runs, unit: str | None) -> tuple[str, Array | None, tuple[Note, ...]]:
    """What is resampled, its number for each row (None for rows themselves), and a note where that was chosen for the user."""
    notes: tuple[Note, ...] = ()
    if unit is None:
        unit = "run" if runs.checkpoints else "row"
        if unit == "run":
            message = f"Runs have several rows ({len(runs)} rows), so whole runs are resampled"
            notes = (Note("unit-run", "info", message, {"rows": len(runs)}, "Say unit='row' to resample rows."),)
    if unit == "row":
        return unit, None, notes
    number: dict[str, int] = {}
    return unit, np.array([number.setdefault(str(v), len(number)) for v in runs[unit].tolist()]), notes


def group_labels(values: Array) -> Array:
    """Names of groups as words: those of a column of numbers are written without a decimal point."""
    return np.array([word(v) for v in values.tolist()], dtype=object)


def group_rows(groups: Array | None, count: int) -> list[Any]:
    """The rows of each group, as an index; all of them where there are no groups."""
    if groups is None:
        return [slice(0, count)]
    return [np.flatnonzero(groups == g) for g in dict.fromkeys(groups.tolist())]
