"""Runs: a checked table of training runs."""

from forerun.runs.conventions import Conventions
from forerun.runs.read import read_runs
from forerun.runs.table import OUTLIER_RULES, Runs

__all__ = ["OUTLIER_RULES", "Conventions", "Runs", "read_runs"]
