"""The import table of ARCHITECTURE.md, and the names that a user meets."""

from __future__ import annotations

import ast
import random
import subprocess
import sys
from pathlib import Path

import pytest

import forerun

PACKAGE = Path(forerun.__file__).parent
BASE = {"note", "units"}
ALLOWED = {
    "note": set(),
    "units": set(),
    "schemas": set(),
    "spending": {"units"},
    "laws": BASE,
    "cost": BASE,
    "parametrisation": BASE,
    "runs": BASE | {"cost"},
    "fitting": BASE | {"spending", "laws", "runs"},
    "predict": BASE | {"spending", "laws", "runs", "fitting"},
    "planning": BASE | {"spending"},
    "data_value": BASE | {"spending", "laws", "runs", "fitting", "predict", "planning"},
    "ladder": BASE | {"parametrisation", "runs", "cost", "fitting", "predict"},
    "datasets": BASE | {"runs"},
    "records": BASE | {"spending", "laws", "runs", "fitting", "datasets"},
    "report": BASE | {"spending", "laws", "runs", "fitting", "predict", "planning", "datasets", "records"},
    "catalogue": BASE | {"laws"},
    "benchmarks": BASE | {"laws", "runs", "fitting", "predict", "datasets"},
    "cli": None,
    "__init__": None,
}


# A result draws itself: its method `plot` imports the pictures when it is called, and nothing else looks that way.
DRAWN = {
    "fitting/result.py",
    "fitting/forecast.py",
    "fitting/allocation.py",
    "planning/pareto.py",
    "planning/result.py",
    "predict/backtest_result.py",
    "predict/ensemble.py",
}


def modules():
    return sorted(PACKAGE.rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Top-level parts of forerun that a file imports anywhere, inside functions and under TYPE_CHECKING too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names = (
                [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "forerun" else [node.module]
            )
        else:
            continue
        found |= {
            name.split(".")[1] if "." in name else "__init__" for name in names if name.split(".")[0] == "forerun"
        }
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_follow_the_way_of_the_data(path):
    part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    assert part in ALLOWED, f"{part} is not in the import table"
    if ALLOWED[part] is not None:
        pictures = {"report"} if path.relative_to(PACKAGE).as_posix() in DRAWN else set()
        assert imported(path) <= ALLOWED[part] | {part} | pictures


def test_fitting_names_no_law():
    for path in (PACKAGE / "fitting").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("forerun.laws"):
                assert node.module in (
                    "forerun.laws",
                    "forerun.laws.declare",
                    "forerun.laws.param",
                    "forerun.laws.registry",
                ), path


def test_no_module_has_the_name_of_a_public_function():
    public = {
        name
        for name in forerun.__all__
        if callable(getattr(forerun, name)) and name not in ("datasets", "laws", "units")
    }
    assert not {p.name for p in PACKAGE.iterdir()} & {f for n in public for f in (n, f"{n}.py")}


@pytest.mark.parametrize("seed", range(3))
def test_public_functions_survive_importing_every_submodule_in_any_order(seed):
    names = [
        ".".join(("forerun", *p.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
        for p in modules()
    ]
    random.Random(seed).shuffle(names)
    program = "import importlib, forerun as fr\n" + "".join(f"importlib.import_module({n!r})\n" for n in names)
    program += (
        "fit = fr.fit('chinchilla', fr.simulate('chinchilla'), draws=20)\n"
        "fr.plan(fit, flops=1e21)\nfr.read_runs([{'N': 1, 'D': 1, 'loss': 1}])\n"
        "assert all(getattr(fr, n) for n in fr.__all__)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_importing_forerun_loads_nothing_heavy():
    program = (
        "import sys, forerun; print([m for m in ('scipy', 'pandas', 'numpy', 'typer', 'narwhals') if m in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert loaded.strip() == "[]"


def test_fitting_loads_only_numpy():
    program = (
        "import sys, forerun as fr; fr.fit('chinchilla', fr.simulate('chinchilla'), draws=20); "
        "print([m for m in ('scipy', 'pandas', 'typer', 'narwhals', 'matplotlib') if m in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert loaded.strip() == "[]"
