"""Scores rise with the logarithm of how often a concept was seen: intervals, and the data that a score needs."""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr


@pytest.fixture
def concepts(table):
    """Mean scores as shares of one, by frequency bin, of the models trained on one data set."""

    def read(data, *, model=None, kind="class", count="integrated_rampp0.7"):
        where = [f"pretrain_dataset == {data}", f"prompt_type == {kind}", f"count_type == {count}"]
        raw = fr.read_runs(
            table("concept_frequency"), where=where + ([f"model == {model}"] if model else []),
            x="frequency_bin", y="mean_score",
        )  # fmt: skip
        columns = {"frequency": raw["x"], "score": raw["y"] / 100, "model": raw.columns["model"]}
        return fr.read_runs(columns, frequency="frequency", score="score")

    return read


@pytest.mark.capability("concept-frequency-law")
@pytest.mark.parametrize(("data", "model"), [("yfcc15m", "RN50"), ("cc12m", "ViT-B-16"), ("cc3m", "RN50")])
def test_the_line_in_log_frequency_has_a_slope_that_is_surely_above_zero(concepts, data, model):
    fit = fr.fit("concept-frequency", concepts(data, model=model), objective="squared", draws=200)
    low, high = fit.intervals["b"]
    assert 0 < low < fit.params["b"] < high
    assert high < 3 * low


@pytest.mark.capability("concept-frequency-law")
def test_the_occurrences_that_a_target_score_needs_are_answered_with_limits_and_checked_on_hidden_bins(concepts):
    """Fitted on concepts seen at most 1000 times. The most frequent bins hold few concepts and scatter by 0.1."""
    shown, hidden = concepts("yfcc15m", model="ViT-B-16").hold_out("frequency", above=1e3)
    fit = fr.fit("concept-frequency", shown, objective="squared", draws=200)
    assert np.median(np.abs(fit.predict({"frequency": hidden["frequency"]}) - hidden["score"])) < 0.03
    first = int(hidden["frequency"].argmin())
    answer = fit.invert(score=float(hidden["score"][first]))
    assert answer.low < hidden["frequency"][first] < answer.high < 10 * answer.low
    more = fit.invert(score=float(hidden["score"][first]) + 0.06)
    assert more.value / answer.value == pytest.approx(10 ** (0.06 / fit.params["b"]), rel=1e-3)
    assert more.value > 5 * answer.value


def test_scores_of_generated_images_do_not_show_the_line_that_class_rows_show(concepts):
    """A filter that is forgotten spoils the answer: rows of generated images are another quantity."""
    r = []
    for kind, data in (("class", "yfcc15m"), ("exp_clip", "laion_aesthetics")):
        count = "integrated_rampp0.7" if kind == "class" else "rampp0.7"
        runs = concepts(data, kind=kind, count=count)
        found = [
            np.corrcoef(np.log10(runs["frequency"][rows]), runs["score"][rows])[0, 1]
            for rows in (runs.columns["model"] == name for name in np.unique(runs.columns["model"]))
        ]
        r.append(np.median(found))
    assert r[0] > 0.9
    assert r[1] < 0.5
