"""Rybkin et al. 2025: how much data an agent needs when it learns more often from each of them."""

from forerun.laws import Param, exponent, floor, law
from forerun.units import INTERACTIONS, UPDATE_RATIO


@law(
    "rl-data",
    source="Rybkin et al. 2025, arXiv:2502.04327, the authors' code",
    status="stated",
    group="reinforcement learning",
    answers="How many interactions does an agent need to reach a return, when it makes more updates for each?",
    caution="holds for one return, with the batch and the learning rate that are best for each update ratio",
    inputs=dict(utd=UPDATE_RATIO),
    output=INTERACTIONS,
    params=dict(
        D_min=floor("interactions needed with unlimited updates", typical=0.2),
        beta=Param((1e-40, 1e40), "log", (1e-3, 1e18), 0.3, "update ratio at which one interaction more than D_min "
                   "is needed", "updates/interaction", "location"),
        alpha=exponent("how fast updates replace interactions", typical=0.9),
    ),
)  # fmt: skip
def rl_data(utd, *, D_min, beta, alpha):
    """Interactions until a return is reached, in the unit of the table: steps, or shares of a median.

    The updates that this takes are ``utd`` times as many, and their compute 10 N times the batch: at one return, more
    updates for each interaction trade compute for data. Published sets are in shares of the median over update ratios.
    """
    return D_min + (utd / beta) ** -alpha
