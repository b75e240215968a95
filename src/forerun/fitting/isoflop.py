"""`isoflop`: how the best size and token count grow with compute, from runs on several compute budgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from forerun.fitting.allocation import IsoFlop, Level, Scaling
from forerun.fitting.budgets import (
    FEW_SIZES,
    Budgets,
    enough,
    grouped,
    interval_of,
    lines,
    power_law,
    refusals,
    sort_into_budgets,
)
from forerun.fitting.cleaning import cleaned
from forerun.fitting.curves import Minima, akima_minima, interpolation_noise, parabolas, two_powers
from forerun.fitting.frontier import envelope, surface
from forerun.fitting.uncertainty import check_kind
from forerun.note import DataError, Note
from forerun.runs import Runs
from forerun.units import format_quantity

Array = np.ndarray
METHODS = ("parabola", "akima", "envelope", "surface")
TOLERANCE = 0.005  # relative excess loss that is near-optimal
SKEWED = 10.0  # F value above which the curves are no parabolas
SHIFTED = 0.01  # relative change of an optimum that is worth a note
TILTED = 0.002  # change of an exponent that is
FEW_DRAWS = 100
NEAR_EDGE = 0.1  # of a budget's range


def isoflop(
    runs: Runs,
    *,
    method: str = "parabola",
    law: str = "chinchilla",
    clean: bool = False,
    tolerance: float = TOLERANCE,
    draws: int = 1000,
    level: float = 0.9,
    seed: int = 0,
) -> IsoFlop:
    """The compute-optimal N and D of each budget, and the power laws N* and D* of C through them, with intervals.

    ``method`` is ``parabola`` (approach 2 of Hoffmann et al. 2022, arXiv:2203.15556, section 3.2: a parabola of the
    loss in log N and in log D for each budget), ``akima`` (interpolation, each budget weighted by how sure its minimum
    is: Porian et al. 2024, arXiv:2406.19146), ``envelope`` (approach 1: the best run at each compute, along training
    curves where runs have checkpoints), or ``surface`` (approach 3: ``law`` fitted to all runs). Runs need C, and N, D
    or both. Bootstraps stay within budgets; the interpolation is redrawn with the noise that it leaves.
    ``tolerance`` is the relative excess loss that counts as near-optimal. ``clean`` first leaves out runs by the rules
    of :mod:`forerun.fitting.cleaning`, counts them, and says what the exponents are without that.

    A budget whose minimum lies outside its sizes, whose parabola has no minimum, or that has fewer than four sizes is
    refused and said so. Parabolas are biased where the grid is wide or off-centre or the exponents differ (Porian et
    al.; a note says so where the data show it). Raises :class:`DataError` where fewer than three budgets are left.

    >>> import forerun as fr, numpy as np
    >>> budget, size = np.meshgrid([1e18, 1e19, 1e20], np.linspace(-0.6, 0.6, 7))
    >>> n = 0.09 * budget**0.5 * 10**size
    >>> loss = 1.7 + 400 * n**-0.34 + 1000 * (budget / 6 / n)**-0.34
    >>> runs = fr.read_runs({"N": n.ravel(), "C": budget.ravel(), "loss": loss.ravel()}, C="C")
    >>> round(fr.isoflop(runs).scaling["N"].exponent, 3)
    0.5
    """
    if method not in METHODS:
        message = f"there is no method {method!r}"
        raise DataError("unknown-method", message, advice=f"Use one of: {', '.join(METHODS)}")
    check_kind("bootstrap", "row", draws or 2, level)
    if seed < 0 or seed != int(seed):
        raise DataError("bad-value", f"seed must be zero or a positive whole number, received {seed}")
    if not 0.0 < tolerance < 1.0:
        raise DataError(
            "bad-value", f"tolerance must lie between 0 and 1, received {tolerance:g}", advice="Write 0.5 % as 0.005"
        )
    for role in ("C", "N", "D", "loss"):
        runs[role]  # says what is missing, and where it could come from
    if clean:
        return _cleaned(runs, dict(method=method, law=law, tolerance=tolerance, draws=draws, level=level, seed=seed))
    rng = np.random.default_rng(seed)
    if method == "surface":
        found, scaling, notes = surface(runs, law, tolerance, draws, level, seed)
    elif method == "envelope":
        found, scaling, notes = envelope(runs, draws, level, rng)
    else:
        budgets = sort_into_budgets(runs.final())
        minima = _parabola if method == "parabola" else _akima
        found, scaling, notes = minima(budgets, tolerance, draws, level, rng)
    if 0 < draws < FEW_DRAWS and method != "surface":
        advice = f"Take at least {FEW_DRAWS}, 1000 by default."
        notes.append(Note("few-draws", "info", f"limits from {draws} draws are rough", {"draws": draws}, advice))
    return IsoFlop(method, found, scaling, level, tolerance, runs.source, runs.audit, tuple(notes))


def _cleaned(runs: Runs, settings: dict[str, Any]) -> IsoFlop:
    """The same question to the runs that the rules of cleaning leave, with what it would be on all of them."""
    if settings["method"] not in ("parabola", "akima"):
        message = f"cleaning is for methods that look at budgets one by one, not for {settings['method']}"
        raise DataError("bad-option", message, advice="Use method parabola or akima, or leave clean out")
    runs = runs.final()
    order, first = grouped(runs["C"])
    rules = cleaned(np.split(order, first[1:]), runs["N"], runs["D"], runs["C"], runs["loss"])
    keep = np.ones(len(runs), bool)
    keep[np.concatenate(list(rules.values()))] = False
    counted = ", ".join(f"{len(rows)} {rule}" for rule, rows in rules.items() if len(rows)) or "none"
    if not keep.any():
        raise DataError(
            "nothing-left", f"cleaning leaves none of {len(runs)} runs ({counted})", advice="Leave clean out"
        )
    found = isoflop(runs.where(keep), **settings)
    try:
        every = isoflop(runs, **{**settings, "draws": 0}).scaling
        before = f"N {every['N'].exponent:.4f} and D {every['D'].exponent:.4f}"
    except DataError as error:
        before = f"not to be had ({error.message})"
    message = f"cleaning left out {int((~keep).sum())} of {len(runs)} runs ({counted}); on all of them the exponents are {before}"
    evidence = {rule: sorted(runs.rows[rows].tolist()) for rule, rows in rules.items()}
    note = Note("runs-cleaned", "warning", message, evidence, "Give both; rules that remove runs decide the answer.")
    if keep.all():
        note = Note("runs-cleaned", "info", f"the rules of cleaning keep all {len(runs)} runs", evidence)
    audit = (*runs.audit, f"cleaned: {int(keep.sum())} of {len(runs)} rows left")
    return replace(found, audit=audit, notes=(note, *found.notes))


def _parabola(budgets: Budgets, tolerance: float, draws: int, level: float, rng: np.random.Generator
              ) -> tuple[tuple[Level, ...], dict[str, Scaling], list[Note]]:  # fmt: skip
    best = {v: parabolas(x, budgets.y, budgets.mask) for v, x in (("N", budgets.n), ("D", budgets.d))}
    refused = refusals(budgets, best["N"].x, best["D"].x)
    kept = enough([not r for r in refused], budgets.flops, refused)
    weights = rng.exponential(size=(draws, *budgets.mask.shape)) * budgets.mask
    drawn = {v: parabolas(x, budgets.y, weights).x for v, x in (("N", budgets.n), ("D", budgets.d))} if draws else {}
    _widened(drawn, {v: m.x for v, m in best.items()}, budgets)
    levels = _levels(budgets, best["N"], best["D"].x, drawn, refused, tolerance, level)
    scaling = {v: power_law(budgets.flops, best[v].x, drawn.get(v), kept, level) for v in best}
    return (
        levels,
        scaling,
        [
            *_said(refused, budgets),
            *_lost(drawn, kept),
            *_edges(budgets, best["N"].x, kept),
            *_skew(budgets, best["N"].x, kept),
        ],
    )


def _akima(budgets: Budgets, tolerance: float, draws: int, level: float, rng: np.random.Generator
           ) -> tuple[tuple[Level, ...], dict[str, Scaling], list[Note]]:  # fmt: skip
    """Interpolations, redrawn with the noise of single losses; budgets weigh by the inverse variance of their minimum."""
    curves = {v: [_merged(x[i], budgets.y[i], budgets.mask[i]) for i in range(len(x))]
              for v, x in (("N", budgets.n), ("D", budgets.d))}  # fmt: skip
    noise = interpolation_noise(curves["N"])
    some = draws or 200
    notes = []
    if not noise:
        draws = 0
        message = "no budget has five sizes, so the noise of single losses cannot be told from their curve"
        notes.append(
            Note("no-uncertainty", "warning", message, {}, "Train more sizes, or use method parabola or surface.")
        )
    shocks = rng.standard_normal((some, *budgets.mask.shape)) * noise
    best, drawn = {}, {}
    for v, pairs in curves.items():
        shape = (len(pairs), 1 + some)
        at, least, bend = np.full(shape, np.nan), np.full(shape, np.nan), np.full(shape, np.nan)
        for i, (x, y) in enumerate(pairs):
            if len(x) >= FEW_SIZES:
                found = akima_minima(x, np.concatenate([y[None], y + shocks[:, i, : len(x)]]))
                at[i], least[i], bend[i] = found.x, found.y, found.curvature
        best[v] = Minima(at[:, 0], least[:, 0], bend[:, 0])
        drawn[v] = at[:, 1:].T
    refused = refusals(budgets, best["N"].x, best["D"].x)
    kept = enough([not r for r in refused], budgets.flops, refused)
    levels = _levels(budgets, best["N"], best["D"].x, drawn if draws else {}, refused, tolerance, level, curves["N"])
    scaling = {}
    for v in best:
        spread = np.nanvar(drawn[v][:, kept], axis=0)
        weights = np.zeros(len(kept))
        weights[kept] = 1.0 / np.maximum(spread, 1e-4 * np.median(spread) + 1e-12)
        scaling[v] = power_law(budgets.flops, best[v].x, drawn[v] if draws else None, kept, level, weights)
    return levels, scaling, [*notes, *_said(refused, budgets), *_rough(levels), *_edges(budgets, best["N"].x, kept)]


def _merged(x: Array, y: Array, mask: Array) -> tuple[Array, Array]:
    """One budget in increasing order, runs of one size at their mean loss."""
    x, y = x[mask > 0], y[mask > 0]
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    first = np.flatnonzero(np.concatenate([[True], np.diff(x) > 1e-9]))
    count = np.diff(np.append(first, len(x)))
    return np.add.reduceat(x, first) / count, np.add.reduceat(y, first) / count


def _widened(drawn: dict[str, Array], best: dict[str, Array], budgets: Budgets) -> None:
    """Widen minima for the three coefficients of each parabola, and take out those that have left their budget.

    A resampled parabola whose minimum lies more than a budget's width outside has none.
    """
    count = budgets.mask.sum(1)
    wider = np.sqrt(count / np.maximum(count - 3.0, 1.0))
    for v, x in (("N", budgets.n), ("D", budgets.d)):
        if v in drawn:
            low = np.where(budgets.mask > 0, x, np.inf).min(1)
            high = np.where(budgets.mask > 0, x, -np.inf).max(1)
            moved = best[v] + wider * (drawn[v] - best[v])
            with np.errstate(invalid="ignore"):
                drawn[v] = np.where((moved < 2 * low - high) | (moved > 2 * high - low), np.nan, moved)


def _levels(budgets: Budgets, minimum: object, d: Array, drawn: dict[str, Array], refused: Sequence[str], tolerance: float,
            level: float, knots: Sequence[tuple[Array, Array]] | None = None) -> tuple[Level, ...]:  # fmt: skip
    found = []
    for i, reason in enumerate(refused):
        count = int(budgets.mask[i].sum())
        if reason:
            found.append(Level(float(budgets.flops[i]), count, refused=reason))
            continue
        x, least, bend = (float(getattr(minimum, name)[i]) for name in ("x", "y", "curvature"))
        reach = float(np.sqrt(tolerance * abs(least) / bend)) if bend > 0 else float("nan")
        near = (float(np.exp(x - reach)), float(np.exp(x + reach)))
        if knots is not None:
            near = _near(*knots[i], least, tolerance)
        found.append(
            Level(
                flops=float(budgets.flops[i]),
                runs=count,
                N=float(np.exp(x)),
                D=float(np.exp(d[i])),
                loss=least,
                N_interval=interval_of(drawn["N"][:, i], level) if drawn else None,
                D_interval=interval_of(drawn["D"][:, i], level) if drawn else None,
                near_optimal=near,
                curvature=bend,
                knots=None if knots is None else knots[i],
            )
        )
    return tuple(found)


def _near(x: Array, y: Array, least: float, tolerance: float) -> tuple[float, float]:
    """Where an interpolation stays within the tolerance, around its minimum."""
    from forerun.fitting.curves import akima

    at = np.linspace(x[0], x[-1], 400)
    good = at[akima(x, y[None], at)[0] <= least + tolerance * abs(least)]
    return float(np.exp(good.min())), float(np.exp(good.max()))


def _said(refused: Sequence[str], budgets: Budgets) -> list[Note]:
    notes = []
    codes = {"fewer": "too-few-sizes", "its parabola": "no-minimum", "its minimum": "edge-minimum"}
    for start, code in codes.items():
        at = [format_quantity(c) for c, reason in zip(budgets.flops.tolist(), refused) if reason.startswith(start)]
        if at:
            reason = next(r for r in refused if r.startswith(start))
            message = f"{len(at)} of {len(refused)} budgets were left out, {reason.replace('its', 'the')} (C = {', '.join(at)})"
            notes.append(
                Note(code, "warning", message, {"budgets": at}, "Train more sizes on both sides of the optimum there.")
            )
    return notes


def _lost(drawn: dict[str, Array], kept: Array) -> list[Note]:
    """Resampled parabolas without a minimum: their budget was left out of that draw."""
    if not drawn:
        return []
    lost = np.isnan(drawn["N"][:, kept])
    if lost.mean() < 0.005:
        return []
    message = (
        f"{lost.mean():.1%} of the resampled parabolas have no minimum near their runs and were left out of their draw"
    )
    advice = "The minimum of some budget is hardly seen; add sizes around it."
    return [Note("minima-lost", "warning", message, {"share": float(lost.mean())}, advice)]


def _rough(levels: Sequence[Level]) -> list[Note]:
    """Interpolations that follow the noise: most budgets have several minima between their runs."""
    kept = [x for x in levels if x.knots is not None]
    several = []
    for x in kept:
        assert x.knots is not None
        y = np.concatenate([[np.inf], x.knots[1], [np.inf]])
        if int(((y[1:-1] < y[:-2]) & (y[1:-1] < y[2:])).sum()) > 1:
            several.append(format_quantity(x.flops))
    if 2 * len(several) <= len(kept):
        return []
    message = f"{len(several)} of {len(kept)} interpolated budgets have several minima: they follow the noise of single losses"
    return [
        Note(
            "rough-curves", "warning", message, {"budgets": several}, "Use method parabola or surface for noisy losses."
        )
    ]


def _edges(budgets: Budgets, best: Array, kept: Array) -> list[Note]:
    """Minima inside the range but near its end, or with the least loss of all runs at the end."""
    near = []
    for i in np.flatnonzero(kept):
        shown = budgets.mask[i] > 0
        x, y = budgets.n[i, shown], budgets.y[i, shown]
        share = (best[i] - x.min()) / np.ptp(x)
        if not NEAR_EDGE < share < 1.0 - NEAR_EDGE or x[y.argmin()] in (x.min(), x.max()):
            near.append(format_quantity(float(budgets.flops[i])))
    if not near:
        return []
    message = f"the minimum lies near the edge of the sizes that were trained at C = {', '.join(near)}"
    return [
        Note(
            "near-edge", "warning", message, {"budgets": near}, "Train sizes beyond it; a minimum at an edge is biased."
        )
    ]


def _skew(budgets: Budgets, best: Array, kept: Array) -> list[Note]:
    """Whether the curves are parabolas at all, and how far their optima lie from those of sums of two powers."""
    other, gain = two_powers(budgets.n[kept], budgets.y[kept], budgets.mask[kept])
    if not np.isfinite(other).all() or gain < SKEWED:
        return []
    move = np.exp(other - best[kept]) - 1.0
    c, w = np.log(budgets.flops[kept]), np.ones(int(kept.sum()))
    slope, unbiased = (float(lines(c, x[None], w)[1][0]) for x in (best[kept], other))
    if np.abs(move).max() < SHIFTED and abs(slope - unbiased) < TILTED:
        return []
    message = (
        f"the curves are not parabolas (F = {gain:.3g}): as sums of two powers their optima lie {move.min():+.1%} to "
        f"{move.max():+.1%} in N from here, and the exponent of N is {unbiased:.4f} instead of {slope:.4f}"
    )
    evidence = {"f": gain, "exponent": slope, "two_powers": unbiased, "largest_move": float(np.abs(move).max())}
    advice = "Parabolas are biased by wide or off-centre grids and unequal exponents: use method surface or akima, or sizes nearer to the optimum."
    return [Note("parabola-bias", "warning", message, evidence, advice)]
