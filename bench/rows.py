"""CPU per row and memory beyond the table of a default fit, from a thousand to a million rows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

import forerun as fr
from bench.cpu import cpu_seconds
from bench.record import ROOT, Record, single, summarise
from bench.reference import BESIROGLU

QUESTION = "Do CPU and memory of a fit stay linear and constant in the number of rows?"
SIZES = (1_000, 10_000, 100_000, 1_000_000)
KINDS = {"default settings": "bootstrap", "without draws": "none"}
SEED = 0
REPEATS = 3
LINEAR = "<= 12"  # times the CPU for ten times the rows
CONSTANT = "<= 8"  # bytes of further memory for one more row: less than one column


def measure(*, quick: bool) -> Record:
    """Each fit in a process of its own, so that no memory is inherited."""
    measures, details = [], {}
    for name, uncertainty in KINDS.items():
        memory, before = [], None
        for rows in SIZES[:3] if quick else SIZES:
            found = [in_process(rows, uncertainty) for _ in range(1 if quick else REPEATS)]
            details[f"{name}, {rows} rows"] = found
            cpu = [f["cpu"] for f in found]
            seconds = float(np.median(cpu))
            against = (
                {}
                if before is None
                else {"ratio": seconds / before, "ratio_to": "times a tenth of the rows", "required": LINEAR}
            )
            note = f"{1e6 * seconds / rows:.3g} us a row; {found[0]['uncertainty']}"
            measures.append(summarise(f"fit of {rows:,} rows, {name}", cpu, "CPU s", note=note, **against))
            before = seconds
            beyond = [f["beyond_mib"] for f in found]
            memory.append(float(np.median(beyond)))
            note = f"the table holds {found[0]['table_mib']:.1f} MiB"
            measures.append(summarise(f"memory beyond the table of {rows:,} rows, {name}", beyond, "MiB", note=note))
        rows = SIZES[len(memory) - 1]
        growth = (memory[-1] - memory[-2]) * 2**20 / (0.9 * rows)
        measures.append(
            single(f"further memory for each further row up to {rows:,}, {name}", growth, 2, "bytes", required=CONSTANT)
        )
    return Record("rows", QUESTION, "synthetic: chinchilla, noise 0.5 %", [SEED], measures, details)


def in_process(rows: int, uncertainty: str) -> dict:
    """What :func:`fit_rows` found in a new process."""
    code = f"import json; from bench.rows import fit_rows; print(json.dumps(fit_rows({rows}, {uncertainty!r})))"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(ended.stdout)


def fit_rows(rows: int, uncertainty: str) -> dict:
    """Fit ``rows`` simulated runs once, after a small fit that loads what is loaded on first use."""
    fr.fit("chinchilla", simulated(60))
    runs = simulated(rows)
    table = sum(column.nbytes for column in runs.columns.values())
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again at what is held now
    held = status("VmRSS")
    seconds, fit = cpu_seconds(lambda: fr.fit("chinchilla", runs, uncertainty=uncertainty))
    return {
        "cpu": seconds, "beyond_mib": (status("VmHWM") - held) / 1024, "table_mib": table / 2**20,
        "uncertainty": f"{fit.uncertainty['draws']} draws, {fit.uncertainty['kind']}", "outcome": fit.outcome,
        "params": dict(fit.params), "intervals": fit.intervals, "notes": [n.code for n in fit.notes],
    }  # fmt: skip


def simulated(rows: int) -> fr.Runs:
    """Runs with sizes and tokens uniform in the logarithm, noise 0.5 %."""
    rng = np.random.default_rng(SEED)
    inputs = {
        "N": np.exp(rng.uniform(np.log(5e7), np.log(5e9), rows)),
        "D": np.exp(rng.uniform(np.log(1e9), np.log(1e11), rows)),
    }
    return fr.simulate("chinchilla", noise=0.005, seed=SEED, params=BESIROGLU, inputs=inputs)


def status(key: str) -> int:
    """Memory of this process in KiB, by its name in /proc/self/status."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key + ":"))
