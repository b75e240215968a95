"""Sweeps of learning rate and batch at several sizes and token counts: the smoothed optimum of each, with an interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forerun.fitting.percentile import percentiles
from forerun.note import DataError
from forerun.runs import Runs, read_runs

Array = np.ndarray
QUADRATIC = ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2))
CUBIC = (*QUADRATIC, (3, 0), (2, 1), (1, 2), (0, 3))
FEWEST = 12  # runs for the six coefficients of a quadratic surface
MANY = 20  # runs from which the surface is a cubic
REWEIGHTINGS = 20
HUBER = 1.345  # standard deviations; Huber 1981: 95 % efficient for normal noise
MESH = 31
SAME = 0.02  # difference of logarithms within which N or D count as equal: whole steps of a batch are rounded
RATES = 61  # learning rates among which the best of a batch is looked for
FINEST = 1e-4  # of log lr or log batch: no optimum counts as better known


@dataclass(frozen=True)
class Cell:
    """The runs of one size and number of tokens as a smooth surface of the loss, and where it is least.

    ``lr`` and ``batch`` are the optimum, ``*_interval`` its limits, ``*_se`` the standard errors of their logarithms;
    ``loss`` is that of the surface there, ``noise`` the spread of the ``runs`` losses that it was fitted to. ``edge`` says
    that the optimum lies on the edge of the sweep, so that it may be beyond. ``box`` has the limits of log lr and log
    batch of those runs, (2, 2): the surface says nothing outside.
    """

    N: float
    D: float
    lr: float
    batch: float
    loss: float
    lr_interval: tuple[float, float]
    batch_interval: tuple[float, float]
    lr_se: float
    batch_se: float
    noise: float
    runs: int
    edge: bool
    surface: Array
    middle: Array
    box: Array

    def excess(self, *, lr: float, batch: float) -> float:
        """How much higher the surface is at these settings, as a share of its least loss."""
        return float(_terms(np.log([[lr, batch]]) - self.middle, len(self.surface))[0] @ self.surface) / self.loss - 1.0

    def least_excess(self, batch: Array) -> Array:
        """The same at batches (m,) with the best rate of each among those of the runs, (m,)."""
        low, high = self.box[:, 0].tolist()
        rate, size = np.meshgrid(np.linspace(low, high, RATES), np.log(batch), indexing="ij")
        place = np.stack([rate.ravel(), size.ravel()], axis=1) - self.middle
        return np.asarray(
            (_terms(place, len(self.surface)) @ self.surface).reshape(rate.shape).min(axis=0) / self.loss - 1.0
        )


def cells(
    runs: Runs, *, window: float = 0.03, level: float = 0.95, draws: int = 100, seed: int = 0
) -> tuple[Cell, ...]:
    """The optimum of every cell of a sweep: ``runs`` have the roles N, D, lr, batch and loss, each N and D a grid.

    The best single run of a cell wins by noise as much as by its settings. Here the losses at most a ``window`` above the
    least are fitted by a cubic in log lr and log batch, robustly (Huber 1981); below 20 runs by a quadratic, which is
    biased, as the loss rises faster towards high rates. N and D count as equal within 2 %. Intervals at ``level`` come from refits with random weights of the runs; they do not know how
    another window would move the optimum: on the sweep of Step Law windows of 2 to 5 % move exponents by up to 0.11,
    so ask with several. Raises :class:`DataError` for a cell with fewer than 12 such runs.

    >>> import forerun as fr
    >>> lr, batch = (x.ravel() for x in np.meshgrid(np.geomspace(1e-4, 1e-2, 9), np.geomspace(1e5, 4e6, 7)))
    >>> loss = 2.5 * (1 + 0.004 * np.log(lr / 1e-3) ** 2 + 0.003 * np.log(batch / 5e5) ** 2)
    >>> table = {"N": 0 * lr + 1e8, "D": 0 * lr + 1e10, "lr": lr, "batch": batch, "loss": loss}
    >>> one = cells(fr.read_runs(table, batch="batch"))[0]
    >>> f"{one.lr:.4f} {one.batch:.2g} {one.excess(lr=2e-3, batch=5e5):.4f}"
    '0.0010 5e+05 0.0019'
    """
    rng = np.random.default_rng(seed)
    places = np.stack([_steps(runs["N"]), _steps(runs["D"])], axis=1)
    return tuple(
        _cell(runs.where((places == place).all(axis=1)), (window, level), rng.exponential(size=(draws, len(runs))))
        for place in np.unique(places, axis=0)
    )


def optima(found: Sequence[Cell], *, of: str) -> Runs:
    """The optima as a table with the roles N, D, lr, batch and ``se``, the standard error of ``of`` (lr or batch).

    A fit of a law such as ``step-law-lr`` then counts each optimum by how well it is known.

    >>> import forerun as fr
    >>> u, v = (x.ravel() for x in np.meshgrid(np.linspace(-2, 2, 9), np.linspace(-2, 2, 9)))
    >>> table = {"N": 0 * u + 1e8, "D": 0 * u + 1e10, "lr": np.exp(u - 6), "batch": np.exp(v + 13), "loss": 3 + (u * u + v * v) / 99}
    >>> optima(cells(fr.read_runs(table, batch="batch")), of="batch")["batch"].round(-3).tolist()
    [442000.0]
    """
    if not found:
        raise DataError("no-cells", "there are no cells", advice="Find them with cells(runs)")
    columns = {role: [getattr(cell, role) for cell in found] for role in ("N", "D", "lr", "batch", "loss")}
    columns["se"] = [getattr(cell, of) * max(getattr(cell, f"{of}_se"), FINEST) for cell in found]
    return read_runs(columns, **{role: role for role in columns})


def _steps(values: Array) -> Array:
    """Which step of a grid each value belongs to, (n,), counted from the smallest."""
    order = np.argsort(values)
    steps = np.empty(len(values), int)
    steps[order] = np.append(0, np.cumsum(np.diff(np.log(values[order])) > SAME))
    return steps


def _cell(runs: Runs, wish: tuple[float, float], chances: Array) -> Cell:
    (window, level), y = wish, runs["loss"]
    size = np.median(runs["N"]), np.median(runs["D"])
    near = y < (1.0 + window) * y.min()
    place, y = np.log(np.stack([runs["lr"], runs["batch"]], axis=1)[near]), y[near]
    if len(y) < FEWEST:
        message = f"N = {size[0]:g}, D = {size[1]:g} has {len(y)} runs within {window:.2g} of its least loss"
        raise DataError("too-few-runs", message, advice=f"A surface needs {FEWEST}: sweep finer, or leave the cell out")
    middle = place.mean(axis=0)
    terms = _terms(place - middle, len(CUBIC if len(y) >= MANY else QUADRATIC))
    box = np.stack([place.min(0), place.max(0)]) - middle
    surface = _robust(terms, y, np.ones(len(y)))
    best = _lowest(surface, box)
    drawn = np.array([_lowest(_robust(terms, y, w[: len(y)]), box) for w in chances])
    tail = (1.0 - level) / 2.0
    low, high = np.exp(percentiles(drawn, [tail, 1.0 - tail]) + middle)
    lr, batch = np.exp(best + middle).tolist()
    return Cell(
        N=float(size[0]), D=float(size[1]), lr=lr, batch=batch, loss=float(_terms(best[None], len(surface))[0] @ surface),
        lr_interval=(float(low[0]), float(high[0])), batch_interval=(float(low[1]), float(high[1])),
        lr_se=float(drawn[:, 0].std()), batch_se=float(drawn[:, 1].std()), noise=float(np.std(y - terms @ surface)),
        runs=len(y), edge=bool(np.isclose(best, box).any()), surface=surface, middle=middle, box=box + middle,
    )  # fmt: skip


def _terms(place: Array, count: int) -> Array:
    """The first products of a cubic at places (n, 2), (n, count): six are those of a quadratic."""
    return np.stack([place[:, 0] ** i * place[:, 1] ** j for i, j in CUBIC[:count]], axis=1)


def _robust(terms: Array, y: Array, weights: Array) -> Array:
    """Coefficients of the surface by reweighted least squares."""
    w = weights
    for _ in range(REWEIGHTINGS):
        root = np.sqrt(w)
        found = np.linalg.lstsq(terms * root[:, None], y * root, rcond=None)[0]
        off = np.abs(y - terms @ found)
        w = weights * np.minimum(1.0, HUBER * 1.4826 * np.median(off) / np.maximum(off, 1e-300))
    return found


def _lowest(surface: Array, box: Array) -> Array:
    """Where a surface is least inside a box, (2,): the best point of a mesh, and of three finer ones."""
    at = box.mean(axis=0)
    span = np.diff(box, axis=0)[0] / 2.0
    for _ in range(4):
        axes = [np.clip(np.linspace(-s, s, MESH) + a, *limits) for a, s, limits in zip(at, span, box.T)]
        mesh = np.stack([m.ravel() for m in np.meshgrid(*axes, indexing="ij")], axis=1)
        at, span = mesh[(_terms(mesh, len(surface)) @ surface).argmin()], 2.0 * span / MESH
    return at
