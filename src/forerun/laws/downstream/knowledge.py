"""Allen-Zhu and Li 2024: bits of knowledge that a model can hold."""

from forerun.laws import amplitude, law
from forerun.units import KNOWLEDGE, PARAMETERS


@law(
    "knowledge-capacity",
    source="Allen-Zhu and Li 2024, arXiv:2404.05405, abstract",
    status="inferred",
    group="capability",
    answers="How many facts fit into a model?",
    caution="about synthetic facts that were each seen 1000 times; 100 times gave about half",
    inputs=dict(N=PARAMETERS),
    output=KNOWLEDGE,
    params=dict(c=amplitude("bits per parameter", typical=1.5, search=(1e-3, 1e2), unit="bits/parameter")),
)
def knowledge_capacity(N, *, c):
    """Bits of facts that a model of N parameters can recall after enough exposures."""
    return c * N
