"""The tables that we trained ourselves: how well the held-back runs were forecast, schedules told each other's ends, and
learning rate and batch carried over."""

from __future__ import annotations

from itertools import combinations

import numpy as np

import forerun as fr
from bench.record import Record, single, unmeasured
from forerun import datasets
from forerun.predict.cells import cells, optima

LAWS = ("chinchilla", "kaplan-nd", "skaling-coupled", "farseer")  # of N and D, all that were read in a source
# Chosen on six schedules of one 48x3 model on the text of the recipe: the tied law, this pair (0.32 %; 9 of 15 pairs within
# 1 %) and the peak rate. At 0.02 with weight decay no pair was within 1 % there.
OF_SCHEDULES = "multi-power-law"
PAIR = ("cosine", "wsd 10%")
CHOSEN_PEAK = 0.007
DOMAINS = ("prose", "documentation", "code")
WINDOW = 0.05  # of the loss above the least of a cell, within which runs make its surface
SEEDS = 3


def measure(*, quick: bool) -> Record:
    """All tables that are shipped."""
    measures = []
    tables = {
        "dense": dense,
        "curves": curves,
        "lr-batch": lr_batch,
        "transfer": transfer,
        "wsd": wsd,
        "mixture": mixture,
        "repeat": repeat,
    }
    for table, measured in tables.items():
        name = f"ladder-{table}"
        if name in datasets.names():
            measures += measured()
        else:
            measures.append(unmeasured(name, "the table is not complete yet"))
    question = "How well do laws fitted to small runs of our own forecast the larger ones that were held back?"
    return Record("ladder_tables", question, "the shipped tables of our own runs", [0], measures)


def dense() -> list:
    """Forecasts of the top budget from everything below it, by the law of the table, by the one that missed the hidden runs
    among those below least where it is another, and by `auto`."""
    runs = datasets.read("ladder-dense", where=())
    fitted, held = runs.where("held_back == False"), runs.where("held_back == True")
    law, n = datasets.get("ladder-dense").law, len(held)
    chosen = fr.select(LAWS, fitted)
    ranked = ", ".join(f"{r.law} {100 * (r.missed or np.nan):.2f} %" for r in chosen.laws)
    ratio, lower, freedom = noise_ratio(law, fitted)
    far = float(held["C"].min() / fitted["C"].max())
    backtested = fr.backtest(law, fitted)
    return [
        single("dense: compute of the held-back runs over that of any fitted run", far, n, "ratio", required=">= 3"),
        *scored(law, fr.fit(law, fitted), held, {"error": "<= 1", "largest": "<= 2", "width": "<= 4"},
                note=f"misses of hidden runs among the fitted ones: {ranked}"),
        *(scored(chosen.best, fr.fit(chosen.best, fitted), held, {}, note=chosen.verdict) if chosen.best != law else []),
        *scored("auto", fr.fit("auto", fitted), held, {}),
        single("dense: residuals over seed noise", ratio, len(fitted), "ratio", note=f"{freedom} degrees of freedom between seeds"),
        single("dense: lower 90 % limit of that", lower, len(fitted), "ratio", required="<= 1.5"),
        single("dense: median error of the back-test below the top budget", 100 * float(np.median([c.median_error for c in backtested.cuts])),
               len(backtested.cuts), "%", note=backtested.verdict),
    ]  # fmt: skip


def scored(name: str, answer, held, required: dict[str, str], note: str = "") -> list:
    """How far the forecasts of runs that nobody fitted were off, and how often and how tightly their intervals held them."""
    told = answer.forecast(N=held["N"], D=held["D"], target="new-run")
    errors = np.abs(np.asarray(told.value) / held["loss"] - 1.0)
    low, high, loss = (np.asarray(v) for v in (told.low, told.high, held["loss"]))
    inside = (low <= loss) & (loss <= high)
    outside = np.maximum(low - loss, 0.0) + np.maximum(loss - high, 0.0)
    score = ((high - low) + 2.0 / (1.0 - told.level) * outside) / loss
    figures = {
        "error": ("mean absolute error of the forecasts", errors.mean()),
        "largest": ("largest absolute error", errors.max()),
        "inside": ("held-back runs inside their 90 % interval", inside.mean()),
        "score": ("interval score relative to the loss", score.mean()),
        "width": ("median width of the intervals", np.median((high - low) / loss)),
    }
    return [
        single(
            f"dense, {name}: {what}",
            100 * float(value),
            len(held),
            "%",
            required=required.get(key, ""),
            note=note if key == "error" else "",
        )
        for key, (what, value) in figures.items()
    ]


