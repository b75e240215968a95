"""Charles et al. 2025: DiLoCo, replicas of a model that train apart and synchronise every 30 steps."""

from typing import Any

from forerun.laws import amplitude, coefficient, exponent, law
from forerun.units import BATCH, LEARNING_RATE, LOSS, PARAMETERS, REPLICAS

DETAILS: dict[str, Any] = dict(
    source="Charles et al. 2025, arXiv:2503.09799, section 6",
    status="stated",
    group="distributed",
    inputs=dict(N=PARAMETERS, replicas=REPLICAS),
)


def _of_replicas(meaning, typical):
    return coefficient(meaning, typical=typical, bounds=(-4.0, 4.0), search=(-1.0, 1.0), role="exponent")


@law(
    "diloco-loss",
    answers="What does training with few synchronisations cost?",
    caution="without a floor: at 10B its published constants are 3 to 4 % too low",
    output=LOSS,
    params=dict(
        A=amplitude(typical=19.0),
        alpha=exponent("how fast the loss falls with N at 20 tokens per parameter", typical=0.1),
        beta=_of_replicas("how fast it rises with replicas", 0.012),
    ),
    **DETAILS,
)
def diloco_loss(N, replicas, *, A, alpha, beta):
    """Loss at 20 tokens per parameter of a model trained as several replicas that synchronise every 30 steps."""
    return A * N**-alpha * replicas**beta


@law(
    "diloco-batch",
    answers="Which batch suits training with few synchronisations?",
    output=BATCH,
    params=dict(
        A=amplitude(typical=15.0),
        alpha=coefficient("how fast the batch rises with N", typical=0.47, bounds=(-4.0, 4.0), role="exponent"),
        beta=_of_replicas("how fast it rises with replicas", 0.34),
    ),
    **DETAILS,
)
def diloco_batch(N, replicas, *, A, alpha, beta):
    """Best batch over all replicas in tokens per step; the unit of the published constants is inferred."""
    return A * N**alpha * replicas**beta


@law(
    "diloco-learning-rate",
    answers="Which learning rate suits training with few synchronisations?",
    output=LEARNING_RATE,
    params=dict(
        A=amplitude(typical=2e4, search=(1e-2, 1e8)),
        alpha=exponent("how fast the rate falls with N", typical=0.88),
        beta=_of_replicas("how fast it rises with replicas", 0.29),
    ),
    **DETAILS,
)
def diloco_learning_rate(N, replicas, *, A, alpha, beta):
    """Best inner learning rate (AdamW); the outer one does not depend on N."""
    return A * N**-alpha * replicas**beta
