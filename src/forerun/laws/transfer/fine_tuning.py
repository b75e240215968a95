"""Fine-tuning: loss of one pretrained model against its examples, and of many models against size and examples."""

import numpy as np

from forerun.laws import amplitude, exponent, floor, law
from forerun.units import EXAMPLES, LOSS, PARAMETERS


def _of_all_powers(columns):
    low, high = float(columns["examples"].min()), float(columns["examples"].max())
    return low**0.1, high**1.5


@law(
    "rectified-fine-tuning",
    source="Lin et al. 2024, arXiv:2402.02314, definition of the rectified scaling law; linhaowei1/Fine-tuning-Scaling-Law, fit_law.py",
    status="stated",
    group="fine-tuning",
    answers="Which pretrained model is best once it is fine-tuned on all examples?",
    caution="needs examples on both sides of the bend: from the flat start alone its forecasts are guesses",
    inputs=dict(examples=EXAMPLES),
    output=LOSS,
    params=dict(
        E=floor("loss of unlimited fine-tuning", typical=1.0),
        B=amplitude("size of the part that fine-tuning takes away", typical=560.0, search=(1e-1, 1e8)),
        D_l=amplitude(
            "what pre-training is worth, in examples to the power beta",
            unit="examples^beta",
            typical=166.0,
            search=_of_all_powers,
            bounds=(1e-4, 1e40),
            role="coefficient",
        ),
        beta=exponent("how fast the loss falls once it falls", typical=0.455),
    ),
)
def rectified_fine_tuning(examples, *, E, B, D_l, beta):
    """Loss on the task after fine-tuning on so many examples: flat until they outweigh pre-training, then a power law.

    It begins at E + B / D_l and bends near D_l**(1 / beta) examples. At the lower bound of D_l it is the power law with
    a floor.
    """
    return B / (D_l + examples**beta) + E


@law(
    "fine-tuning-joint",
    source="Zhang et al. 2024, arXiv:2402.17193, multiplicative joint law, read in a review that prints it",
    status="stated",
    group="fine-tuning",
    answers="A larger pretrained model, or more fine-tuning examples?",
    inputs=dict(N=PARAMETERS, examples=EXAMPLES),
    output=LOSS,
    params=dict(
        A=amplitude("size of the part that size and examples take away together", typical=40.0),
        alpha=exponent("how fast it falls with the model", typical=0.15, search=(0.01, 1.0)),
        beta=exponent("how fast it falls with the examples", typical=0.1, search=(0.01, 1.0)),
        E=floor(typical=0.8),
    ),
)
def fine_tuning_joint(N, examples, *, A, alpha, beta, E):
    """Loss on the task of a model of N parameters fine-tuned on so many examples: each makes the other worth more.

    N may stand for another factor: pre-training tokens with ``along(N="D")``, or trainable parameters, for which alpha
    was near zero. The paper fits E and beta once for all factors of a task.
    """
    return A * np.exp(-alpha * np.log(N) - beta * np.log(examples)) + E
