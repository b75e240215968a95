"""Muennighoff et al. 2023: tokens that repeat, and parameters beyond what the data can use, count for less."""

import numpy as np

from forerun.laws import amplitude, exponent, floor, law, term
from forerun.units import LOSS, PARAMETERS, TOKENS, UNIQUE_TOKENS

SOURCE = "Muennighoff et al. 2023, arXiv:2305.16264, equations 5 to 7"
PER_UNIQUE_TOKEN = 0.051  # (A/B)**(1/alpha) of the published fit: parameters that a unique token can use
R_D = amplitude("repetitions of a token after which its worth is largely gone", typical=15.0, search=(0.5, 200.0))
R_N = amplitude("the same for excess parameters", typical=5.0, search=(0.5, 200.0))


def worth(U, R, R_star):
    """Effective amount: U counts in full, R repeats of it with a worth that decays e-fold in R_star."""
    return U * (1 + R_star * (1 - np.exp(-R / R_star)))


def excess(ratio):
    """max(ratio - 1, 0), written so that derivatives pass through it."""
    return ((ratio - 1) + ((ratio - 1) ** 2) ** 0.5) / 2


@term(
    "repeated-data",
    source=SOURCE,
    status="stated",
    inputs=dict(D=TOKENS, U=UNIQUE_TOKENS),
    output=TOKENS,
    params=dict(R_D=R_D),
)
def repeated_data(D, U, *, R_D):
    """Unique tokens that are worth as much as D tokens drawn from U unique ones; at most (1 + R_D) U."""
    R = excess(D / U)
    return worth(D / (1 + R), R, R_D)


@term(
    "excess-parameters",
    source=SOURCE,
    status="stated",
    inputs=dict(N=PARAMETERS, U=UNIQUE_TOKENS),
    output=PARAMETERS,
    params=dict(R_N=R_N),
)
def excess_parameters(N, U, *, R_N):
    """Parameters that count when only 0.051 U of them are of use to U unique tokens (the published ratio)."""
    R = excess(N / (PER_UNIQUE_TOKEN * U))
    return worth(N / (1 + R), R, R_N)


@law(
    "data-constrained",
    source=SOURCE,
    status="stated",
    group="data",
    answers="How often is it worth repeating the same data?",
    inputs=dict(N=PARAMETERS, D=TOKENS, U=UNIQUE_TOKENS),
    output=LOSS,
    params=dict(E=floor(), A=amplitude(typical=500.0), B=amplitude(typical=1500.0), alpha=exponent(), R_D=R_D, R_N=R_N),
)
def data_constrained(N, D, U, *, E, A, B, alpha, R_D, R_N):
    """Loss of N parameters after D tokens of which U are unique, one exponent for both parts.

    The parameters that U tokens can use follow from A, B and alpha; with a fixed ratio it is
    ``chinchilla.where(N=excess-parameters, D=repeated-data).tie(beta="alpha")``.
    """
    more_data, more_size = excess(D / U), excess(N / ((A / B) ** (1 / alpha) * U))
    size, data = worth(N / (1 + more_size), more_size, R_N), worth(D / (1 + more_data), more_data, R_D)
    return E + A * size**-alpha + B * data**-alpha
