"""McLeish et al. 2025: loss in width and depth beside size and data."""

from typing import Any

from forerun.laws import amplitude, exponent, floor, law
from forerun.units import DEPTH, LOSS, PARAMETERS, TOKENS, WIDTH

DETAILS: dict[str, Any] = dict(
    source="McLeish et al. 2025, arXiv:2502.06857, approach 3 with the authors' depth_width.py",
    status="stated",
    group="architecture",
    answers="Wide or deep?",
    output=LOSS,
)


def size(what: str, typical: float):
    """The factor of one of the parts."""
    return amplitude(f"size of the part of {what}", typical=typical, search=(1e-2, 1e7))


def fall(what: str, typical: float):
    """The exponent of one of the parts."""
    return exponent(f"how fast that part falls with {what}", typical=typical, search=(0.05, 1.5))


@law(
    "width-depth",
    inputs=dict(width=WIDTH, depth=DEPTH, N=PARAMETERS, D=TOKENS),
    params=dict(
        E=floor(typical=1.487),
        A_w=size("finite width", 2.927),
        p_w=fall("width", 0.20528),
        A_d=size("finite depth", 0.8108),
        p_d=fall("depth", 0.47414),
        A_N=size("finite size", 501.4),
        p_N=fall("N", 0.3721),
        A_D=size("finite data", 54396.0),
        p_D=fall("D", 0.51165),
    ),
    **DETAILS,
)
def width_depth(width, depth, N, D, *, E, A_w, p_w, A_d, p_d, A_N, p_N, A_D, p_D):
    """Loss of a model of a shape; N counts its embeddings and mostly follows from width and depth."""
    return E + A_w * width**-p_w + A_d * depth**-p_d + A_N * N**-p_N + A_D * D**-p_D


@law(
    "width-depth-only",
    inputs=dict(width=WIDTH, depth=DEPTH, D=TOKENS),
    params=dict(
        A_w=size("finite width", 8.285),
        p_w=fall("width", 0.26065),
        A_d=size("finite depth", 2.0767),
        p_d=fall("depth", 0.14165),
        A_D=size("finite data", 79549.0),
        p_D=fall("D", 0.53096),
    ),
    **DETAILS,
)
def width_depth_only(width, depth, D, *, A_w, p_w, A_d, p_d, A_D, p_D):
    """Loss of a model of a shape, without its size: the floor is left out because the authors' fit sends it to zero."""
    return A_w * width**-p_w + A_d * depth**-p_d + A_D * D**-p_D
