"""Konz and Mazurowski 2024: loss against training samples, the dimension of the data and how sharp their labels are."""

from forerun.laws import amplitude, coefficient, law
from forerun.units import DIMENSION, LOSS, SAMPLES, SHARPNESS


@law(
    "intrinsic-dimension",
    source="Konz and Mazurowski 2024, arXiv:2401.08865, summary: L = O(K_F N^(-1/d))",
    status="stated",
    group="biomedical",
    answers="How many more images does a data set of higher dimension, or with sharper labels, need?",
    caution="the source proves a bound; read as an equality its exponents k and s are one, and are worth a look",
    inputs=dict(samples=SAMPLES, dimension=DIMENSION, sharpness=SHARPNESS),
    output=LOSS,
    params=dict(
        a=amplitude("loss of one sample at a sharpness of one", typical=1.0),
        k=coefficient("power of the samples, in multiples of 1/dimension", typical=1.0, search=(0.0, 3.0)),
        s=coefficient("power of the sharpness", typical=1.0, search=(-1.0, 3.0)),
    ),
)
def intrinsic_dimension(samples, dimension, sharpness, *, a, k, s):
    """Test loss over data sets of several dimensions and sharpnesses, for instance natural and medical images.

    Fix k = 1 and s = 1 for the theory, and fit them to test it.
    """
    return a * sharpness**s * samples ** (-k / dimension)
