"""The peers' own virtual environment: made once with pip from `peers.txt`, one requirement after the other."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parents[1]
FOLDER = BENCH / ".venv-peers"
BYTECODE = FOLDER / "bytecode"
REQUIREMENTS = BENCH / "peers.txt"
WANTED = "3.12"  # the least that all peers run on


def prepared() -> tuple[str, dict[str, str]]:
    """The interpreter that runs the peers, and for each requirement that could not be installed why."""
    interpreter, note = FOLDER / "bin" / "python", FOLDER / "installed.json"
    names = requirements(REQUIREMENTS.read_text(encoding="utf-8"))
    if note.is_file() and interpreter.exists():
        told = json.loads(note.read_text(encoding="utf-8"))
        if told["requirements"] == names:
            return str(interpreter), told["missing"]
    print(f"setting up {FOLDER}, about a minute", file=sys.stderr, flush=True)
    made = subprocess.run([newest(), "-m", "venv", "--clear", str(FOLDER)], capture_output=True, text=True, check=False)
    if made.returncode:
        return sys.executable, dict.fromkeys(
            map(bare, names), "no virtual environment: " + last(made.stdout + made.stderr)
        )
    (FOLDER / ".gitignore").write_text("*\n", encoding="utf-8")
    missing = {}
    for name in names:
        if trouble := install(interpreter, name):
            missing[bare(name)] = trouble
    note.write_text(json.dumps({"requirements": names, "missing": missing}), encoding="utf-8")
    return str(interpreter), missing


def requirements(text: str) -> list[str]:
    """The lines of a requirements file without comments."""
    return [line for line in (line.split("#")[0].strip() for line in text.splitlines()) if line]


def bare(requirement: str) -> str:
    """The name in a requirement."""
    return re.split(r"[=<>!~\[ ;]", requirement, maxsplit=1)[0]


def newest() -> str:
    """A Python of the wanted version, or this one."""
    known = sorted(Path.home().glob(f".pyenv/versions/{WANTED}*/bin/python"))
    return str(known[-1]) if known else shutil.which(f"python{WANTED}") or sys.executable


def install(interpreter: Path, requirement: str) -> str:
    """Install one requirement; what went wrong, or nothing."""
    pip = [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
    ended = subprocess.run([*pip, requirement], capture_output=True, text=True, check=False)
    if ended.returncode:  # some have only a source distribution
        ended = subprocess.run([*pip[:-2], requirement], capture_output=True, text=True, check=False)
    return last(ended.stdout + ended.stderr) if ended.returncode else ""


def versions(interpreter: str) -> dict[str, str]:
    """What is installed beside that interpreter, and its own version."""
    script = (
        "import json, platform; from importlib.metadata import distributions as d; "
        "print(json.dumps({'python': platform.python_version(), **{x.metadata['Name']: x.version for x in d()}}))"
    )
    ended = subprocess.run([interpreter, "-c", script], capture_output=True, text=True, check=True)
    return dict(sorted(json.loads(ended.stdout).items()))


def variables(bytecode: Path) -> dict[str, str]:
    """The environment of every process: one thread, bytecode kept apart, forerun and this folder importable."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    root = BENCH.parent
    return kept | {
        "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
        "PYTHONPYCACHEPREFIX": str(bytecode), "PYTHONPATH": os.pathsep.join([str(root / "src"), str(root)]),
    }  # fmt: skip


def last(text: str) -> str:
    """The last line that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "no message"
