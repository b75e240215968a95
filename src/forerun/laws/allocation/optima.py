"""The best size, data, and ratio of the two, as power laws of compute, with the constants of seven papers."""

from typing import Any

from forerun.laws import Param, amplitude, law
from forerun.units import FLOPS, PARAMETERS, TOKENS, TOKENS_PER_PARAMETER

DETAILS: dict[str, Any] = dict(
    source="Kaplan et al. 2020, arXiv:2001.08361, section 6; Hoffmann et al. 2022, arXiv:2203.15556, approaches 1 and 2",
    status="stated",
    group="allocation",
    inputs=dict(C=FLOPS),
)
GROWS = Param((-2.0, 3.0), "linear", (0.02, 1.2), 0.5, "power of compute with which it grows")


@law(
    "optimal-parameters",
    answers="How large should the model be for a compute budget?",
    output=PARAMETERS,
    params=dict(k=amplitude("parameters at one FLOP", typical=0.1, search=(1e-12, 1e6)), a=GROWS),
    **DETAILS,
)
def optimal_parameters(C, *, k, a):
    """Parameters of the best model at each compute; ``forerun.isoflop`` finds the optima that it is fitted to.

    What is counted as parameters and as compute moves the exponent from 0.5 to 0.83 on the same runs: compare sets of
    one convention only.
    """
    return k * C**a


@law(
    "optimal-tokens",
    answers="How many tokens should a compute budget be trained on?",
    output=TOKENS,
    params=dict(k=amplitude("tokens at one FLOP", typical=1.0, search=(1e-9, 1e9)), b=GROWS),
    **DETAILS,
)
def optimal_tokens(C, *, k, b):
    """Tokens of the best run at each compute; with C = 6ND its exponent and that of the size sum to one."""
    return k * C**b


@law(
    "optimal-ratio",
    answers="How many tokens per parameter should a compute budget buy?",
    output=TOKENS_PER_PARAMETER,
    params=dict(
        k=amplitude("tokens per parameter at 1e20 FLOP", typical=20.0),
        e=Param((-2.0, 2.0), "linear", (0.01, 0.5), 0.1, "power of compute with which it grows"),
    ),
    **DETAILS | {"source": "Hu et al. 2024 (MiniCPM), arXiv:2404.06395, section 5: N / D = K2 (C / 6)^eta, inverted"},
)
def optimal_ratio(C, *, k, e):
    """Tokens per parameter of the best run: constant (e = 0) where size and data grow alike, as in Chinchilla."""
    return k * (C / 1e20) ** e
