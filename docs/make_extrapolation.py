"""Fill the figures of `extrapolation.md` from the newest records: its numbers are theirs, and cannot drift from them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent
RECORDS = DOCS.parent / "bench" / "records"
PAGE = DOCS / "extrapolation.md"
DOMAINS = {"IC": "images", "NMT": "translation", "LM": "language models", "BB": "BIG-bench"}


def newest(name: str) -> dict[str, Any]:
    """The newest record of a benchmark."""
    return json.loads(sorted(RECORDS.glob(f"{name}-*.json"))[-1].read_text(encoding="utf-8"))


def parts() -> dict[str, str]:
    """What stands behind each mark of the page."""
    curves, decade, ablation = (
        newest(name)["details" if name != "ablation" else "measures"]
        for name in ("extrapolation", "decade", "ablation")
    )
    last = curves["scores"][-1]
    rows = ["", "| domain | curves | best form on log y | auto | auto over best | covered by 90 % |", "|---" * 6 + "|"]
    for domain, title in DOMAINS.items():
        own = [r for r in curves["rows"] if r["domain"] == domain]
        mean = {m: _mean([r["rmse"] for r in own if r["method"] == m]) for m in dict.fromkeys(r["method"] for r in own)}
        forms = [m for m in mean if m.endswith("on log y")]
        best = min(forms, key=mean.__getitem__)
        covered = _mean([r["coverage"] for r in own if r["method"] == "auto"])
        count = len({r["curve"] for r in own})
        rows.append(
            f"| {title} | {count} | {best.split()[0]}, {mean[best]:.4f} | {mean['auto']:.4f} | {last['domains'][domain]:.2f} | {covered:.0%} |"
        )
    d = decade["scores"][-1]
    text = (
        f"median over the twelve {100 * d['median_error']:.2f} %, largest {100 * d['largest_error']:.2f} %; worse than the better of "
        f"a plain Chinchilla fit and the nearest run's loss on {len(d['worse_than_simple'])}. Over these and seven hard tables, 90 % "
        f"intervals for single runs held {d['coverage']:.0%} of them, those of the plain bootstrap {d['plain_coverage']:.0%}; "
        f"their interval score is {d['interval_score']:.2f} times the plain bootstrap's."
    )
    table = ["", "| variant | curves | error over that of auto | median |", "|---" * 4 + "|"]
    table += [f"| {m['name'].split(':')[0]} | {m['n']} | {m['ratio']:.2f} | {m['median']:.2f} |" for m in ablation]
    return {"curves": "\n".join([*rows, ""]), "mean_error": f"{last['mean_error']:.2f}", "best_form": last["best_form"],
            "decade": text, "ablation": "\n".join([*table, ""])}  # fmt: skip


def page(text: str) -> str:
    """The page with its marks filled: what stands between a mark and its end is replaced."""
    for name, content in parts().items():
        block = "\n" in content
        filled = (
            f"<!-- {name} -->\n{content}\n<!-- /{name} -->" if block else f"<!-- {name} -->{content}<!-- /{name} -->"
        )
        text = re.sub(
            rf"<!-- {name} -->(?:.*?<!-- /{name} -->)?", lambda _, filled=filled: filled, text, count=1, flags=re.DOTALL
        )
    return text


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
