"""`fit`: a law and runs in, a verified optimum with its uncertainty and its doubts out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from forerun.fitting import objective as objectives
from forerun.fitting.diagnose import diagnose
from forerun.fitting.objective import Objective
from forerun.fitting.polish import Optimum, conditions, polish
from forerun.fitting.prediction import predict, supports_jets
from forerun.fitting.problem import Problem, build
from forerun.fitting.result import Data, Fit, Solution, sort_notes
from forerun.fitting.start import basins, screen
from forerun.fitting.uncertainty import Draws, bootstrap, check_kind
from forerun.laws import Law
from forerun.laws.registry import get
from forerun.note import DataError, Note, nearest
from forerun.runs import Runs

Array = np.ndarray
AGREE = 1e-6  # relative difference of objectives below which two starts reached the same optimum
SINGULAR = 1e-9  # scaled curvature below which the data do not identify all parameters
STEEP = 1e-5  # scaled gradient above which a point is no optimum
EXACT = 1e-24  # objective per weight below which a fit goes through all its points, and its gradient is rounding
KEPT_NOISE = 2000
MOST_RESIDUALS = 20_000
LARGE = 4_000  # rows above which basins are found on a part of them
POOL = 64  # screened points that refits may start from


def fit(
    law: str | Law,
    runs: Runs,
    *,
    objective: str = "huber",
    uncertainty: str = "bootstrap",
    unit: str | None = None,
    draws: int = 1000,
    level: float = 0.9,
    seed: int = 0,
    weights: str | Sequence[float] | None = None,
) -> Fit:
    """A law fitted to runs, with intervals, a verified optimum, and notes on what speaks against it.

    ``law`` is a name or a :class:`Law`. ``objective`` is what is summed over rows and minimised: ``huber`` (delta 1e-3,
    of log residuals), ``lad`` (absolute log residuals), ``squared-log``, ``squared``; laws of counts use ``binomial``.
    ``uncertainty`` is ``bootstrap`` or ``none``; ``unit`` is what is resampled: ``row``, ``run``, ``family`` or
    ``seed`` (default ``row``, or ``run`` where a run has several rows). ``weights`` multiply the rows, a column name or
    numbers (n,); a ``se`` role weights by the inverse square of the standard error. Everything random takes ``seed``.

    Intervals are percentiles of refits: they know the noise of the runs, not whether the law holds outside them.
    Raises :class:`DataError` where the table cannot carry the law. Objective and Huber width: Hoffmann et al. 2022,
    arXiv:2203.15556, section 3.3 (summed, not averaged: Besiroglu et al. 2024, arXiv:2404.10102).

    >>> import forerun as fr
    >>> result = fr.fit("chinchilla", fr.simulate("chinchilla", n=60, noise=0.005))
    >>> result.outcome, 0.2 < result.params["alpha"] < 0.5
    ('converged', True)
    """
    law = get(law) if isinstance(law, str) else law
    if not isinstance(law, Law):
        raise DataError(
            "not-a-law",
            f"{law!r} is not a law",
            advice="Give a registered name or a function declared with @forerun.law",
        )
    check_kind(uncertainty, unit or "row", draws, level)
    if seed < 0:
        raise DataError("bad-value", f"seed must be zero or a positive whole number, received {seed}")
    law = bound(law, runs)
    if law.trials is not None and objective == "huber":
        objective = "binomial"
    chosen = objectives.find(objective)
    order = _arrangement(law, runs)
    table = _table(law, runs, chosen, weights).taken(order)
    problem, starts, optimum = solve(law, table, chosen)
    ranked = np.argsort(optimum.value, kind="stable")
    best = int(ranked[0])
    z = optimum.z[best]
    unit, labels, unit_notes = _units(runs, unit)
    drawn = Draws(np.empty((0, len(z))), "none", (_not_asked(),))
    if uncertainty == "bootstrap":
        drawn = bootstrap(problem, z, starts, labels if labels is None else labels[order], draws, seed)
    slope, curvature = conditions(problem, optimum.z)
    agreeing = int((optimum.value <= optimum.value[best] * (1.0 + AGREE) + 1e-300).sum())
    solution = Solution(float(slope[best]), float(curvature[best]), agreeing, len(optimum.value),
                        "exact" if problem.exact else "differences")  # fmt: skip
    outcome = _outcome(problem, z, solution, bool(optimum.finished[best]))
    found = diagnose(
        problem,
        optimum,
        (outcome, solution.gradient, solution.curvature),
        starts,
        drawn.z,
        table.columns,
        runs.rows[order],
        seed,
    )
    names = dict(zip(problem.names, problem.natural(z).tolist()))
    return Fit(
        law=law,
        params=names,
        draws=problem.natural(drawn.z),
        level=level,
        uncertainty={"kind": drawn.kind, "unit": unit if len(drawn.z) else None, "draws": len(drawn.z), "seed": seed},
        objective=objective,
        objective_value=_reached(problem, z, float(optimum.value[best])),
        outcome=outcome,
        solution=solution,
        runs=Data(len(runs), runs.fingerprint, runs.conventions, _ranges(law, runs), runs.source, runs.audit),
        notes=sort_notes((*runs.notes, *unit_notes, *_caution(law), *drawn.notes, *found)),
        noise=_noise(problem, z),
    )


def _arrangement(law: Law, runs: Runs) -> slice | Array:
    """The order of the rows in which those of one group stand side by side; all as they are without groups."""
    if law.shared is None:
        return slice(None)
    groups = runs[law.shared[1]].tolist()
    place = {g: i for i, g in enumerate(dict.fromkeys(groups))}
    return np.argsort([place[g] for g in groups], kind="stable")


def _reached(problem: Problem, z: Array, value: float) -> float:
    """The objective as it is named: absolute deviations are solved as a narrow Huber function, but reported exactly."""
    if problem.objective.name != "lad":
        return value
    return sum(
        float(np.abs(r) @ problem.row_weights[b.rows]) for r, b in zip(problem.residual_blocks(z), problem.blocks)
    )


def _noise(problem: Problem, z: Array) -> Array:
    """Residuals as samples of the noise of a single run, widened for the parameters they were fitted with."""
    every = max(1, problem.rows // MOST_RESIDUALS)
    noise = np.sort(np.concatenate([r[::every] for r in problem.residual_blocks(z)]))
    noise *= np.sqrt(problem.rows / max(problem.rows - len(z), 1))
    return noise if len(noise) <= KEPT_NOISE else np.quantile(noise, np.linspace(0, 1, KEPT_NOISE))


@dataclass(frozen=True)
class Table:
    """The columns of a fit as arrays of one length; rows of one group stand side by side."""

    inputs: tuple[Array, ...]
    y: Array
    trials: Array | None
    weights: Array
    groups: Array | None
    columns: dict[str, Array]  # inputs by role, for messages about the data

    def taken(self, rows: slice | Array) -> Table:
        """Some of the rows, or all in another order; a slice copies nothing."""
        inputs, columns = tuple(x[rows] for x in self.inputs), {k: v[rows] for k, v in self.columns.items()}
        trials, groups = (None if v is None else v[rows] for v in (self.trials, self.groups))
        return Table(inputs, self.y[rows], trials, self.weights[rows], groups, columns)


def solve(law: Law, table: Table, objective: Objective) -> tuple[Problem, Array, Optimum]:
    """The problem, starts for refits (K, p), and the polished optima of the best basins.

    The basins of a large table are found on some of its rows, and only what differs there is polished on all of them.
    """
    groups = table.groups
    problem = build(law, table.inputs, table.y, table.trials, objective, table.weights, groups, exact=True)
    candidates = [
        screen(law, [x[part] for x in table.inputs], table.y[part], None if table.trials is None else table.trials[part],
               objective, table.weights[part])
        for part in _parts(groups, len(table.y))
    ]  # fmt: skip
    if not all(len(c) for c in candidates):
        raise DataError(
            "no-start",
            f"{law.name} is not defined anywhere near these data",
            advice="Check the units of the columns and the law's domain",
        )
    if not supports_jets(law, [x[:16] for x in table.inputs], candidates[0][:: max(1, len(candidates[0]) // 8)]):
        problem = replace(problem, exact=False)
    apart = [basins(law, c) for c in candidates]
    if groups is None:
        first, pool = apart[0], candidates[0][:POOL]
    else:
        first = pool = _joined(law, problem.names, apart, groups)
    begin = problem.internal(first)
    if groups is None and problem.rows > LARGE:
        few = table.taken(slice(None, None, -(-problem.rows // LARGE)))
        thin = build(law, few.inputs, few.y, few.trials, objective, few.weights, None, problem.exact)
        begin = _different(polish(thin, begin))
    optimum = polish(problem, begin)
    if not np.isfinite(optimum.value).any():
        raise DataError(
            "no-optimum", f"{law.name} cannot be evaluated on these data", advice="Check the units of the columns"
        )
    ranked = np.argsort(optimum.value, kind="stable")
    return problem, np.concatenate([optimum.z[ranked], problem.internal(pool)]), optimum


def _different(optimum: Optimum) -> Array:
    """One vector of each optimum that was reached, best first."""
    ranked = np.argsort(optimum.value, kind="stable")
    value = optimum.value[ranked]
    new = np.append(True, value[1:] > value[:-1] * (1.0 + AGREE))
    return optimum.z[ranked[new & np.isfinite(value)]] if np.isfinite(value).any() else optimum.z


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


def _caution(law: Law) -> list[Note]:
    return [Note("law-caution", "info", f"{law.base or law.name} is {law.caution}")] if law.caution else []


def _not_asked() -> Note:
    return Note(
        "no-uncertainty", "info", "No uncertainty was asked for", {}, "Fit with uncertainty='bootstrap' for intervals."
    )


def _table(law: Law, runs: Runs, objective: Objective, weights: str | Sequence[float] | None) -> Table:
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
    groups = runs[law.shared[1]] if law.shared else None
    for part, name in zip(_parts(groups, len(y)), dict.fromkeys(groups.tolist()) if groups is not None else [None]):
        _enough(law, {k: v[part] for k, v in raw.items()}, f" of {law.shared[1]} {name!r}" if law.shared else "")
    if np.ptp(y if trials is None else y / trials) == 0:
        raise DataError(
            "constant-outcome",
            f"the outcome is {y[0]:g} in every row",
            advice="There is no trend to fit; check the column",
        )
    inputs = law_inputs(law, runs)
    _evaluates(law, inputs)
    return Table(inputs, y, trials, _weights(runs, weights), groups, raw)


def _evaluates(law: Law, inputs: tuple[Array, ...]) -> None:
    """Refuse a formula that raises on the first rows of the data: the mistake is then in the law, not in the fit."""
    typical = np.array([[law.typical()[name] for name in law.params]])
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
    settings = len(set(zip(*(v.tolist() for v in raw.values())))) if count <= MOST_RESIDUALS else count
    fixed = any(verb == "fix" for verb, _ in law.operations)
    for role, values in raw.items():
        if np.ptp(values) == 0 and not fixed and count > 1:
            raise DataError(
                "constant-input", f"all {count} rows{where} have {role} = {values[0]:g}, so its effect cannot be fitted",
                advice=f"Add runs with another {role}, use a law without it, or fix its parameters",
            )  # fmt: skip
    needed = len(law.params) + 1
    if settings < needed:
        rows = (
            f"{count} row{'s' if count > 1 else ''}"
            if settings == count
            else f"{count} rows with {settings} different settings"
        )
        raise DataError(
            "too-few-runs", f"{rows}{where} cannot carry the {len(law.params)} parameters of {law.name}",
            advice=f"It needs at least {needed} different settings; add runs, fix parameters, or take a smaller law",
        )  # fmt: skip


def _weights(runs: Runs, weights: str | Sequence[float] | None) -> Array:
    if weights is None:
        out = runs["weight"] if "weight" in runs else np.broadcast_to(1.0, len(runs))
        if "se" in runs:
            out = out * (np.median(runs["se"]) / runs["se"]) ** 2
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
    out = out.astype(float)
    if not (np.isfinite(out).all() and (out >= 0).all() and out.sum() > 0):
        raise DataError("bad-weights", "weights must be finite, not negative, and not all zero")
    return out


def _parts(groups: Array | None, count: int) -> list[Any]:
    if groups is None:
        return [slice(0, count)]
    return [np.flatnonzero(groups == g) for g in dict.fromkeys(groups.tolist())]


def _joined(law: Law, names: Sequence[str], apart: list[Array], groups: Array | None) -> Array:
    """Starts of a grouped law: the k-th basin of every group, with the median over groups for what is shared."""
    assert law.shared is not None
    assert groups is not None
    own = list(law.params)
    members = list(dict.fromkeys(groups.tolist()))
    starts = np.empty((min(len(a) for a in apart), len(names)))
    for i, name in enumerate(names):
        if name in law.shared[0]:
            starts[:, i] = np.median([a[: len(starts), own.index(name)] for a in apart], axis=0)
        else:
            plain, member = name.split("[", 1)
            starts[:, i] = apart[[str(m) for m in members].index(member[:-1])][: len(starts), own.index(plain)]
    return starts


def _units(runs: Runs, unit: str | None) -> tuple[str, Array | None, tuple[Note, ...]]:
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


def _outcome(problem: Problem, z: Array, solution: Solution, finished: bool) -> str:
    perfect = problem.objective.rho is not None and problem.values(z[None])[0] <= EXACT * problem.row_weights.sum()
    if not finished or (solution.gradient > STEEP and not perfect):
        return "not-converged"
    if solution.curvature < SINGULAR:
        return "flat"
    return "at-bound" if ((z <= problem.lower) | (z >= problem.upper)).any() else "converged"


def _ranges(law: Law, runs: Runs) -> dict[str, tuple[float, float]]:
    """Where the runs lay, for every input and for the compute, which is what a budget is compared with."""
    return {r: runs.range(r) for r in (*law.inputs, *(r for r in ("N", "D", "C") if r not in law.inputs and r in runs))}
