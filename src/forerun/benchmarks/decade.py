"""`forerun bench decade`: the last decade of compute hidden on public tables of runs, predicted from what lies below.

Each unit is one data set of one source. ``auto`` never sees a hidden run: its weights and its calibration come from cuts
inside the visible part. Beside it stand a plain Chinchilla fit (Huber, bootstrap) and the outcome of the nearest
visible run. The hard units are tables that are known not to follow a Chinchilla law as it stands (badly tuned runs, the
early conventions of Porian et al., repeated data): there the verdict must warn, or the interval hold the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from forerun.datasets.files import path
from forerun.fitting import fit
from forerun.fitting.forecast import plain
from forerun.note import text_table, worst
from forerun.predict import auto
from forerun.predict.cutting import Split, nearest_errors
from forerun.runs import Runs, read_runs

Array = np.ndarray
LEVEL = 0.9
DRAWS = 400
HIDDEN = 10.0  # from a tenth of the largest compute on
C4_SOURCES = ("c4_original", "rpj", "rw_original")
L2L_SOURCES = ("fineweb-100b", "fineweb-edu-100b", "proof-pile-2", "slimpajama-chunk1", "smollm-corpus", "starcoder")
PORIAN = (("base", "long", "kaplan", "kaplan"), ("base", "long", "kaplan", "standard"), ("base", "short", "kaplan", "standard"),
          ("base", "short", "chinchilla", "standard"), ("tuned", "short", "const", "standard"))  # fmt: skip


@dataclass(frozen=True)
class Unit:
    """One data set of one table: how it is read."""

    name: str
    table: str
    roles: Mapping[str, str]
    where: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    hard: bool = False

    def read(self) -> Runs:
        """Its runs."""
        return read_runs(path(self.table), where=list(self.where), drop=list(self.drop), **self.roles)


def units() -> list[Unit]:
    """The twelve units, and the hard ones."""
    nd = {"N": "params", "D": "tokens", "C": "flops", "loss": "loss"}
    found = [
        Unit("chinchilla", "chinchilla_epoch245", nd, drop=("loss > 3.42",)),
        Unit("llama 3", "isoflop_llama_3", nd, ("condition == raw_loss",)),
    ]
    gadre = {"N": "params", "D": "tokens", "C": "flops_6nd", "loss": "loss_c4_val"}
    found += [Unit(f"gadre {s}", "gadre_overtraining99", gadre, (f"dataset == {s}",)) for s in C4_SOURCES]
    found.append(
        Unit(
            "gemstones",
            "gemstones_width_depth",
            {"N": "params", "D": "tokens", "loss": "loss", "run": "run"},
            ("eval_dataset == dclm",),
        )
    )
    l2l = {"N": "params", "D": "tokens", "C": "iso_flop", "loss": "val_loss"}  # its column flops is of one sequence
    found += [Unit(f"loss-to-loss {s}", "loss_to_loss_sweep", l2l, (f"data == {s}",)) for s in L2L_SOURCES]
    found.append(Unit("misfitting", "isoflop_misfitting", nd, hard=True))
    for hparams, warmup, decay, count in PORIAN:
        where = (f"hparams == {hparams}", f"warmup == {warmup}", f"decay == {decay}", f"param_count == {count}")
        found.append(
            Unit(f"porian {hparams} {warmup} {decay} {count}", "porian_refinedweb_isoflop", nd, where, hard=True)
        )
    repeated = {"N": "params", "D": "tokens", "C": "flops_6nd", "loss": "loss"}
    found.append(Unit("repeated data c4", "datablations_contours", repeated, hard=True))
    return found


@dataclass(frozen=True)
class Score:
    """One unit: median relative errors of three forecasts, and how the intervals for single runs did on the log scale."""

    unit: str
    hard: bool
    visible: int
    hidden: int
    auto: float
    chinchilla: float
    nearest: float
    leader: str
    stopped: bool
    coverage: float
    interval_score: float
    half_width: float
    plain_coverage: float
    plain_interval_score: float
    verdict: str


def scores(chosen: list[Unit], say: Callable[[str], None] = lambda _: None) -> Iterator[Score]:
    """Every unit in turn."""
    for unit in chosen:
        say(unit.name)
        yield _score(unit)


def _score(unit: Unit) -> Score:
    runs = unit.read()
    compute = runs["C"]
    keep = compute < compute.max() / HIDDEN * (1.0 + 1e-9)
    visible, hidden = runs.where(keep), runs.where(~keep)
    found = auto(visible, level=LEVEL, draws=DRAWS)
    law = fit("chinchilla", visible, level=LEVEL, draws=DRAWS)
    at = {"N": hidden["N"], "D": hidden["D"]}
    loss = hidden["loss"]
    one, two = (p.forecast(**at, target="new-run") for p in (found, law))
    near = nearest_errors(law.law, runs, Split("hidden", keep, np.zeros(len(hidden))))
    coverage, score, width = _interval(one, loss)
    other_coverage, other_score, _ = _interval(two, loss)
    return Score(
        unit.name, unit.hard, len(visible), len(hidden), _median(one.value / loss - 1.0), _median(two.value / loss - 1.0),
        _median(near), found.leader or "weighted median", worst(found.notes) == "error", coverage, score, width,
        other_coverage, other_score, found.verdict,
    )  # fmt: skip


def _median(errors: Array) -> float:
    return float(np.median(np.abs(errors)))


def _interval(answer: Any, loss: Array) -> tuple[float, float, float]:
    """Coverage, interval score and half width of a forecast's interval, on the log scale."""
    if answer.low is None:
        return float("nan"), float("nan"), float("nan")
    y, low, high = (np.log(np.clip(v, 1e-12, 1e12)) for v in (loss, answer.low, answer.high))
    beyond = np.maximum(low - y, 0.0) + np.maximum(y - high, 0.0)
    score = high - low + 2.0 / (1.0 - LEVEL) * beyond
    return float(np.mean(beyond == 0.0)), float(score.mean()), float((high - low).mean() / 2.0)


