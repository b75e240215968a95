"""Best settings when training lasts longer at a fixed batch: Bjorck et al. 2024, Power Scheduler, Power Lines."""

from dataclasses import replace

from forerun.laws import amplitude, law
from forerun.laws.hyperparameters.rate_and_batch import BEST_RATE, power
from forerun.units import BATCH, PARAMETERS, TOKENS, TOKENS_PER_PARAMETER, Y


@law(
    "bjorck-token-horizon",
    source="Bjorck et al. 2024, arXiv:2409.19913",
    status="stated",
    group="hyperparameters",
    answers="How does the best learning rate move when training lasts longer at the same batch?",
    inputs=dict(N=PARAMETERS, D=TOKENS),
    output=BEST_RATE,
    params=dict(
        c=amplitude("learning rate at one billion parameters and tokens", typical=1.7e-3, search=(1e-8, 1e2)),
        e_N=power("N", -0.23),
        e_D=power("D", -0.32),
    ),
)
def bjorck_token_horizon(N, D, *, c, e_N, e_D):
    """Best rate at a fixed batch: over tokens it falls, where it rises if the batch grows as well (step-law-lr).

    The only constant that was found (1.3192e-5) gives rates of 1e-11 to 1e-6 and is left out: use the ratio of two rates.
    """
    return c * (N / 1e9) ** e_N * (D / 1e9) ** e_D


@law(
    "power-scheduler",
    source="Power Scheduler, 2024, arXiv:2408.13359",
    status="recalled",
    group="hyperparameters",
    answers="Which learning rate is best for this batch and number of tokens?",
    inputs=dict(batch=BATCH, D=TOKENS),
    output=BEST_RATE,
    params=dict(
        a=amplitude("learning rate at one token, a batch of one token", typical=1e-3, search=(1e-12, 1e4)),
        b=power("D", -0.51),
    ),
)
def power_scheduler(batch, D, *, a, b):
    """Best rate in proportion to the batch and falling with tokens, the same for all sizes under muP.

    The schedule of the paper caps it at a highest rate. Its a = 4.6 (from memory) is for a batch in sequences of a length
    that was not read, so no set is given.
    """
    return a * batch * D**b


@law(
    "power-lines-timescale",
    source="Power Lines, 2025, arXiv:2505.13738",
    status="stated",
    group="hyperparameters",
    answers="Which weight decay is best for this number of tokens per parameter?",
    inputs=dict(M=TOKENS_PER_PARAMETER),
    output=replace(Y, meaning="timescale of AdamW as a share of the run: batch / (rate * weight decay * tokens)"),
    params=dict(
        c=amplitude("timescale at one token per parameter", typical=1.1), e=power("tokens per parameter", -0.53)
    ),
)
def power_lines_timescale(M, *, c, e):
    """Best timescale over which AdamW averages its updates, in shares of the run; the best weight decay follows from it."""
    return c * M**e
