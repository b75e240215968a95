"""`rank_mixtures`: how well fits order mixtures that they never saw, and what following them costs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from forerun.data_value.target import weights_of
from forerun.fitting import Fit
from forerun.note import DataError, MissingExtra
from forerun.runs import Runs

FEWEST = 5


@dataclass(frozen=True)
class Ranking:
    """Agreement of the predicted with the observed order. Get one from :func:`rank_mixtures`.

    ``spearman`` is the rank correlation over ``n`` mixtures, ``low`` and ``high`` its limits at ``level``; ``chosen`` is
    the place (from 0) of the mixture that was predicted best, and ``regret`` its observed loss above the lowest observed.
    """

    spearman: float
    low: float
    high: float
    level: float
    n: int
    chosen: int
    regret: float

    def __str__(self) -> str:
        return (
            f"rank correlation {self.spearman:.4f} over {self.n} mixtures ({self.level:.0%} interval {self.low:.4f} to"
            f" {self.high:.4f}); the mixture predicted best lies {self.regret:.4f} above the best"
        )


def rank_mixtures(
    fits: Fit | Mapping[str, Fit],
    runs: Runs | Mapping[str, Runs],
    *,
    importance: Mapping[str, float] | None = None,
    level: float = 0.9,
) -> Ranking:
    """Spearman's rank correlation of predicted and observed losses of ``runs``, with its interval.

    ``fits`` and ``importance`` are those of :func:`choose_mixture`; with several fits ``runs`` has the same mixtures for
    each of them, under its name and in the same order. The runs may be larger or longer than those that were fitted,
    where the law has no such input: only the order is judged. The interval is that of mixtures drawn at random, by
    Fisher's transformation with the variance of Bonett and Wright 2000 (Psychometrika 65, 23-28); a perfect order counts
    as if two neighbours were exchanged. It misleads where the mixtures are few or were chosen close to each other.

    >>> import forerun as fr
    >>> small, large = (fr.simulate("data-mixing", n=40, seed=s) for s in (1, 2))
    >>> rank_mixtures(fr.fit("data-mixing", small, uncertainty="none"), large).spearman > 0.95
    True
    """
    if not 0.0 < level < 1.0:
        raise DataError("bad-value", f"level must lie between 0 and 1, received {level:g}")
    named_fits = {fits.law.output.role: fits} if isinstance(fits, Fit) else dict(fits)
    named_runs = dict.fromkeys(named_fits, runs) if isinstance(runs, Runs) else dict(runs)
    if set(named_runs) != set(named_fits) or (isinstance(runs, Runs) and len(named_fits) > 1):
        advice = f"Give a table for each of: {', '.join(named_fits)}"
        raise DataError("bad-runs", f"there are runs for {', '.join(named_runs) or 'nothing'}", advice=advice)
    lengths = {len(table) for table in named_runs.values()}
    if len(lengths) != 1 or min(lengths) < FEWEST:
        message = f"the tables have {', '.join(map(str, sorted(lengths)))} mixtures"
        raise DataError("too-few-runs", message, advice=f"Give the same mixtures to all fits, {FEWEST} or more")
    parts = dict(zip(named_fits, weights_of(named_fits, importance)))
    predicted = np.sum([parts[n] * fit.predict_runs(named_runs[n])[0] for n, fit in named_fits.items()], axis=0)
    observed = np.sum([parts[n] * named_runs[n][fit.law.output.role] for n, fit in named_fits.items()], axis=0)
    found = _correlation(predicted, observed)
    low, high = _limits(found, len(observed), level)
    chosen = int(np.argmin(predicted))
    return Ranking(found, low, high, level, len(observed), chosen, float(observed[chosen] - observed.min()))


def _correlation(one: np.ndarray, two: np.ndarray) -> float:
    try:
        from scipy.stats import spearmanr
    except ImportError:
        raise MissingExtra("scipy", "mixtures", "a rank correlation") from None
    return float(spearmanr(one, two).statistic)


def _limits(found: float, n: int, level: float) -> tuple[float, float]:
    most = 1.0 - 12.0 / (n * (n * n - 1.0))
    held = min(max(found, -most), most)
    half = NormalDist().inv_cdf(0.5 + level / 2.0) * math.sqrt((1.0 + held * held / 2.0) / (n - 3))
    return math.tanh(math.atanh(held) - half), max(math.tanh(math.atanh(held) + half), found)
