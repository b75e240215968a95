"""Wang et al. 2025: loss of a model that was merged from several fine-tuned copies of one model."""

from forerun.laws import Param, amplitude, exponent, floor, law
from forerun.units import LOSS, MERGED, PARAMETERS


@law(
    "model-merging",
    source="Wang et al. 2025, arXiv:2509.24244, formula as two reviews of the paper print it; no coefficients were read",
    status="recalled",
    group="architecture",
    answers="How many fine-tuned models are worth merging?",
    inputs=dict(N=PARAMETERS, merged=MERGED),
    output=LOSS,
    params=dict(
        L_star=floor("loss of an unlimited model of unlimited merging", typical=0.4),
        B=amplitude("size of the part that a larger model removes", typical=100.0, search=(1.0, 1e5)),
        beta=exponent("how fast that part falls with N", typical=0.27, search=(0.05, 1.0)),
        A_0=amplitude("size of the part that more merged models remove", typical=50.0, search=(0.1, 1e5)),
        gamma=exponent("how fast that part falls with N", typical=0.25, search=(0.05, 1.0)),
        b=Param((0.0, 100.0), "linear", (0.05, 5.0), 0.8, "merged models that one counts as, less itself", "count"),
    ),
)
def model_merging(N, merged, *, L_star, B, beta, A_0, gamma, b):
    """Loss over the domains of all fine-tuned models, averaged over which of them are merged.

    Most of the gain comes from the first few: half of what merging can give at all is there at 2 + b merged models.
    """
    return L_star + B * N**-beta + A_0 * N**-gamma / (merged + b)
