"""Small texts to train on: documents of words drawn by a seeded grammar, so that there is something to learn."""

from __future__ import annotations

import numpy as np
import pytest


def document(seed: int, words: int = 2000) -> str:
    """Words of which each calls for one of three others."""
    rng = np.random.default_rng(seed)
    vocabulary = [
        "the",
        "ship",
        "sails",
        "north",
        "and",
        "finds",
        "a",
        "cold",
        "harbour",
        "where",
        "old",
        "men",
        "wait",
    ]
    at, out = 0, []
    for _ in range(words):
        out.append(vocabulary[at])
        at = (at + int(rng.choice([1, 2, 5], p=[0.7, 0.2, 0.1]))) % len(vocabulary)
    return " ".join(out)


@pytest.fixture(scope="session")
def texts(tmp_path_factory):
    """A folder of two domains with ten documents each."""
    root = tmp_path_factory.mktemp("texts")
    for domain, first in (("prose", 0), ("verse", 100)):
        (root / domain).mkdir()
        for i in range(10):
            (root / domain / f"{i}.txt").write_text(document(first + i))
    return root
