"""How far a law can be trusted outside its runs: back-tests, calibration, automatic choice, methods side by side, trends."""

from forerun.predict.automatic import auto, calibrate
from forerun.predict.backtest_result import Backtest, Cut
from forerun.predict.candidates import BestInputs, best_inputs
from forerun.predict.comparison import compare
from forerun.predict.comparison_result import Comparison
from forerun.predict.critical import critical_batches, noise_scale
from forerun.predict.ensemble import Ensemble
from forerun.predict.reconciliation import Reconciliation, reconcile
from forerun.predict.rollout import backtest
from forerun.predict.selection import Selection, select
from forerun.predict.splitting import Split, best_split
from forerun.predict.stability import early_warning
from forerun.predict.stability_result import EarlyWarning
from forerun.predict.theories import TheoryCheck, check_theories, check_theory, known_theories
from forerun.predict.trend_result import Trend
from forerun.predict.trends import extrapolation_notes, trend
from forerun.predict.turning import TurningPoint, turning_point

__all__ = [
    "Backtest",
    "BestInputs",
    "Comparison",
    "Cut",
    "EarlyWarning",
    "Ensemble",
    "Reconciliation",
    "Selection",
    "Split",
    "TheoryCheck",
    "Trend",
    "TurningPoint",
    "auto",
    "backtest",
    "best_inputs",
    "best_split",
    "calibrate",
    "check_theories",
    "check_theory",
    "compare",
    "critical_batches",
    "early_warning",
    "extrapolation_notes",
    "known_theories",
    "noise_scale",
    "reconcile",
    "select",
    "trend",
    "turning_point",
]
