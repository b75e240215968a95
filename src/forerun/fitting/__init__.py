"""Fitting: from a law and runs to a Fit, and from a Fit to a Forecast."""

from forerun.fitting.estimate import fit
from forerun.fitting.forecast import Forecast
from forerun.fitting.result import Fit
from forerun.fitting.simulate import simulate

__all__ = ["Fit", "Forecast", "fit", "simulate"]
