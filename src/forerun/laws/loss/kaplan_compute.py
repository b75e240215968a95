"""Kaplan et al. 2020: loss against compute, and against parameters and steps."""

from dataclasses import replace

from forerun.laws import exponent, law
from forerun.laws.loss.kaplan import N_SCALE, NON_EMBEDDING, SOURCE, scale
from forerun.units import FLOPS, LOSS, STEP

LARGE_BATCH = replace(STEP, meaning="optimiser steps at a batch far above the critical one")


@law(
    "kaplan-c",
    source=f"{SOURCE}, equation 1.3 and section 3",
    status="stated",
    group="pretraining",
    answers="What does compute alone buy?",
    inputs=dict(C=FLOPS),
    output=LOSS,
    params=dict(
        C_c=replace(scale("compute at which the loss would reach 1", 1.4e27, "FLOP"), search=(1e18, 1e36)),
        alpha_C=exponent(typical=0.057),
    ),
)
def kaplan_c(C, *, C_c, alpha_C):
    """Loss of the best size at each compute; it has no floor.

    Two laws go by this name: one for runs at a fixed batch, one for compute at a batch far below the critical one. The
    paper counts PF-days of 8.64e19 FLOP.
    """
    return (C_c / C) ** alpha_C


@law(
    "kaplan-ns",
    source=f"{SOURCE}, equation 1.6",
    status="stated",
    group="pretraining",
    answers="How does the loss of a size fall with its steps?",
    inputs=dict(N=NON_EMBEDDING, step=LARGE_BATCH),
    output=LOSS,
    params=dict(
        N_c=N_SCALE,
        alpha_N=exponent(typical=0.077),
        S_c=replace(scale("steps at which their part of the loss would be 1", 2100.0, "steps"), search=(1.0, 1e6)),
        alpha_S=exponent(typical=0.76),
    ),
)
def kaplan_ns(N, step, *, N_c, alpha_N, S_c, alpha_S):
    """Loss along a run on unlimited data after its warm-up; steps at a finite batch B count 1 + B_crit/B times less.

    For runs at a finite batch see unraveling-trajectory, which solves for the loss that B_crit depends on.
    """
    return (N_c / N) ** alpha_N + (S_c / step) ** alpha_S
