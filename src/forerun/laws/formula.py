"""The formula of a law as text, read from the function that is the law."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def source_of(body: Callable[..., Any]) -> str:
    """The statements of a function without its docstring and ``return``; one that was made inside another says too little."""
    from ast import get_docstring, get_source_segment, parse
    from inspect import getsource
    from textwrap import dedent

    if getattr(body, "__closure__", None):
        return ""
    try:
        text = dedent(getsource(body))
        function = parse(text).body[0]
    except (OSError, TypeError, SyntaxError):
        return ""
    statements = getattr(function, "body", [])[bool(get_docstring(function)) :]  # type: ignore[arg-type]
    return "\n".join(str(get_source_segment(text, s)).removeprefix("return ") for s in statements)
