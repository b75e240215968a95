"""Kumar et al. and Ouyang et al. 2024: how much a finished model loses when it is quantised."""

from typing import Any

import numpy as np

from forerun.laws import Param, amplitude, exponent, law
from forerun.units import BITS, DEGRADATION, PARAMETERS, TOKENS

DETAILS: dict[str, Any] = dict(
    status="stated",
    group="precision",
    inputs=dict(N=PARAMETERS, D=TOKENS, bits=BITS),
    output=DEGRADATION,
)
RISE = exponent("how fast it rises with training tokens", typical=0.5)
FALL = exponent("how fast it falls with size", typical=0.3)


@law(
    "kumar-quantisation",
    source="Kumar et al. 2024, arXiv:2411.04330, section 3",
    answers="From how many training tokens on does quantisation undo further training?",
    params=dict(
        C_T=amplitude("size at zero bits", typical=0.06),
        gamma_D=RISE,
        gamma_N=FALL,
        gamma_post=Param((0.05, 50.0), "log", (0.2, 5.0), 0.6, "bits in which it falls e-fold", "bits"),
    ),
    **DETAILS,
)
def kumar_quantisation(N, D, bits, *, C_T, gamma_D, gamma_N, gamma_post):
    """Rise of the loss when the weights of a model trained in high precision are stored in few bits (GPTQ).

    An offset to the bits, as the paper prints one, is part of ``C_T``: the two cannot be told apart.
    """
    return C_T * D**gamma_D * N**-gamma_N * np.exp(-bits / gamma_post)


@law(
    "ouyang-quantisation",
    source="Ouyang et al. 2024, arXiv:2411.17691, figure 6",
    answers="How much worse does a quantised model become the longer it was trained?",
    params=dict(
        k=amplitude(typical=0.02),
        beta=RISE,
        alpha=FALL,
        gamma=exponent("how fast it falls with bits", typical=5.5, bounds=(-2.0, 20.0), search=(0.5, 10.0)),
    ),
    **DETAILS,
)
def ouyang_quantisation(N, D, bits, *, k, beta, alpha, gamma):
    """Rise of the loss by quantisation to 2, 3 or 4 bits; N is counted without embeddings.

    At 16 bits it gives a small rise, not none. The paper's sentence of 17T and 50T tokens for a rise of 0.2 at 70B and
    405B does not follow from its constants, which give 10T and 22T.
    """
    return k * D**beta * N**-alpha * bits**-gamma
