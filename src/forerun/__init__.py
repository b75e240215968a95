"""forerun: from small training runs to what the big run will reach, what to train, and what it costs."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "read_runs": "forerun.runs",
    "Runs": "forerun.runs",
    "Law": "forerun.laws",
    "Param": "forerun.laws",
    "Term": "forerun.laws",
    "law": "forerun.laws",
    "term": "forerun.laws",
    "floor": "forerun.laws",
    "amplitude": "forerun.laws",
    "exponent": "forerun.laws",
    "coefficient": "forerun.laws",
    "location": "forerun.laws",
    "simulate": "forerun.fitting",
    "sensitivity": "forerun.fitting.inclusion",
    "isoflop": "forerun.fitting.isoflop",
    "IsoFlop": "forerun.fitting.allocation",
    "Fit": "forerun.fitting",
    "Forecast": "forerun.fitting",
    "backtest": "forerun.predict",
    "Backtest": "forerun.predict",
    "calibrate": "forerun.predict",
    "Ensemble": "forerun.predict",
    "select": "forerun.predict",
    "Selection": "forerun.predict",
    "compare": "forerun.predict",
    "Comparison": "forerun.predict",
    "trend": "forerun.predict",
    "Trend": "forerun.predict",
    "early_warning": "forerun.predict",
    "EarlyWarning": "forerun.predict",
    "reconcile": "forerun.predict",
    "Reconciliation": "forerun.predict",
    "decisive_runs": "forerun.report.decisive",
    "Decisive": "forerun.report.decisive",
    "report_card": "forerun.report.card",
    "Card": "forerun.report.card",
    "transfer": "forerun.parametrisation",
    "Transfer": "forerun.parametrisation",
    "choose_mixture": "forerun.data_value",
    "rank_mixtures": "forerun.data_value",
    "MixtureChoice": "forerun.data_value",
    "plan": "forerun.planning",
    "Plan": "forerun.planning",
    "front": "forerun.planning",
    "Front": "forerun.planning",
    "Note": "forerun.note",
    "DataError": "forerun.note",
}
_OWN = ("fit",)
_MODULES = ("datasets", "ladder", "laws", "units")
__all__ = [*_OWN, *_PUBLIC, *_MODULES]


def fit(law: Any, runs: Any, **settings: Any) -> Any:
    """A law fitted to runs: :func:`forerun.fitting.fit`; ``fit("auto", runs)`` chooses or averages forms for the table.

    ``auto`` takes ``level``, ``draws`` and ``seed``, and gives an :class:`Ensemble`; see :func:`forerun.predict.auto`.

    >>> import forerun as fr
    >>> fr.fit("chinchilla", fr.simulate("chinchilla")).outcome
    'converged'
    """
    if law == "auto":
        from forerun.note import DataError
        from forerun.predict import auto

        if not set(settings) <= {"level", "draws", "seed"}:
            given = ", ".join(sorted(set(settings) - {"level", "draws", "seed"}))
            message = f"auto chooses forms, objective and weights itself, received {given}"
            raise DataError("bad-option", message, advice="Leave it out, or name a law")
        return auto(runs, **settings)
    from forerun.fitting import fit as fit_law

    return fit_law(law, runs, **settings)


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        value = getattr(import_module(_PUBLIC[name]), name)
    elif name in _MODULES:
        value = import_module(f"forerun.{name}")
    else:
        raise AttributeError(f"module 'forerun' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
