"""Sun et al. 2025: loss of a model trained in a floating-point format of few bits."""

import numpy as np

from forerun.laws import amplitude, exponent, floor, law
from forerun.units import BLOCK, EXPONENT_BITS, LOSS, MANTISSA_BITS, PARAMETERS, TOKENS


@law(
    "sun-floating-point",
    source="Sun et al. 2025, arXiv:2501.02423, equation 18",
    status="stated",
    group="precision",
    answers="Which number format should be trained in, and up to how many tokens?",
    inputs=dict(N=PARAMETERS, D=TOKENS, exponent_bits=EXPONENT_BITS, mantissa_bits=MANTISSA_BITS, block=BLOCK),
    output=LOSS,
    params=dict(
        eps=floor(typical=1.9),
        n=amplitude("size of the finite-model part", typical=70.0),
        alpha=exponent("how fast the finite-model part falls with N", typical=0.24),
        d=amplitude("size of the finite-data part", typical=7e4),
        beta=exponent("how fast the finite-data part falls with D", typical=0.52),
        gamma=amplitude("inverse size of the part of few bits", typical=1e4, search=(1e1, 1e7)),
        delta=exponent("how fast that part falls with exponent bits", typical=3.2, search=(0.5, 5.0)),
        nu=exponent("how fast that part falls with mantissa bits", typical=3.0, search=(0.5, 5.0)),
    ),
)
def sun_floating_point(N, D, exponent_bits, mantissa_bits, block, *, eps, n, alpha, d, beta, gamma, delta, nu):
    """Loss when matrix products are in floats with one sign bit, and ``block`` values share a scaling factor.

    The last part rises with D, so that beyond a critical number of tokens more training makes the model worse.
    Scaling factors by channel count as block = 2**13.16.
    """
    few_bits = np.log2(block) / (gamma * (exponent_bits + 0.5) ** delta * (mantissa_bits + 0.5) ** nu)
    return eps + n * N**-alpha + d * D**-beta + D**beta * N**-alpha * few_bits
