"""Laws in which size and data act together: the coupled law of 2026, and Farseer."""

import numpy as np

from forerun.laws import Param, amplitude, coefficient, exponent, floor, law
from forerun.units import LOSS, PARAMETERS, TOKENS


@law(
    "skaling-coupled",
    source="Skaling, 2026, arXiv:2608.07222",
    status="stated",
    group="pretraining",
    answers="Do size and data limit the loss one by one, or together?",
    inputs=dict(N=PARAMETERS, D=TOKENS),
    output=LOSS,
    params=dict(
        E=floor("loss of an unlimited model on unlimited data"),
        A=amplitude("size of the finite-model part", typical=4e5, search=(1e-2, 1e12)),
        alpha=exponent("how fast the finite-model part falls with N", typical=0.8),
        B=amplitude("size of the finite-data part", typical=8e6, search=(1e-2, 1e12)),
        beta=exponent("how fast the finite-data part falls with D", typical=0.8),
        k=Param((0.05, 3.0), "linear", (0.2, 1.0), 0.4, "1 adds the parts (Chinchilla); below 1 they act together"),
    ),
)
def skaling_coupled(N, D, *, E, A, alpha, B, beta, k):
    """Loss whose parts are joined by a power k before the floor is added: k = 1 is Chinchilla, E = 0 is Kaplan.

    The exponents seen along one axis are k alpha and k beta. The source prints k of 0.31 to 0.45 and no whole set.
    """
    return (A * N**-alpha + B * D**-beta) ** k + E


@law(
    "farseer",
    source="Farseer, 2025, arXiv:2506.10972",
    status="stated",
    group="pretraining",
    answers="Does the best ratio of data to size change with compute?",
    unidentified="at the noise of real losses a, b and the power of N of each part trade off; the curves they draw do not",
    inputs=dict(N=PARAMETERS, D=TOKENS),
    output=LOSS,
    params=dict(
        a1=coefficient("size of the change of the data exponent with N", typical=-0.1, search=(-0.5, 0.5)),
        b1=coefficient("logarithm of the data exponent where that change is zero", typical=-0.2, search=(-2.0, 2.0)),
        alpha=Param((-0.5, 0.5), "linear", (0.02, 0.2), 0.1, "power of N in the data exponent", role="exponent"),
        a2=coefficient("size of the change of the data part with N", typical=-0.4, search=(-1.0, 1.0)),
        b2=coefficient("logarithm of the data part where that change is zero", typical=14.0, search=(0.0, 30.0)),
        beta=Param((-0.5, 0.5), "linear", (0.02, 0.2), 0.12, "power of N in the data part", role="exponent"),
        a3=coefficient("size of the change of the rest with N", typical=-0.1, search=(-0.5, 0.5)),
        b3=coefficient("logarithm of the rest where that change is zero", typical=1.6, search=(-1.0, 4.0)),
        gamma=Param((-0.5, 0.5), "linear", (0.02, 0.2), 0.1, "power of N in the rest", role="exponent"),
    ),
)
def farseer(N, D, *, a1, b1, alpha, a2, b2, beta, a3, b3, gamma):
    """Loss that at each N is a power law in D with a floor; floor, size and exponent are exponentials of powers of N.

    No coefficients were found; the typical ones are ours. Nine parameters need a full grid of N and D.
    """
    rest, size, power = np.exp(a3 * N**gamma + b3), np.exp(a2 * N**beta + b2), np.exp(a1 * N**alpha + b1)
    return rest + size * D**-power
