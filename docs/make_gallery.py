"""Writes docs/gallery.md and the pictures it shows: `python docs/make_gallery.py` from the root of the project.

The code shown beside each picture is the code that draws it. All runs are synthetic, with fixed seeds.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent
SETUP = """\
import numpy as np
import forerun as fr
from forerun import report

size, budget = (a.ravel() for a in np.meshgrid(np.geomspace(3e7, 3e9, 9), np.geomspace(1e18, 3e20, 6)))
size = size * (budget / 2e19) ** 0.5
runs = fr.simulate("chinchilla", inputs={"N": size, "D": budget / (6 * size)}, noise=0.004, seed=0)
fit = fr.fit("chinchilla", runs)
"""


@dataclass(frozen=True)
class Entry:
    """One picture: the code that makes it, what it shows, how it misleads, and the command for it."""

    name: str
    heading: str
    shows: str
    misleads: str
    code: str
    command: str


ROLES = "runs.csv --law chinchilla --N params --D tokens --loss loss"
ENTRIES = (
    Entry(
        "fit",
        "The runs and the law",
        "The loss against the input that moves, a curve for each level of the input that the runs held fixed, with the "
        "interval of the mean, dashed beyond the runs.",
        "A curve through all runs says little about twice their scale, and the bands do not know whether the law is right.",
        "report.fit_figure(fit, runs)",
        f"forerun fit {ROLES} --plot fit.svg",
    ),
    Entry(
        "fit-by-size",
        "The same, by model size",
        "The loss against compute, with a curve for each model size or, of many sizes, for each of seven groups.",
        "A group of sizes has one curve in its middle, so its runs scatter about it more than about the law.",
        'report.fit_figure(fit, runs, by="N")',
        "",
    ),
    Entry(
        "one-input",
        "A law of one input",
        "The outcome against the input on logarithmic axes; a pure power law would be straight.",
        "The bend towards the floor rests on the few largest runs, and the forecast hangs on it.",
        'runs = fr.simulate("power-law-floor", n=16, noise=0.03, seed=4)\n'
        'report.fit_figure(fr.fit("power-law-floor", runs), runs)',
        "forerun fit runs.csv --law power-law-floor --role x=steps --role y=error --plot fit.svg",
    ),
    Entry(
        "observed",
        "Any other law: observed against predicted",
        "Every run at what the law predicts and what was seen, here for a mixture of data; it works for every law.",
        "On axes this wide small errors vanish; look at the residuals as well.",
        'runs = fr.simulate("data-mixing", n=40, seed=2)\nreport.fit_figure(fr.fit("data-mixing", runs), runs)',
        "",
    ),
    Entry(
        "residuals",
        "What the law leaves over",
        "Residuals against each input with a running median and its quartiles: a law that holds leaves a level cloud.",
        "Inputs that grow together in the runs show each other's trends, and with few runs the eye finds trends in noise.",
        "report.residual_figure(fit, runs)",
        f"forerun fit {ROLES} --plot residuals:residuals.svg",
    ),
    Entry(
        "draws",
        "What is known of the parameters",
        "The draws of each parameter with value and interval, and of every pair; a thin slanted cloud is a ridge.",
        "Each panel fills its box, so a well known parameter looks as wide as a loose one: read the axes.",
        "report.draws_figure(fit)",
        f"forerun fit {ROLES} --plot draws:draws.svg",
    ),
    Entry(
        "isoflop",
        "Budgets and their best sizes",
        "The loss along each compute budget with its minimum, and how the best size and token count grow with compute.",
        "Minima at the edge of the sizes, and parabolas on wide grids, bias the exponents by more than the bands show.",
        "report.isoflop_figure(fr.isoflop(runs), runs)",
        "forerun isoflop runs.csv --N params --D tokens --loss loss --plot isoflop.svg",
    ),
    Entry(
        "backtest",
        "Runs that the law had not seen",
        "The error of every hidden run against its distance from the fitted ones, for each cut, and the horizon.",
        "The next decade may differ from the last ones: a break that no run shows is in no back-test.",
        'report.backtest_figure(fr.backtest("chinchilla", runs))',
        "forerun backtest runs.csv --law chinchilla --N params --D tokens --loss loss --plot backtest.svg",
    ),
    Entry(
        "forecast",
        "How far the question lies beyond the runs",
        "The runs, the question with its interval, and the law between them at the tokens per parameter asked for.",
        "A smooth line across an empty gap looks like knowledge: the interval assumes that the law holds out there.",
        "report.forecast_figure(fit.forecast(N=70e9, D=1.4e12), fit, runs)",
        f"forerun forecast {ROLES} --at N=70e9 D=1.4T --plot forecast.svg",
    ),
    Entry(
        "plan",
        "What to train, and what is as good",
        "The predicted loss of every way to spend the budget, the best one, and the range that is nearly as good.",
        "The band is common to all sizes: the doubt about the best size is the bar, not the band.",
        "report.plan_figure(fr.plan(fit, flops=5.76e23), fit)",
        f"forerun plan {ROLES} --flops 5.76e23 --plot plan.svg",
    ),
    Entry(
        "front",
        "What nothing beats",
        "Every candidate by cost and score, and the best score that each cost buys; here 4-bit to 16-bit models of many "
        "sizes by the bits of their weights.",
        "The line runs through the luckiest candidates: those close below it may be as good.",
        "N, bits = (a.ravel() for a in np.meshgrid(np.geomspace(1e8, 1e10, 13), [3.0, 4.0, 8.0, 16.0]))\n"
        'loss = fit.predict({"N": N, "D": 1e11}) + 0.4 * 2.0 ** (3.0 - bits)\n'
        'models = {"precision": [f"{b:g} bit" for b in bits], "total bits": N * bits, "loss": loss}\n'
        'report.front_figure(fr.front(models, costs="total bits", score="loss", lowest=True))',
        "",
    ),
)


@cache
def _setup() -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(SETUP, names)
    return names


def draw(entry: Entry, size: str = "page") -> Any:
    """The figure of an entry, made by the very code that the gallery shows."""
    names = dict(_setup())
    *before, last = entry.code.splitlines()
    exec("\n".join(before), names)
    return eval(last if size == "page" else last[:-1] + f", size={size!r})", names)


def text() -> str:
    """The words of gallery.md."""
    parts = [
        "# Gallery",
        "Every picture that forerun draws, what it shows, and how it can mislead. This page is written by "
        "`docs/make_gallery.py`; the code beside each picture is the code that drew it. **All runs here are "
        "synthetic**, drawn from published laws with known noise, so that anybody can make the same pictures.",
        "Pictures need matplotlib: `pip install 'forerun[plot]'`. Each function returns a matplotlib figure, "
        '`report.save(figure, "name.svg")` writes it as .svg, .png or .pdf, and `size="slide"` makes it half as wide. '
        "An error note of the result stands under the title. The SVG files are generated: `make docs`.",
        f"```python\n{SETUP}```",
    ]
    for entry in ENTRIES:
        command = f"\n\n```console\n$ {entry.command}\n```" if entry.command else ""
        parts += [
            f"## {entry.heading}",
            f"![{entry.heading}](gallery/{entry.name}.svg)",
            f"{entry.shows} *How it can mislead:* {entry.misleads}",
            f"```python\n{entry.code}\n```{command}",
        ]
    return "\n\n".join(parts) + "\n"


def make(folder: Path) -> list[Path]:
    """Draw every picture into ``folder`` as SVG."""
    from forerun import report

    folder.mkdir(parents=True, exist_ok=True)
    return [report.save(draw(entry), folder / f"{entry.name}.svg") for entry in ENTRIES]


if __name__ == "__main__":
    (DOCS / "gallery.md").write_text(text(), encoding="utf-8")
    made = make(DOCS / "gallery")
    print(f"{len(made)} pictures in {DOCS / 'gallery'}", file=sys.stderr)
