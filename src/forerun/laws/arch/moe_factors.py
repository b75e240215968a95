"""Five factors of a mixture of experts: size, data, active size, active experts, shared experts (2025)."""

from dataclasses import replace

from forerun.laws import amplitude, coefficient, exponent, floor, law
from forerun.units import ACTIVE_EXPERTS, ACTIVE_PARAMETERS, LOSS, PARAMETERS, SHARED_EXPERTS, TOKENS


@law(
    "moe-factors",
    source="Towards a Comprehensive Scaling Law of Mixture-of-Experts 2025, arXiv:2509.23678",
    status="stated",
    group="architecture",
    answers="How many experts should a token be sent to, and how many of them should be shared?",
    inputs=dict(
        N=replace(PARAMETERS, meaning="all parameters, every expert counted", typical=(1e8, 1e11)),
        N_active=ACTIVE_PARAMETERS,
        D=TOKENS,
        active_experts=ACTIVE_EXPERTS,
        shared_experts=SHARED_EXPERTS,
    ),
    output=LOSS,
    params=dict(
        eps=floor(typical=1.8),
        e=amplitude("cost of each further active expert", typical=0.16, search=(1e-3, 1e2)),
        f=amplitude("cost of few active experts", typical=7.2, search=(1e-2, 1e3)),
        m=amplitude("curvature in the shared experts", typical=5.1, search=(1e-2, 1e3)),
        n=coefficient("slope in the shared experts", typical=-3.2, search=(-30.0, 0.0)),
        k=amplitude("weight of active size beside full size in those costs", typical=0.0013, search=(1e-5, 1e2)),
        h=amplitude("weight of the active share in those costs", typical=0.045, search=(1e-4, 1e2)),
        a=amplitude("size of the finite-model part", typical=38.0),
        alpha=exponent("how fast the parts of either size fall", typical=0.24, search=(0.05, 1.0)),
        b=amplitude("size of the finite-data part", typical=27000.0),
        beta=exponent("how fast the finite-data part falls with D", typical=0.47, search=(0.05, 1.0)),
        c=amplitude("size of the part of few active parameters", typical=31.0),
    ),
)
def moe_factors(N, N_active, D, active_experts, shared_experts, *, eps, e, f, m, n, k, h, a, alpha, b, beta, c):
    """Loss of a mixture of experts in five factors of its design.

    The best number of active experts is (f/e)^(1/2) and the best share of shared ones -n/(2m), at every size.
    """
    design = e * active_experts + f / active_experts + m * shared_experts**2 + n * shared_experts
    whole, active = N**-alpha, N_active**-alpha
    return eps + design * (whole + k * active + h * N_active / N) + a * whole + b * D**-beta + c * active
