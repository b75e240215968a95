"""`forerun bench extrapolation`: the open half of the learning-curve extrapolation benchmark, by its own protocol.

Curves and protocol: Alabdulmohsin, Neyshabur and Zhai 2022, arXiv:2209.06640. Every curve is fitted on its rows marked
``train`` (one row for each x) and scored on the others by the root mean square of log predicted minus log observed.
Domains (IC images, NMT translation, LM language models, BB BIG-bench) are never averaged, since their errors differ by
a factor of a hundred; what is compared over domains is the geometric mean of their mean errors.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from forerun.benchmarks.published_path import published
from forerun.datasets.files import path
from forerun.fitting import fit
from forerun.fitting.forecast import plain
from forerun.note import DataError, text_table
from forerun.predict import auto
from forerun.runs import Runs, read_runs

Array = np.ndarray
DOMAINS = ("IC", "NMT", "LM", "BB")
PUBLISHED = ("m1", "m2", "m3", "m4")
LOG_Y = ("m1", "m2", "m3", "m4", "bnsl-1")
FAILED = 1.0  # the error of a method that gives no answer, as in the source
LEVEL = 0.9
DRAWS = 200  # of a single form's bootstrap
DIGITS = 3  # to which errors are floored before they are ranked, as in the source


@dataclass(frozen=True)
class Curve:
    """One learning curve: what is fitted and what is scored, (n,) each."""

    domain: str
    task: str
    model: str
    x: Array
    y: Array
    hidden_x: Array
    hidden_y: Array

    @property
    def name(self) -> str:
        """Domain, task and model."""
        return f"{self.domain} {self.task} {self.model}"

    @property
    def runs(self) -> Runs:
        """The rows to fit."""
        return read_runs({"x": self.x, "y": self.y}, x="x", y="y")


@dataclass(frozen=True)
class Score:
    """One method on one curve: ``rmse`` of log errors; share of rows inside its interval, interval score and half width.

    The last three are on the log scale, None for a method without intervals. The interval score (Gneiting and Raftery
    2007) is the width plus 2 / (1 - level) times how far rows lie outside.
    """

    method: str
    curve: str
    domain: str
    rmse: float
    coverage: float | None = None
    interval_score: float | None = None
    half_width: float | None = None
    note: str = ""


def curves() -> list[Curve]:
    """The 48 curves of the open half; ``DataError`` where the table cannot be had."""
    rows: dict[tuple[str, str, str], list[tuple[float, float, bool]]] = {}
    with path("extrapolation_benchmark").open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            key = row["domain"], row["task"], row["model"]
            rows.setdefault(key, []).append((float(row["seen"]), float(row["loss"]), row["train"] == "1"))
    found = []
    for key, points in rows.items():
        fitted = {x: y for x, y, train in reversed(points) if train}  # one row for each x: the first
        hidden = np.array([(x, y) for x, y, train in points if not train])
        x = np.array(sorted(fitted))
        found.append(Curve(*key, x, np.array([fitted[v] for v in x]), hidden[:, 0], hidden[:, 1]))
    return found


def scores(chosen: Sequence[Curve], say: Callable[[str], None] = lambda _: None) -> Iterator[Score]:
    """Every method on every curve: the forms as published, the forms on log y with a bootstrap, and ``auto``."""
    for curve in chosen:
        say(curve.name)
        for form in PUBLISHED:
            (predict,) = published(form, [(curve.x, curve.y)])
            with np.errstate(all="ignore"):
                yield _scored(f"{form} as published", curve, predict(curve.hidden_x))
        for form in LOG_Y:
            yield _asked(
                f"{form} on log y", curve, partial(fit, form, objective="squared-log", level=LEVEL, draws=DRAWS)
            )
        yield _asked("auto", curve, partial(auto, level=LEVEL))


def _asked(method: str, curve: Curve, make: Callable[..., Any]) -> Score:
    try:
        found = make(runs=curve.runs)
    except DataError as refusal:
        return Score(method, curve.name, curve.domain, FAILED, note=str(refusal))
    answer = found.forecast(x=curve.hidden_x, target="new-run")
    return _scored(method, curve, answer.value, answer.low, answer.high)


def _scored(method: str, curve: Curve, value: Array, low: Array | None = None, high: Array | None = None) -> Score:
    with np.errstate(all="ignore"):
        error = np.log(value) - np.log(curve.hidden_y)
    rmse = float(np.sqrt(np.mean(error * error))) if np.isfinite(error).all() else FAILED
    if low is None or high is None:
        return Score(method, curve.name, curve.domain, rmse)
    y, a, b = (np.log(np.clip(v, 1e-12, 1e12)) for v in (curve.hidden_y, low, high))
    beyond = np.maximum(a - y, 0.0) + np.maximum(y - b, 0.0)
    score = float(np.mean(b - a + 2.0 / (1.0 - LEVEL) * beyond))
    return Score(
        method, curve.name, curve.domain, rmse, float(np.mean(beyond == 0.0)), score, float(np.mean(b - a) / 2.0)
    )


@dataclass(frozen=True)
class Result:
    """All scores, and what follows from them: the tables that are printed and the ratios that are asked for."""

    scores: tuple[Score, ...]

    @property
    def methods(self) -> list[str]:
        """Names of the methods, in order."""
        return list(dict.fromkeys(s.method for s in self.scores))

    def of(self, method: str, domain: str, what: str = "rmse") -> Array:
        """One figure of a method on every curve of a domain that has it."""
        values = [getattr(s, what) for s in self.scores if s.method == method and s.domain == domain]
        return np.array([v for v in values if v is not None], float)

    def mean_over_domains(self, method: str, what: str = "rmse") -> float:
        """The geometric mean over domains of the mean of a figure over curves."""
        return float(np.exp(np.mean([np.log(self.of(method, domain, what).mean()) for domain in DOMAINS])))

    def mean_over_curves(self, method: str, what: str) -> float:
        """The plain mean of a figure over all curves that have it."""
        return float(np.concatenate([self.of(method, domain, what) for domain in DOMAINS]).mean())

    @property
    def best_form(self) -> str:
        """The one form that is best if it is used everywhere: lowest geometric mean over domains, on log y."""
        return min((m for m in self.methods if m.endswith("on log y")), key=self.mean_over_domains)

    def wins(self, methods: Sequence[str], domain: str) -> dict[str, float]:
        """Share of the curves of a domain on which each method is best; ties at three decimals share one win."""
        floored = np.array([np.floor(self.of(m, domain) * 10**DIGITS) for m in methods])
        best = floored == floored.min(0)
        return dict(zip(methods, (best / best.sum(0)).mean(1).tolist()))

    def ratios(self) -> dict[str, Any]:
        """What is required of ``auto``: its errors beside the best form's, domain by domain and curve by curve."""
        best = self.best_form
        forms = [m for m in self.methods if m.endswith("on log y")]
        m2 = {s.curve: s.rmse for s in self.scores if s.method == "m2 on log y"}
        own = {s.curve: s.rmse for s in self.scores if s.method == "auto"}
        curve = max(own, key=lambda name: own[name] / m2[name])
        complete = [m for m in forms if all(len(self.of(m, d, "interval_score")) for d in DOMAINS)]
        scored = min(complete, key=lambda m: self.mean_over_domains(m, "interval_score"))
        over_curves = min(complete, key=lambda m: self.mean_over_curves(m, "interval_score"))
        return {
            "best_form": best,
            "mean_error": self.mean_over_domains("auto") / self.mean_over_domains(best),
            "domains": {d: float(self.of("auto", d).mean() / min(self.of(m, d).mean() for m in forms)) for d in DOMAINS},
            "worst_curve": {"curve": curve, "of_m2": own[curve] / m2[curve]},
            "curves_above_twice_m2": [name for name in own if own[name] > 2.0 * m2[name]],
            "image_coverage": float(self.of("auto", "IC", "coverage").mean()),
            "other_coverage": float(np.concatenate([self.of("auto", d, "coverage") for d in DOMAINS[1:]]).mean()),
            "best_intervals_over_curves": over_curves,
            "interval_score_over_curves": self.mean_over_curves("auto", "interval_score")
            / self.mean_over_curves(over_curves, "interval_score"),
            "best_intervals": scored,
            "interval_score": self.mean_over_domains("auto", "interval_score") / self.mean_over_domains(scored, "interval_score"),
        }  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """The keys of the JSON schema ``bench``."""
        return {"schema": 1, "benchmark": "extrapolation", "scores": [{k: plain(v) for k, v in vars(s).items()} for s in self.scores],
                "ratios": self.ratios()}  # fmt: skip

    def __str__(self) -> str:
        lines = [
            "learning-curve extrapolation, open half: mean / median of the root mean square log error, and share of wins",
            "",
        ]
        lines.append(self._errors())
        lines += [
            "",
            f"intervals at {LEVEL:.0%}: coverage, interval score (lower is better) and half width, on the log scale",
            "",
        ]
        lines.append(self._intervals())
        lines += ["", *_said(self.ratios())]
        return "\n".join(lines)

    def _errors(self) -> str:
        groups = [
            [m for m in self.methods if m.endswith("as published")],
            [m for m in self.methods if not m.endswith("as published")],
        ]
        rows = []
        for group in groups:
            wins: Mapping[str, Mapping[str, float]] = {d: self.wins(group, d) for d in DOMAINS}
            for method in group:
                cells = []
                for domain in DOMAINS:
                    values = self.of(method, domain)
                    cells.append(f"{values.mean():.5f} / {np.median(values):.5f}  {wins[domain][method]:4.0%}")
                rows.append([method, *cells, f"{self.mean_over_domains(method):.5f}"])
        counts = [f"{d} ({len(self.of(self.methods[0], d))})" for d in DOMAINS]
        return text_table(["method", *counts, "over domains"], rows)

    def _intervals(self) -> str:
        rows = []
        for method in (m for m in self.methods if not m.endswith("as published")):
            cells = []
            for domain in DOMAINS:
                parts = [self.of(method, domain, what) for what in ("coverage", "interval_score", "half_width")]
                cells.append(
                    f"{parts[0].mean():.0%}  {parts[1].mean():.4f}  {parts[2].mean():.4f}" if len(parts[0]) else "-"
                )
            rows.append([method, *cells])
        return text_table(["method", *DOMAINS], rows)


def _said(ratios: Mapping[str, Any]) -> list[str]:
    domains = ", ".join(f"{d} {v:.2f}" for d, v in ratios["domains"].items())
    worst = ratios["worst_curve"]
    return [
        f"auto over {ratios['best_form']}, the best one form used everywhere: {ratios['mean_error']:.3f} (geometric mean over domains)",
        f"auto over the best form of each domain: {domains}",
        f"auto over m2 on log y, worst curve: {worst['of_m2']:.2f} ({worst['curve']}); above 2: {len(ratios['curves_above_twice_m2'])} curves",
        f"coverage of auto: images {ratios['image_coverage']:.0%}, the other curves {ratios['other_coverage']:.0%}; "
        f"interval score {ratios['interval_score']:.2f} times that of {ratios['best_intervals']} (geometric mean over domains), "
        f"{ratios['interval_score_over_curves']:.2f} times that of {ratios['best_intervals_over_curves']} (mean over curves)",
    ]


def run(say: Callable[[str], None] = lambda _: None) -> Result:
    """Score every method on all curves; about ten minutes of one core."""
    return Result(tuple(scores(curves(), say)))
