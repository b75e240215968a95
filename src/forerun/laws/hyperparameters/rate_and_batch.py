"""Best learning rate and batch against size and data: Step Law, Porian et al., Bjorck et al."""

from dataclasses import replace
from typing import Any

from forerun.laws import Param, amplitude, law
from forerun.units import BATCH, LEARNING_RATE, PARAMETERS, TOKENS

BEST_RATE = replace(LEARNING_RATE, meaning="peak learning rate of the best run")
BEST_BATCH = replace(BATCH, meaning="batch of the best run")
STEP_LAW: dict[str, Any] = dict(source="Step Law, 2025, arXiv:2503.04715", status="stated", group="hyperparameters")
PORIAN: dict[str, Any] = dict(
    source="Porian et al. 2024, arXiv:2406.19146", status="stated", group="hyperparameters", inputs=dict(N=PARAMETERS)
)
RATE = amplitude("learning rate at one parameter and one token", typical=1.8, search=(1e-8, 1e8))
SIZE = amplitude("batch at one, tokens", typical=0.6, search=(1e-6, 1e8))


def power(of: str, typical: float) -> Param:
    """How the best setting follows a quantity; either sign."""
    return Param((-3.0, 3.0), "linear", (-1.2, 1.2), typical, f"power of {of}")


@law(
    "step-law-lr",
    answers="Which learning rate is best at this size and number of tokens?",
    inputs=dict(N=PARAMETERS, D=TOKENS),
    output=BEST_RATE,
    params=dict(c=RATE, e_N=power("N", -0.71), e_D=power("D", 0.31)),
    **STEP_LAW,
)
def step_law_lr(N, D, *, c, e_N, e_D):
    """Best peak rate where the batch is best as well; N counts non-embedding parameters. Over tokens it rises."""
    return c * N**e_N * D**e_D


@law(
    "step-law-batch",
    answers="Which batch is best for this number of tokens?",
    inputs=dict(D=TOKENS),
    output=BEST_BATCH,
    params=dict(c=SIZE, e_D=power("D", 0.57)),
    **STEP_LAW,
)
def step_law_batch(D, *, c, e_D):
    """Best batch in tokens where the rate is best as well; the size of the model hardly matters."""
    return c * D**e_D


@law("porian-lr", answers="Which learning rate is best at this size, at 20 tokens per parameter?", output=BEST_RATE,
     params=dict(c=RATE, e=power("N", -0.36)), **PORIAN)  # fmt: skip
def porian_lr(N, *, c, e):
    """Best rate of compute-optimal runs, at a constant rate; valid at about 20 tokens per parameter only."""
    return c * N**e


@law("porian-batch", answers="Which batch is best at this size, at 20 tokens per parameter?", output=BEST_BATCH,
     params=dict(c=SIZE, e=power("N", 0.7)), **PORIAN)  # fmt: skip
def porian_batch(N, *, c, e):
    """Best batch of compute-optimal runs in tokens; valid at about 20 tokens per parameter only."""
    return c * N**e
