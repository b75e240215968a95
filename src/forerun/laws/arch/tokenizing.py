"""Tao et al. 2024: how many tokens a text becomes, against the size of the vocabulary."""

from typing import Any

import numpy as np

from forerun.laws import coefficient, law, term
from forerun.units import CHARACTERS, TOKEN_RATE, TOKENS, VOCABULARY

DETAILS: dict[str, Any] = dict(
    source="Tao et al. 2024, arXiv:2407.13623 with the authors' utils.py",
    status="stated",
    params=dict(
        a=coefficient("curvature in the logarithm of the vocabulary", typical=0.00639222, search=(0.0, 0.02)),
        b=coefficient("slope in the logarithm of the vocabulary", typical=-0.15811069, search=(-0.3, 0.0)),
        c=coefficient("level", typical=1.20470122, search=(0.5, 2.0)),
    ),
)


@law(
    "tokens-per-character",
    group="architecture",
    answers="How many tokens does a text become with another vocabulary?",
    caution="a parabola that turns up beyond 235,000 entries; the authors stop it at 200,000",
    inputs=dict(vocabulary=VOCABULARY),
    output=TOKEN_RATE,
    **DETAILS,
)
def tokens_per_character(vocabulary, *, a, b, c):
    """Tokens that a character becomes with a vocabulary of that size, for one kind of tokenizer and text."""
    return a * np.log(vocabulary) ** 2 + b * np.log(vocabulary) + c


@term("text-tokens", inputs=dict(characters=CHARACTERS, vocabulary=VOCABULARY), output=TOKENS, **DETAILS)
def text_tokens(characters, vocabulary, *, a, b, c):
    """Tokens that a text of so many characters becomes with a vocabulary of that size."""
    return characters * (a * np.log(vocabulary) ** 2 + b * np.log(vocabulary) + c)
