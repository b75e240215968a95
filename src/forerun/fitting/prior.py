"""What is known of parameters before the runs: values borrowed from elsewhere, as a part of the objective."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Prior:
    """Normal priors of ``k`` parameters, in the solver's coordinates (so of the logarithm of a positive amplitude).

    ``columns`` (k,) are their positions in a vector ``z``. ``balance`` is what the objective counts for a unit of log
    likelihood, which the prior is counted in. A bootstrap draws the borrowed values anew as it draws the weights of the
    rows: ``shifts`` (B, k) say by how many widths.
    """

    columns: Array
    value: Array
    width: Array
    balance: float = 1.0

    @property
    def precision(self) -> Array:
        """The curvature (k,) that it adds to the objective."""
        return self.balance / self.width**2

    def distance(self, z: Array, shifts: Array | float = 0.0) -> Array:
        """How many widths each vector (B, p) is away from the borrowed values, (B, k)."""
        return (z[:, self.columns] - self.value) / self.width - shifts

    def objective(self, z: Array, shifts: Array | float = 0.0) -> Array:
        """Its part of the objective, (B,)."""
        return 0.5 * self.balance * (self.distance(z, shifts) ** 2).sum(1)

    def crossed(self, z: Array, shifts: Array) -> Array:
        """Its part of the objective for every one of ``shifts`` (B, k) and every vector (K, p), (B, K)."""
        return 0.5 * self.balance * ((self.distance(z)[None] - shifts[:, None]) ** 2).sum(2)

    def gradient(self, z: Array, shifts: Array | float = 0.0) -> Array:
        """Derivatives of it by the borrowed parameters, (B, k)."""
        return self.balance * self.distance(z, shifts) / self.width
