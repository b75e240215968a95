"""Ladders that somebody published, as data: one recipe at several scales, which data sets are compared on."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from importlib.resources import files

from forerun.note import DataError


@dataclass(frozen=True)
class Scale:
    """One scale of a published ladder: what is trained there, with how many samples, and how.

    ``batch`` counts samples, ``warmup`` steps; ``lr`` is the peak of the learning rate.
    """

    name: str
    model: str
    samples: float
    batch: int
    lr: float
    warmup: int

    @property
    def steps(self) -> int:
        """Optimiser steps."""
        return math.ceil(self.samples / self.batch)


def published(name: str) -> tuple[Scale, ...]:
    """The scales of a published ladder, smallest first; ``DataError`` with the known names when there is none.

    It says what others trained, it is not trained by ``run_ladder``: the models are not decoders.

    >>> [(scale.name, scale.samples) for scale in published("datacomp")]
    [('small', 12800000.0), ('medium', 128000000.0), ('large', 1280000000.0), ('xlarge', 12800000000.0)]
    """
    known = tomllib.loads((files("forerun.ladder") / "scales.toml").read_text(encoding="utf-8"))
    if name not in known:
        advice = f"Known are: {', '.join(known)}"
        raise DataError("unknown-ladder", f"no published ladder is called {name!r}", advice=advice)
    return tuple(Scale(**scale) for scale in known[name]["scale"])
