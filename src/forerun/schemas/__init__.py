"""JSON schemas of what ``--json`` prints, one for each command, and of the error object."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

NAMES = (
    "fit",
    "forecast",
    "invert",
    "plan",
    "backtest",
    "compare",
    "select",
    "bench",
    "trend",
    "stability",
    "isoflop",
    "laws",
    "datasets",
    "ladder",
    "report",
    "reproduce",
    "error",
)


def schema(name: str) -> dict[str, Any]:
    """The schema of a command's output (JSON Schema 2020-12), by the command's name, or ``"error"``.

    >>> schema("fit")["required"][:3]
    ['schema', 'law', 'params']
    """
    return json.loads(
        (files(__name__) / f"{'forecast' if name == 'invert' else name}.json").read_text(encoding="utf-8")
    )
