"""How far a law can be trusted outside its runs: hidden runs, methods side by side, series that turn, conventions that differ."""

from forerun.predict.backtest_result import Backtest, Cut
from forerun.predict.comparison import Comparison, compare
from forerun.predict.reconciliation import Reconciliation, reconcile
from forerun.predict.rollout import backtest
from forerun.predict.trend_result import Trend
from forerun.predict.trends import extrapolation_notes, trend

__all__ = [
    "Backtest",
    "Comparison",
    "Cut",
    "Reconciliation",
    "Trend",
    "backtest",
    "compare",
    "extrapolation_notes",
    "reconcile",
    "trend",
]
