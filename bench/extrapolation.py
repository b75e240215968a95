"""Learning curves extrapolated: `forerun bench extrapolation` as a record, with what is required and every earlier score."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np

from bench.record import Measure, Record, single
from bench.rescore import history
from forerun.benchmarks.extrapolation import DOMAINS, Result, curves, scores

CHANGED = (
    "cuts count alike again where the last one hides fewer than three runs, as at f5dde4b: the weights since then broke a test that "
    "had to be rewritten for them, and made simulated ladders worse by a quarter"
)


def measure(*, quick: bool) -> Record:
    """All curves, or with ``quick`` two of each domain."""
    chosen = curves()
    if quick:
        chosen = [c for d in DOMAINS for c in [c for c in chosen if c.domain == d][:2]]
    result = Result(tuple(scores(chosen, lambda line: print(line, file=sys.stderr, flush=True))))
    return record(result, quick=quick)


def record(result: Result, *, quick: bool) -> Record:
    """The record of a result."""
    ratios, count = result.ratios(), len({s.curve for s in result.scores})
    measures = [*_required(ratios, count), *_errors(result)]
    details = {
        "scores": [] if quick else history("extrapolation", ratios, CHANGED),
        "rows": [vars(s) for s in result.scores],
    }
    question = "How far off are extrapolated learning curves, and do intervals hold what they promise, on curves that chose nothing?"
    return Record(
        "extrapolation", question, "extrapolation_benchmark.csv, 48 curves, rows with train=0", [0], measures, details
    )


def _required(r: dict, count: int) -> list[Measure]:
    measures = [
        single("auto over the best one form used everywhere", r["mean_error"], count, "ratio", required="<= 1.0",
               note=f"geometric mean over domains of the mean error; the form is {r['best_form']}"),
        *(single(f"auto over the best form of {d}", v, count, "ratio", required="<= 1.25") for d, v in r["domains"].items()),
        single("curves on which auto is above twice m2 on log y", len(r["curves_above_twice_m2"]), count, "curves", required="<= 0",
               note=", ".join(r["curves_above_twice_m2"])),
        single("coverage of 90 % intervals of auto, images", 100 * r["image_coverage"], 36, "%", required="80 to 97"),
        single("coverage of 90 % intervals of auto, the twelve others", 100 * r["other_coverage"], 12, "%", required=">= 75"),
        single("interval score of auto over the best form's bootstrap, mean over curves", r["interval_score_over_curves"], count,
               "ratio", required="< 1", note=f"the form is {r['best_intervals_over_curves']}"),
        single("interval score of auto over the best form's bootstrap, geometric mean over domains", r["interval_score"], count,
               "ratio", required="< 1", note=f"the form is {r['best_intervals']}"),
    ]  # fmt: skip
    return [replace(m, note=m.note[:300]) for m in measures]


def _errors(result: Result) -> list[Measure]:
    found = []
    for method in result.methods:
        for domain in DOMAINS:
            errors = result.of(method, domain)
            low, middle, high = (float(q) for q in np.quantile(errors, [0.25, 0.5, 0.75]))
            found.append(
                Measure(
                    f"{method}, {domain}: rms log error",
                    len(errors),
                    middle,
                    (low, high),
                    "",
                    note=f"mean {errors.mean():.5f}",
                )
            )
    return found
