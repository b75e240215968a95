"""What speaks against a fit: each doubt is a Note with its evidence and one sentence of advice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from forerun.fitting.percentile import percentiles
from forerun.fitting.polish import Optimum, conditions
from forerun.fitting.problem import Problem
from forerun.fitting.refit import refit
from forerun.note import Note
from forerun.units import COLUMNS

Array = np.ndarray
FEW_SHARE, MOST_FEW = 0.02, 5  # how many rows count as few: 2 %, at most five
FEW_SHIFT = 2.5  # standard errors; tables simulated without outliers stay below 2.3
MOST_GROUPS = 30
QUICK_SHIFT = 2.0  # the same by the sandwich formula, below which no bootstrap is spent on it
# The same to first order, below which no refit is spent on it: on 36 public tables and every simulated one whatever was
# decisive in the end had moved the fit by 0.73 or more.
QUIET_SHIFT = 0.5
FEW_DRAWS = 80
TREND = 4.0  # standard normal deviate of a rank correlation
LEAST_TREND = 0.25  # checkpoints of one run are not independent: smaller correlations mean nothing in large tables
WIDE_FLOOR = 0.3  # of the smallest outcome
LOOSE_EXPONENT = 0.5  # of its own size
SIGN_DOUBT = 0.05  # share of draws of the other sign
NARROW = 1.0  # decades
FAR = 2.0  # widths of a prior
MOST_ROWS = 20_000  # for the checks that need rank correlations or refits


def diagnose(problem: Problem, optimum: Optimum, verdict: tuple[str, float, float], starts: Array, draws: Array,
             columns: Mapping[str, Array], row_numbers: Array, families: Array | None, seed: int) -> list[Note]:  # fmt: skip
    """All notes about one fit.

    ``verdict`` is the outcome with the gradient and curvature behind it; ``columns`` are the inputs, ``row_numbers``
    where the rows stand in the source, ``families`` which family each belongs to, where that is known.
    """
    best = optimum.best
    z = optimum.z[best]
    outcome, gradient, curvature = verdict
    notes = [*_conditions(outcome, gradient, curvature)]
    notes += _bounds(problem, z)
    notes += _signs(problem, z, draws)
    notes += _floors(problem, z, draws)
    notes += _ridges(problem, z, draws)
    notes += _basins(problem, optimum, best, draws)
    notes += _borrowed(problem, z, draws)
    notes += _narrow(columns)
    if len(row_numbers) <= MOST_ROWS:
        notes += _trends(problem.residuals(z), columns)
        if outcome != "not-converged" and problem.rows > problem.told_by_rows + 2:
            notes += _few_points(problem, z, starts, row_numbers, seed)
            if families is not None:
                notes += _one_group(problem, z, starts, families, seed)
    return notes


def _conditions(outcome: str, gradient: float, curvature: float) -> Iterator[Note]:
    if outcome == "not-converged":
        evidence = {"gradient": gradient}
        yield Note(
            "not-converged",
            "error",
            "The solver did not reach an optimum",
            evidence,
            "Fix or tie parameters, or take a smaller law.",
        )
    if outcome == "flat":
        evidence = {"curvature": curvature}
        message = "The objective is flat in some direction, so the data do not identify all parameters"
        yield Note(
            "not-identified", "error", message, evidence, "Fix or tie a parameter, or add runs that tell them apart."
        )


def _bounds(problem: Problem, z: Array) -> Iterator[Note]:
    for i, name in enumerate(problem.names):
        side = "lower" if z[i] <= problem.lower[i] else "upper" if z[i] >= problem.upper[i] else None
        role = problem.param(name).role
        if side is None or (role == "floor" and side == "lower"):
            continue
        value = float(problem.natural(z[None])[0, i])
        severity = "error" if role in ("amplitude", "exponent") else "warning"
        advice = (
            f"The data may not show the effect of {name}: add runs over a wider range, fix it, or take a smaller law."
        )
        yield Note(
            "bound-hit",
            severity,
            f"{name} ended on its {side} bound {value:.4g}",
            {"parameter": name, "value": value},
            advice,
        )


def _borrowed(problem: Problem, z: Array, draws: Array) -> Iterator[Note]:
    """How far the runs moved and narrowed what was borrowed from elsewhere."""
    if problem.prior is None:
        return
    away = problem.prior.distance(z[None])[0]
    for i, distance, value, width in zip(problem.prior.columns, away, problem.prior.value, problem.prior.width):
        name, logarithm = problem.names[i], bool(problem.log[i])
        known, found = (float(np.exp(v) if logarithm else v) for v in (value, z[i]))
        left = float(draws[:, i].std() / width) if len(draws) else None
        evidence = {"parameter": name, "borrowed": known, "value": found, "widths": float(distance), "width_left": left}
        if abs(distance) > FAR:
            message = f"the runs pull {name} to {found:.4g}, {abs(distance):.1f} widths from the borrowed {known:.4g}"
            advice = "The borrowed value may not hold for these runs: fit without it where the runs allow, or widen it."
            yield Note("borrowed-disagrees", "warning", message, evidence, advice)
        else:
            said = "" if left is None else f", with {left:.0%} of its doubt left"
            message = f"{name} was borrowed as {known:.4g} and is {found:.4g} with these runs{said}"
            advice = "What is borrowed counts in the forecast: say so where you report it."
            yield Note("borrowed", "info", message, evidence, advice)


def _signs(problem: Problem, z: Array, draws: Array) -> Iterator[Note]:
    for i, name in enumerate(problem.names):
        if problem.param(name).role != "exponent":
            continue
        share = float((draws[:, i] < 0).mean()) if len(draws) else 0.0
        evidence = {"parameter": name, "value": float(z[i]), "share_negative": share}
        if z[i] < 0:
            message = f"{name} = {z[i]:.4g} is negative: in these runs the outcome grows with scale"
            yield Note(
                "wrong-sign", "error", message, evidence, "Check for diverged or badly tuned runs; do not extrapolate."
            )
        elif share > SIGN_DOUBT:
            message = f"the sign of {name} is not decided ({share:.0%} of the draws are negative)"
            yield Note("sign-not-decided", "warning", message, evidence, "Add runs over a wider range of its input.")


def _floors(problem: Problem, z: Array, draws: Array) -> Iterator[Note]:
    smallest = min(float(b.y.min()) for b in problem.blocks)
    for i, name in enumerate(problem.names):
        if problem.param(name).role != "floor":
            continue
        if z[i] <= problem.lower[i]:
            message = f"{name} ended at zero: the data do not bend towards a floor"
            yield Note(
                "floor-at-zero",
                "error",
                message,
                {"parameter": name},
                "Use a law without a floor, fix it, or add larger runs.",
            )
        elif len(draws):
            low, high = percentiles(draws[:, i], [0.05, 0.95]).tolist()
            if low <= max(problem.lower[i], 0.0) or high - low > WIDE_FLOOR * smallest:
                message = f"{name} lies anywhere between {low:.4g} and {high:.4g}: the data hardly bend towards a floor"
                advice = "Forecasts far out hang on it: add larger runs, or fix it from a related family."
                yield Note("floor-not-seen", "warning", message, {"parameter": name, "low": low, "high": high}, advice)


def _ridges(problem: Problem, z: Array, draws: Array) -> Iterator[Note]:
    """An exponent that the draws leave loose, with the parameter that moves along with it."""
    if len(draws) < 20:
        return
    spread = draws.std(0)
    moving = np.flatnonzero(spread > 1e-9 * (1.0 + np.abs(z)))
    correlation = np.zeros((len(z), len(z)))
    correlation[np.ix_(moving, moving)] = np.corrcoef(draws[:, moving].T) if len(moving) > 1 else 1.0
    np.fill_diagonal(correlation, 0.0)
    for i, name in enumerate(problem.names):
        q25, q75 = percentiles(draws[:, i], [0.25, 0.75]).tolist()
        if problem.param(name).role != "exponent" or (q75 - q25) / 1.35 < LOOSE_EXPONENT * abs(z[i]):
            continue
        j = int(np.abs(correlation[i]).argmax())
        partner, r = problem.names[j], float(correlation[i, j])
        message = f"{name} and {partner} can be changed together with almost no loss (correlation {r:.3f}, {name} {q25:.3g} to {q75:.3g} between quartiles)"
        advice = f"Do not read {name} by itself; add runs that vary its input alone, or fix or tie it."
        yield Note("ridge", "warning", message, {"parameter": name, "partner": partner, "correlation": r}, advice)


def _basins(problem: Problem, optimum: Optimum, best: int, draws: Array) -> Iterator[Note]:
    """Another optimum whose objective the data cannot tell from the best."""
    n = problem.rows
    power = 2.0 if problem.objective.name.startswith("squared") else 1.0
    likelihood = problem.objective.rho is None or problem.objective.scaled
    limit = optimum.value[best] + 2.0 if likelihood else optimum.value[best] * np.exp(2.0 * power / n)
    spread = draws.std(0) if len(draws) else 0.05 * (1.0 + np.abs(optimum.z[best]))
    distance = np.abs(optimum.z - optimum.z[best]) / np.maximum(spread, 1e-6)
    apart = optimum.finished & (optimum.value > optimum.value[best] * (1 + 1e-6)) & (distance.max(1) > 1.0)
    rivals = np.flatnonzero(apart & (optimum.value <= limit))
    if len(rivals):
        rivals = rivals[conditions(problem, optimum.z[rivals])[1] > 0]
    if not len(rivals):
        return
    other = rivals[optimum.value[rivals].argmin()]
    i = int(distance[other].argmax())
    one, two = (float(problem.natural(optimum.z[k][None])[0, i]) for k in (best, other))
    ratio = float(optimum.value[other] / optimum.value[best])
    message = f"a second optimum fits as well (objective {ratio:.4f} times the best) with {problem.names[i]} = {two:.4g} instead of {one:.4g}"
    evidence = {"ratio": ratio, "parameter": problem.names[i], "best": one, "other": two}
    yield Note("several-optima", "warning", message, evidence, "Give both, or add runs that tell them apart.")


def _narrow(columns: Mapping[str, Array]) -> Iterator[Note]:
    for name, values in columns.items():
        column = COLUMNS.get(name.split("[")[0])
        if column is None or not column.positive or values.min() <= 0:
            continue
        decades = float(np.log10(values.max() / values.min()))
        if 0 < decades < NARROW:
            message = f"{name} ranges over only {decades:.2f} decades"
            yield Note(
                "narrow-range",
                "warning",
                message,
                {"input": name, "decades": decades},
                f"Add runs with much smaller or larger {name}.",
            )


def _trends(residuals: Array, columns: Mapping[str, Array]) -> Iterator[Note]:
    for name, values in columns.items():
        if len(values) < 10 or np.ptp(values) == 0 or np.ptp(residuals) == 0:
            continue
        rank = _ranks(values)
        for shape, scale in (("rises or falls", rank), ("bends", np.abs(rank - rank.mean()))):
            if np.ptp(scale) == 0:  # an input of two values has no middle to bend around
                continue
            r = float(np.corrcoef(_ranks(residuals), _ranks(scale))[0, 1])
            if abs(r) > LEAST_TREND and abs(r) * np.sqrt(len(values) - 1) > TREND:
                message = f"what the law leaves over {shape} with {name} (rank correlation {r:.2f})"
                evidence = {"input": name, "shape": shape, "correlation": r}
                yield Note(
                    "residual-trend",
                    "warning",
                    message,
                    evidence,
                    "The form does not fit these runs; expect bias outside them.",
                )
                break


def _ranks(x: Array) -> Array:
    """Ranks from 0, ties at their mean. (numpy.unique would import numpy.ma, a sixth of a fit's time.)"""
    order = np.argsort(x, kind="stable")
    new = np.concatenate([[True], np.diff(x[order]) > 0])
    first = np.flatnonzero(new)
    last = np.append(first[1:], len(x)) - 1
    ranks = np.empty(len(x))
    ranks[order] = ((first + last) / 2.0)[np.cumsum(new) - 1]
    return ranks


def _few_points(problem: Problem, z: Array, starts: Array, row_numbers: Array, seed: int) -> Iterator[Note]:
    """Whether one row, or the few most influential ones, move a parameter by more than the rest leaves in doubt."""
    influence, error = _influence(problem, z, np.ones(problem.rows))
    sizes = sorted({1, min(MOST_FEW, max(1, round(FEW_SHARE * problem.rows)))})
    sets = dict.fromkeys(
        tuple(sorted(np.argsort(sign * influence[:, j])[:k].tolist())) for k in sizes for j in range(len(z)) for sign in (1, -1)
    )  # fmt: skip
    found = _decisive(problem, z, starts, list(sets), influence, error, seed)
    if found is not None:
        few, evidence = found
        rows = sorted(int(row_numbers[r]) for r in few)
        noun = "row" if len(rows) == 1 else "rows"
        message = f"without {len(rows)} of {problem.rows} rows ({noun} {', '.join(map(str, rows))}) {_moves(evidence)}"
        advice = "Look at these runs; report the fit with and without them."
        yield Note("few-points-decide", "warning", message, {"rows": rows, **evidence}, advice)


def _one_group(problem: Problem, z: Array, starts: Array, families: Array, seed: int) -> Iterator[Note]:
    """The same for each family of runs as a whole."""
    members = {name: tuple(np.flatnonzero(families == name).tolist()) for name in dict.fromkeys(families.tolist())}
    sets = {rows: name for name, rows in members.items() if problem.rows - len(rows) > len(z) + 2}
    if not 2 <= len(members) <= MOST_GROUPS or not sets:
        return
    found = _decisive(problem, z, starts, list(sets), *_influence(problem, z, np.ones(problem.rows)), seed)
    if found is not None:
        rows, evidence = found
        message = f"without family {sets[rows]!r} ({len(rows)} of {problem.rows} rows) {_moves(evidence)}"
        advice = "Fit the families apart, or share only what they have in common."
        yield Note("one-group-decides", "warning", message, {"family": sets[rows], **evidence}, advice)


def _decisive(problem: Problem, z: Array, starts: Array, sets: list[tuple[int, ...]], influence: Array, error: Array, seed: int
              ) -> tuple[tuple[int, ...], dict[str, Any]] | None:  # fmt: skip
    """The set of rows whose absence moves the fit most, if by more than the rest leaves in doubt.

    Each set that matters to first order is left out in a refit. Sandwich errors pick the one that moves the fit most and
    is not within the doubt of the rest; the verdict on it comes from a bootstrap of the remaining rows. What ends on a bound
    without the set leaves no doubt by itself, so there that of all rows counts.
    """
    sets = [rows for rows in sets if (np.abs(influence[list(rows)].sum(0)) / error).max() >= QUIET_SHIFT]
    if not sets:
        return None
    keep = np.ones((len(sets), problem.rows))
    for weights, rows in zip(keep, sets):
        weights[list(rows)] = 0.0
    without = refit(problem, starts[:8], keep, seed).z
    moved = np.abs(without - z)
    left = np.where((without <= problem.lower) | (without >= problem.upper), error, 0.0)
    rest = [np.maximum(_influence(problem, x, w)[1], least) for x, w, least in zip(without, keep, left)]
    doubtful = [s for s in range(len(sets)) if (moved[s] / rest[s]).max() > QUICK_SHIFT]
    if not doubtful:
        return None
    worst = max(doubtful, key=lambda s: (moved[s] / error).max())
    weights = keep[worst] * np.random.default_rng([seed, 2]).exponential(size=(FEW_DRAWS, problem.rows))
    low, high = percentiles(refit(problem, without[worst][None], weights, seed).z, [0.16, 0.84])
    doubt = np.maximum((high - low) / 2.0, left[worst])
    shift = moved[worst] / np.maximum(doubt, 1e-6 * (1.0 + np.abs(z)))
    if shift.max() < FEW_SHIFT:
        return None
    readable = shift * [1.0 if problem.param(n).role != "amplitude" else 0.0 for n in problem.names]
    i = int((readable if readable.max() >= FEW_SHIFT else shift).argmax())
    one, two = (float(problem.natural(x[None])[0, i]) for x in (z, without[worst]))
    return sets[worst], {"parameter": problem.names[i], "with": one, "without": two, "standard_errors": float(shift[i])}


def _moves(evidence: Mapping[str, Any]) -> str:
    return f"{evidence['parameter']} moves from {evidence['with']:.4g} to {evidence['without']:.4g}, {evidence['standard_errors']:.1f} standard errors"


def _influence(problem: Problem, z: Array, weights: Array) -> tuple[Array, Array]:
    """First-order change of each parameter per unit of each row's weight, (n, p), and the sandwich standard errors."""
    hessian = problem.curvature(z, weights)
    free = (z > problem.lower) & (z < problem.upper)
    gradients = np.concatenate([g for _, g in problem.row_gradients(z)]) * weights[:, None]
    scale = np.sqrt(np.maximum(np.abs(np.diag(hessian)), 1e-300))
    curved = np.where(np.outer(free, free), hessian / np.outer(scale, scale), 0.0)
    influence = -(gradients / scale) @ np.linalg.pinv(curved, rcond=1e-12, hermitian=True) / scale
    return influence, np.maximum(np.sqrt((influence**2).sum(0)), 1e-12)
