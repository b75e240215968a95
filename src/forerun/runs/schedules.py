"""Logged learning-rate schedules as pieces: the table that the multi-power law is fitted to and asked with."""

from __future__ import annotations

import numpy as np

from forerun.note import DataError
from forerun.runs.table import Runs

Array = np.ndarray
BY_AREA = 12  # pieces whose distance from the step, in area, grows by a constant factor
NEAREST = 1e-4  # of the whole area: where the nearest of them ends
BY_CHANGE = 12  # pieces in which the rate changes by the same amount
PIECES = tuple(f"{i:02d}" for i in range(1, BY_AREA + BY_CHANGE + 1))
ROLES = ("fall", "lr", "area_since")
SMALLEST_RATE = 1e-12
FLAT = 1e-9  # of the highest rate: a smaller change is none


def in_pieces(runs: Runs) -> Runs:
    """``runs`` (roles step, lr, loss, and run for several curves) with the columns that ``multi-power-law`` takes.

    For the schedule up to each logged step: ``area``, the sum of its rates, and for each of ``PIECES`` the ``fall`` of
    the rate in it, the rate ``lr`` that it fell to and the ``area_since``. Pieces are short near the step and where the
    rate changes most; on the schedules of Luo et al. 2025 (arXiv:2503.12811) the loss differs from that of single steps
    by less than 0.0003 nats. The schedule is read between logged steps as straight lines and from rate zero at step
    zero, so that a linear warm-up that was not logged is counted: give each run from its first logged step on. A change
    between two stretches of constant rate is a jump at the later of its two logged steps. Raises :class:`DataError`
    for steps that do not rise from 1.

    >>> import forerun as fr
    >>> step = np.arange(100.0, 3000.0, 100.0)
    >>> table = {"step": step, "lr": np.where(step < 2000, 3e-4, 3e-5), "loss": 2 + step**-0.5}
    >>> pieces = in_pieces(fr.read_runs(table))
    >>> len(pieces.members("fall")), round(float(pieces["area"][1]), 5)
    (24, 0.04515)
    """
    names = runs["run"] if "run" in runs else np.zeros(len(runs))
    made = {name: np.empty(len(runs)) for name in ("area", *(f"{role}[{i}]" for role in ROLES for i in PIECES))}
    for name in dict.fromkeys(names.tolist()):
        rows = np.flatnonzero(names == name)
        rows = rows[np.argsort(runs["step"][rows], kind="stable")]
        for column, values in _of_curve(runs["step"][rows], runs["lr"][rows]).items():
            made[column][rows] = values
    roles = {role: column for role, column in runs.roles.items() if role != "lr"}
    done = (*runs.audit, f"schedules gathered into {len(PIECES)} pieces a row")
    return Runs(
        {**runs.columns, **made},
        roles | {name: name for name in made},
        runs.conventions,
        runs.rows,
        runs.source,
        done,
        runs.notes,
    )


def _of_curve(step: Array, lr: Array) -> dict[str, Array]:
    """The new columns of one curve; sums over the steps of a piece are differences of running sums."""
    if step[0] < 1 or (np.diff(step) <= 0).any():
        message = f"the steps of a schedule must rise from 1, received {step[:4].tolist()}"
        raise DataError("bad-schedule", message, advice="Name the run of each row with --role run=COLUMN")
    at = step.astype(int)
    rates = _rates(step, lr)
    area, falls, to = rates.cumsum(), rates[:-1] - rates[1:], np.maximum(rates[1:], SMALLEST_RATE)
    before, change = area[:-1], np.abs(falls)
    fallen, changed, log_rate, start = (
        np.concatenate([[0.0], x.cumsum()]) for x in (falls, change, change * np.log(to), change * before)
    )
    total = area[at]
    ends = [0 * at, at]
    ends += [
        np.minimum(np.searchsorted(before, total * (1 - s)), at) for s in np.geomspace(NEAREST, 1, BY_AREA + 1)[:-1]
    ]
    ends += [np.minimum(np.searchsorted(changed, changed[at] * s), at) for s in np.arange(1, BY_CHANGE) / BY_CHANGE]
    ends = list(np.sort(ends, axis=0))
    made = {"area": total}
    for name, low, high in zip(PIECES, ends[:-1], ends[1:]):
        size = changed[high] - changed[low]
        still, divisor = size <= 0, np.where(size > 0, size, 1.0)
        middle = np.minimum((low + high) // 2, len(to) - 1)
        made[f"fall[{name}]"] = np.where(still, 0.0, fallen[high] - fallen[low])
        made[f"lr[{name}]"] = np.where(still, to[middle], np.exp((log_rate[high] - log_rate[low]) / divisor))
        since = total - np.where(
            still, before[np.minimum(middle, len(before) - 1)], (start[high] - start[low]) / divisor
        )
        made[f"area_since[{name}]"] = np.maximum(since, SMALLEST_RATE)
    return made


def _rates(step: Array, lr: Array) -> Array:
    """The rate of every step from 0 to the last one logged."""
    flat = np.abs(np.diff(lr)) <= FLAT * lr.max()
    jumps = np.flatnonzero(flat[:-2] & ~flat[1:-1] & flat[2:]) + 2
    x, y = np.insert(step, jumps, step[jumps] - 1.0), np.insert(lr, jumps, lr[jumps - 1])
    return np.interp(np.arange(int(step[-1]) + 1), np.concatenate([[0.0], x]), np.concatenate([[0.0], y]))
