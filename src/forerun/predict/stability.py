"""`early_warning`: from small learning-rate sweeps, at which size training is likely to become unstable."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from forerun.fitting.uncertainty import check_kind
from forerun.note import DataError, Note, nearest
from forerun.predict.growth import DRAWS, FEW_SIZES, growth_of
from forerun.predict.stability_result import LR_SENSITIVITY, EarlyWarning
from forerun.predict.sweeps import SAME, SweepTable, sweep_notes, sweep_table, sweeps_of
from forerun.runs import Runs
from forerun.runs.cells import numbers, shown
from forerun.units import format_quantity

Array = np.ndarray


def early_warning(
    runs: Runs,
    *,
    watch: Mapping[str, float] | None = None,
    limit: float | None = None,
    ceiling: float | None = None,
    lr: float | None = None,
    level: float = 0.9,
    seed: int = 0,
) -> EarlyWarning:
    """The size at which LR sensitivity, and norms or logits, cross a limit, extrapolated from sweeps at several sizes.

    ``runs`` have the roles N, loss and lr: at least three sizes (four for an interval) with the same three or more
    learning rates each, and nothing else that differs but a ``seed`` role, over which is averaged. LR sensitivity, in the
    unit of the loss, is the mean over the learning rates that all sizes share of min(loss, ``ceiling``) minus the least
    of these, ``ceiling`` being the loss at initialisation (Wortsman et al. 2023, arXiv:2309.14322, section 2.2);
    ``limit`` is what it should not cross. ``watch`` names columns, each with the limit from above that its values
    should not cross, as 1e4 for the largest attention logit (the same, section 3.3); for a quantity that must not fall
    below something, give a column of its reciprocal. They are read at one learning rate for all sizes: ``lr``, else
    the shared one nearest to the best of the largest size. Each quantity is extrapolated as a power of N; a crossing is
    looked for up to two decades beyond the largest size, and every interval is at ``level``.

    A run that diverged must stay in the table: write the loss at initialisation where it has none (``read_runs`` refuses
    an empty loss, ``read_ladder`` leaves such runs out), as a row that is dropped makes its size look stable. LR
    sensitivity depends on the range of learning rates: rates far too low for the small sizes make it fall with size
    while high ones make it grow, so state the range (``runs.where("lr >= 1e-3")``) and sweep it evenly in log. It can
    mislead where growth is no power law: LR sensitivity ends at ``ceiling`` minus the best loss, and the paper itself
    fits logits with a quadratic (note ``growth-bends``, which 1 - level of straight tables have too). Raises
    :class:`DataError` for tables that are no such sweeps.

    >>> import forerun as fr
    >>> cells = [(n, lr) for n in (1e7, 3e7, 1e8, 3e8) for lr in (1e-3, 3e-3, 1e-2, 3e-2)]
    >>> columns = {"N": [n for n, _ in cells], "lr": [lr for _, lr in cells],
    ...            "loss": [3 + n**0.2 * (lr - 0.004) ** 2 for n, lr in cells], "logit": [lr * n**0.6 for n, lr in cells]}
    >>> found = fr.early_warning(fr.read_runs(columns), watch={"logit": 1000})
    >>> found.growths["logit"].answer, f"{found.growths['logit'].crossing:.3g}", found.lr
    ('crosses', '1.6e+09', 0.003)
    """
    watch = dict(watch or {})
    positive = {"limit": limit, "ceiling": ceiling, "lr": lr} | {f"limit of {k}": v for k, v in watch.items()}
    _check(runs, positive, level, seed)
    columns = {name: _column(runs.final(), name) for name in watch}
    table = sweep_table(runs)
    sweeps = sweeps_of(table, ceiling)
    at = _rate(table, sweeps[-1].best_lr, lr)
    found = [growth_of(LR_SENSITIVITY, table.sizes, [s.lr_sensitivity for s in sweeps], limit, level=level, seed=seed)]
    for name, values in columns.items():
        found.append(growth_of(name, *_watched(table, name, values, at), watch[name], level=level, seed=seed))
    doubts = [note for _, notes in found for note in notes]
    return EarlyWarning(
        sweeps=sweeps,
        shared=table.shared,
        growths={growth.quantity: growth for growth, _ in found},
        lr=at,
        ceiling=ceiling,
        rows=len(table.runs),
        level=level,
        seed=seed,
        notes=(*runs.notes, *sweep_notes(table, sweeps, ceiling), *_few(table), *doubts),
    )


def _check(runs: object, positive: Mapping[str, float | None], level: float, seed: int) -> None:
    """Refuse settings that cannot be had."""
    if not isinstance(runs, Runs):
        message = f"the first argument is not runs but {type(runs).__name__}"
        raise DataError("not-runs", message, advice="Give forerun.read_runs(...)")
    check_kind("sandwich", "row", DRAWS, level)
    if seed < 0 or seed != int(seed):
        raise DataError("bad-value", f"seed must be zero or a positive whole number, received {seed}")
    for name, value in positive.items():
        if value is not None and not (math.isfinite(value) and value > 0):
            raise DataError("bad-value", f"the {name} must be a number above zero, received {value:g}")


def _column(runs: Runs, name: str) -> Array:
    """The numbers of a column that is watched, (n,), NaN where a cell is empty."""
    if name == LR_SENSITIVITY:
        raise DataError("bad-watch", f"{name} is what the sweeps give", advice="Rename that column, or use limit")
    column = runs.roles.get(name, name)
    if column not in runs.columns:
        advice = f"Nearest: {', '.join(map(repr, nearest(name, runs.columns))) or ', '.join(map(repr, list(runs.columns)[:6]))}"
        raise DataError("missing-column", "no column of the table has this name, which is watched", advice=advice, column=name)  # fmt: skip
    cells = runs.columns[column]
    values, bad = (cells, None) if cells.dtype.kind == "f" else numbers(cells)
    if bad is not None:
        message = f"expected a number, received {shown(cells[bad])}"
        raise DataError("bad-cell", message, advice="Correct it, or leave it empty", row=int(runs.rows[bad]), column=column)  # fmt: skip
    return values


def _rate(table: SweepTable, best: float, wanted: float | None) -> float:
    """The shared learning rate at which columns are watched."""
    nearest_to = min(table.shared, key=lambda rate: abs(math.log(rate / (wanted or best))))
    if wanted is not None and abs(math.log(nearest_to / wanted)) > SAME:
        have = ", ".join(f"{rate:g}" for rate in table.shared)
        raise DataError("unknown-rate", f"not all sizes have learning rate {wanted:g}", advice=f"All have: {have}")
    return nearest_to


def _watched(table: SweepTable, name: str, values: Array, rate: float) -> tuple[list[float], list[float]]:
    """The sizes at which a watched column has a value at that learning rate, and these values."""
    found = {size: table.mean(values, size, rate) for size in table.sizes}
    found = {size: value for size, value in found.items() if not math.isnan(value)}
    for size, value in found.items():
        if value <= 0:
            message = f"a power law needs values above zero, received {value:g} at N = {format_quantity(size)}"
            raise DataError("bad-cell", message, advice="Watch its absolute value, or its square", column=name)
    if len(found) < 3:
        message = (
            f"at learning rate {rate:g}, {len(found)} of {len(table.sizes)} sizes have a value, and growth needs 3"
        )
        raise DataError("too-few-sizes", message, advice="Fill the column, or choose another lr", column=name)
    return list(found), list(found.values())


def _few(table: SweepTable) -> list[Note]:
    count = len(table.sizes)
    if count >= FEW_SIZES:
        return []
    message = f"{count} sizes carry the growth" + (", which gives it no interval" if count < 4 else "")
    return [Note("few-sizes", "warning", message, {"sizes": count}, "Sweep five sizes or more.")]
