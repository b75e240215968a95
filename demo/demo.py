"""From a table of runs to a plan, command by command. Runs on a public table, or on a synthetic one that says so."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

import forerun as fr
from forerun import cli

TABLE = "chinchilla_epoch245.csv"
TRUE = {"E": 1.8172, "A": 482.01, "alpha": 0.3478, "B": 2085.43, "beta": 0.3658}  # Besiroglu et al. 2024


def table(folder: Path) -> tuple[Path, list[str]]:
    """The table to show, and the options that belong to it."""
    public = Path(os.environ.get("FORERUN_DATA_DIR") or "../shared/data").resolve() / TABLE
    columns = ["--N", "params", "--D", "tokens", "--loss", "loss"]
    if public.is_file():
        print(
            "240 training runs of Hoffmann et al. 2022, digitised by Epoch AI; the five highest losses are dropped.\n"
        )
        return public, [*columns, "--drop-outliers", "highest-loss:5"]
    print(f"SYNTHETIC runs: {TABLE} is not to be had (set FORERUN_DATA_DIR), so 240 runs are drawn from a known law.\n")
    runs = fr.simulate("chinchilla", n=240, noise=0.01, seed=1, params=TRUE)
    path = folder / "runs.csv"
    rows = zip(runs["N"], runs["D"], runs["loss"])
    path.write_text("params,tokens,loss\n" + "".join(f"{n},{d},{loss}\n" for n, d, loss in rows))
    return path, columns


def show(*arguments: str) -> None:
    """Print a command as one would type it, and what it answers."""
    print("$ " + shlex.join(["forerun", *arguments]))
    code = cli.main(list(arguments))
    if code:
        sys.exit(code)
    print()


def main() -> None:
    """Fit, forecast, invert and plan."""
    with tempfile.TemporaryDirectory() as name, contextlib.suppress(BrokenPipeError):
        path, options = table(Path(name))
        if path.parent != Path(name):
            shutil.copy(path, Path(name) / "runs.csv")
        os.chdir(name)
        show("fit", "runs.csv", "--law", "chinchilla", *options, "-o", "fit.json")
        show("forecast", "fit.json", "--at", "N=70e9", "--at", "D=1.4T")
        show("invert", "fit.json", "--at", "loss=2.0", "--at", "M=20")
        show("plan", "fit.json", "--flops", "5.76e23")
        os.chdir("/")


if __name__ == "__main__":
    main()
