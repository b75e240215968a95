"""CPU and memory of the whole command `forerun fit` on the reference tables, against a process that imports NumPy."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from bench.record import Measure, Record, summarise
from bench.reference import reference_runs
from forerun import Runs

QUESTION = "What does the command `forerun fit` cost, start of Python included, beside `import numpy`?"
PAIRS = 15
Usage = dict[str, float]


def measure(*, quick: bool) -> Record:
    """Alternating pairs of the two processes, with all bytecode compiled before."""
    runs, data = reference_runs()
    binaries = Path(sys.executable).parent
    with tempfile.TemporaryDirectory() as folder:
        columns = ["--law", "chinchilla", "--N", "params", "--D", "tokens", "--loss", "loss"]
        fit, every = (
            [sys.executable, str(binaries / "forerun"), "fit", write_table(Path(folder), r), *columns]
            for r in (runs, reference_runs(every=True)[0])
        )
        commands = {
            "numpy": [sys.executable, "-c", "import numpy"],
            "fit": fit,
            "fit without draws": [*fit, "--uncertainty", "none"],
            "all": every,
        }
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        environment |= {"OPENBLAS_NUM_THREADS": "1", "PYTHONPYCACHEPREFIX": str(Path(folder) / "bytecode")}
        for command in commands.values():
            usage(command, environment)
        used = [
            {name: usage(command, environment) for name, command in commands.items()}
            for _ in range(5 if quick else PAIRS)
        ]
    cpu = {name: np.array([u[name]["cpu"] for u in used]) for name in commands}
    peak = {name: np.array([u[name]["peak_kib"] for u in used]) / 1024 for name in commands}

    def against(name: str, seconds: np.ndarray, **settings: str) -> Measure:
        ratio = float(np.median(seconds / cpu["numpy"]))
        return summarise(name, seconds, "CPU s", ratio=ratio, ratio_to="times import numpy", **settings)

    measures = [
        summarise("`python -c 'import numpy'`", cpu["numpy"], "CPU s", note=f"peak {np.median(peak['numpy']):.1f} MiB"),
        against("`forerun fit`, 240 rows, 1,000 draws", cpu["fit"], required="<= 4", note="median of the ratios of alternating pairs"),
        against("`forerun fit`, all 245 rows, 1,000 draws", cpu["all"], note="five rows decide: its refits are harder"),
        against("`forerun fit --uncertainty none`, 240 rows", cpu["fit without draws"]),
        summarise("peak memory of `forerun fit` above that of `import numpy`", peak["fit"] - peak["numpy"], "MiB",
                  required="< 95.3", note="100 MB"),
    ]  # fmt: skip
    return Record("process", QUESTION, data, [0], measures)


def write_table(folder: Path, runs: Runs) -> str:
    """The runs as a CSV, and where it is."""
    path = folder / f"runs{len(runs)}.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["params", "tokens", "loss"])
        writer.writerows(zip(*(runs[role].tolist() for role in ("N", "D", "loss"))))
    return str(path)


def usage(command: list[str], environment: dict[str, str]) -> Usage:
    """CPU seconds and peak memory of one process, started by a small one."""
    starter = [sys.executable, "-I", "-S", str(Path(__file__).with_name("launch.py"))]
    ended = subprocess.run([*starter, *command], env=environment, capture_output=True, text=True, check=True)
    found: Usage = json.loads(ended.stdout)
    if found["exit"]:
        raise RuntimeError(f"{' '.join(command)} ended with {found['exit']}: {ended.stderr}")
    return found