def noise_ratio(law: str, runs) -> tuple[float, float, int]:
    """Residual over seed standard deviation, its lower 90 % limit by the F distribution, and the freedom of the seeds."""
    from scipy.stats import f

    fit = fr.fit(law, runs, uncertainty="none")
    left, free = fit.residuals(runs), len(runs) - len(fit.params)
    groups: dict[tuple[float, float], list[float]] = {}
    for n, d, loss in zip(runs["N"], runs["D"], runs["loss"]):
        groups.setdefault((n, d), []).append(np.log(loss))
    repeated = [np.array(g) for g in groups.values() if len(g) > 1]
    freedom = sum(len(g) - 1 for g in repeated)
    noise = sum(((g - g.mean()) ** 2).sum() for g in repeated) / freedom
    ratio = (left**2).sum() / free / noise
    return float(np.sqrt(ratio)), float(np.sqrt(ratio / f.ppf(0.9, free, freedom))), freedom


def curves() -> list:
    """From two schedules the final losses of all others, as the mean over seeds: the pair fixed beforehand, and every pair."""
    runs = datasets.read(
        "ladder-curves", step="step", lr="lr", run="run", family="annealing", loss="loss", loss_unit="nats/byte"
    )
    measures = []
    for size in sorted(set(runs.columns["size"].tolist())):
        for peak in sorted(set(runs.columns["peak_lr"].tolist())):
            here = runs.where(f"size == {size}").where(f"peak_lr == {peak:g}")
            names = sorted(set(here["family"].tolist()))
            errors = {pair: max(ends(here, pair).values()) for pair in combinations(names, 2)}
            within, every = sum(error <= 0.01 for error in errors.values()), 100 * np.array(list(errors.values()))
            note = f"{within} of {len(errors)} pairs stay within 1 %; median {np.median(every):.1f} %, worst {every.max():.1f} %"
            what = f"curves {size}, peak rate {peak:g}: largest error of the other schedules' ends, from {' and '.join(PAIR)}"
            required = "<= 1" if peak == CHOSEN_PEAK else ""
            measures.append(single(what, 100 * errors[PAIR], len(names) - 2, "%", required=required, note=note))
    return measures


def ends(runs, pair: tuple[str, ...]) -> dict[str, float]:
    """How far the law of two schedules is off at the end of each other one."""
    family = runs["family"]
    law = fr.laws.get(OF_SCHEDULES).tie(gamma="beta")
    fit = fr.fit(law, runs.where(np.isin(family, pair)), uncertainty="none")
    missed: dict[str, list[float]] = {}
    for name in sorted(set(family.tolist()) - set(pair)):
        other = runs.where(family == name)
        for run in sorted(set(other["run"].tolist())):
            one = other.where(other["run"] == run)
            missed.setdefault(name, []).append(float(fit.predict_runs(one)[0][-1] / one["loss"][-1] - 1.0))
    return {name: abs(float(np.mean(values))) for name, values in missed.items()}


def lr_batch() -> list:
    """What the learning rate and batch that the smaller cells call for lose at the largest."""
    roles = {"N": "parameters", "D": "tokens", "C": "flops", "loss": "loss", "lr": "lr", "batch": "batch"}
    runs = datasets.read("ladder-lr-batch", **roles, loss_unit="nats/byte")
    *small, largest = sorted(cells(runs, window=WINDOW), key=lambda cell: cell.N * cell.D)
    called = {}
    for role in ("lr", "batch"):
        fit = fr.fit(f"deepseek-{role}", optima(small, of=role), uncertainty="none")
        called[role] = float(fit.predict({"C": np.array([6.0 * largest.N * largest.D])})[0])
    there = runs.where(runs["N"] == largest.N)
    # Nothing was measured beyond the sweep: a call outside it is taken at its edge.
    taken = {role: float(np.clip(value, there[role].min(), there[role].max())) for role, value in called.items()}
    best = int(there["loss"].argmin())
    lost = largest.loss * (1.0 + largest.excess(**taken)) / float(there["loss"][best]) - 1.0
    note = (
        f"called for: lr {called['lr']:.4f}, batch {called['batch']:.1f}; "
        f"best measured: {there['lr'][best]:g}, {there['batch'][best]:g}; optimum of the surface: {largest.lr:.4f}, {largest.batch:.1f}"
    )
    what = "lr and batch: loss at what the smaller cells call for, over the best run measured there"
    return [single(what, 100 * lost, len(there), "%", required="<= 0.5", note=note)]


