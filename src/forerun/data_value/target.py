"""`Target`: what a mixture is judged by, one loss or the weighted mean of the losses on several validation sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from forerun.fitting import Fit
from forerun.fitting.question import parse_question
from forerun.laws.declare import member_of
from forerun.note import DataError
from forerun.units import DOMAIN_SHARE, WEIGHT, derive_scale

Array = np.ndarray
OWN = DOMAIN_SHARE.role
LEAST = 1e-9  # share at which a law that is infinite at zero is asked instead


@dataclass(frozen=True, eq=False)
class Target:
    """The loss of a mixture: ``importance`` (one number a fit, of sum 1) times what each of ``fits`` predicts.

    A fit whose law has shares by domain takes them all; one with a single ``domain_share`` takes that of the domain
    whose name it has. ``at`` holds the other inputs, one number each. ``draws`` is how many draws all fits have.
    """

    fits: Mapping[str, Fit]
    importance: Array
    domains: tuple[str, ...]
    at: Mapping[str, float]

    @property
    def draws(self) -> int:
        """How many samples of the loss there are; those of fits of one table and one seed belong together."""
        return min(len(fit.draws) for fit in self.fits.values())

    @property
    def level(self) -> float:
        """The coverage that intervals of the fits promise: the lowest of them."""
        return min(fit.level for fit in self.fits.values())

    def predict(self, shares: Array) -> Array:
        """The fitted loss at shares (m, domains): (m,)."""
        return self._mean(lambda fit, inputs: fit.predict(inputs), shares)

    def sample(self, shares: Array, draw: slice = slice(None)) -> Array:
        """Samples of the loss at shares (m, domains): (draws, m), all of them or those of ``draw``."""
        first = self.draws
        return self._mean(lambda fit, inputs: fit.outcomes(fit.draws[:first][draw], inputs), shares)

    def inputs(self, name: str, shares: Array) -> dict[str, Any]:
        """The inputs of one fit at shares (m, domains), each (m,)."""
        held = np.maximum(shares, LEAST)
        by_domain = {f"{WEIGHT.role}[{domain}]": shares[:, i] for i, domain in enumerate(self.domains)}
        others = {k: np.full(len(shares), v) for k, v in self.at.items()}
        law = self.fits[name].law
        own = {OWN: held[:, self.domains.index(name)]} if OWN in law.inputs else {}
        return {k: v for k, v in (by_domain | others | own).items() if k in law.inputs}

    def _mean(self, ask: Any, shares: Array) -> Array:
        parts = [
            part * ask(fit, self.inputs(name, shares)) for part, (name, fit) in zip(self.importance, self.fits.items())
        ]
        return np.sum(parts, axis=0)


def target_of(fits: Fit | Mapping[str, Fit], importance: Mapping[str, float] | None, at: Mapping[str, Any]) -> Target:
    """The target of one fit, or of one for each validation set; raises ``DataError`` where they do not go together."""
    named = {fits.law.output.role: fits} if isinstance(fits, Fit) else dict(fits)
    for name, fit in named.items():
        if not isinstance(fit, Fit):
            advice = "Give a fit of a mixing law, or a mapping of validation sets to such fits"
            raise DataError("bad-fits", f"{name} is a {type(fit).__name__}, not a fit", advice=advice)
    first = next(iter(named.values()), None)
    if first is None:
        raise DataError("bad-fits", "there is no fit", advice="Give at least one")
    for fit in named.values():
        first.runs.conventions.require_same(fit.runs.conventions)
    target = Target(named, weights_of(named, importance), _domains(named), derive_scale(dict(at)))
    even = np.full((1, len(target.domains)), 1.0 / len(target.domains))
    for name, fit in named.items():
        inputs = target.inputs(name, even)
        parse_question(fit.law, fit.runs.conventions, {k: float(v[0]) for k, v in inputs.items()})
    return target


def _domains(fits: Mapping[str, Fit]) -> tuple[str, ...]:
    """The training domains that the laws name; a law of one share stands for the domain that its fit is named after."""
    found: dict[str, None] = {}
    for name, fit in fits.items():
        split = [member_of(role) for role in fit.law.inputs]
        members = [member for role, member in split if role == WEIGHT.role and member is not None]
        members += [name] if OWN in fit.law.inputs else []
        if not members:
            advice = "Fit a law of shares, such as data-mixing or bimix"
            raise DataError("bad-fits", f"{fit.law.name} has no share of a domain among its inputs", advice=advice)
        found |= dict.fromkeys(members)
    if len(found) < 2:
        advice = "Laws of one share need one fit for each domain, by its name: {'web': ..., 'code': ...}"
        raise DataError("bad-fits", f"a mixture needs two domains, received {', '.join(found)}", advice=advice)
    return tuple(found)


def weights_of(fits: Mapping[str, Fit], given: Mapping[str, float] | None) -> Array:
    """The importance of each fit, of sum one; equal where none is given. Raises ``DataError`` for what cannot be one."""
    if given is None:
        return np.full(len(fits), 1.0 / len(fits))
    numbers = np.array([float(given.get(name, np.nan)) for name in fits])
    if set(given) != set(fits) or not (np.isfinite(numbers).all() and (numbers >= 0).all() and numbers.sum() > 0):
        advice = f"Give one number, zero or above, for each of: {', '.join(fits)}"
        raise DataError("bad-value", f"importance cannot be {dict(given)}"[:200], advice=advice)
    return numbers / numbers.sum()
