"""Named steps between a table and the rows of a fit, for studies whose law needs something other than its rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from forerun.runs import Runs, read_runs

Array = np.ndarray


def one_row_an_x(runs: Runs) -> Runs:
    """The first row of each x: the language curves of the benchmark stand four times in their source."""
    first = np.unique(runs["x"], return_index=True)[1]
    keep = np.zeros(len(runs), bool)
    keep[first] = True
    return runs.where(keep)


def pass_at_k(runs: Runs) -> Runs:
    """-ln(pass@k) over k = x, up to the number of samples, 41 log-spaced k: the unbiased estimate, mean over problems.

    Chen et al. 2021, arXiv:2107.03374, equation 1.
    """
    n, right = runs["trials"].astype(int), runs["k"].astype(int)
    factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n.max() + 1)))])  # logarithms of
    k = np.unique(np.geomspace(1, n.min(), 41).round().astype(int))
    wrong = (n - right)[:, None]
    none = factorial[wrong] - factorial[np.maximum(wrong - k, 0)] - factorial[n[:, None]] + factorial[n[:, None] - k]
    share = np.where(wrong >= k, 1.0 - np.exp(none), 1.0).mean(axis=0)
    return read_runs({"x": k.astype(float), "y": -np.log(share)}, x="x", y="y")


def error_of_score(runs: Runs) -> Runs:
    """y is one minus the score that it was."""
    return replace(runs, columns={**runs.columns, runs.roles["y"]: 1.0 - runs["y"]})


def frontier(runs: Runs) -> Runs:
    """The least y in each of five equal bins of log10 x, at the centre of the bin.

    The bins reach 0.1 beyond the largest log10 x, as in the source: Cherti et al. 2022, arXiv:2212.07143, the notebook
    of its figures.
    """
    x, y = np.log10(runs["x"]), runs["y"]
    edges = np.linspace(x.min(), x.max() + 0.1, 6)
    place = np.searchsorted(edges, x, side="right") - 1
    found = np.unique(place)
    least = np.array([y[place == i].min() for i in found])
    return read_runs({"x": 10 ** ((edges[found] + edges[found + 1]) / 2), "y": least}, x="x", y="y")


# The 17 tasks of Gadre et al. 2024, arXiv:2403.08540: those on which the model of 154M is well above chance.
SEVENTEEN = (
    "arc_easy", "bigbench_cs_algorithms", "bigbench_dyck_languages", "bigbench_novel_concepts", "bigbench_operators",
    "bigbench_qa_wikidata", "boolq", "commonsense_qa", "copa", "coqa", "hellaswag", "hellaswag_zeroshot",
    "lambada_openai", "piqa", "pubmed_qa_labeled", "squad", "winograd",
)  # fmt: skip


def seventeen_tasks(runs: Runs) -> Runs:
    """The rows of those tasks, by the column ``task``."""
    return runs.where(np.isin(runs.columns["task"].astype(str), SEVENTEEN))


def mean_error(runs: Runs) -> Runs:
    """One row a model, told apart by its loss: one minus the mean of the accuracies that the role ``error`` held."""
    loss, place = np.unique(runs["loss"], return_inverse=True)
    mean = np.bincount(place, runs["error"]) / np.bincount(place)
    return read_runs({"loss": loss, "error": 1.0 - mean}, error="error")


def score_by_frequency(runs: Runs) -> Runs:
    """Scores y in percent as shares of one, over the frequency x of their concepts."""
    return read_runs({"frequency": runs["x"], "score": runs["y"] / 100.0}, frequency="frequency", score="score")


PREPARED: dict[str, Callable[[Runs], Runs]] = {
    "one-row-an-x": one_row_an_x,
    "pass-at-k": pass_at_k,
    "error-of-score": error_of_score,
    "frontier": frontier,
    "seventeen-tasks": seventeen_tasks,
    "mean-error": mean_error,
    "score-by-frequency": score_by_frequency,
}
