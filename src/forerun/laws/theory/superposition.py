"""Liu et al. 2025: loss in the width of a model whose features share dimensions."""

from forerun.laws import amplitude, exponent, floor, law
from forerun.units import LOSS, WIDTH


@law(
    "superposition-width",
    source="Liu et al. 2025, arXiv:2505.10465, abstract",
    status="inferred",
    group="theory",
    answers="Does the loss fall as one over the width?",
    inputs=dict(width=WIDTH),
    output=LOSS,
    params=dict(
        L0=floor("loss of an endlessly wide model"),
        c=amplitude("size of the part that falls with width", typical=300.0),
        alpha=exponent("how fast that part falls; about 1 under strong superposition", typical=0.9),
    ),
)
def superposition_width(width, *, L0, c, alpha):
    """Loss in the model dimension; see ``forerun.predict.check_theory`` for what theories say of the exponent."""
    return L0 + c * width**-alpha
