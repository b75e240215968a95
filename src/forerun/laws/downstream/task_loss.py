"""Llama 3 (2024): compute to the loss of correct answers, and that loss to accuracy."""

from typing import Any

import numpy as np

from forerun.laws import Param, coefficient, law
from forerun.units import FLOPS, SCORE, TASK_LOSS

DETAILS: dict[str, Any] = dict(
    source="The Llama 3 Herd of Models 2024, arXiv:2407.21783, section 3.2.1", status="recalled", group="downstream"
)


def _below_smallest(columns):
    return 0.0, max(float(columns["y"].min()), 0.01)


def _above_largest(columns):
    return min(float(columns["y"].max()), 0.99), 1.0


@law(
    "llama3-task-loss",
    answers="Which loss do the correct answers of a task reach at this compute?",
    inputs=dict(C=FLOPS),
    output=TASK_LOSS,
    params=dict(
        u=coefficient("loss at 1e21 FLOP", typical=0.9, bounds=(-1e3, 1e3), search=(0.0, 3.0)),
        v=coefficient("fall for each tenfold of compute", typical=0.12, bounds=(-1e3, 1e3), search=(0.0, 1.0)),
    ),
    **DETAILS,
)
def llama3_task_loss(C, *, u, v):
    """Negative log-likelihood of the correct answer per character, a straight line in log compute; below zero at last."""
    return u - v * np.log10(C / 1e21)


@law(
    "llama3-accuracy",
    answers="Which accuracy does a loss of the correct answers stand for?",
    inputs=dict(task_loss=TASK_LOSS),
    output=SCORE,
    params=dict(
        g=Param((0.0, 1.0), "linear", _below_smallest, 0.25, "accuracy of guessing; fix it if known", role="floor"),
        h=Param((0.0, 1.0), "linear", _above_largest, 0.95, "accuracy at zero loss and below", role="ceiling"),
        k=Param((0.01, 1e3), "log", (0.5, 50.0), 8.0, "steepness: logits for each unit of loss", role="exponent"),
        m=Param((-10.0, 100.0), "linear", (0.0, 3.0), 0.8, "loss half way between guessing and the best"),
    ),
    **DETAILS,
)
def llama3_accuracy(task_loss, *, g, h, k, m):
    """Accuracy as a falling sigmoid of the loss of the correct answers; fit with models of other families too."""
    return g + (h - g) / (1 + np.exp(k * (task_loss - m)))
