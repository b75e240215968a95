"""forerun beside the tools that people use now: a global fit (W1), its uncertainty (W2), IsoFLOP parabolas (W3)."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import forerun as fr
from bench import machine
from bench.peers import environment, tables
from bench.process import usage
from bench.record import Measure, Record
from bench.reference import ROOT, reference_runs

QUESTION = (
    "How do forerun and its peers compare on one machine in one run: CPU of a global fit of the reference problem (W1) and "
    "the objective it reaches, of its uncertainty (W2), of IsoFLOP parabolas (W3), and of being imported?"
)
DRAWS = 4_000
ISOFLOP = "isoflop_llama_3.csv"
LIMIT = 1_500  # wall seconds after which a task is stopped
IMPORTS = {  # what is run, numpy first: the others are stated beside it. forerun imports its parts when they are asked for
    "numpy": "import numpy", "forerun": "import forerun",
    "forerun with fit and read_runs": "import forerun as fr; fr.fit, fr.read_runs", "SciPy": "import scipy.optimize",
    "lmfit": "import lmfit", "chinchilla": "import chinchilla", "vpnls": "import vpnls.api",
    "simple-scaling-laws": "import simple_scaling_laws", "NumPyro": "import numpyro",
}  # fmt: skip
TASKS = (  # script, task, how the row is called; forerun does the same work right before each
    ("scipy", "W1 curve_fit", "SciPy, curve_fit without a start"),
    ("scipy", "W1 curve_fit p0", "SciPy, curve_fit from a good start"),
    ("scipy", "W1 least_squares", "SciPy, least_squares with Huber loss from a good start"),
    ("scipy", "W1 least_squares grid", "SciPy, least_squares with Huber loss, 4,500 starts"),
    ("scipy", "W1 grid", "SciPy, L-BFGS-B, 4,500 starts"),
    ("lmfit", "W1 Model.fit", "lmfit, Model.fit from a good start"),
    ("lmfit", "W1 least_squares", "lmfit, minimize with Huber loss from a good start"),
    ("lmfit", "W1 grid", "lmfit, L-BFGS-B, 4,500 starts"),
    ("chinchilla", "W1", "chinchilla, its defaults, 3,125 starts"),
    ("chinchilla", "W1 log_huber", "chinchilla, its log_huber with delta 1e-3, 3,125 starts"),
    ("vpnls", "W1", "vpnls"),
    ("simple_scaling_laws", "W1", "simple-scaling-laws"),
    ("numpyro", "W1", "NumPyro, maximum by SVI from a good start"),
    ("scipy", "W2", "SciPy, BFGS refits"),
    ("scipy", "W2 least_squares", "SciPy, least_squares refits with Huber loss"),
    ("lmfit", "W2", "lmfit, refits with Huber loss"),
    ("vpnls", "W2", "vpnls, refits"),
    ("simple_scaling_laws", "W2", "simple-scaling-laws, its wild bootstrap"),
    ("numpyro", "W2", "NumPyro, posterior by NUTS"),
    ("numpy", "W3", "NumPy, polyfit"),
    ("simple_scaling_laws", "W3", "simple-scaling-laws, fit_isoflop"),
    ("numpy", "W3 bootstrap", "NumPy, polyfit in a loop"),
    ("simple_scaling_laws", "W3 bootstrap", "simple-scaling-laws, fit_isoflop"),
)
SLOW = {("numpyro", "W2")}  # compiling alone takes a third of a quick run
Found = dict[str, Any]


def measure(*, quick: bool) -> Record:
    """Imports in alternating rounds, then each task of each peer in a process of its own."""
    runs, data = reference_runs()
    interpreter, missing = environment.prepared()
    best = fr.fit("chinchilla", runs, uncertainty="none")
    with tempfile.TemporaryDirectory() as folder:
        variables = environment.variables(environment.BYTECODE)
        problem = Path(folder) / "problem.json"
        problem.write_text(json.dumps(as_problem(runs, best.params, quick=quick)), encoding="utf-8")
        imports = imported(interpreter, variables, 1 if quick else 11)
        tasks = [task for task in TASKS if not (quick and task[:2] in SLOW)]
        here = (interpreter, problem, variables)
        own = {work: run("forerun", work, *here) for work in sorted({tables.work_of(t) for _, t, _ in tasks})}
        results: list[tables.Result] = []
        for script, task, name in tasks:
            work = tables.work_of(task)
            results.append((name, work, own[work] if quick else run("forerun", work, *here), run(script, task, *here)))
        passes = run("forerun", "passes", *here)
    installed = environment.versions(interpreter)
    seconds = one_pass(runs, best.params, 3 if quick else 9)
    logs = [np.log(runs[name]) for name in ("N", "D", "loss")]
    known = tables.BEST_KNOWN if "synthetic" not in data else float(best.objective_value)
    measures: list[Measure] = [
        *tables.import_rows(imports, missing, installed),
        *tables.work_rows("W1", results, lambda params: tables.objective(params, *logs), known),
        *tables.work_rows("W2", results, lambda params: tables.objective(params, *logs), known),
        *tables.isoflop_rows(results),
        *tables.floor_rows(results, passes.get("passes", {}), seconds),
    ]
    details = {"installed": installed, "not to be had": missing, "passes": passes,
               "tasks": [{"task": name, "forerun": own, "peer": found} for name, _, own, found in results]}  # fmt: skip
    budgets = f"{ISOFLOP}, condition raw_loss" if isoflop_file().is_file() else "synthetic IsoFLOP runs"
    return Record("peers", QUESTION, f"{data}; {budgets}", [0], measures, details)


def as_problem(runs: fr.Runs, best: Mapping[str, float], *, quick: bool) -> Found:
    """What every task reads: the rows, the table of IsoFLOP runs, how many draws, and the optimum that refits start from."""
    columns: Found = {name: runs[name].tolist() for name in ("N", "D", "loss")}
    return columns | {"isoflop": isoflop_table(), "draws": DRAWS, "quick": quick, "best": dict(best)}


def isoflop_file() -> Path:
    """Where the digitised table would be."""
    return ROOT / (os.environ.get("FORERUN_DATA_DIR") or "../shared/data") / ISOFLOP


def isoflop_table() -> dict[str, list[float]]:
    """The digitised Llama 3 table; where it is not there, nine runs at each of seven budgets of the chinchilla law."""
    if isoflop_file().is_file():
        with isoflop_file().open(encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["condition"] == "raw_loss"]
        names = {"N": "params", "D": "tokens", "C": "flops", "loss": "loss"}
        return {name: [float(row[column]) for row in rows] for name, column in names.items()}
    budget, shift = np.meshgrid(np.geomspace(6e18, 6e21, 7), np.geomspace(0.2, 5.0, 9))
    size = shift * np.sqrt(budget / 120.0)
    inputs = {"N": size.ravel(), "D": (budget / 6.0 / size).ravel()}
    runs = fr.simulate("chinchilla", noise=0.002, seed=0, inputs=inputs)
    return {**{name: runs[name].tolist() for name in ("N", "D", "loss")}, "C": budget.ravel().tolist()}


def imported(interpreter: str, variables: dict[str, str], rounds: int) -> dict[str, list[dict[str, float]]]:
    """CPU and peak memory of a process that imports a tool, by tool, in rounds; nothing for one that cannot be imported."""
    commands = {name: [interpreter, "-c", statement] for name, statement in IMPORTS.items()}
    found: dict[str, list[dict[str, float]]] = {}
    for name, command in commands.items():  # compiles the bytecode
        if subprocess.run(command, env=variables, capture_output=True, check=False).returncode == 0:
            found[name] = []
    for _ in range(rounds):
        for name, used in found.items():
            used.append(usage(commands[name], variables))
    return found


def run(script: str, task: str, interpreter: str, problem: Path, variables: dict[str, str]) -> Found:
    """What one task of one script found; ``{"failed": why}`` instead, whatever went wrong."""
    path = Path(__file__).with_name(f"by_{script}.py")
    process = subprocess.Popen(
        [interpreter, str(path), task, str(problem)], env=variables, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        out, err = process.communicate(timeout=LIMIT)
        return json.loads(out) if process.returncode == 0 else {"failed": environment.last(err)}
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # its own group: some start workers
        process.communicate()
        return {"failed": f"stopped after {LIMIT} s"}
    except ValueError:
        return {"failed": "no JSON object on standard output"}


def one_pass(runs: fr.Runs, params: Mapping[str, float], repeats: int) -> list[float] | None:
    """CPU seconds of one value, gradient and Hessian over all rows in C; None without a compiler."""
    point = np.array([params["E"], np.log(params["A"]), params["alpha"], np.log(params["B"]), params["beta"]])
    found = machine.microseconds_by_c(runs["N"], runs["D"], runs["loss"], point, repeats)
    return None if found is None else [1e-6 * x for x in found]
