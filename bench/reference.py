"""The reference problem: 240 points of the Chinchilla paper and the chinchilla law, as runs and as a problem."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import forerun as fr
from forerun.fitting import objective as objectives
from forerun.fitting.estimate import solve
from forerun.fitting.objective import Objective
from forerun.fitting.observations import Observations, observe
from forerun.fitting.polish import Optimum
from forerun.fitting.problem import Problem
from forerun.laws import Law

ROOT = Path(__file__).resolve().parents[1]
FILE = "chinchilla_epoch245.csv"
DROPPED = 5  # highest losses: Besiroglu et al. 2024, arXiv:2404.10102, section 3
BESIROGLU = {"E": 1.8172, "A": 482.01, "alpha": 0.3478, "B": 2085.43, "beta": 0.3658}  # arXiv:2404.10102, table 1


def reference_runs(*, every: bool = False) -> tuple[fr.Runs, str]:
    """The 240 runs, or all 245, and what they are; a simulated table, called synthetic, where the file is not there."""
    folder = ROOT / (os.environ.get("FORERUN_DATA_DIR") or "../shared/data")
    path = (folder / FILE).resolve()
    if path.is_file():
        runs = fr.read_runs(path, N="params", D="tokens", loss="loss")
        if every:
            return runs, f"{FILE}, {len(runs)} rows"
        runs = runs.drop_outliers("highest-loss", DROPPED)
        return runs, f"{FILE} without its {DROPPED} highest losses, {len(runs)} rows"
    runs = fr.simulate("chinchilla", n=240, noise=0.01, seed=0, params=BESIROGLU)
    return runs, f"synthetic: {len(runs)} rows of the law at the coefficients of Besiroglu et al., noise 1 %"


def small_runs() -> tuple[fr.Runs, str]:
    """Twelve runs: four sizes times three token counts, noise 0.5 %."""
    size, tokens = np.meshgrid([5e7, 2e8, 8e8, 3.2e9], [2e9, 1.6e10, 1.28e11])
    inputs = {"N": size.ravel(), "D": tokens.ravel()}
    return fr.simulate(
        "chinchilla", noise=0.005, seed=0, params=BESIROGLU, inputs=inputs
    ), "synthetic: 12 rows, noise 0.5 %"


@dataclass(frozen=True)
class Solved:
    """A fit's problem as the engine sees it: for refits under given weights, without intervals and notes."""

    law: Law
    table: Observations
    objective: Objective
    problem: Problem
    starts: np.ndarray
    optimum: Optimum

    @property
    def best(self) -> int:
        """Index of the optimum with the lowest objective."""
        return int(self.optimum.value.argmin())


def solved(runs: fr.Runs, law: Law | str = "chinchilla", objective: str = "huber") -> Solved:
    """The engine's problem for ``runs``, its optimum and its starts for refits."""
    law = fr.laws.get(law) if isinstance(law, str) else law
    chosen = objectives.find(objective)
    table = observe(law, runs, chosen, np.ones(len(runs)))
    problem, starts, optimum = solve(law, table, chosen)
    return Solved(law, table, chosen, problem, starts, optimum)


def exponential_weights(draws: int, rows: int, seed: int) -> np.ndarray:
    """Weights of the Bayesian bootstrap, mean one in each draw, as the engine draws them."""
    weights = np.random.default_rng([seed, 0]).exponential(size=(draws, rows))
    return weights / weights.mean(1, keepdims=True)


def multinomial_weights(draws: int, rows: int, seed: int) -> np.ndarray:
    """Counts of the classical bootstrap."""
    return np.random.default_rng([seed, 1]).multinomial(rows, np.full(rows, 1.0 / rows), size=draws).astype(float)
