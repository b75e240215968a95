"""What each part of `auto` is worth, on public curves that the extrapolation benchmark does not have: these chose it.

Loss curves of published models, routed models, zero-shot errors of Pythia checkpoints, fine-tuning losses, zero-shot
errors of OpenCLIP in training, ARC errors of the OLMo ladder; the same thinned to 24 points, and to sizes that are spaced by
ratios; and simulated curves: of training, and of such ladders. Each is cut at half of its largest x, and the rest predicted.
"""

from __future__ import annotations

import csv
import gzip
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np

from bench.coverage import PROCESSES
from bench.record import Measure, Record
from forerun.datasets.files import path
from forerun.laws.registry import get
from forerun.note import DataError
from forerun.predict.assembly import outside_break
from forerun.predict.automatic import CURVE_EMPHASES, CURVES
from forerun.predict.trials import FEWEST, Candidate, Trial, put_on_trial, splits_below
from forerun.predict.weighting import weigh, weighted_median
from forerun.runs import read_runs

Array = np.ndarray
POINTS = 60  # of a curve
SHORT = 24  # of the same where few points must do
FEWEST_FITTED = 9
SOURCES = {  # table: (columns that tell curves apart, x, y, whether the outcome is 1 - y, group)
    "public_pretraining_curves": (("family", "model", "metric"), "x", "loss", False, "losses"),
    "routing_moe_curves": (("run",), "step", "loss_c4", False, "routed losses"),
    "pythia_zeroshot": (("model", "task"), "tokens", "acc", True, "zero-shot errors"),
    "openclip_learning_curves": (("name",), "samples_seen_epoch", "imagenet_top1", True, "zero-shot errors"),
    "olmo_ladder_tasks": (("run",), "tokens", "acc.arc_easy_test_len_norm", True, "task errors"),
    "finetune_flan": (("model",), "d_finetune", "test_loss", False, "fine-tuning losses"),
    "finetune_wmt19": (("model",), "d_finetune", "test_loss", False, "fine-tuning losses"),
}
EACH = 12  # curves of a table
RATIO = 1.5  # of neighbouring sizes of a ladder


@dataclass(frozen=True)
class Curve:
    """One curve and its group."""

    group: str
    x: Array
    y: Array


def curves(each: int) -> Iterator[Curve]:
    """At most ``each`` curves of every table, evenly over its order, and as many simulated ones."""
    for table, (keys, x, y, inverse, group) in SOURCES.items():
        found: dict[tuple[str, ...], list[tuple[float, float]]] = {}
        file = path(table)
        with (gzip.open if file.suffix == ".gz" else open)(file, "rt", newline="", encoding="utf-8") as stream:
            for row in csv.DictReader(stream):
                if row[x] and row[y]:
                    value = 1.0 - float(row[y]) if inverse else float(row[y])
                    found.setdefault(tuple(row[k] for k in keys), []).append((float(row[x]), value))
        whole = [np.array(sorted(points)) for points in found.values()]
        long = [p[(p[:, 0] > 0) & (p[:, 1] > 0)] for p in whole]
        long = [p for p in long if (p[:, 0] <= p[:, 0].max(initial=0.0) / 2).sum() >= FEWEST_FITTED]
        for i in np.linspace(0, len(long) - 1, min(each, len(long))).astype(int):
            points = long[i][np.unique(long[i][:, 0], return_index=True)[1]]
            even = _evenly(points, POINTS)
            yield Curve(group, even[:, 0], even[:, 1])
            for kind, some in (("short curves", _evenly(points, SHORT)), ("real ladders", _by_ratio(points))):
                if len(some) < len(points) / 2 and (some[:, 0] <= some[-1, 0] / 2).sum() >= FEWEST_FITTED:
                    yield Curve(kind, some[:, 0], some[:, 1])
    yield from _simulated(each)
    yield from _ladders(each)


def _evenly(points: Array, most: int) -> Array:
    """At most so many points of a curve, evenly over its order."""
    return points[np.unique(np.linspace(0, len(points) - 1, most).astype(int))]


def _by_ratio(points: Array) -> Array:
    """The points of a curve that lie next to sizes spaced by ``RATIO``, down from its largest, as a ladder has them."""
    wanted = points[-1, 0] / RATIO ** np.arange(POINTS)
    nearest = np.abs(np.log(points[:, 0] / wanted[wanted >= points[0, 0]][:, None])).argmin(1)
    return points[np.unique(nearest)]


def _simulated(count: int) -> Iterator[Curve]:
    """Curves that leave chance level, fall, and may bend once more, with noise of 0.3 to 3 %."""
    for seed in range(count):
        rng = np.random.default_rng([7, seed])
        x = np.linspace(1.0, 2.0 ** rng.integers(6, 12), int(rng.integers(40, 120)))
        params = {"a": rng.uniform(0.0, 0.2), "b": rng.uniform(0.7, 1.0), "c0": rng.uniform(0.0, 0.05), "c1": rng.uniform(0.1, 0.6),
                  "d1": np.exp(rng.uniform(0.0, np.log(x[-1] / 4))), "f1": rng.uniform(0.2, 1.2)}  # fmt: skip
        clean = get("bnsl-1")(x, **params)
        yield Curve(
            "simulated", x, clean * np.exp(rng.normal(0, np.exp(rng.uniform(np.log(0.003), np.log(0.03))), len(x)))
        )


