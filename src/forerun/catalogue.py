"""A law as a page of text and as JSON: what `forerun laws` prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from inspect import cleandoc
from itertools import groupby
from textwrap import wrap
from typing import Any

from forerun.laws import Law
from forerun.note import text_table

WIDTH = 118
STATUSES = {"stated": "formula read in a source", "recalled": "from memory", "inferred": "derived by us"}


def law_item(law: Law) -> dict[str, Any]:
    """The law under the keys of the JSON schema ``laws``."""
    return {
        "name": law.name,
        "kind": law.kind,
        "group": law.group,
        "status": law.status,
        "inputs": list(law.inputs),
        "params": list(law.params),
        "source": law.source,
        "answers": law.answers,
    }


def laws_text(laws: Sequence[Law]) -> str:
    """Laws group by group, each with the question that it answers and its inputs, and how many have which status.

    >>> from forerun.laws import get
    >>> laws_text([get("kaplan-nd"), get("chinchilla")]).splitlines()[-2]
    '2 laws: 2 stated (formula read in a source)'
    """
    room = max(len(law.name) for law in laws) + 4
    lines = []
    for group, members in groupby(laws, key=lambda law: law.group):
        lines.append(group)
        for law in members:
            mark = "" if law.status == "stated" else f" [{law.status}]"
            told = f"{law.answers} ({', '.join(law.inputs)}){mark}"
            lines += wrap(told, WIDTH, initial_indent=f"  {law.name}".ljust(room), subsequent_indent=" " * room)
        lines.append("")
    count = Counter(law.status for law in laws)
    said = ", ".join(f"{count[status]} {status} ({meaning})" for status, meaning in STATUSES.items() if count[status])
    return "\n".join(
        [
            *lines,
            f"{len(laws)} laws: {said}",
            "`forerun laws show NAME` prints formula, parameters and published values",
        ]
    )


def law_text(law: Law) -> str:
    """Formula, inputs, parameters and published coefficients of a law, as a page of text."""
    body = law.formula + (" = 0" if law.formula and law.between else "")
    inputs = [[_indexed(k, c), c.unit, c.meaning] for k, c in law.inputs.items()]
    params = [[_indexed(k, p), _bounds(p), p.meaning] for k, p in law.params.items()]
    sets = [line for s in law.published for line in _set_lines(s)]
    parts = [
        f"{law.name} ({law.status}): {law.answers}\n{law.source}",
        cleandoc(law.doc).split("\n\n>>>")[0],
        f"  {body}" if body else "",
        text_table(["input", "unit", "meaning"], inputs, words=("unit", "meaning")),
        text_table(["parameter", "bounds", "meaning"], params, words=("bounds", "meaning")),
        "\n".join(["published coefficients", *sets]) if sets else "",
    ]
    return "\n\n".join(part for part in parts if part)


def _indexed(name: str, item: Any) -> str:
    return name if item.index is None else f"{name}[{item.index}]"


def _bounds(param: Any) -> str:
    return "positive" if param.scale == "log" else f"{param.bounds[0]:g} to {param.bounds[1]:g}"


def _set_lines(published: Any) -> list[str]:
    values = ", ".join(f"{k} = {v:g}" for k, v in published.values.items())
    checked = "checked against its source" if published.verified else "NOT checked, never a default"
    return [
        f"  {published.name}: {values}",
        f"    fitted on {published.fitted_on}",
        f"    {published.source} ({checked})",
    ]
