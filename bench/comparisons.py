"""Does `compare` decide, and rightly? Two simulated methods whose multiplier or crossing is known, through the public API."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np

import forerun as fr
from bench.coverage import FLOPS, PROCESSES, RATIO
from bench.record import Measure, Record, single, unmeasured
from bench.reference import BESIROGLU

QUESTION = (
    "How often does compare decide between two simulated methods whose truth is known, and how often is it right?"
)
SECOND = {**BESIROGLU, "E": 1.75, "A": 520.0, "B": 2250.0}  # worse at little compute, better at much
CASES = {  # the law of the second method, the share of its compute that counts, and the right verdict
    "multiplier 1.5": (BESIROGLU, 1.5, "first"),
    "multiplier 1.2": (BESIROGLU, 1.2, "first"),
    "crossing": (SECOND, 1.0, "they cross"),
    "identical": (BESIROGLU, 1.0, "not decided"),
}
NOISES = (0.001, 0.003, 0.01)
ROWS = {20: (5, 4, 1), 60: (5, 6, 2), 120: (8, 5, 3)}  # budgets, ratios and seeds of a grid with so many runs
TABLES = ("other runs", "same grid and seeds")
SHARED = 0.8  # share of the noise's variance that both methods have in common where they share seeds
STATED = (60, 0.003)
STATED_CASES = ("multiplier 1.5", "crossing")
ASKED = 3e19  # compute at which the multiplier's interval is judged
REPETITIONS = 100
FEW = 20  # decided cases below which their share of right ones is not judged
DRAWS = 200
SEED = 2
BLOCK = 5
RIGHT, UNDECIDED, LEFT_ALONE = ">= 95", "<= 10", ">= 90"


@dataclass(frozen=True)
class Trial:
    """One comparison: its verdict, whether intervals held the truth (NaN without one), and how much pairing narrowed."""

    winner: str
    multiplier_held: float
    crossing_held: float
    narrowing: float


def measure(*, quick: bool) -> Record:
    """Verdicts of every case, noise, number of runs and kind of tables."""
    repetitions = 10 if quick else REPETITIONS
    cells = {cell: study(*cell, repetitions) for cell in product(CASES, ROWS, NOISES, TABLES)}
    measures = [m for tables in TABLES for m in _pooled(tables, {c: t for c, t in cells.items() if c[3] == tables})]
    for cell, trials in cells.items():
        measures += _cell(cell, trials)
    verdicts = {_name(cell): _counts(trials) for cell, trials in cells.items()}
    data = (
        f"synthetic: chinchilla at the coefficients of Besiroglu et al. and at {SECOND}; C over {FLOPS}, D/N over {RATIO}; other runs are "
        f"drawn at random, grids are the same for both methods, which share {SHARED:.0%} of the variance of the noise"
    )
    return Record("comparisons", QUESTION, data, [SEED], measures, {"draws": DRAWS, "verdicts": verdicts})


def study(case: str, rows: int, noise: float, tables: str, repetitions: int) -> list[Trial]:
    """All trials of one cell."""
    blocks = [range(i, min(i + BLOCK, repetitions)) for i in range(0, repetitions, BLOCK)]
    with ProcessPoolExecutor(PROCESSES) as pool:
        parts = pool.map(trials, *zip(*[(case, rows, noise, tables, block) for block in blocks]))
        found = [trial for part in parts for trial in part]
    print(f"{_name((case, rows, noise, tables))}: {_counts(found)}", file=sys.stderr, flush=True)
    return found


def trials(case: str, rows: int, noise: float, tables: str, repetitions: Sequence[int]) -> list[Trial]:
    """One trial for each repetition."""
    return [trial(case, rows, noise, tables, repetition) for repetition in repetitions]


def trial(case: str, rows: int, noise: float, tables: str, repetition: int) -> Trial:
    """Fit both methods with the same seed, as users do, and compare them; saved fits of them cannot be paired."""
    fits = {name: fr.fit("chinchilla", runs, draws=DRAWS)
            for name, runs in zip(("first", "second"), simulated(case, rows, noise, tables, repetition))}  # fmt: skip
    found = fr.compare(fits, cuts=0)
    low, high = found.at(flops=ASKED).multiplier_interval
    crossing = np.nan
    if found.crossing is not None and case == "crossing":
        crossing = float(found.crossing[1] <= true_crossing() <= found.crossing[2])
    narrowing = np.nan
    if found.pairing.paired:
        apart = fr.compare({name: fr.Fit.from_json(fit.to_json()) for name, fit in fits.items()}, cuts=0)
        wide = apart.at(flops=ASKED).multiplier_interval
        narrowing = float(np.log(high / low) / np.log(wide[1] / wide[0]))
    return Trial(found.winner, float(low <= true_multiplier(case) <= high), crossing, narrowing)


def simulated(case: str, rows: int, noise: float, tables: str, repetition: int) -> list[fr.Runs]:
    """The runs of both methods: each its own at random, or both the same grid and seeds, whose noise they share."""
    rng = np.random.default_rng(
        [SEED, list(CASES).index(case), rows, NOISES.index(noise), TABLES.index(tables), repetition]
    )
    params, multiplier, _ = CASES[case]
    common, found = rng.standard_normal(rows), []
    for law, worth in ((BESIROGLU, 1.0), (params, 1.0 / multiplier)):
        own, columns = rng.standard_normal(rows), {}
        if tables == "other runs":
            flops, ratio = (np.exp(rng.uniform(np.log(low), np.log(high), rows)) for low, high in (FLOPS, RATIO))
        else:
            budgets, ratios, seeds = ROWS[rows]
            axes = np.geomspace(*FLOPS, budgets), np.geomspace(*RATIO, ratios), np.arange(seeds)
            flops, ratio, columns["seed"] = (x.ravel() for x in np.meshgrid(*axes, indexing="ij"))
            own = np.sqrt(SHARED) * common + np.sqrt(1.0 - SHARED) * own
        size = np.sqrt(flops / (6.0 * ratio))
        mean = fr.laws.get("chinchilla")(size * np.sqrt(worth), ratio * size * np.sqrt(worth), **law)
        found.append(fr.read_runs({"N": size, "D": ratio * size, "loss": mean * np.exp(noise * own), **columns}))
    return found


def lowest(params: dict[str, float], flops: np.ndarray) -> np.ndarray:
    """The lowest true loss at each compute, (m,)."""
    ratio = np.geomspace(1.0, 1e3, 1_000)[:, None]
    size = np.sqrt(flops / (6.0 * ratio))
    return fr.laws.get("chinchilla")(size, ratio * size, **params).min(axis=0)


@cache
def true_crossing() -> float:
    """The compute at which the true frontiers of the case "crossing" meet."""
    flops = np.geomspace(*FLOPS, 1_000)
    return float(np.interp(0.0, lowest(BESIROGLU, flops) - lowest(SECOND, flops), flops))


@cache
def true_multiplier(case: str) -> float:
    """How many times ``ASKED`` the second method needs for what the first reaches there."""
    params, multiplier, _ = CASES[case]
    flops = np.geomspace(ASKED / 4.0, ASKED * 4.0, 1_000)
    reached = lowest(BESIROGLU, np.array([ASKED]))
    return multiplier * float(np.interp(-reached[0], -lowest(params, flops), flops)) / ASKED


def _pooled(tables: str, cells: dict[tuple[str, int, float, str], list[Trial]]) -> list[Measure]:
    """What counts: over all cells of one kind of tables, and at the stated noise and number of runs."""
    every = [t for trials in cells.values() for t in trials]
    decided = [(t.winner, CASES[case][2]) for (case, *_), ts in cells.items() for t in ts if t.winner != "not decided"]
    right = [winner == truth for winner, truth in decided]
    measures = [single(f"{tables}, all cases and cells: right of the decided", 100.0 * float(np.mean(right)), len(right), "%",
                       required=RIGHT)]  # fmt: skip
    for case in STATED_CASES:
        stated = cells[case, *STATED, tables]
        share = 100.0 * float(np.mean([t.winner == "not decided" for t in stated]))
        name = f"{tables}, {case}, {STATED[0]} runs, {STATED[1]:.1%} noise: not decided"
        measures.append(single(name, share, len(stated), "%", required=UNDECIDED))
    same = [t.winner == "not decided" for (case, *_), ts in cells.items() if case == "identical" for t in ts]
    measures.append(single(f"{tables}, identical methods, all cells: not decided", 100.0 * float(np.mean(same)), len(same), "%",
                           required=LEFT_ALONE))  # fmt: skip
    for noise in NOISES:
        held = [t.multiplier_held for (_, _, level, _), ts in cells.items() if level == noise for t in ts]
        name = f"{tables}, {noise:.1%} noise, all cases and numbers of runs: 90 % interval of the multiplier"
        measures.append(single(name, 100.0 * float(np.mean(held)), len(held), "% covered"))
    met = [t.crossing_held for t in every if not np.isnan(t.crossing_held)]
    measures.append(
        single(f"{tables}: 90 % interval of the crossing", 100.0 * float(np.mean(met)), len(met), "% covered")
    )
    narrowing = [t.narrowing for t in every if not np.isnan(t.narrowing)]
    if narrowing:
        name = f"{tables}: width of the multiplier's interval, paired over unpaired"
        measures.append(single(name, float(np.median(narrowing)), len(narrowing), "median ratio"))
    return measures


def _cell(cell: tuple[str, int, float, str], trials: Sequence[Trial]) -> list[Measure]:
    """The row of one cell: how many were decided rightly, or for identical methods how many were left alone."""
    case, truth = cell[0], CASES[cell[0]][2]
    held = f"multiplier's interval held {np.mean([t.multiplier_held for t in trials]):.0%}"
    decided = [t.winner for t in trials if t.winner != "not decided"]
    if case == "identical":
        share = 100.0 * (1.0 - len(decided) / len(trials))
        return [single(f"{_name(cell)}: not decided", share, len(trials), "%", required=LEFT_ALONE, note=held)]
    name = f"{_name(cell)}: right of the decided"
    note = f"{len(trials) - len(decided)} of {len(trials)} not decided; {held}"
    if not decided:
        return [unmeasured(name, note)]
    share = 100.0 * float(np.mean([winner == truth for winner in decided]))
    return [single(name, share, len(decided), "%", required=RIGHT if len(decided) >= FEW else "", note=note)]


def _name(cell: tuple[str, int, float, str]) -> str:
    case, rows, noise, tables = cell
    return f"{case}, {rows} runs, {noise:.1%} noise, {tables}"


def _counts(trials: Sequence[Trial]) -> dict[str, int]:
    winners = [t.winner for t in trials]
    return {winner: winners.count(winner) for winner in sorted(set(winners))}
