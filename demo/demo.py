"""From a table of runs to a plan, command by command, on runs that we trained ourselves: no network, no foreign data."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

import forerun as fr
from forerun import cli, datasets
from forerun.note import text_table

TABLE = "ladder-dense"
BELOW = ["--where", "held_back == False"]


def show(*arguments: str) -> None:
    """Print a command as one would type it, and what it answers."""
    print("$ " + shlex.join(["forerun", *arguments]))
    code = cli.main(list(arguments))
    if code:
        sys.exit(code)
    print()


def held_back() -> None:
    """The forecasts of the runs that no fit has seen, beside what they reached."""
    fit = fr.Fit.from_json(Path("fit.json").read_text(encoding="utf-8"))
    rows = []
    runs = datasets.read(TABLE, where="held_back == True")
    for size, n, d, loss in zip(runs.columns["size"], runs["N"], runs["D"], runs["loss"]):
        told = fit.forecast(N=n, D=d, target="new-run")
        inside = "inside" if told.low <= loss <= told.high else "outside"
        rows.append([str(size), f"{n:,.0f}", f"{d:,.0f}", f"{told.value:.4f}", f"{told.low:.4f} to {told.high:.4f}",
                     f"{loss:.4f}", f"{100 * (told.value / loss - 1):+.2f}%", inside])  # fmt: skip
    print(f"The {len(rows)} held-back runs took three times the compute of any run above. Forecast, then measured:\n")
    print(text_table(["size", "N", "D", "forecast", "90% interval", "measured", "error", ""], rows) + "\n")


def main() -> None:
    """Choose a law, fit it, back-test it, forecast what was measured, and plan."""
    with tempfile.TemporaryDirectory() as name, contextlib.suppress(BrokenPipeError):
        shutil.copy(datasets.path(TABLE), os.path.join(name, "runs.csv"))
        runs = datasets.read(TABLE, where=())
        print(f"{len(runs)} small language models, {runs['N'].min():,.0f} to {runs['N'].max():,.0f} parameters, trained for this demo on "
              "two cores;\nlosses in nats per byte of held-out prose.\n")  # fmt: skip
        os.chdir(name)
        columns = ["--N", "parameters", "--D", "tokens", "--C", "flops", "--loss", "loss", "--loss-unit", "nats/byte"]
        law = datasets.get(TABLE).law
        show("select", "runs.csv", "--laws", "chinchilla", "kaplan-nd", law, *columns, *BELOW)
        show("fit", "runs.csv", "--law", law, *columns, *BELOW, "-o", "fit.json")
        show("backtest", "runs.csv", "--law", law, *columns, *BELOW)
        held_back()
        show("plan", "fit.json", "--flops", "1e15")
        os.chdir("/")


if __name__ == "__main__":
    main()