def _ladders(count: int) -> Iterator[Curve]:
    """Power laws with a floor at 12 to 40 sizes spaced by ratios over four decades, with noise of 0.2 to 2 %."""
    for seed in range(count):
        rng = np.random.default_rng([11, seed])
        x = np.geomspace(1e3, 1e7, int(rng.integers(12, 41)))
        clean = rng.uniform(0.02, 0.3) + 30.0 * x ** -rng.uniform(0.25, 0.5)
        yield Curve(
            "simulated ladders",
            x,
            clean * np.exp(rng.normal(0, np.exp(rng.uniform(np.log(0.002), np.log(0.02))), len(x))),
        )


def variants(trials: Sequence[Trial], cuts: int, x: Array, values: Array) -> dict[str, Array]:
    """The log prediction of every variant of the method at ``values``, from the same trials."""
    fitted = [t for t in trials if t.fit is not None]
    inside = [t for t in fitted if not outside_break(t, x)]

    def answer(chosen: Sequence[Trial], weights: Array | None = None) -> Array:
        logs = np.array([np.log(t.fit.predict({"x": values})) for t in chosen if t.fit is not None])
        return weighted_median(logs, weigh(chosen, cuts) if weights is None else weights)

    plain = [t for t in inside if not t.candidate.emphasis]
    found = {
        "auto": answer(inside),
        "all weights equal": answer(inside, np.ones(len(inside))),
        "all cuts alike": answer(inside, weigh(inside, cuts, farther=1.0)),
        "no emphasis on large runs": answer(plain),
        "breaks anywhere": answer(fitted),
        "no breaks": answer([t for t in inside if t.candidate.law.name != "bnsl-1"]),
        "without m4": answer([t for t in inside if t.candidate.law.name != "m4"]),
        "only the heaviest member": answer([inside[int(weigh(inside, cuts).argmax())]]),
    }
    for trial in fitted:
        if not trial.candidate.emphasis:
            found[f"{trial.candidate.law.name} alone"] = answer([trial])
    return found


def errors(curve: Curve) -> tuple[str, dict[str, float]]:
    """The root mean square log error of each variant on one curve."""
    half = curve.x <= curve.x.max() / 2
    runs = read_runs({"x": curve.x[half], "y": curve.y[half]}, x="x", y="y")
    candidates = [Candidate(get(name), "huber", e) for name in CURVES for e in CURVE_EMPHASES]
    candidates.append(Candidate(get("m4"), "squared-log"))
    splits = splits_below(runs, "x", FEWEST)
    try:
        trials = put_on_trial(candidates, runs, "x", splits)
        with np.errstate(all="ignore"):
            found = variants(trials, len(splits), runs["x"], curve.x[~half])
    except DataError:
        return curve.group, {}
    truth = np.log(curve.y[~half])
    return curve.group, {name: float(np.sqrt(np.mean((logs - truth) ** 2))) for name, logs in found.items()}


def measure(*, quick: bool) -> Record:
    """All variants on all curves: geometric means of their errors over those of ``auto``."""
    chosen = list(curves(3 if quick else EACH))
    rows = []
    with ProcessPoolExecutor(PROCESSES) as pool:
        for number, row in enumerate(pool.map(errors, chosen)):
            rows.append(row)
            if number % 20 == 0:
                print(f"{number} of {len(chosen)} curves", file=sys.stderr, flush=True)
    groups = list(dict.fromkeys(group for group, _ in rows))
    measures = []
    for name in dict.fromkeys(n for _, found in rows for n in found):
        both = [(g, np.log(f[name] / f["auto"])) for g, f in rows if name in f and np.isfinite(f[name])]
        logs = np.array([v for _, v in both])
        means = {
            g: float(np.exp(np.mean([v for h, v in both if h == g]))) for g in groups if any(h == g for h, _ in both)
        }
        low, middle, high = (float(np.exp(q)) for q in np.quantile(logs, [0.25, 0.5, 0.75]))
        note = ", ".join(f"{g} {v:.2f}" for g, v in means.items())
        measures.append(
            Measure(
                f"{name}: error over that of auto",
                len(logs),
                middle,
                (low, high),
                "ratio",
                ratio=float(np.exp(logs.mean())),
                ratio_to="geometric mean",
                note=note,
            )
        )
    question = "What is each part of auto worth, on public curves and simulations that the benchmark does not have?"
    return Record("ablation", question, ", ".join([*SOURCES, "simulation"]), [7, 11], measures, {"curves": len(chosen)})
