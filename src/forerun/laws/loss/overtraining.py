"""Gadre et al. 2024: loss of over-trained models in compute and tokens per parameter."""

from forerun.laws import amplitude, exponent, floor, law
from forerun.units import FLOPS, LOSS, TOKENS_PER_PARAMETER


@law(
    "gadre-overtraining",
    source="Gadre et al. 2024, arXiv:2403.08540, equation 4",
    status="stated",
    group="pretraining",
    answers="What does a model reach that is trained far beyond the compute optimum?",
    caution="made for prediction: its own optimum of 3 to 8 tokens per parameter must not be used to allocate compute",
    inputs=dict(C=FLOPS, M=TOKENS_PER_PARAMETER),
    output=LOSS,
    params=dict(
        E=floor(),
        a=amplitude("size of the finite-model part", typical=150.0),
        b=amplitude("size of the finite-data part", typical=200.0),
        eta=exponent(
            "fall of the reducible part with compute at fixed tokens per parameter", typical=0.125, search=(0.01, 1.0)
        ),
    ),
)
def gadre_overtraining(C, M, *, E, a, b, eta):
    """Loss at compute C = 6ND and M = D/N tokens per parameter, with one exponent for size and data.

    Made for prediction: its own optimal M comes out at 3 to 8 and must not be used to allocate compute.
    """
    return E + (a * M**eta + b * M**-eta) * C**-eta
