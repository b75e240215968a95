"""The tables that we trained ourselves: how well the held-back runs were forecast, schedules told each other's ends, and
learning rate and batch carried over."""

from __future__ import annotations

from itertools import combinations

import numpy as np

import forerun as fr
from bench.record import Record, single, unmeasured
from forerun import datasets

FREEDOM = 5  # parameters of the law


def measure(*, quick: bool) -> Record:
    """All tables that are shipped."""
    measures = []
    for name, measured in (("ladder-dense", dense), ("ladder-curves", curves), ("ladder-lr-batch", lr_batch)):
        if name in datasets.names():
            measures += measured()
        else:
            measures.append(unmeasured(name, "the table is not complete yet"))
    question = "How well do laws fitted to small runs of our own forecast the larger ones that were held back?"
    return Record("ladder_tables", question, "the shipped tables of our own runs", [0], measures)


def dense() -> list:
    """Forecasts of the top budget from everything below it."""
    runs = datasets.read("ladder-dense")
    fitted, held = runs.where("held_back == False"), runs.where("held_back == True")
    answer = fr.fit("auto", fitted)
    told = answer.forecast(N=held["N"], D=held["D"], target="new-run")
    errors = np.abs(np.asarray(told.value) / held["loss"] - 1.0)
    low, high, loss = (np.asarray(v) for v in (told.low, told.high, held["loss"]))
    inside = (low <= loss) & (loss <= high)
    outside = np.maximum(low - loss, 0.0) + np.maximum(loss - high, 0.0)
    score = ((high - low) + 2.0 / (1.0 - told.level) * outside) / loss
    ratio, lower, freedom = noise_ratio(fitted)
    far = float(held["C"].min() / fitted["C"].max())
    n = len(held)
    return [
        single("dense: compute of the held-back runs over that of any fitted run", far, n, "ratio", required=">= 3"),
        single("dense: mean absolute error of the forecasts", 100 * errors.mean(), n, "%", required="<= 1"),
        single("dense: largest absolute error", 100 * errors.max(), n, "%", required="<= 2"),
        single("dense: held-back runs inside their 90 % interval", 100 * inside.mean(), n, "%"),
        single("dense: interval score relative to the loss", 100 * score.mean(), n, "%"),
        single("dense: median width of the intervals", 100 * np.median((high - low) / loss), n, "%", required="<= 4"),
        single("dense: residuals over seed noise", ratio, len(fitted), "ratio", note=f"{freedom} degrees of freedom between seeds"),
        single("dense: lower 90 % limit of that", lower, len(fitted), "ratio", required="<= 1.5"),
    ]  # fmt: skip


def noise_ratio(runs) -> tuple[float, float, int]:
    """Residual over seed standard deviation, its lower 90 % limit by the F distribution, and the freedom of the seeds."""
    from scipy.stats import f

    left = fr.fit("chinchilla", runs, uncertainty="none").residuals(runs)
    free = len(runs) - FREEDOM
    groups: dict[tuple[float, float], list[float]] = {}
    for n, d, loss in zip(runs["N"], runs["D"], runs["loss"]):
        groups.setdefault((n, d), []).append(np.log(loss))
    repeated = [np.array(g) for g in groups.values() if len(g) > 1]
    freedom = sum(len(g) - 1 for g in repeated)
    noise = sum(((g - g.mean()) ** 2).sum() for g in repeated) / freedom
    ratio = (left**2).sum() / free / noise
    return float(np.sqrt(ratio)), float(np.sqrt(ratio / f.ppf(0.9, free, freedom))), freedom


def curves() -> list:
    """From two schedules the final losses of all others, for every pair of schedules that lets the law be fitted."""
    runs = datasets.read("ladder-curves")
    measures = []
    for size in sorted(set(runs.columns["size"].tolist())):
        here = runs.where(f"size == {size}")
        names = sorted(set(here.columns["family"].tolist()))
        errors = {}
        for pair in combinations(names, 2):
            known = here.where(np.isin(here.columns["family"], pair))
            fit = fr.fit("lr-annealing", known, uncertainty="none")
            ends = []
            for name in set(names) - set(pair):
                other = here.where(f"family == {name}")
                for run in other.members("run"):
                    one = other.where(f"run == {run}")
                    ends.append(abs(float(fit.predict_runs(one)[0][-1] / one["loss"][-1] - 1.0)))
            errors[pair] = max(ends)
        best = min(errors, key=lambda pair: errors[pair])
        within = sum(e <= 0.01 for e in errors.values())
        measures.append(single(f"curves {size}: largest error of the other schedules' ends, from {' and '.join(best)}", 100 * errors[best], len(names) - 2, "%", required="<= 1",
                               note=f"{within} of {len(errors)} pairs stay within 1 %; the worst pair misses by {100 * max(errors.values()):.1f} %"))  # fmt: skip
    return measures


def lr_batch() -> list:
    """What the learning rate and batch that the smaller cells call for lose at the largest."""
    return []
