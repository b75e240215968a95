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
# H/14 and g/14 are not in the table: GMAC a sample and samples as the source has them, accuracy and recall as LAION announced them.
LARGEST_GMAC = (190.97 * 256 * 135_646_078, 290.74 * 90 * 135_646_078)
LARGEST_SCORE = {"imagenet1k": (0.780, 0.766), "mscoco_captions": (0.734, 0.724)}
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


def test_the_published_imagenet_law_comes_out_once_the_two_largest_models_are_in(table):
    """On the table alone its exponent is -0.106; with H/14 and g/14, whose numbers stand elsewhere, it is -0.111."""
    runs = models(table, "imagenet1k", *LAION)
    compute, accuracy = np.array(LARGEST_GMAC), np.array(LARGEST_SCORE["imagenet1k"])
    alone = frontier_fit(runs["compute"], runs["error"])
    full = frontier_fit(np.append(runs["compute"], compute), np.append(runs["error"], 1 - accuracy))
    law = published("OpenCLIP, ImageNet")
    assert alone.params["alpha"] == pytest.approx(0.106, abs=5e-4)
    assert full.params["alpha"] == pytest.approx(law["alpha"], abs=5e-4)
    assert full.params["A"] == pytest.approx(law["A"], rel=0.01)


def mean_points(table, task, name, *data):
    """Mean error of the published law in points, over the best model of each architecture and number of samples."""
    runs, best = models(table, task, *data), {}
    for arch, samples, compute, error in zip(*(runs[k] for k in ("arch", "samples", "compute", "error"))):
        cell = arch, round(np.log(samples))
        best[cell] = min(best.get(cell, (np.inf, 0.0)), (error, compute))
    assert len(best) == 9
    error, compute = np.array([*best.values(), *((1 - s, c) for s, c in zip(LARGEST_SCORE[task], LARGEST_GMAC))]).T
    return 100 * np.abs(fr.laws.get("power-law")(compute, **published(f"OpenCLIP, {name}")) - error).mean()


def test_the_published_coco_law_errs_by_the_printed_points_on_the_models_of_the_largest_data(table):
    """Two of the eleven recalls are known to a tenth of a point, which leaves a hundredth of the mean open. Which models
    the source compares was not read: of two readings this one agrees, the best model of each cell gives 0.572."""
    assert mean_points(table, "mscoco_captions", "COCO", "LAION-2B") == pytest.approx(0.5884, abs=0.01)


def test_the_published_imagenet_law_errs_by_about_the_printed_points(table):
    """Not reproduced: printed are 0.8744 points; the best model of each cell gives 0.897, those of the largest data 0.943.
    Which runs the source has in its cells was not read."""
    assert mean_points(table, "imagenet1k", "ImageNet", *LAION) == pytest.approx(0.8744, abs=0.05)


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
