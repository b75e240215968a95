"""Hyperparameter transfer: what a setting of a small model becomes at another width, depth, batch, duration or rank."""

from forerun.parametrisation.rules import Rule, factor, known_rules
from forerun.parametrisation.target import transfer
from forerun.parametrisation.transferred import Transfer, Transferred

__all__ = ["Rule", "Transfer", "Transferred", "factor", "known_rules", "transfer"]
