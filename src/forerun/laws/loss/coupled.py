"""The coupled law of 2026, in which size and data act together."""

from forerun.laws import Param, amplitude, exponent, floor, law
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
