"""From a loss to an average error, chained behind a law of the loss; and compute to a task, in the two steps of Llama 3."""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr


def either(runs, *conditions):
    """The rows that meet one of the conditions."""
    return runs.where(np.isin(runs.rows, np.concatenate([runs.where(c).rows for c in conditions])))


@pytest.mark.parametrize(("M", "error"), [(320, 0.02), (640, 0.02)])
def test_loss_and_error_laws_in_a_chain_predict_a_larger_model_trained_for_longer(table, M, error):
    """Runs at 20 tokens per parameter and one tiny one at 320 predict the mean error over 46 tasks of 0.41B at M.

    Published: 3.6 % for 17 tasks at 1.4B, M = 640; the tasks of that model are not in the table.
    """
    runs = fr.read_runs(
        table("gadre_overtraining99"), N="params", D="tokens", loss="loss_c4_val", error="avg_top1_error_46",
        where=["dataset == rpj"], drop=["avg_top1_error_46 is missing"],
    )  # fmt: skip
    tiny = "M > 300 and M < 340 and N < 2e7"
    loss = fr.fit("gadre-overtraining", either(runs, "M > 19 and M < 21 and N < 5e8", tiny), objective="squared",
                  uncertainty="none")  # fmt: skip
    fit = fr.fit("gadre-error", either(runs, "M > 19 and M < 21", tiny), objective="squared", uncertainty="none")
    target = runs.where(f"M > {M - 20} and M < {M + 20} and N > 2e8")
    predicted = fit.predict({"loss": loss.predict({"C": target["C"], "M": target["M"]})})
    assert len(target) == 1
    assert predicted[0] == pytest.approx(float(target["error"][0]), rel=error)


def test_synthetic_runs_go_from_compute_to_the_loss_of_answers_and_on_to_accuracy():
    step, sigmoid = fr.laws.get("llama3-task-loss"), fr.laws.get("llama3-accuracy")
    compute = np.geomspace(6e18, 1e22, 20)
    said, scored = [], []
    for seed in range(9):
        losses = fr.fit(step, fr.simulate(step, inputs={"C": compute}, noise=0.01, seed=seed), uncertainty="none")
        wide = fr.simulate(sigmoid, inputs={"task_loss": np.linspace(0.3, 1.4, 60)}, noise=0.01, seed=100 + seed)
        said.append(losses.forecast(C=3.8e25).value)
        scored.append(fr.fit(sigmoid, wide, uncertainty="none").predict({"task_loss": np.array([said[-1]])})[0])
    truth = sigmoid(step(3.8e25, **step.typical()), **sigmoid.typical())
    assert np.median(said) == pytest.approx(step(3.8e25, **step.typical()), rel=0.05)
    assert np.median(scored) == pytest.approx(truth, abs=0.02)
