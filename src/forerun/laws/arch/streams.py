"""Chen et al. 2025: loss of a model that runs several parallel streams."""

import numpy as np

from forerun.laws import Param, exponent, floor, law, term
from forerun.units import LOSS, PARAMETERS, STREAMS

SOURCE = "Chen et al. 2025, arXiv:2505.10475"
GAIN = Param(
    (0.0, 1e3), "linear", (0.05, 2.0), 0.3935, "share of its parameters that a model gains per e-fold of streams"
)


@law(
    "parallel-streams",
    source=SOURCE,
    status="stated",
    group="architecture",
    answers="What do parallel streams buy instead of parameters?",
    caution="made for one number of training tokens",
    inputs=dict(N=PARAMETERS, streams=STREAMS),
    output=LOSS,
    params=dict(
        E=floor(typical=0.6912),
        A=Param((1e-40, 1e40), "log", (1e3, 1e11), 1.13e7, "size at which the reducible part is 1", "parameters",
                role="location"),
        alpha=exponent("how fast the reducible part falls with N", typical=0.1894, search=(0.02, 1.5)),
        k=GAIN,
    ),
)  # fmt: skip
def parallel_streams(N, streams, *, E, A, alpha, k):
    """Loss of a model whose N parameters (without embeddings) are run on so many streams at once."""
    return E + (A / (N * (k * np.log(streams) + 1.0))) ** alpha


@term(
    "stream-parameters",
    source=SOURCE,
    status="stated",
    inputs=dict(N=PARAMETERS, streams=STREAMS),
    output=PARAMETERS,
    params=dict(k=GAIN),
)
def stream_parameters(N, streams, *, k):
    """Size of the model with one stream that N parameters on so many streams equal: N (1 + k ln P)."""
    return N * (k * np.log(streams) + 1.0)
