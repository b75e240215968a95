"""Hron et al. 2024: how large a model must be to make few mistakes on facts of its training data."""

from forerun.laws import amplitude, law
from forerun.units import PARAMETERS, TOKENS

OPTIMAL_TOKENS_PER_PARAMETER = 20.0  # Hoffmann et al. 2022, arXiv:2203.15556, approach 1 and 2, table 3


@law(
    "hallucination-size",
    source="Hron et al. 2024, arXiv:2408.07852, abstract",
    status="inferred",
    group="capability",
    answers="How large must a model be that is wrong on few of the facts it was trained on?",
    caution="extrapolated from one study of facts from a knowledge graph, at a rate of 5 % of them wrong",
    inputs=dict(D=TOKENS),
    output=PARAMETERS,
    params=dict(factor=amplitude("size in multiples of the compute optimum", typical=8.0, search=(0.1, 1e3))),
)
def hallucination_size(D, *, factor):
    """Parameters needed for at most 5 % of the facts in D training tokens to be recalled wrongly.

    That is ``factor`` times the compute-optimal size for D, at 20 tokens per parameter; the paper gives one order of
    magnitude and no formula.
    """
    return factor * D / OPTIMAL_TOKENS_PER_PARAMETER
