"""Tao et al. 2024: how large the vocabulary should be, in three ways."""

from dataclasses import replace
from typing import Any

from forerun.laws import Param, amplitude, exponent, law
from forerun.units import FLOPS, GAIN_OVER_UNIGRAM, PARAMETERS, TOKENS, VOCABULARY_PARAMETERS

SOURCE = "Tao et al. 2024, arXiv:2407.13623"
DETAILS: dict[str, Any] = dict(status="stated", group="architecture")
REST = replace(PARAMETERS, meaning="parameters without those of the vocabulary")
ANCHOR = 33e6  # the model whose best vocabulary was measured
MILLION, BILLION = 1e6, 1e9  # the published coefficients are for these units


def _above_largest(columns):
    return 1.001 * float(columns["y"].max()), 3.0 * float(columns["y"].max())


@law(
    "vocabulary-isoflop",
    source=f"{SOURCE}, approach 1",
    answers="Which vocabulary is best for a budget, by the lowest run of each budget?",
    inputs=dict(C=FLOPS),
    output=VOCABULARY_PARAMETERS,
    params=dict(
        K=amplitude("vocabulary parameters at one FLOP", typical=0.204, search=(1e-6, 1e6)),
        a=exponent("powers of ten in vocabulary parameters per tenfold of compute", typical=0.416, search=(0.05, 1.0)),
    ),
    **DETAILS,
)
def vocabulary_isoflop(C, *, K, a):
    """Vocabulary parameters (size times width) that are best for a budget of 6 (N + N_v) D FLOP."""
    return K * C**a


@law(
    "vocabulary-derivative",
    source=f"{SOURCE}, approach 2",
    answers="Which vocabulary is best for a size, by the least compute for a text?",
    inputs=dict(N=REST),
    output=VOCABULARY_PARAMETERS,
    params=dict(
        N_v0=amplitude("best vocabulary parameters of a model of 33M", typical=3145728.0, search=(1e4, 1e9)),
        gamma=exponent("powers of ten in vocabulary parameters per tenfold of N", typical=0.835, search=(0.05, 2.0)),
    ),
    **DETAILS,
)
def vocabulary_derivative(N, *, N_v0, gamma):
    """Vocabulary parameters that are best for a model of N other parameters at its best number of tokens."""
    return N_v0 * (N / ANCHOR) ** gamma


@law(
    "vocabulary-loss",
    source=f"{SOURCE}, approach 3; its loss with the sign turned",
    answers="Which vocabulary is best for a size and a budget, at any number of tokens?",
    inputs=dict(N=REST, N_v=VOCABULARY_PARAMETERS, D=TOKENS),
    output=GAIN_OVER_UNIGRAM,
    params=dict(
        E=Param((0.0, 1e3), "linear", _above_largest, 5.53, "gain of an unlimited model", role="ceiling"),
        A1=amplitude("gain lost to finite size, at a million parameters", typical=1.83, search=(1e-2, 1e2)),
        alpha1=exponent("how fast that falls with N", typical=0.447, search=(0.05, 1.5)),
        A2=amplitude("gain lost to a small vocabulary, at a million parameters", typical=0.196, search=(1e-3, 1e2)),
        alpha2=exponent("how fast that falls with the vocabulary", typical=0.671, search=(0.05, 1.5)),
        B=amplitude("gain lost to finite data, at a billion tokens", typical=2.12, search=(1e-2, 1e2)),
        beta=exponent("how fast that falls with D", typical=0.447, search=(0.05, 1.5)),
    ),
    **DETAILS,
)
def vocabulary_loss(N, N_v, D, *, E, A1, alpha1, A2, alpha2, B, beta):
    """Gain over a unigram model of the same tokens: minus the unigram-normalised loss, comparable across vocabularies."""
    return E - A1 * (N / MILLION) ** -alpha1 - A2 * (N_v / MILLION) ** -alpha2 - B * (D / BILLION) ** -beta
