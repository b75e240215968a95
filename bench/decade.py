"""The last decade of compute hidden: `forerun bench decade` as a record, with what is required and every earlier score."""

from __future__ import annotations

import sys

from bench.record import Measure, Record, single
from bench.rescore import history
from forerun.benchmarks.decade import Result, scores, units

CHANGED = (
    "a challenger needs five effective runs a parameter, four standard errors of the hidden runs, and a fit that is as well "
    "determined as the reference's; mended after the whole Chinchilla table was answered by an ill-determined fit"
)


def measure(*, quick: bool) -> Record:
    """All units, or with ``quick`` the first four."""
    chosen = units()[:4] if quick else units()
    result = Result(tuple(scores(chosen, lambda line: print(line, file=sys.stderr, flush=True))))
    r = result.ratios()
    measures = [
        single("median over the twelve units of the unit's median error", 100 * r["median_error"], 12, "%", required="<= 1"),
        single("largest median error of a unit", 100 * r["largest_error"], 12, "%", required="<= 2"),
        single("units worse than the better of plain Chinchilla and the nearest run", len(r["worse_than_simple"]), 12, "units",
               required="<= 0", note=", ".join(r["worse_than_simple"])),
        single("hard units without a warning whose interval misses", len(r["hard_unanswered"]), len(chosen) - 12, "units",
               required="<= 0", note=", ".join(r["hard_unanswered"])),
        single("coverage of 90 % intervals over all units", 100 * r["coverage"], len(chosen), "%", required="80 to 97"),
        single("coverage of the plain bootstrap over all units", 100 * r["plain_coverage"], len(chosen), "%"),
        single("interval score over the plain bootstrap's", r["interval_score"], len(chosen), "ratio", required="< 1"),
        *(
            Measure(f"{s.unit}: median error of auto", s.hidden, 100 * s.auto, (100 * s.auto, 100 * s.auto), "%",
                    note=f"chinchilla {100 * s.chinchilla:.2f} %, nearest run {100 * s.nearest:.2f} %; covered {s.coverage:.0%}, "
                         f"plain {s.plain_coverage:.0%}; answered by {s.leader}{'; do not extrapolate' if s.stopped else ''}")
            for s in result.scores
        ),
    ]  # fmt: skip
    details = {"scores": [] if quick else history("decade", r, CHANGED), "units": [vars(s) for s in result.scores]}
    question = "How far off is the last decade of compute when it is hidden, and do intervals for single runs hold it?"
    return Record("decade", question, "12 units of public run tables and 7 hard ones", [0], measures, details)