def transfer() -> list:
    """What the learning rate that is best at width 32 gives up at width 128, with the rule of width and without it."""
    runs = datasets.read("ladder-transfer")
    measures = []
    for optimizer in ("adamw", "muon"):
        own = runs.where(f"optimizer == {optimizer}")
        narrow = by_rate(own.where("size == 32x2"))
        tuned = min(narrow, key=lambda rate: narrow[rate])
        for scaling, required in (("mup", "<= 0.5"), ("standard", "")):
            wide = by_rate(own.where("size == 128x2").where(f"scaling == {scaling}"))
            best = min(wide, key=lambda rate: wide[rate])
            how = "with the rule of width" if scaling == "mup" else "without a rule"
            note = f"best at width 32: {tuned:g}; best at width 128: {best:g}; {len(wide)} rates, three seeds"
            what = f"{optimizer}: loss given up at width 128 by the rate of width 32, {how}"
            measures.append(
                single(what, 100 * (wide[tuned] / wide[best] - 1.0), len(wide), "%", required=required, note=note)
            )
    return measures


def by_rate(runs) -> dict[float, float]:
    """Mean loss over the seeds of each learning rate; none where a seed diverged."""
    losses: dict[float, list[float]] = {}
    for rate, loss in zip(runs["lr"].tolist(), runs["loss"].tolist()):
        losses.setdefault(rate, []).append(loss)
    return {rate: float(np.mean(values)) for rate, values in losses.items() if len(values) == SEEDS}


def wsd() -> list:
    """One law from runs that share their stable phase and one from cosine runs, and what each cost."""
    runs = datasets.read("ladder-wsd")
    both = {name: runs.where(f"schedule == {name}") for name in ("wsd", "cosine")}
    fits = {name: fr.fit(fr.laws.get("chinchilla").tie(alpha="beta"), part, draws=400) for name, part in both.items()}
    exponents = {name: (fit.params["beta"], fit.intervals["beta"]) for name, fit in fits.items()}
    told = "; ".join(
        f"{name} {value:.3f} ({low:.3f} to {high:.3f})" for name, (value, (low, high)) in exponents.items()
    )
    gap = [float(np.mean(part["loss"])) for part in both.values()]
    steps = both["wsd"].columns["steps_trained"].sum() / both["cosine"].columns["steps_trained"].sum()
    return [
        single("wsd: steps trained over those of one cosine run for every length", steps, len(both["wsd"]), "ratio"),
        single(
            "wsd: mean loss over that of cosine",
            100 * (gap[0] / gap[1] - 1.0),
            len(both["wsd"]),
            "%",
            note=f"common exponent: {told}",
        ),
    ]


def mixture() -> list:
    """How laws of the quarters order the mixtures that were held back, as the mean loss of the three domains."""
    measures = []
    for law, required in (("data-mixing", ">= 0.95"), ("linear-mixture", "")):
        for fitted_size, size in (("32x2", "32x2"), ("48x3", "48x3"), ("32x2", "48x3")):
            fits, held = {}, {}
            for domain in DOMAINS:
                roles = {"loss": f"loss[{domain}]", "r": {d: f"r[{d}]" for d in DOMAINS}}
                runs = datasets.read("ladder-mixture", **roles, loss_unit="nats/byte")
                fitted = runs.where("held_back == False").where(f"size == {fitted_size}")
                fits[domain] = fr.fit(law, fitted, uncertainty="none")
                held[domain] = runs.where("held_back == True").where(f"size == {size}")
            found = fr.rank_mixtures(fits, held)
            missed = {d: 100 * float(np.abs(fits[d].residuals(held[d])).mean()) for d in DOMAINS}
            told = ", ".join(f"{d} {m:.1f} %" for d, m in missed.items()) if fitted_size == size else "another size"
            what = f"mixture, {law}: rank correlation of held-back mixtures at {size}, fitted at {fitted_size}"
            note = (
                f"{found.low:.2f} to {found.high:.2f}; mean error of the loss: {told}; regret {found.regret:.4f} nats"
            )
            measures.append(single(what, found.spearman, found.n, "", required=required, note=note))
    return measures


def repeat() -> list:
    """After how many repetitions text has lost its worth, with its interval."""
    fit = fr.fit("data-constrained", datasets.read("ladder-repeat"))
    low, high = fit.intervals["R_D"]
    others = ", ".join(f"{name} {value:.3g}" for name, value in fit.params.items() if name != "R_D")
    note = f"{low:.3g} to {high:.3g}; {others}; {', '.join(note.code for note in fit.notes)}"
    what = "repeat: repetitions after which text has lost most of its worth, R_D"
    return [single(what, fit.params["R_D"], fit.runs.n, "epochs", note=note)]