@dataclass(frozen=True)
class Result:
    """All units, and what is asked of them."""

    scores: tuple[Score, ...]

    def ratios(self) -> dict[str, Any]:
        """What is required: errors of the units, none worse than both simple guesses, coverage, and the hard units."""
        easy, hard = ([s for s in self.scores if s.hard is h] for h in (False, True))
        return {
            "median_error": float(np.median([s.auto for s in easy])),
            "largest_error": max(s.auto for s in easy),
            "worse_than_simple": [s.unit for s in easy if s.auto > min(s.chinchilla, s.nearest) * (1.0 + 1e-6)],
            "coverage": float(np.mean([s.coverage for s in self.scores])),
            "coverage_of_the_twelve": float(np.mean([s.coverage for s in easy])),
            "plain_coverage": float(np.nanmean([s.plain_coverage for s in self.scores])),
            "interval_score": _mean_ratio(self.scores),
            "hard_unanswered": [s.unit for s in hard if not s.stopped and s.coverage < 0.5],
        }  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """The keys of the JSON schema ``bench``."""
        rows = [{k: plain(v) if isinstance(v, float) else v for k, v in vars(s).items()} for s in self.scores]
        return {"schema": 1, "benchmark": "decade", "scores": rows, "ratios": self.ratios()}

    def __str__(self) -> str:
        rows = [
            [s.unit, str(s.visible), str(s.hidden), *(f"{100 * e:.2f}%" for e in (s.auto, s.chinchilla, s.nearest)),
             f"{s.coverage:.0%}", f"{s.half_width:.3f}", f"{s.plain_coverage:.0%}", f"{s.interval_score / s.plain_interval_score:.2f}",
             "stop" if s.stopped else "", s.leader]
            for s in self.scores
        ]  # fmt: skip
        header = [
            "unit",
            "fitted",
            "hidden",
            "auto",
            "chinchilla",
            "nearest",
            "covered",
            "half width",
            "plain covered",
            "score ratio",
            "verdict",
            "leader",
        ]
        r = self.ratios()
        return "\n".join([
            "last decade of compute hidden: median error of the hidden runs, and 90% intervals for single runs", "",
            text_table(header, rows, words=("verdict", "leader")), "",
            f"the twelve: median {100 * r['median_error']:.2f} %, largest {100 * r['largest_error']:.2f} %; "
            f"worse than the better simple guess on {len(r['worse_than_simple'])}",
            f"coverage over all units {r['coverage']:.0%} (plain bootstrap {r['plain_coverage']:.0%}); interval score "
            f"{r['interval_score']:.2f} times the plain bootstrap's",
            f"hard units without a warning whose interval misses: {', '.join(r['hard_unanswered']) or 'none'}",
        ])  # fmt: skip


def _mean_ratio(scores: tuple[Score, ...]) -> float:
    ratios = [s.interval_score / s.plain_interval_score for s in scores if np.isfinite(s.plain_interval_score)]
    return float(np.exp(np.mean(np.log(ratios))))


def run(say: Callable[[str], None] = lambda _: None) -> Result:
    """Score all units; about a minute of one core."""
    return Result(tuple(scores(units(), say)))
