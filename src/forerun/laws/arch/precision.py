"""Kumar et al. 2024: training in few bits counts as fewer parameters."""

import numpy as np

from forerun.laws import Param, amplitude, coefficient, exponent, floor, law, term
from forerun.units import ACTIVATION_BITS, CACHE_BITS, LOSS, PARAMETERS, TOKENS, WEIGHT_BITS

SOURCE = "Kumar et al. 2024, arXiv:2411.04330, section 4 and the table of fitted constants"
BITS = dict(weight_bits=WEIGHT_BITS, activation_bits=ACTIVATION_BITS, cache_bits=CACHE_BITS)


def _decay(what, typical):
    return Param((0.05, 50.0), "log", (0.3, 8.0), typical, f"bits of the {what} in which the loss of parameters falls e-fold", "bits")  # fmt: skip


def _offset(what, typical):
    return coefficient(f"bits of the {what} that are there at zero", typical=typical, bounds=(-2.0, 20.0), search=(0.0, 4.0), unit="bits")  # fmt: skip


SHARES = dict(
    gamma_w=_decay("weights", 2.7),
    n_w=_offset("weights", 0.3),
    gamma_a=_decay("activations", 2.2),
    n_a=_offset("activations", 1.4),
    gamma_kv=_decay("cache", 1.0),
    n_kv=_offset("cache", 2.4),
)


def kept(bits, gamma, n):
    """Share of the parameters that count: 1 - exp(-(bits + n) / gamma)."""
    return 1 - np.exp(-(bits + n) / gamma)


@term(
    "low-precision-parameters",
    source=SOURCE,
    status="stated",
    inputs=dict(N=PARAMETERS, **BITS),
    output=PARAMETERS,
    params=SHARES,
)
def low_precision_parameters(
    N, weight_bits, activation_bits, cache_bits, *, gamma_w, n_w, gamma_a, n_a, gamma_kv, n_kv
):
    """Parameters that count in a model trained in few bits; 16 bits count in full."""
    parts = kept(weight_bits, gamma_w, n_w) * kept(activation_bits, gamma_a, n_a)
    return N * parts * kept(cache_bits, gamma_kv, n_kv)


@law(
    "kumar-precision",
    source=SOURCE,
    status="stated",
    group="precision",
    answers="What does training in few bits cost?",
    caution="for integer formats and was fitted up to 1.7B: its printed constants put the best precision near 5 bits, the paper says 7 to 8",
    inputs=dict(N=PARAMETERS, D=TOKENS, **BITS),
    output=LOSS,
    params=dict(
        E=floor(),
        A=amplitude("size of the finite-model part", typical=4000.0),
        alpha=exponent("how fast the finite-model part falls with parameters that count", typical=0.5),
        B=amplitude("size of the finite-data part", typical=2e4),
        beta=exponent("how fast the finite-data part falls with D", typical=0.5),
        **SHARES,
    ),
)
def kumar_precision(N, D, weight_bits, activation_bits, cache_bits, *, E, A, alpha, B, beta, gamma_w, n_w, gamma_a, n_a, gamma_kv, n_kv):  # fmt: skip
    """Loss of a model whose weights, activations and cache are trained in few bits."""
    parts = kept(weight_bits, gamma_w, n_w) * kept(activation_bits, gamma_a, n_a)
    return E + A * (N * parts * kept(cache_bits, gamma_kv, n_kv)) ** -alpha + B * D**-beta
