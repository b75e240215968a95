"""Power laws in one variable of any meaning, with and without a floor."""

from forerun.laws import amplitude, exponent, floor, law
from forerun.units import X, Y

SOURCE = "Hestness et al. 2017, arXiv:1712.00409, section 2"
TYPICAL_AMPLITUDE = amplitude(typical=5.0)


@law(
    "power-law",
    source=SOURCE,
    status="stated",
    group="pretraining",
    answers="How does one outcome fall with one variable?",
    inputs=dict(x=X),
    output=Y,
    params=dict(A=TYPICAL_AMPLITUDE, alpha=exponent()),
)
def power_law(x, *, A, alpha):
    """Outcome that falls as a power of x, without limit.

    It misleads where the data bend towards a floor: forecasts then come out too low.
    """
    return A * x**-alpha


@law(
    "power-law-floor",
    source=SOURCE,
    status="stated",
    group="pretraining",
    answers="How does one outcome fall with one variable, and where does it end?",
    inputs=dict(x=X),
    output=Y,
    params=dict(E=floor(typical=0.05), A=TYPICAL_AMPLITUDE, alpha=exponent()),
)
def power_law_floor(x, *, E, A, alpha):
    """Outcome that falls as a power of x towards a floor E.

    The floor is an extrapolation: when the data do not bend, any floor fits (note `floor-not-seen`).
    """
    return E + A * x**-alpha
