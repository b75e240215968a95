"""Su et al. 2024: the loss along a run at any batch, where the batch counts for more the lower the loss is."""

from dataclasses import replace

import numpy as np

from forerun.laws import exponent, law, stop_gradient
from forerun.laws.loss.kaplan import N_SCALE, NON_EMBEDDING, scale
from forerun.units import BATCH, LOSS, STEP

NEWTON_STEPS = 7
EXACT_STEPS = 2  # at the solution they leave the value as it is, and make its two derivatives exact
S_SCALE = replace(scale("steps at which their part of the loss would be 1", 2600.0, "steps"), search=(1.0, 1e6))
B_SCALE = replace(scale("critical batch at a loss of one nat", 1.7e8, "tokens"), search=(1e4, 1e12))


@law(
    "unraveling-trajectory",
    source="Su et al. 2024, arXiv:2403.06563, after Kaplan et al. 2020, arXiv:2001.08361, equations 1.4 and 1.6",
    status="recalled",
    group="dynamics",
    answers="What is the loss after so many steps at this batch?",
    inputs=dict(N=NON_EMBEDDING, step=STEP, batch=BATCH),
    output=LOSS,
    params=dict(
        N_c=N_SCALE,
        alpha_N=exponent(typical=0.076),
        S_c=S_SCALE,
        alpha_S=exponent("how fast the part of the steps falls", typical=0.67, search=(0.2, 1.5)),
        B_star=B_SCALE,
        alpha_B=exponent("13 % lower loss doubles the critical batch at 0.21", typical=0.205, search=(0.08, 0.6)),
    ),
)
def unraveling_trajectory(N, step, batch, *, N_c, alpha_N, S_c, alpha_S, B_star, alpha_B):
    """Loss L = (N_c / N)^alpha_N + (S_c (1 + B_crit(L) / batch) / step)^alpha_S with B_crit = B_star L^(-1 / alpha_B).

    L is on both sides and is found by Newton's method for log L. Constants change with data, context and learning rate;
    those of the paper are from memory.
    """
    size, full = (N_c / N) ** alpha_N, (S_c / step) ** alpha_S
    exact = (size, full, batch, B_star, alpha_S, alpha_B)
    plain = tuple(stop_gradient(x) for x in exact)
    log_loss = np.log(plain[0] + plain[1])
    for terms in [plain] * NEWTON_STEPS + [exact] * EXACT_STEPS:
        log_loss = _nearer(log_loss, *terms)
    return np.exp(log_loss)


def _nearer(log_loss, size, full, batch, B_star, alpha_S, alpha_B):
    """One step of Newton's method for the logarithm of the loss."""
    extra = B_star * np.exp(-log_loss / alpha_B) / batch
    steps = full * (1 + extra) ** alpha_S
    loss = size + steps
    slope = 1 + alpha_S / alpha_B * extra / (1 + extra) * steps / loss
    return log_loss - (log_loss - np.log(loss)) / slope
