"""Optima of budgets without a curve for each: the envelope of the best runs, and a law fitted to all of them."""

from __future__ import annotations

import numpy as np

from forerun.fitting.allocation import Level, Scaling
from forerun.fitting.budgets import enough, interval_of, power_law, sort_into_budgets
from forerun.note import DataError, Note
from forerun.runs import Runs
from forerun.spending import find_lowest
from forerun.units import format_quantity

Array = np.ndarray
REACH = 7.0  # nepers beyond the trained sizes in which a surface's optimum is looked for
COMPUTE_STEPS = 1500  # compute values of an envelope: Hoffmann et al. 2022, arXiv:2203.15556, section 3.1


def envelope(runs: Runs, draws: int, level: float, rng: np.random.Generator
              ) -> tuple[tuple[Level, ...], dict[str, Scaling], list[Note]]:  # fmt: skip
    """The best run at each compute: along training curves where there are any, else the best run of each budget."""
    if runs.checkpoints:
        compute, n, d, loss = _curves(runs)
    else:
        budgets = sort_into_budgets(runs)
        compute, n, d = budgets.flops, budgets.n, budgets.d
        loss = np.where(budgets.mask > 0, budgets.y, np.inf)
    best = loss.argmin(1)
    rows = np.arange(len(best))
    sizes = np.where(np.isfinite(loss), n, np.nan)
    with np.errstate(all="ignore"):
        edge = (n[rows, best] <= np.nanmin(sizes, 1)) | (n[rows, best] >= np.nanmax(sizes, 1))
    refused = ["its best run is the smallest or the largest that was trained" if e else "" for e in edge]
    kept = enough(~edge, compute, refused)
    winners, tokens = n[rows, best], d[rows, best]
    drawn = other = None
    if draws:
        drawn, other = np.empty((draws, len(best))), np.empty((draws, len(best)))
        for k in range(draws):  # runs drawn with replacement: those that are not drawn are not there
            if runs.checkpoints:
                there = np.bincount(rng.integers(n.shape[1], size=n.shape[1]), minlength=n.shape[1])[None] > 0
            else:
                there = rng.poisson(1.0, size=n.shape) > 0
            part = np.where(there, loss, np.inf)
            pick = part.argmin(1)
            found = np.isfinite(part[rows, pick])
            drawn[k], other[k] = (np.where(found, x[rows, pick], np.nan) for x in (n, d))
    scaling = {
        "N": power_law(compute, winners, drawn, kept, level),
        "D": power_law(compute, tokens, other, kept, level),
    }
    shown = rows if len(rows) <= 20 else rows[:: -(-len(rows) // 20)]
    levels = tuple(
        Level(float(compute[i]), int(np.isfinite(loss[i]).sum()), refused=refused[i]) if edge[i] else
        Level(float(compute[i]), int(np.isfinite(loss[i]).sum()), N=float(np.exp(winners[i])),
              D=float(np.exp(tokens[i])), loss=float(loss[i, best[i]]),
              N_interval=None if drawn is None else interval_of(drawn[:, i], level))
        for i in shown
    )  # fmt: skip
    notes = []
    if edge.any():
        message = f"at {int(edge.sum())} of {len(edge)} compute values the best run is the smallest or largest, and was left out"
        notes.append(
            Note("edge-minimum", "warning", message, {"left_out": int(edge.sum())}, "Train smaller and larger models.")
        )
    advice = "Use method parabola, akima or surface where runs lie on budgets."
    notes.append(
        Note("coarse-envelope", "info", "an envelope can only choose among the sizes that were trained", {}, advice)
    )
    return levels, scaling, notes


def _curves(runs: Runs) -> tuple[Array, Array, Array, Array]:
    """Compute values (K,), and for each run (K, runs) its log size, log tokens and loss there, infinite where it was not."""
    names, compute, n, loss = runs["run"], runs["C"], runs["N"], runs["loss"]
    tokens = np.log(runs["D"])
    members = list(dict.fromkeys(names.tolist()))
    grid = np.geomspace(compute.min(), compute.max(), COMPUTE_STEPS)
    sizes, seen = np.empty((COMPUTE_STEPS, len(members))), np.empty((COMPUTE_STEPS, len(members)))
    table = np.full((COMPUTE_STEPS, len(members)), np.inf)
    for k, name in enumerate(members):
        rows = np.flatnonzero(names == name)
        rows = rows[np.argsort(compute[rows], kind="stable")]
        sizes[:, k] = np.log(n[rows[-1]])
        seen[:, k] = np.interp(np.log(grid), np.log(compute[rows]), tokens[rows])
        inside = (grid >= compute[rows[0]]) & (grid <= compute[rows[-1]])
        table[inside, k] = np.interp(np.log(grid[inside]), np.log(compute[rows]), loss[rows])
    there = np.isfinite(table).any(1)
    return grid[there], sizes[there], seen[there], table[there]


def surface(runs: Runs, law: str, tolerance: float, draws: int, level: float, seed: int
             ) -> tuple[tuple[Level, ...], dict[str, Scaling], list[Note]]:  # fmt: skip
    """A law of N and D fitted to all runs; its optimum along each budget, for the fit and for each of its draws."""
    from forerun.fitting.estimate import fit

    fitted = fit(law, runs, draws=max(draws, 2), uncertainty="bootstrap" if draws else "none", level=level, seed=seed)
    if not {"N", "D"} <= set(fitted.law.inputs):
        raise DataError("bad-law", f"{law} is no law of N and D", advice="Use for example law='chinchilla'")
    compute = runs["C"]
    try:
        flops = sort_into_budgets(runs.final()).flops
    except DataError:
        flops = np.geomspace(compute.min(), compute.max(), 9)
    if len(flops) > 12:
        flops = np.geomspace(flops.min(), flops.max(), 9)
    per_token = float(np.median(compute / (runs["N"] * runs["D"])))  # FLOPs per parameter and token, 6 as a rule
    smallest, largest = (float(f(np.log(runs["N"]))) for f in (np.min, np.max))
    grid = np.linspace(smallest - REACH, largest + REACH, 1000)
    levels, best, drawn = [], np.empty(len(flops)), np.empty((len(fitted.draws), len(flops)))
    for i, c in enumerate(flops.tolist()):
        at = {"N": np.exp(grid), "D": c / (per_token * np.exp(grid)), "M": c / (per_token * np.exp(grid) ** 2)}
        at = {name: at[name] for name in fitted.law.inputs}
        curve = fitted.predict(at)
        best[i], least = find_lowest(grid, curve[None])[0][0], float(curve.min())
        if curve.argmin() in (0, len(grid) - 1):
            message = f"the fitted {law} has no optimum near these runs at C = {format_quantity(c)}"
            raise DataError("no-minimum", message, advice="Train sizes on both sides of the optimum")
        if len(fitted.draws):
            drawn[:, i] = find_lowest(grid, fitted.sample(at))[0]
        good = np.exp(grid[curve <= least * (1.0 + tolerance)])
        n = float(np.exp(best[i]))
        inverse = None if not len(fitted.draws) else interval_of(np.log(c / per_token) - drawn[:, i], level)
        levels.append(Level(c, int((np.abs(np.log10(compute / c)) < 0.05).sum()), n, c / per_token / n, least,
                            interval_of(drawn[:, i], level) if len(drawn) else None, inverse,
                            (float(good.min()), float(good.max())), knots=(grid[::8], curve[::8])))  # fmt: skip
    every = np.ones(len(flops), bool)
    tokens, other = np.log(flops / per_token) - best, np.log(flops / per_token) - drawn
    outside = [format_quantity(c) for c, x in zip(flops.tolist(), best.tolist()) if not smallest <= x <= largest]
    notes = list(fitted.notes)
    if outside:
        message = f"the best N lies outside all sizes that were trained at C = {', '.join(outside)}"
        advice = "Train sizes on both sides of the optimum; the law alone says where it is."
        notes.append(Note("optimum-outside", "warning", message, {"budgets": outside}, advice))
    scaling = {"N": power_law(flops, best, drawn if len(drawn) else None, every, level),
               "D": power_law(flops, tokens, other if len(drawn) else None, every, level)}  # fmt: skip
    return tuple(levels), scaling, notes
