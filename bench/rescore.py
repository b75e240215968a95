"""Every score of the forecasts on hidden public rows, oldest first: a method must not be tuned on them in silence."""

from __future__ import annotations

import json
from typing import Any

from bench.record import RECORDS, environment

# Scores from before these records were written: the commit that was scored, and what was changed after having seen it.
EARLIER: dict[str, list[dict[str, Any]]] = {
    "extrapolation": [
        {
            "date": "2026-11-26", "commit": "bd3c28b", "changed_since": "",
            "mean_error": 1.122, "domains": {"IC": 0.87, "NMT": 2.21, "LM": 1.08, "BB": 1.97},
            "curves_above_twice_m2": 3, "image_coverage": 0.88, "other_coverage": 0.88, "interval_score": 1.38,
        },
        {
            "date": "2026-11-27", "commit": "4039322",
            "changed_since": "calibration averages by logarithms; m4 on log y is a candidate; derivatives of implicit laws without a "
            "root. Chosen on public training curves, fine-tuning curves, Pythia and OpenCLIP scores and simulation",
            "mean_error": 1.112, "domains": {"IC": 0.88, "NMT": 2.26, "LM": 1.02, "BB": 1.95},
            "curves_above_twice_m2": 2, "image_coverage": 0.798, "other_coverage": 0.85, "interval_score": 1.22,
        },
    ],
    "decade": [
        {
            "date": "2026-11-27", "commit": "cfb6047", "changed_since": "",
            "median_error": 0.0050, "largest_error": 0.0231, "worse_than_simple": 2, "coverage": 0.96, "interval_score": 1.13,
            "note": "the compute of the loss-to-loss runs was read from a column of FLOPs per sequence, so other runs were hidden",
        },
        {
            "date": "2026-11-27", "commit": "606b00f",
            "changed_since": "one law answers for a table of N and D (no form layer); a challenger needs four cuts, not three",
            "median_error": 0.0043, "largest_error": 0.0231, "worse_than_simple": 0, "coverage": 0.93, "interval_score": 1.27,
            "note": "the same mistake in the loss-to-loss units",
        },
        {
            "date": "2026-11-27", "commit": "e69168a", "changed_since": "the loss-to-loss units are read rightly",
            "median_error": 0.0082, "largest_error": 0.0231, "worse_than_simple": 0, "coverage": 0.93, "interval_score": 0.93,
        },
    ],
}  # fmt: skip


def history(name: str, ratios: dict[str, Any], changed_since: str) -> list[dict[str, Any]]:
    """All scores of a benchmark, this one last: from the newest record, else from before there was one."""
    known = sorted(RECORDS.glob(f"{name}-*.json"))
    before = json.loads(known[-1].read_text(encoding="utf-8"))["details"]["scores"] if known else EARLIER[name]
    here = environment()
    return [*before, {"commit": here["commit"], "changed_since": changed_since, **ratios}]
