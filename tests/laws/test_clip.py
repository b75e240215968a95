"""CLIP models: the frontier of the source, the whole surface beside it, and what the training data change."""

from __future__ import annotations

import csv

import numpy as np
import pytest

import forerun as fr
from forerun.records.preparing import frontier

SCORES = {
    "imagenet1k": "acc1",
    "imagenet_robustness": "acc1",
    "mscoco_captions": "image_retrieval_recall@5",
    "flickr30k": "image_retrieval_recall@5",
}
# H/14 and g/14 are not in the table: GMAC, accuracy and recall as in the source's zeroshot_results.csv.
LARGEST_GMAC = (6631508868008.96, 3549396664594.8003)
LARGEST_SCORE = {"imagenet1k": (0.77972, 0.76664), "mscoco_captions": (0.734306275844574, 0.7239903807640076)}
# The grid of the source's notebook: GMAC a sample by architecture, and what "3B", "13B" and "34B" samples stand for there.
GMAC = {"ViT-B-32": 7.4, "ViT-B-16": 20.57, "ViT-L-14": 87.73}
LARGEST_OF_GRID = ((190.97, 407_332_084 * 84), (290.74, 407_332_084 * 32))
SAMPLES = (80_000_415 * 32, 407_332_084 * 32, 407_332_084 * 84)
SURFACE = fr.laws.get("rosenfeld-additive").along(y="error")


def models(table, task, *data):
    """Columns of the CLIP models trained on ``data``: compute in GMAC, samples, error, architecture, data."""
    with open(table("openclip_scaling"), encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["downstream_dataset"] == task and r["upstream_dataset"] in data]
    return {
        "arch": np.array([r["arch"] for r in rows]),
        "data": np.array([r["upstream_dataset"] for r in rows]),
        "gmacs": np.array([float(r["gmacs"]) for r in rows]),
        "samples": np.array([float(r["samples_seen"]) for r in rows]),
        "compute": np.array([float(r["gmacs_total"]) for r in rows]),
        "error": np.array([1 - float(r[SCORES[task]]) for r in rows]),
    }


def frontier_fit(compute, error):
    """The power law of the source: a line through the best of each of five bins."""
    best = frontier(fr.read_runs({"x": compute, "y": error}, x="x", y="y"))
    return fr.fit("power-law", best, objective="squared-log", uncertainty="none")


def published(name):
    return next(one.values for one in fr.laws.get("power-law").published if one.name == name)


LAION = ("LAION-80M", "LAION-400M", "LAION-2B")


def full_frontier(table, task):
    """The fit of the source: the table, H/14 and g/14."""
    runs = models(table, task, *LAION)
    error = np.append(runs["error"], 1 - np.array(LARGEST_SCORE[task]))
    return frontier_fit(np.append(runs["compute"], LARGEST_GMAC), error)


@pytest.mark.parametrize(
    ("task", "name"), [("imagenet1k", "OpenCLIP, ImageNet"), ("mscoco_captions", "OpenCLIP, COCO")]
)
def test_the_published_laws_come_out_to_the_digit_once_the_two_largest_models_are_in(table, task, name):
    fit = full_frontier(table, task)
    assert fit.params["alpha"] == pytest.approx(published(name)["alpha"], abs=5e-5)
    assert fit.params["A"] == pytest.approx(published(name)["A"], abs=5e-4)


def test_without_the_two_largest_models_the_imagenet_exponent_is_smaller(table):
    runs = models(table, "imagenet1k", *LAION)
    assert frontier_fit(runs["compute"], runs["error"]).params["alpha"] == pytest.approx(0.106, abs=5e-4)


@pytest.mark.parametrize(("task", "points"), [("imagenet1k", 0.8744), ("mscoco_captions", 0.5884)])
def test_the_law_errs_by_the_published_points_over_the_grid_of_architectures_and_samples(table, task, points):
    """Each of the eleven cells counts by its best model on any LAION data, and the law by the cell's nominal samples."""
    runs = models(table, task, *LAION)
    cell = np.array([np.abs(np.log(np.array(SAMPLES) / s)).argmin() for s in runs["samples"]])
    compute, error = [], []
    for arch, gmac in GMAC.items():
        for i, samples in enumerate(SAMPLES):
            compute.append(gmac * samples)
            error.append(runs["error"][(runs["arch"] == arch) & (cell == i)].min())
    compute += [gmac * samples for gmac, samples in LARGEST_OF_GRID]
    error += [1 - score for score in LARGEST_SCORE[task]]
    told = full_frontier(table, task).predict({"x": np.array(compute)})
    assert 100 * np.abs(told - error).mean() == pytest.approx(points, abs=5e-5)


@pytest.mark.capability("vision-language-laws")
@pytest.mark.parametrize("task", SCORES)
def test_a_surface_in_compute_a_sample_and_samples_tells_the_largest_run_better_than_the_frontier(table, task):
    """Eight models on LAION-2B are fitted, the ninth, L/14 on 32B samples, is held out."""
    runs = models(table, task, "LAION-2B")
    held = runs["compute"] == runs["compute"].max()
    part = {"N": 1e9 * runs["gmacs"], "D": runs["samples"], "error": runs["error"]}
    fit = fr.fit(
        SURFACE,
        fr.read_runs({k: v[~held] for k, v in part.items()}, error="error"),
        objective="squared-log",
        uncertainty="none",
    )
    line = frontier_fit(runs["compute"][~held], runs["error"][~held])
    surface = fit.predict({k: part[k][held] for k in ("N", "D")})[0]
    truth, alone = runs["error"][held][0], line.predict({"x": runs["compute"][held]})[0]
    assert held.sum() == 1
    assert abs(surface - truth) < 0.009
    assert abs(surface - truth) < 0.7 * abs(alone - truth)


@pytest.mark.capability("vision-language-laws")
@pytest.mark.parametrize(
    ("task", "better"),
    [("imagenet1k", "CLIP-WIT"), ("imagenet_robustness", "CLIP-WIT"), ("mscoco_captions", "LAION-400M"),
     ("flickr30k", "LAION-400M")],
)  # fmt: skip
def test_the_data_of_training_decide_by_task_at_equal_architecture_and_samples(table, task, better):
    """One exponent, one factor a data set, three architectures on 13B samples: WIT classifies, LAION retrieves."""
    data = ("CLIP-WIT", "LAION-400M")
    runs = models(table, task, *data)
    equal = (runs["samples"] > 1.2e10) & (runs["samples"] < 2e10)
    columns = {"x": runs["compute"][equal], "y": runs["error"][equal], "family": runs["data"][equal]}
    law = fr.laws.get("power-law").share("alpha", across="family")
    fit = fr.fit(law, fr.read_runs(columns, x="x", y="y"), objective="squared-log", draws=200)
    draws = dict(zip(fit.params, np.array(fit.draws).T))
    worse = next(d for d in data if d != better)
    low, high = np.quantile(draws[f"A[{better}]"] / draws[f"A[{worse}]"], [0.05, 0.95])
    assert equal.sum() == 6
    assert 0.5 < low < high < 1.0
