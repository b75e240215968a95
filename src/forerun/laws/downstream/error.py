"""Gadre et al. 2024: average error over tasks in the validation loss."""

import numpy as np

from forerun.laws import Param, amplitude, law
from forerun.units import ERROR, LOSS


@law(
    "gadre-error",
    source="Gadre et al. 2024, arXiv:2403.08540, equation 5",
    status="stated",
    group="downstream",
    answers="Which average error over tasks does a validation loss stand for?",
    caution="for an average over many tasks that a small model is above chance at; single tasks are noisy",
    inputs=dict(loss=LOSS),
    output=ERROR,
    params=dict(
        eps=Param((0.0, 1.0), "linear", (0.5, 1.0), 0.85, "error of an untrained model, near chance", role="ceiling"),
        k=amplitude(typical=2.1, search=(1e-2, 1e2)),
        gamma=Param((0.01, 20.0), "log", (0.1, 5.0), 0.75, "how fast the gain falls with loss", "1/(nats/token)"),
    ),
)
def gadre_error(loss, *, eps, k, gamma):
    """Average top-1 error at a validation loss; the same as eps - k perplexity**-gamma."""
    return eps - k * np.exp(-gamma * loss)
