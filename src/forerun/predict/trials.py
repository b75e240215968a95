"""Candidates on trial: several laws fitted to the smaller runs at several cuts, and how each missed the larger ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from forerun.fitting.folds import fit_folds
from forerun.fitting.observations import outcome
from forerun.fitting.result import Fit
from forerun.laws import Law
from forerun.note import DataError
from forerun.predict.cutting import Split
from forerun.runs import Runs

Array = np.ndarray
SHARES = (3 / 4, 1 / 2, 3 / 8, 1 / 4, 3 / 16, 1 / 8, 1 / 16)  # of the largest value of the axis: where it is cut
WINDOW = 1.0  # decades beyond a cut up to which runs are scored
SCORED = 4  # cuts, from the last, that weigh candidates against each other
LARGEST_ERROR = 1.0  # log error above which a miss is a miss
FEWEST = 6  # runs below a cut
SPARE = 2  # runs that a law needs beyond its parameters


@dataclass(frozen=True)
class Candidate:
    """A law with the objective it is fitted by, and how much more the large runs count: by their size to the ``emphasis``."""

    law: Law
    objective: str = "huber"
    emphasis: float = 0.0

    @property
    def name(self) -> str:
        """The law's name, with what differs from a plain fit."""
        said = [self.objective] if self.objective != "huber" else []
        said += [f"emphasis {self.emphasis:g}"] if self.emphasis else []
        return f"{self.law.name} ({', '.join(said)})" if said else self.law.name


@dataclass(frozen=True)
class Trial:
    """A candidate fitted to all runs (``fit``) and below each cut: log error of the scored runs there, None without a fit."""

    candidate: Candidate
    fit: Fit | None
    errors: tuple[Array | None, ...]
    refused: str = ""

    def miss(self, cut: int) -> float:
        """Root mean square of the log errors at a cut; NaN where there was no fit."""
        errors = self.errors[cut]
        if errors is None:
            return float("nan")
        size = np.minimum(np.abs(np.nan_to_num(errors, nan=LARGEST_ERROR)), LARGEST_ERROR)
        return float(np.sqrt(np.mean(size * size)))


def splits_below(runs: Runs, axis: str, needed: int) -> list[Split]:
    """The cuts of a trial, from the last: at shares of the largest value, each hiding the runs of the next decade.

    ``distance`` is infinite for runs that are hidden but lie too far out to be scored.
    """
    values = runs[axis]
    found: list[Split] = []
    for share in SHARES:
        limit = share * float(values.max())
        keep = values <= limit * (1.0 + 1e-9)
        new = not found or keep.sum() < found[-1].keep.sum()
        if new and needed <= keep.sum() < len(values):
            distance = np.log10(values[~keep] / values[keep].max())
            found.append(Split(limit, keep, np.where(distance <= WINDOW, distance, np.inf)))
    return [split for split in found if np.isfinite(split.distance).any()]


def put_on_trial(
    candidates: Sequence[Candidate], runs: Runs, axis: str, splits: Sequence[Split], *, seed: int = 0
) -> list[Trial]:
    """Every candidate on every split and on all runs, in the order of ``candidates``; those of one law in one call."""
    groups: dict[tuple[str, str], list[Candidate]] = {}
    for candidate in candidates:
        groups.setdefault((candidate.law.name, candidate.objective), []).append(candidate)
    found: dict[int, Trial] = {}
    for members in groups.values():
        emphases = [c.emphasis for c in members]
        masks = [*(split.keep for split in splits), np.ones(len(runs), bool)]
        keep = np.array([emphasised(runs[axis], mask, e) for e in emphases for mask in masks])
        fits = fit_folds(members[0].law, runs, keep, objective=members[0].objective, seed=seed)
        for i, candidate in enumerate(members):
            own = fits[i * len(masks) : (i + 1) * len(masks)]
            found[id(candidate)] = _trial(candidate, runs, splits, own)
    return [found[id(candidate)] for candidate in candidates]


def emphasised(values: Array, keep: Array, emphasis: float) -> Array:
    """A factor on each run: 0 where it is hidden, else its size over that of the largest kept one, to the ``emphasis``."""
    return np.where(keep, (values / values[keep].max()) ** emphasis, 0.0)


def _trial(candidate: Candidate, runs: Runs, splits: Iterable[Split], fits: Sequence[Fit | DataError]) -> Trial:
    errors: list[Array | None] = []
    for split, found in zip(splits, fits):
        enough = split.keep.sum() >= len(candidate.law.params) + SPARE
        errors.append(log_errors(found, runs, split) if isinstance(found, Fit) and enough else None)
    last = fits[-1]
    if isinstance(last, DataError):
        return Trial(candidate, None, tuple(errors), last.message)
    return Trial(candidate, last, tuple(errors))


def log_errors(fit: Fit, runs: Runs, split: Split) -> Array:
    """Log predicted minus log observed of the runs that a split hides and scores."""
    scored = runs.where(_scored(split))
    value, _, _ = fit.predict_runs(scored)
    with np.errstate(all="ignore"):
        return np.log(value / outcome(fit.law, scored)[0])


def _scored(split: Split) -> Array:
    mask = np.zeros(len(split.keep), bool)
    mask[split.hidden[np.isfinite(split.distance)]] = True
    return mask
