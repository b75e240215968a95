"""Zhai et al. 2021, Nezhurina et al. 2025: a power of compute that is bounded at both ends, for vision models."""

from dataclasses import replace

from forerun.laws import amplitude, exponent, floor, law, location
from forerun.units import X, Y


@law(
    "double-saturation",
    source="Nezhurina et al. 2025, arXiv:2506.04598 (CLIP, MaMMUT), the authors' code; recalled: Zhai et al. 2021, "
    "arXiv:2106.04560 (vision transformers)",
    status="stated",
    group="vision",
    answers="How does an error fall with compute that neither starts at infinity nor ends at zero?",
    caution="made for the best runs of each compute, and takes data that never repeat for granted",
    inputs=dict(x=replace(X, typical=(1.0, 1e12), meaning="training compute; say in which unit with the constants")),
    output=Y,
    params=dict(
        c=floor("error of unlimited compute", typical=0.11),
        a=amplitude("size of the part that compute removes", typical=50.0),
        b=exponent("how fast that part falls", typical=0.25, search=(0.02, 1.5)),
        d=location("x", "compute below which nothing is learned", typical=20.0),
    ),
)
def double_saturation(x, *, c, a, b, d):
    """Error of the best model of each compute: c at the end, c + a d^-b at the start, a power of compute between.

    With d far below the runs it is a power law with a floor, and no run tells d.
    """
    return c + a * (x + d) ** -b
