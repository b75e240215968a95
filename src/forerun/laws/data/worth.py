"""Samples of another kind, synthetic, rephrased, chosen or noisy: each is worth a fixed number of real ones."""

from dataclasses import replace

from forerun.laws import amplitude, term
from forerun.units import SYNTHETIC, TOKENS


@term(
    "sample-worth",
    source="Daras et al. 2024, arXiv:2411.02780: on ImageNet a clean image costs 1.5 to 1.75 noisy ones, once a tenth is "
    "clean; the same reading of Maini et al. 2024, arXiv:2401.16380: rephrased web text trains about 3 times faster",
    status="inferred",
    inputs=dict(
        D=replace(TOKENS, meaning="tokens or samples of both kinds"),
        synthetic=replace(SYNTHETIC, meaning="share of them that is of the other kind"),
    ),
    output=TOKENS,
    params=dict(worth=amplitude("real ones that one of the other kind is worth", typical=0.6, search=(0.05, 20.0))),
)
def sample_worth(D, synthetic, *, worth):
    """Real samples that are worth as much as D of which a share is of another kind.

    One number for all sizes: where synthetic data end at a plateau it falls with D, and ``model-collapse`` is meant.
    The papers give the numbers; that the worth is a constant of the data is our reading.
    """
    return D * (1.0 + synthetic * (worth - 1.0))
