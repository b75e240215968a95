"""The pictures: each function takes results and returns a matplotlib figure; `save` writes it as .svg, .png or .pdf."""

from forerun.report.of_backtest import backtest_figure
from forerun.report.of_draws import draws_figure
from forerun.report.of_fit import fit_figure
from forerun.report.of_forecast import forecast_figure
from forerun.report.of_front import front_figure
from forerun.report.of_isoflop import isoflop_figure
from forerun.report.of_plan import plan_figure
from forerun.report.of_residuals import residual_figure
from forerun.report.style import check_path, save

__all__ = [
    "backtest_figure",
    "check_path",
    "draws_figure",
    "fit_figure",
    "forecast_figure",
    "front_figure",
    "isoflop_figure",
    "plan_figure",
    "residual_figure",
    "save",
]
