"""Real small training runs: a ladder is described, queued, trained by workers, read as runs, and its forecast scored.

import forerun.ladder as fl
spec = fl.read_spec("ladder.toml")
result = fl.run_ladder(fl.expand(spec), "my-ladder", workers=2)   # trains; goes on where it stopped
runs = fl.read_ladder("my-ladder")                                # Runs, at any time
"""

from importlib import import_module
from typing import Any

from forerun.note import MissingExtra

_PUBLIC = {
    "Rung": "forerun.ladder.rung",
    "Corpus": "forerun.ladder.corpus",
    "read_corpus": "forerun.ladder.corpus",
    "Ladder": "forerun.ladder.spec",
    "read_spec": "forerun.ladder.spec",
    "expand": "forerun.ladder.spec",
    "design": "forerun.ladder.designs",
    "Scale": "forerun.ladder.scales",
    "published": "forerun.ladder.scales",
    "speeds": "forerun.ladder.throughput",
    "Store": "forerun.ladder.store",
    "run_ladder": "forerun.ladder.sweep",
    "queued": "forerun.ladder.sweep",
    "LadderResult": "forerun.ladder.result",
    "launcher": "forerun.ladder.launchers",
    "work": "forerun.ladder.worker",
    "read_ladder": "forerun.ladder.table",
    "export_ladder": "forerun.ladder.export",
    "status": "forerun.ladder.progress",
    "Status": "forerun.ladder.progress",
}
__all__ = [*_PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'forerun.ladder' has no attribute {name!r}")
    try:
        found = getattr(import_module(_PUBLIC[name]), name)
    except ModuleNotFoundError as error:
        if error.name in ("torch", "pydantic"):
            raise MissingExtra(error.name, "train", "to train a ladder") from None
        raise
    globals()[name] = found
    return found
