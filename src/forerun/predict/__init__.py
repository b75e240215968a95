"""How far a law can be trusted outside its runs: back-tests that hide the largest runs and predict them."""

from forerun.predict.backtest_result import Backtest, Cut
from forerun.predict.comparison import compare
from forerun.predict.comparison_result import Comparison
from forerun.predict.rollout import backtest

__all__ = ["Backtest", "Comparison", "Cut", "backtest", "compare"]
