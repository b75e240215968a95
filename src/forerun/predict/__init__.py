"""How far a law can be trusted outside its runs: back-tests that hide the largest runs and predict them, and trends that turn."""

from forerun.predict.backtest_result import Backtest, Cut
from forerun.predict.comparison import Comparison, compare
from forerun.predict.rollout import backtest
from forerun.predict.trend_result import Trend
from forerun.predict.trends import extrapolation_notes, trend

__all__ = ["Backtest", "Comparison", "Cut", "Trend", "backtest", "compare", "extrapolation_notes", "trend"]
