"""Critical batch: against loss (Kaplan et al. 2020), against size and data (Zhang et al. 2024, Time Transfer 2024)."""

from dataclasses import replace

from forerun.laws import Param, amplitude, exponent, law
from forerun.units import BATCH, LOSS, PARAMETERS, TOKENS

CRITICAL = replace(BATCH, meaning="critical batch: twice as many steps, and twice as many tokens, as at the extremes")
SIZE = amplitude("critical batch at a loss of one nat, tokens", typical=2e8, search=(1e3, 1e14))
GROWS = Param((-2.0, 6.0), "linear", (0.02, 2.0), 0.47, "how fast it grows")


@law(
    "kaplan-bcrit",
    source="Kaplan et al. 2020, arXiv:2001.08361, equation 1.4",
    status="stated",
    group="batch size",
    answers="Up to which batch does a larger one save steps, at this loss?",
    inputs=dict(loss=LOSS),
    output=CRITICAL,
    params=dict(B_star=SIZE, alpha_B=exponent("13 % lower loss doubles the batch at 0.21", typical=0.21)),
)
def kaplan_bcrit(loss, *, B_star, alpha_B):
    """Critical batch in tokens at a loss: it grows along a run and is the same for all sizes at one loss."""
    return B_star * loss ** (-1 / alpha_B)


@law(
    "critical-batch-size",
    source="Zhang et al. 2024, arXiv:2410.21676",
    status="stated",
    group="batch size",
    answers="How does the critical batch grow with the model?",
    inputs=dict(N=PARAMETERS),
    output=CRITICAL,
    params=dict(c=amplitude("critical batch at one million parameters, tokens", typical=5e4), e=GROWS),
)
def critical_batch_size(N, *, c, e):
    """Critical batch in tokens against parameters; on tokens fixed for all sizes it hardly grows: it is data that count.

    Critical here is the largest batch that needs at most 20 % more steps than a saving in proportion would.
    """
    return c * (N / 1e6) ** e


@law(
    "critical-batch-data",
    source="Time Transfer, 2024, arXiv:2410.05838 (power one); Zhang et al. 2024, arXiv:2410.21676 (power 0.47)",
    status="inferred",
    group="batch size",
    answers="How does the critical batch grow with the training tokens?",
    inputs=dict(D=TOKENS),
    output=CRITICAL,
    params=dict(c=amplitude("critical batch at one million tokens, tokens", typical=1.2e4), e=GROWS),
)
def critical_batch_data(D, *, c, e):
    """Critical batch in tokens against training tokens; the sources disagree about the power, 0.47 or 1."""
    return c * (D / 1e6) ** e
