"""Dohmatob et al. 2024: data that a model made lack the tail of real data, so that more of them stop helping."""

from dataclasses import replace

from forerun.laws import amplitude, coefficient, exponent, floor, law
from forerun.units import GENERATIONS, SOURCE_SAMPLES, SYNTHETIC, TOKENS, Y


@law(
    "model-collapse",
    source="Dohmatob et al. 2024, arXiv:2402.07043: the law of real data and the plateau of synthetic data are recalled, "
    "what lies between them is ours",
    status="inferred",
    group="data",
    answers="Up to how many samples do synthetic data help?",
    caution="for frequencies that fall as a power of the rank, and was compared with simulations of those only",
    inputs=dict(
        D=replace(TOKENS, unit="samples", meaning="samples trained on, real and synthetic", typical=(1e3, 1e8)),
        D_source=SOURCE_SAMPLES,
        synthetic=SYNTHETIC,
        generations=GENERATIONS,
    ),
    output=replace(Y, meaning="error: probability of what was never seen, or a loss"),
    params=dict(
        E=floor(typical=0.02),
        A=amplitude("error after one real sample", typical=1.0),
        c=exponent("how fast the error falls with real samples", typical=0.33),
        h=coefficient("power in which generations wear the source away", typical=0.7, search=(0.0, 3.0)),
    ),
)
def model_collapse(D, D_source, synthetic, generations, *, E, A, c, h):
    """Error after D samples of which a share comes from a model that learnt from D_source real ones.

    What is rare is unseen if neither the real samples nor the source had it, or if D samples are too few. With
    synthetic data alone the error ends at E + A (D_source / generations**h)**-c; any real share at last falls as real
    data do. The paper, as recalled, has n times the plateau after n generations, h = 1/c; in simulations of its model
    h is about 0.7.
    """
    source, real = D_source / generations**h, (1.0 - synthetic) * D
    return E + A * (D**-c + (source + real) ** -c - (source + D) ** -c)
