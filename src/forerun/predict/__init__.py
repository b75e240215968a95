"""How far a law can be trusted outside its runs: back-tests, calibrated intervals, automatic choice, comparison."""

from forerun.predict.automatic import auto, calibrate
from forerun.predict.backtest_result import Backtest, Cut
from forerun.predict.comparison import Comparison, compare
from forerun.predict.ensemble import Ensemble
from forerun.predict.rollout import backtest

__all__ = ["Backtest", "Comparison", "Cut", "Ensemble", "auto", "backtest", "calibrate", "compare"]
