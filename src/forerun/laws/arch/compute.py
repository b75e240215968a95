"""How loss falls with compute in one architecture: a power, or a straight line in the logarithm."""

import numpy as np

from forerun.laws import amplitude, coefficient, exponent, law
from forerun.units import FLOPS, LOSS

PETAFLOPS_DAY = 8.64e19


@law(
    "architecture-compute",
    source="Shen et al. 2024, arXiv:2406.16690 (linear attention); recalled: Nie et al. 2024, arXiv:2410.18514 (diffusion)",
    status="stated",
    group="architecture",
    answers="How does the loss of this architecture fall with compute?",
    caution="has no floor: do not extrapolate far. Compare architectures by the compute of equal loss",
    inputs=dict(C=FLOPS),
    output=LOSS,
    params=dict(
        c=amplitude("loss at one petaflop/s-day", typical=3.7, search=(0.5, 50.0)),
        e=exponent("how fast the loss falls with compute", typical=0.08, search=(0.005, 0.5)),
    ),
)
def architecture_compute(C, *, c, e):
    """Loss of the best run of one architecture at C FLOP."""
    return c * (C / PETAFLOPS_DAY) ** -e


@law(
    "architecture-slope",
    source="Tay et al. 2022, arXiv:2207.10551",
    status="stated",
    group="architecture",
    answers="Which architecture gains more from compute?",
    caution="the paper prints slopes without levels; orders at small scale do not carry over",
    inputs=dict(C=FLOPS),
    output=LOSS,
    params=dict(
        level=coefficient("loss at one petaflop/s-day", typical=3.0, search=(0.0, 10.0)),
        alpha=coefficient("loss gained per e-fold of compute", typical=0.2, search=(0.0, 1.0)),
    ),
)
def architecture_slope(C, *, level, alpha):
    """Loss as a straight line in the logarithm of compute: good for comparing slopes over a short range.

    Slopes of the paper, without levels and in a base that was not read: Transformer 0.54, GLU 0.49, Evolved 0.44,
    MLP-Mixer 0.32, Performer 0.25, Switch 0.23, ALBERT 0.08; and downstream 0.28, 0.24, 0.22, -0.03, 0.05, 0.14, -0.12.
    """
    return level - alpha * np.log(C / PETAFLOPS_DAY)
