"""Pearce and Song 2024: total parameters from those without embeddings, the key between Kaplan and Chinchilla."""

from forerun.laws import amplitude, law, term
from forerun.units import NON_EMBEDDING, PARAMETERS

SOURCE = "Pearce and Song 2024, arXiv:2406.12907"
INPUTS = dict(N_non_embedding=NON_EMBEDDING)
PARAMS = dict(gamma=amplitude("embedding parameters at one other parameter", typical=5e4, search=(1e2, 1e7)))


@term(
    "total-parameters",
    source=SOURCE,
    status="stated",
    inputs=INPUTS,
    output=PARAMETERS,
    params=PARAMS,
)
def total_parameters(N_non_embedding, *, gamma):
    """Parameters with embeddings, for models of like shape and vocabulary: ``chinchilla.where(N=total_parameters)``."""
    return N_non_embedding + gamma * N_non_embedding ** (1 / 3)


@law(
    "pearce-parameters",
    source=SOURCE,
    status="stated",
    group="accounting",
    answers="How large is a model once its embeddings are counted?",
    inputs=INPUTS,
    output=PARAMETERS,
    params=PARAMS,
)
def pearce_parameters(N_non_embedding, *, gamma):
    """Parameters with embeddings; holds for a vocabulary near 32k and one ratio of width to depth near 40."""
    return N_non_embedding + gamma * N_non_embedding ** (1 / 3)
