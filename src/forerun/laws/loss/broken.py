"""Caballero et al. 2022: broken neural scaling laws, a power law with a floor and n smooth breaks."""

from inspect import Parameter, Signature

from forerun.laws import Law, Param, amplitude, coefficient, floor, law, location
from forerun.units import X, Y

TYPICAL_CHANGES = (0.3, -0.25, 0.4)


def bnsl(breaks: int) -> Law:
    """The law ``bnsl-<breaks>``: a + b x^-c0 times, for each break i, (1 + (x/d_i)^(1/f_i))^(-c_i f_i).

    After break j the slope in log-log is -(c0 + c1 + ... + cj); f_i is the sharpness (small is sharp). It explains
    better than it extrapolates and needs data past each break.

    >>> list(bnsl(1).params)
    ['a', 'b', 'c0', 'c1', 'd1', 'f1']
    """
    numbers = range(1, breaks + 1)
    params = dict(
        a=floor(typical=0.05),
        b=amplitude(typical=5.0),
        c0=coefficient("slope before the first break", typical=0.2, bounds=(-10.0, 10.0), search=(-0.3, 1.2)),
    )
    slopes, widths = ((-1.0, 1.5), (0.1, 3.0)) if breaks == 1 else ((-0.6, 0.6), (0.05, 1.0))
    for i, change in zip(numbers, TYPICAL_CHANGES):
        params[f"c{i}"] = coefficient(
            f"change of slope at break {i}", typical=change, bounds=(-10.0, 10.0), search=slopes
        )
        params[f"d{i}"] = location("x", f"position of break {i}", part=(i, breaks), typical=3e4 * 10.0 ** (i - 1))
        params[f"f{i}"] = Param((0.02, 10.0), "log", widths, 0.2, f"sharpness of break {i}", role="width")

    def body(x, *, a, b, c0, **p):
        y = b * x**-c0
        for i in numbers:
            y = y * (1 + (x / p[f"d{i}"]) ** (1 / p[f"f{i}"])) ** (-p[f"c{i}"] * p[f"f{i}"])
        return a + y

    body.__doc__ = bnsl.__doc__
    keywords = [Parameter(n, Parameter.KEYWORD_ONLY) for n in params]
    vars(body)["__signature__"] = Signature([Parameter("x", Parameter.POSITIONAL_OR_KEYWORD), *keywords])
    return law(
        f"bnsl-{breaks}",
        source="Caballero et al. 2022, arXiv:2210.14891, equation 1",
        status="stated",
        group="functional form",
        answers="Does the trend change its slope on the way?",
        inputs=dict(x=X),
        output=Y,
        params=params,
        unidentified="the numbering of the breaks: exchanging (c_i, d_i, f_i) of two breaks gives the same curve"
        if breaks > 1
        else "",
    )(body)


bnsl_1, bnsl_2, bnsl_3 = bnsl(1), bnsl(2), bnsl(3)
