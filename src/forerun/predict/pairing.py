"""Draws of two fits that belong together: the same random weights for runs that both methods made, else independent ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from forerun.fitting import objective as objectives
from forerun.fitting.balance import weighed
from forerun.fitting.observations import observe, resampled, row_weights
from forerun.fitting.problem import build
from forerun.fitting.result import Fit
from forerun.fitting.uncertainty import bootstrap
from forerun.runs import Runs
from forerun.runs.cells import word

Array = np.ndarray
NEARLY_ALL = 0.9  # share of the runs of either method that must match
STARTS = 64  # draws of a fit whose optima its paired refits may start from
MOST_DRAWS = 1000


@dataclass(frozen=True)
class Pairing:
    """Whether draw k of one fit was taken with the same weights as draw k of the other: on how many runs, or why not."""

    runs: int
    reason: str = ""

    @property
    def paired(self) -> bool:
        """Whether noise that the runs of both methods share cancels."""
        return not self.reason


def pair(one: Fit, two: Fit, roles: Sequence[str]) -> tuple[Fit, Fit, Pairing]:
    """Both fits with equally many draws that may be compared one by one, and how they were paired.

    Runs match where the ``roles`` are equal to six digits, and the ``seed`` too where both tables have one; a setting
    that a table has twice matches nothing. Where nearly all runs match, both bootstraps are drawn again with one weight
    for the two runs of a match, so that what a seed or a grid point does to both methods cancels in their difference.
    Otherwise the draws of the second fit are put in a random order: fits with one seed have used the same random
    numbers in the order of their rows, and would seem to share noise that they do not.
    """
    draws = min(len(one.draws), len(two.draws), MOST_DRAWS)
    labels = _labels(one, two, roles)
    if isinstance(labels, str):
        order = np.random.default_rng([int(two.uncertainty["seed"]), 2]).permutation(len(two.draws))
        return replace(one, draws=one.draws[:draws]), replace(two, draws=two.draws[order[:draws]]), Pairing(0, labels)
    first, second, matched = labels
    seed = int(one.uncertainty["seed"])
    return _redrawn(one, first, draws, seed), _redrawn(two, second, draws, seed), Pairing(matched)


def _labels(one: Fit, two: Fit, roles: Sequence[str]) -> tuple[Array, Array, int] | str:
    """The number of the resampled unit of each row of both tables and how many runs match; or why they cannot be paired."""
    if one.table is None or two.table is None:
        return "a saved fit does not hold its runs"
    for fit in (one, two):
        if fit.uncertainty["kind"] != "bootstrap":
            return f"draws by {fit.uncertainty['kind']} cannot be drawn again with given weights"
    ways = [str(fit.uncertainty["unit"]) for fit in (one, two)]
    if ways[0] != ways[1]:
        return f"one was resampled by {ways[0]}, the other by {ways[1]}"
    seeded = "seed" in one.table and "seed" in two.table
    rows = _matches(one.table, two.table, [*roles, "seed"] if seeded else roles)
    most = max(len(one.table), len(two.table))
    if len(rows) < NEARLY_ALL * most:
        return f"{len(rows)} of {most} runs match one to one in {_listed(roles, seeded)}"
    units = [_units(table, way) for table, way in zip((one.table, two.table), ways)]
    pairs = sorted({(units[0][i], units[1][j]) for i, j in rows})
    if not len(pairs) == len({u for u, _ in pairs}) == len({v for _, v in pairs}):
        return f"the {ways[0]}s of matching runs do not match one to one"
    return *_numbered(units, pairs), len(rows)


def _matches(one: Runs, two: Runs, roles: Sequence[str]) -> list[tuple[int, int]]:
    """Rows of both tables that are the same run: each setting that either table has exactly once."""
    keys = [list(zip(*(_words(table[role]) for role in roles))) for table in (one, two)]
    once = [{key for key, count in Counter(rows).items() if count == 1} for rows in keys]
    place = {key: j for j, key in enumerate(keys[1])}
    return [(i, place[key]) for i, key in enumerate(keys[0]) if key in once[0] & once[1]]


def _words(values: Array) -> list[str]:
    return [f"{v:.6g}" if isinstance(v, float) else word(v) for v in values.tolist()]


def _listed(roles: Sequence[str], seeded: bool) -> str:
    *first, last = [*roles, "seed"] if seeded else roles
    return f"{', '.join(first)} and {last}" if first else last


def _units(table: Runs, unit: str) -> list[int]:
    labels = resampled(table, unit)[1]
    return list(range(len(table))) if labels is None else labels.tolist()


def _numbered(units: Sequence[Sequence[int]], pairs: Sequence[tuple[int, int]]) -> tuple[Array, Array]:
    """New numbers of the units: one for the two of a pair, its own for every other, the pairs last.

    The last number is then the same in both tables, so that a bootstrap of either draws a weight for every unit of both.
    """
    numbers: list[dict[int, int]] = [{}, {}]
    count = 0
    for side, own in enumerate(units):
        for unit in sorted(set(own) - {pair[side] for pair in pairs}):
            numbers[side][unit] = count
            count += 1
    for number, both in enumerate(pairs, count):
        for side, unit in enumerate(both):
            numbers[side][unit] = number
    first, second = (np.array([known[unit] for unit in own]) for known, own in zip(numbers, units))
    return first, second


def _redrawn(fit: Fit, labels: Array, draws: int, seed: int) -> Fit:
    """The fit with bootstrap draws whose weights belong to the numbers in ``labels`` (n,)."""
    assert fit.table is not None
    objective = objectives.find(fit.objective)
    given = None if fit.row_weights is None else fit.row_weights.tolist()
    table = observe(fit.law, fit.table, objective, row_weights(fit.law, fit.table, objective, given))
    problem = build(
        fit.law, table.inputs, table.y, table.trials, objective, table.weights, None, fit.derivatives == "exact"
    )
    starts = np.concatenate([np.array([list(fit.params.values())]), fit.draws[:STARTS]])
    z = problem.internal(problem.with_scale(starts))
    drawn = bootstrap(weighed(problem, z[0]), z[0], z, labels, draws, seed)
    return replace(fit, draws=problem.natural(drawn.z)[:, : len(fit.params)])
