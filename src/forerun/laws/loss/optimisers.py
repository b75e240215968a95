"""Liu et al. 2025: loss in compute along compute-optimal runs, for Muon and for AdamW."""

from forerun.laws import amplitude, exponent, law
from forerun.units import FLOPS, LOSS

PETAFLOP_DAY = 8.64e19  # 1e15 FLOP/s for a day, the unit of C that gives the losses of the paper


@law(
    "muon-compute",
    source="Liu et al. 2025, arXiv:2502.16982, table 3",
    status="stated",
    group="optimiser",
    answers="How much compute does another optimiser save at equal loss?",
    inputs=dict(C=FLOPS),
    output=LOSS,
    params=dict(
        c=amplitude("loss at one petaFLOP/s-day", typical=2.5, search=(0.1, 50.0)),
        e=exponent("how fast the loss falls with compute", typical=0.05, search=(0.005, 0.5)),
    ),
)
def muon_compute(C, *, c, e):
    """Loss of compute-optimal runs at compute C, without a floor, to be fitted for each optimiser.

    The paper does not say the unit of its C; petaFLOP/s-days are inferred, as with FLOP its losses would be 0.2.
    """
    return c * (C / PETAFLOP_DAY) ** -e
