"""The option --plot: which picture goes to which file."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from forerun.note import DataError


def draw(asked: Namespace, pictures: Mapping[str, Callable[[], Any]]) -> str:
    """Draw each picture that --plot names, ``FILE`` or ``KIND:FILE``; what to say of it, empty where none was asked.

    ``pictures`` makes the figures by kind; the first is drawn where no kind is named.
    """
    said = ""
    for item in asked.plot:
        kind, colon, path = item.partition(":")
        if kind not in pictures or not colon:
            kind, path = next(iter(pictures)), item
        if not path:
            raise DataError(
                "bad-option", f"--plot takes FILE or KIND:FILE, received {item!r}", advice="Write --plot fit.svg"
            )
        from forerun.report import save

        said += f"\n\ndrawn to {save(pictures[kind](), Path(path)) or path}"
    return said
