"""Values of options: names with values, quantities, and files that are never left half-written."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from forerun.note import DataError
from forerun.units import parse_quantity

EXAMPLE_PAIRS = {
    "--role": "x=steps", "--fix": "alpha=0.34", "--borrow": "alpha=0.34+-0.02", "--tie": "alpha=beta", "--term": "D=NAME", "--at": "N=70e9",
    "--watch": "logit_max=1e4", "--fact": "schedule='cosine to 10 %'", "--set": "partition=gpu",
    "--effective": "N=1B,D=20B", "--from": "width=256,lr=0.01", "--to": "width=4096",
}  # fmt: skip


def pairs(items: Sequence[str], flag: str, form: str) -> dict[str, str]:
    """NAME=VALUE options as a dictionary; a name given twice is refused."""
    found: dict[str, str] = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not (equals and name and value):
            advice = f"Write for example {flag} {EXAMPLE_PAIRS[flag]}"
            raise DataError("bad-option", f"{flag} takes {form}, received {item!r}", advice=advice)
        if name.strip() in found:
            message = f"{flag} gives {name.strip()} twice: {found[name.strip()]!r} and {value.strip()!r}"
            raise DataError("bad-option", message, advice="Keep one of them")
        found[name.strip()] = value.strip()
    return found


def question(asked: Namespace) -> dict[str, Any]:
    """The inputs of ``--at``, as numbers where they are quantities."""
    asked_for = pairs([part for item in asked.at for part in item.split(",") if part], "--at", "INPUT=VALUE")
    if not asked_for:
        advice = f"Add --at, for example `forerun {asked.command} ... --at N=70e9 D=1.4T`"
        raise DataError("missing-input", "the question is empty", advice=advice)
    return {k: v if k in ("family", "N_counts") else number(f"--at {k}", v) for k, v in asked_for.items()}


def number(flag: str, text: str) -> float:
    """A quantity such as 70B; ``DataError`` that names the option."""
    try:
        return parse_quantity(text)
    except ValueError as error:
        raise DataError("bad-value", f"{flag}: {error}") from None


def read(path: Path) -> str:
    """The text of a file."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise DataError("unreadable", f"cannot read {path}: {reason}", advice="Check the path") from None


def check_output(asked: Namespace) -> None:
    """Refuse to write over anything that is not a saved fit, the table of runs above all."""
    path: Path = asked.output
    if path.is_file() and not path.read_bytes()[:12].startswith(b'{"schema": '):
        message = f"{path} is there and is not a saved fit"
        raise DataError("would-overwrite", message, advice="Choose another name with -o, for example -o fit.json")


def save(path: Path, text: str) -> None:
    """Write beside the target and rename, so that no half-written fit is ever left."""
    draft = path.with_name(path.name + ".part")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True) if draft.parent.is_dir() else None
        advice = "Choose another place with -o"
        raise DataError("cannot-write", f"cannot write {path}: {error.strerror}", advice=advice) from None
