"""The ladder that fits a time budget: IsoFLOP levels below one held-back run of several times their compute."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib.resources import files

from forerun.ladder.rung import Rung
from forerun.note import DataError

STEP = 10**0.5  # between neighbouring levels of compute, and from the highest to the held-back run
LEVELS = 4  # of compute that are fitted
SIZES = 5  # models on each
MINIMUM_STEPS = 200  # of a run that is fitted
RATIOS = (2.0, 400.0)  # tokens per parameter of a run that is fitted: far from the best, a run tells little
BEST_RATIO = 20.0  # tokens per parameter of the held-back run, near the optimum of such models
SMALLEST, FINER = 1e10, 1.03  # FLOPs of the smallest held-back run, and the factor between those that are looked at
SHARE = 0.85  # of the budget that is planned for; starting, evaluating and forecasting take the rest
DEFAULT = Rung()


@cache
def sizes() -> tuple[tuple[int, int], ...]:
    """Width and depth of the models that ladders are built from, smallest first."""
    listed = tomllib.loads((files("forerun.ladder") / "sizes.toml").read_text())["sizes"]
    return tuple((int(w), int(d)) for w, d in (size.split("x") for size in listed))


def design(seconds: float, throughput: Callable[[Rung], float], base: Rung = DEFAULT) -> tuple[list[Rung], list[Rung]]:
    """Runs to fit and the run to hold back that together take about ``seconds`` of one device.

    ``throughput(rung)`` gives tokens per second. The held-back run has the highest compute that the budget allows, the
    fitted ones lie on four levels below it, each half a decade apart, with up to five model sizes each.
    Raises ``DataError`` when the time does not suffice for two levels of three sizes.
    """
    models = [replace(base, width=w, depth=d) for w, d in sizes()]
    top = SMALLEST  # and up from there, so that no model is measured that is far too large for the budget
    while sum(rung.tokens / throughput(rung) for part in _runs(top * FINER, models) for rung in part) < SHARE * seconds:
        top *= FINER
    fitted, held = _runs(top, models)
    levels = {f"{rung.flops:.1e}" for rung in fitted}
    if len(fitted) < 6 or len(levels) < 2:
        message = f"{seconds:.0f} seconds of this machine are too short for a ladder: {len(fitted)} runs would fit"
        raise DataError("small-budget", message, advice="Give more time, for example --budget 5m")
    return fitted, held


def _runs(top: float, models: list[Rung]) -> tuple[list[Rung], list[Rung]]:
    """The runs of the ladder whose held-back run has ``top`` FLOPs."""
    fitted = []
    for level in range(1, LEVELS + 1):
        there = [model.trained(flops=top / STEP**level) for model in models]
        there = [r for r in there if r.steps >= MINIMUM_STEPS and RATIOS[0] <= r.tokens / r.parameters <= RATIOS[1]]
        fitted += _spread(there)
    return fitted, [min((model.trained(flops=top) for model in models), key=_away)]


def _spread(there: list[Rung]) -> list[Rung]:
    """At most five of the runs of one level, from the smallest model to the largest at even distances."""
    if len(there) <= SIZES:
        return there
    return [there[round(i * (len(there) - 1) / (SIZES - 1))] for i in range(SIZES)]


def _away(rung: Rung) -> float:
    """How far the tokens per parameter of a run are from the best ratio, as a factor."""
    ratio = rung.tokens / rung.parameters
    return max(ratio / BEST_RATIO, BEST_RATIO / ratio)
