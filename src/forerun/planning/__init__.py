"""Planning: what to train under limits, from anything that predicts."""

from forerun.planning.budget import Predictor, plan
from forerun.planning.pareto import Front, front
from forerun.planning.result import Plan

__all__ = ["Front", "Plan", "Predictor", "front", "plan"]
