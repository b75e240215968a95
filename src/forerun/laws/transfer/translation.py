"""Translation: quality after fine-tuning against pre-training tokens, and loss against the sizes of encoder and decoder."""

import numpy as np

from forerun.laws import amplitude, exponent, floor, law
from forerun.units import DECODER_PARAMETERS, ENCODER_PARAMETERS, LOSS, TOKENS, Y


def alignment(source, target):
    """How well pre-training fits a translation task, from the shares of its two languages: at least 1 is enough.

    A rule of Isik et al. 2024 without anything to fit. Below it the score may fall while the loss still improves.

    >>> round(alignment(0.5, 0.5), 2), alignment(1.0, 0.0), alignment(0.0, 1.0)
    (1.0, 0.7, 0.8)
    """
    return source * target + 0.7 * source + 0.8 * target


@law(
    "transfer-log",
    source="Isik et al. 2024, arXiv:2402.04177, log law of BLEU, as printed at its figure 9 in a review",
    status="stated",
    group="fine-tuning",
    answers="Which translation score does more pre-training buy?",
    caution="holds where the pre-training data fits the task; elsewhere the score falls or jumps as tokens grow",
    unidentified="at the noise of real scores A, alpha and beta trade off; the curves they draw do not",
    inputs=dict(D=TOKENS),
    output=Y,
    params=dict(
        A=amplitude("factor inside the logarithm", typical=3.0, search=(1.0, 1e3)),
        alpha=exponent("power of the pre-training tokens", typical=0.5, search=(0.02, 2.0)),
        beta=exponent("power of the logarithm", typical=1.3, search=(0.2, 3.0)),
    ),
)
def transfer_log(D, *, A, alpha, beta):
    """BLEU or another translation score after fine-tuning a model that was pretrained on D tokens.

    The loss on the same task follows a power law with a floor: ``power-law-floor`` along D.
    """
    return (np.log(A) + alpha * np.log(D)) ** beta


@law(
    "encoder-decoder",
    source="Ghorbani et al. 2021, arXiv:2109.07740, equation 2, from memory; the abstract says bivariate, with other exponents for each",
    status="recalled",
    group="pretraining",
    answers="How should parameters be split between encoder and decoder?",
    inputs=dict(N_encoder=ENCODER_PARAMETERS, N_decoder=DECODER_PARAMETERS),
    output=LOSS,
    params=dict(
        E=floor("loss of an unlimited model", typical=0.9),
        A=amplitude("size of the finite-model part", typical=4000.0, search=(1e-2, 1e8)),
        p_e=exponent("how fast it falls with the encoder", typical=0.18, search=(0.02, 1.0)),
        p_d=exponent("how fast it falls with the decoder", typical=0.31, search=(0.02, 1.0)),
    ),
)
def encoder_decoder(N_encoder, N_decoder, *, E, A, p_e, p_d):
    """Loss of a translation model. The best share of the encoder is p_e / (p_e + p_d), at any total size.

    The reference sizes of the paper are part of A.
    """
    return E + A * N_encoder**-p_e * N_decoder**-p_d
