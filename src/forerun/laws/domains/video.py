"""Yin et al. 2024: the best batch of video diffusion transformers."""

from dataclasses import replace

from forerun.laws import Param, amplitude, law
from forerun.units import BATCH, PARAMETERS, TOKENS


@law(
    "video-batch",
    source="Yin et al. 2024, arXiv:2411.17470, as quoted in a note; its units were inferred",
    status="stated",
    group="hyperparameters",
    answers="Which batch is best for a video model of this size and number of tokens?",
    inputs=dict(N=PARAMETERS, D=TOKENS),
    output=replace(BATCH, meaning="batch of the best run"),
    params=dict(
        c=amplitude("batch at one parameter and one token", typical=2e-5, search=(1e-9, 1e6)),
        e_N=Param((-3.0, 3.0), "linear", (-1.2, 1.2), 0.2, "power of N"),
        e_D=Param((-3.0, 3.0), "linear", (-1.2, 1.2), 0.8, "power of D"),
    ),
)
def video_batch(N, D, *, c, e_N, e_D):
    """Best batch in tokens: it grows with the tokens nearly in proportion, and a little with the size."""
    return c * N**e_N * D**e_D
