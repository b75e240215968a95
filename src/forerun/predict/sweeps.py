"""Learning-rate sweeps at several sizes: the best learning rate of each size, and what the other ones cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forerun.note import DataError, Note
from forerun.runs import Runs
from forerun.units import format_quantity

Array = np.ndarray
SAME = 0.02  # relative difference below which two learning rates are one that was rounded in two ways
SAME_TOKENS = 0.05  # relative difference of D within a size that whole batches can explain
FEWEST_SIZES = 3  # a line through two sizes shows no scatter
FEWEST_RATES = 3  # a sweep with a middle


@dataclass(frozen=True)
class Sweep:
    """The learning rates of one size: mean loss of each (over seeds, clipped at the ceiling), and what follows from them.

    ``best_lr`` is the vertex of the parabola in log learning rate through the best one and its neighbours; where the
    best is the lowest or the highest that was tried, it is that one and ``edge`` says ``"lowest"`` or ``"highest"``.
    ``lr_sensitivity`` is over the learning rates that all sizes share; ``over_ceiling`` counts rates whose runs were clipped.
    """

    size: float
    learning_rates: tuple[float, ...]
    losses: tuple[float, ...]
    best_lr: float
    edge: str
    best_loss: float
    lr_sensitivity: float
    over_ceiling: int


@dataclass(frozen=True)
class SweepTable:
    """The cells of a table of sweeps: which size and which learning rate each row of ``runs`` belongs to, (n,).

    ``shared`` are the learning rates that every size has.
    """

    runs: Runs
    rate: Array
    sizes: tuple[float, ...]
    shared: tuple[float, ...]

    def mean(self, values: Array, size: float, rate: float) -> float:
        """The mean of ``values`` (n,) over the seeds of one size at one learning rate; NaN without a value."""
        cell = values[(self.runs["N"] == size) & (self.rate == rate)]
        cell = cell[np.isfinite(cell)]
        return float(cell.mean()) if len(cell) else float("nan")

    def rates_of(self, size: float) -> tuple[float, ...]:
        """The learning rates of a size, lowest first."""
        return tuple(sorted(set(self.rate[self.runs["N"] == size].tolist())))


def sweep_table(runs: Runs) -> SweepTable:
    """The final rows of ``runs`` as sweeps; ``DataError`` in one line where they are none that can be compared."""
    runs = runs.final()
    sizes, rates = runs["N"], runs["lr"]
    runs["loss"]
    if not (rates > 0).all():
        row = int(runs.rows[np.flatnonzero(rates <= 0)[0]])
        message = f"a learning rate must be above zero, received {rates.min():g}"
        raise DataError("bad-cell", message, advice="Correct it, or drop the row", row=row, column=runs.roles["lr"])
    found = tuple(sorted(set(sizes.tolist())))
    if len(found) < FEWEST_SIZES:
        message = f"the table has {_count(len(found), 'size')} (N), and growth with size needs at least {FEWEST_SIZES}"
        raise DataError("too-few-sizes", message, advice="Add sweeps of other sizes, four or more for an interval")
    rate = _levels(rates)
    table = SweepTable(runs, rate, found, ())
    if len(set(rate.tolist())) == 1:
        message = f"all runs have the one learning rate {rate[0]:g}"
        raise DataError(
            "one-learning-rate", message, advice=f"Sweep at least {FEWEST_RATES} learning rates at each size"
        )
    _check_rows(table)
    for size in found:
        if len(table.rates_of(size)) == 1:
            message = f"size N = {format_quantity(size)} has the one learning rate {table.rates_of(size)[0]:g}"
            raise DataError("one-learning-rate", message, advice="Sweep at least 3 learning rates, or drop that size")
    shared = sorted(set.intersection(*(set(table.rates_of(s)) for s in found)))
    if len(shared) < FEWEST_RATES:
        message = f"all {len(found)} sizes share {_count(len(shared), 'learning rate')}, and LR sensitivity needs at least {FEWEST_RATES}"
        raise DataError("no-shared-rates", message, advice="Give each size the same learning rates, or drop sizes without them")  # fmt: skip
    return SweepTable(runs, rate, found, tuple(shared))


def sweeps_of(table: SweepTable, ceiling: float | None) -> tuple[Sweep, ...]:
    """One :class:`Sweep` a size, the smallest first.

    LR sensitivity is the mean over the shared learning rates of min(loss, loss at initialisation) minus the least of
    them: Wortsman et al. 2023, arXiv:2309.14322, section 2.2, with ``ceiling`` as the loss at initialisation.
    """
    raw = table.runs["loss"]
    clipped = raw if ceiling is None else np.minimum(raw, ceiling)
    found = []
    for size in table.sizes:
        rates = table.rates_of(size)
        losses = np.array([table.mean(clipped, size, rate) for rate in rates])
        best = int(losses.argmin())
        if ceiling is not None and losses[best] >= ceiling:
            message = f"every run of size N = {format_quantity(size)} is at or over the ceiling {ceiling:g}"
            raise DataError("bad-ceiling", message, advice="The ceiling is the loss at initialisation; check its unit")
        common = losses[[rate in table.shared for rate in rates]]
        spread = float(common.mean() - common.min())
        if not spread > 0:
            message = f"all shared learning rates of size N = {format_quantity(size)} end at the same loss"
            raise DataError("flat-sweep", message, advice="Check the loss column, or sweep a wider range")
        over = 0 if ceiling is None else sum(bool((raw[_cell(table, size, rate)] >= ceiling).any()) for rate in rates)
        edge = "lowest" if best == 0 else "highest" if best == len(rates) - 1 else ""
        vertex = rates[best] if edge else _vertex(np.log(rates[best - 1 : best + 2]), losses[best - 1 : best + 2])
        found.append(Sweep(size, rates, tuple(losses.tolist()), vertex, edge, float(losses[best]), spread, over))
    return tuple(found)


def sweep_notes(table: SweepTable, sweeps: Sequence[Sweep], ceiling: float | None) -> list[Note]:
    """What a table of sweeps leaves in doubt: edges of the search, missing learning rates, losses that are not clipped."""
    notes = []
    edges = [s for s in sweeps if s.edge]
    if edges:
        said = ", ".join(f"the {s.edge} at N = {format_quantity(s.size)}" for s in edges)
        advice = "Extend the sweep there: the best learning rate lies beyond it, and LR sensitivity comes out too low."
        evidence = {"sizes": [s.size for s in edges], "edges": [s.edge for s in edges]}
        notes.append(Note("edge-of-search", "warning", f"the best learning rate is an edge of its sweep: {said}", evidence, advice))  # fmt: skip
    every = {rate for s in sweeps for rate in s.learning_rates}
    lacking = {s.size: sorted(every - set(s.learning_rates)) for s in sweeps if every - set(s.learning_rates)}
    if lacking:
        message = f"{len(every) - len(table.shared)} of {len(every)} learning rates are left out of LR sensitivity, as some size lacks them"
        advice = "If such runs diverged, put them in with the loss at initialisation: left out, they make a size look stable."
        evidence = {"missing": [{"size": size, "learning_rates": rates} for size, rates in lacking.items()]}
        notes.append(Note("learning-rates-missing", "warning", message, evidence, advice))
    if ceiling is None:
        message = "no ceiling was given, so a diverged run counts with whatever loss stands in the table"
        notes.append(Note("no-ceiling", "info", message, {}, "Give the loss at initialisation, about log(vocabulary)."))
    return notes


def _check_rows(table: SweepTable) -> None:
    """Refuse rows of one size that differ in more than learning rate and seed."""
    runs = table.runs
    if "D" in runs.roles:
        for size in table.sizes:
            tokens = runs["D"][runs["N"] == size]
            if tokens.max() > tokens.min() * (1.0 + SAME_TOKENS):
                message = f"runs of size N = {format_quantity(size)} have D from {format_quantity(float(tokens.min()))} to {format_quantity(float(tokens.max()))}"
                raise DataError("mixed-runs", message, advice="Keep one D for each size, with where or drop")
    seeds = runs["seed"].tolist() if "seed" in runs.roles else [""] * len(runs)
    seen: dict[tuple[float, float, str], int] = {}
    for row, key in zip(runs.rows.tolist(), zip(runs["N"].tolist(), table.rate.tolist(), seeds)):
        if key in seen:
            message = f"rows {seen[key]} and {row} have the same N, learning rate{' and seed' if key[2] else ''} ({format_quantity(key[0])}, {key[1]:g})"
            advice = "Name the seed with role seed, or keep one batch size (and so on) with where"
            raise DataError("repeated-runs", message, advice=advice, row=row)
        seen[key] = row


def _levels(rates: Array) -> Array:
    """Learning rates, (n,), where those that differ by rounding only have the value of the lowest of them."""
    out = rates.copy()
    first = -np.inf
    for rate in sorted(set(rates.tolist())):
        first = rate if rate > first * (1.0 + SAME) else first
        out[rates == rate] = first
    return out


def _cell(table: SweepTable, size: float, rate: float) -> Array:
    return (table.runs["N"] == size) & (table.rate == rate)


def _vertex(x: Array, y: Array) -> float:
    """The learning rate at the least value of the parabola through three points whose middle is the lowest."""
    left, right = (y[0] - y[1]) / (x[1] - x[0]), (y[2] - y[1]) / (x[2] - x[1])
    if left + right <= 0:
        return float(np.exp(x[1]))
    return float(np.exp(x[1] + 0.5 * (left * (x[2] - x[1]) - right * (x[1] - x[0])) / (left + right)))


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
