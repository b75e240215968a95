"""Abnar et al. 2025: loss in total parameters, tokens and the share of experts that are idle."""

from dataclasses import replace

from forerun.laws import amplitude, exponent, floor, law
from forerun.units import LOSS, PARAMETERS, SPARSITY, TOKENS


@law(
    "idle-experts",
    source="Abnar et al. 2025, arXiv:2501.12370, equation 6",
    status="stated",
    group="architecture",
    answers="Which share of the experts should be idle for a token?",
    caution="extrapolates poorly in sparsity: R2 0.68 on held-out sparsity 0.98, as the authors say",
    inputs=dict(
        N=replace(PARAMETERS, meaning="all parameters, those of idle experts included"),
        D=TOKENS,
        sparsity=replace(SPARSITY, meaning="share of the experts that are idle for a token, (E - K) / E"),
    ),
    output=LOSS,
    params=dict(
        e=floor(typical=0.9),
        a=amplitude("size of the finite-model part", typical=16000.0),
        alpha=exponent("how fast the finite-model part falls with N", typical=0.6),
        b=amplitude("size of the finite-data part", typical=5500.0),
        beta=exponent("how fast the finite-data part falls with D", typical=0.4),
        c=amplitude("size of the part that falls with sparsity", typical=0.46, search=(1e-3, 1e2)),
        lam=exponent("minus the power of the active share in that part", typical=-0.17, search=(-1.0, -0.02)),
        d=amplitude("size of the part that rises with sparsity", typical=17.0),
        delta=exponent("how fast that part rises as fewer experts are active", typical=0.16, search=(0.02, 1.0)),
        gamma=exponent("how fast that part falls with N", typical=0.16, search=(0.02, 1.0)),
    ),
)
def idle_experts(N, D, sparsity, *, e, a, alpha, b, beta, c, lam, d, delta, gamma):
    """Loss of a mixture of experts of N parameters in all, of which a share of the experts is idle for each token."""
    active = 1.0 - sparsity
    return e + a * N**-alpha + b * D**-beta + c * active**-lam + d * active**-delta * N**-gamma
