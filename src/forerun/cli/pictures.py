"""The option --plot: which picture goes to which file."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from forerun.note import DataError


def check_plots(asked: Namespace, kinds: Sequence[str]) -> None:
    """Refuse, before anything is computed, pictures that cannot be drawn: an unknown kind, a bad ending, no such folder."""
    for item in asked.plot:
        from forerun.report import check_path

        kind, path = _split(item, kinds)
        if asked.source.suffix == ".json" and kind not in ("draws", "plan"):
            message = f"--plot {item}: a saved fit does not hold the runs that this picture shows"
            raise DataError("no-runs", message, advice="Give the table and --law instead of the saved fit")
        check_path(path)


def draw(asked: Namespace, pictures: Mapping[str, Callable[[], Any]]) -> str:
    """Draw each picture that --plot names, ``FILE`` or ``KIND:FILE``; what to say of it, empty where none was asked.

    ``pictures`` makes the figures by kind; the first is drawn where no kind is named.
    """
    said = ""
    for item in asked.plot:
        from forerun.report import save

        kind, path = _split(item, list(pictures))
        said += f"\n\ndrawn to {save(pictures[kind](), path)}"
    return said


def _split(item: str, kinds: Sequence[str]) -> tuple[str, Path]:
    kind, colon, path = item.partition(":")
    if not colon or len(kind) == 1:  # one letter is a drive, not a kind
        kind, path = kinds[0], item
    if kind not in kinds:
        message = f"--plot {item}: there is no picture {kind!r}"
        raise DataError("unknown-picture", message, advice=f"Known here: {', '.join(kinds)}")
    if not path:
        raise DataError(
            "bad-option", f"--plot takes FILE or KIND:FILE, received {item!r}", advice="Write --plot fit.svg"
        )
    return kind, Path(path)
