"""Vision transformers: more parameters or more patches, for a given cost."""

from __future__ import annotations

import csv
import re

import numpy as np
import pytest

import forerun as fr

NAME = re.compile(r"vit_(tiny|small|base|large)_patch(\d+)_(\d+)\.augreg_in21k_ft_in1k")
SURFACE = fr.laws.get("rosenfeld-additive").along(y="error")
PER_PATCH = 1.07  # multiply-adds for each parameter and patch, median of these models


def transformers(table):
    """Size, patches of an image, ImageNet error and GMACs of thirteen models of one recipe, by name."""
    found = {}
    with open(table("timm_imagenet"), encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if match := NAME.fullmatch(row["model"]):
                size, patch, side = match[1], int(match[2]), int(match[3])
                found[f"{size}/{patch}@{side}"] = (
                    1e6 * float(row["param_count"]), float((side // patch) ** 2), 1 - float(row["top1"]) / 100,
                    float(row["gmacs"]),
                )  # fmt: skip
    return found


def fitted(found, **settings):
    N, D, error, _ = np.array(list(found.values())).T
    return fr.fit(
        SURFACE, fr.read_runs({"N": N, "D": D, "error": error}, error="error"), objective="squared-log", **settings
    )


@pytest.mark.capability("vision-size-versus-resolution")
@pytest.mark.parametrize(
    ("larger", "finer", "better"),
    [
        ("small/16@224", "tiny/16@384", "larger"),
        ("base/16@224", "small/16@384", "larger"),
        ("base/32@224", "small/16@224", "finer"),
        ("large/16@224", "base/16@384", "finer"),
    ],
)
def test_the_surface_tells_which_axis_is_better_at_a_cost_that_it_did_not_see(table, larger, finer, better):
    """Two models of nearly one cost are held out: one with more parameters, one with more patches."""
    found = transformers(table)
    assert len(found) == 13
    cost = found[larger][3] / found[finer][3]
    fit = fitted({name: row for name, row in found.items() if name not in (larger, finer)}, uncertainty="none")
    N, D, truth, _ = np.array([found[larger], found[finer]]).T
    told = fit.predict({"N": N, "D": D})
    assert 0.85 < cost < 1.2
    assert (told[0] < told[1]) == (truth[0] < truth[1]) == (better == "larger")


@pytest.mark.capability("vision-size-versus-resolution")
def test_the_best_number_of_patches_grows_with_the_budget_and_comes_with_an_interval(table):
    fit = fitted(transformers(table), draws=200)
    patches = np.geomspace(25, 2500, 400)
    best = []
    for gmacs in (1.2, 17.0, 190.0):
        N = gmacs * 1e9 / PER_PATCH / patches
        drawn = [SURFACE(N, patches, **dict(zip(fit.params, draw))) for draw in fit.draws]
        best.append(np.quantile(patches[np.argmin(drawn, axis=1)], [0.05, 0.95]))
    assert best[0][1] < best[1][0]
    assert best[1][1] < best[2][0]
    assert best[1][0] > 196 > best[0][1]  # from 17 GMACs on, 16 by 16 patches of 224 pixels are too few
