"""Best learning rate and batch against compute (DeepSeek 2024), and batch against loss (MiniCPM 2024)."""

from typing import Any

from forerun.laws import amplitude, exponent, law
from forerun.laws.hyperparameters.rate_and_batch import BEST_BATCH, BEST_RATE, RATE, SIZE, power
from forerun.units import FLOPS, LOSS

DEEPSEEK: dict[str, Any] = dict(
    source="DeepSeek LLM, 2024, arXiv:2401.02954, equation 1",
    status="stated",
    group="hyperparameters",
    inputs=dict(C=FLOPS),
)


@law("deepseek-lr", answers="Which learning rate is best for this compute?", output=BEST_RATE,
     params=dict(c=RATE, e=power("compute", -0.125)), **DEEPSEEK)  # fmt: skip
def deepseek_lr(C, *, c, e):
    """Best peak rate of compute-optimal runs; C is non-embedding FLOP per token, attention included, times tokens."""
    return c * C**e


@law("deepseek-batch", answers="Which batch is best for this compute?", output=BEST_BATCH,
     params=dict(c=SIZE, e=power("compute", 0.33)), **DEEPSEEK)  # fmt: skip
def deepseek_batch(C, *, c, e):
    """Best batch of compute-optimal runs in tokens; all runs within 0.25 % of the best loss were fitted."""
    return c * C**e


@law(
    "minicpm-batch",
    source="Hu et al. 2024 (MiniCPM), arXiv:2404.06395, section 3.2",
    status="stated",
    group="hyperparameters",
    answers="Which batch is best for reaching this loss?",
    inputs=dict(loss=LOSS),
    output=BEST_BATCH,
    params=dict(
        b_0=amplitude("batch at a loss of one nat, tokens", typical=1.2e9, search=(1e3, 1e14)),
        e=exponent("how fast it falls with the loss", typical=6.24, bounds=(-2.0, 20.0), search=(0.5, 12.0)),
    ),
)
def minicpm_batch(loss, *, b_0, e):
    """Best batch in tokens against the loss on C4 that it reaches; fitted on losses of 2.9 to 4."""
    return b_0 * loss**-e
