"""Public tables as a list, as a page of text and as JSON: what `forerun datasets` prints."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import asdict
from textwrap import shorten, wrap
from typing import Any

from forerun.datasets.files import HAVE_IT, place
from forerun.datasets.registry import Dataset, get, names
from forerun.note import text_table

WIDTH = 118


def datasets_table() -> str:
    """One line a table: name, rows, law, licence, what; no line is longer than 120 columns.

    >>> datasets_table().splitlines()[0].split()
    ['table', 'rows', 'law', 'licence', 'what']
    """
    tables = [get(name) for name in names()]
    rows = [[d.name, f"{d.rows:,}", d.law or "-", _licence(d), d.title] for d in tables]
    return text_table(["table", "rows", "law", "licence", "what"], rows, words=("law", "licence", "what"))


def dataset_text(name: str) -> str:
    """Everything about one table: what it holds, whose it is, how it is read, and where it is on this machine.

    The file that it names is not verified here; :func:`forerun.datasets.path` does that.

    >>> dataset_text("mu_scaling10").splitlines()[0]
    'mu_scaling10: training losses of ten muP widths after 20,000 steps; seven to fit, three to predict'
    """
    dataset = get(name)
    facts = [
        ("rows", f"{dataset.rows:,}"),
        ("units", dataset.units),
        ("cite", dataset.paper),
        ("licence", dataset.licence),
        ("source", _source(dataset)),
        ("made", dataset.made),
        ("file", f"{dataset.file}, SHA-256 {dataset.sha256}"),
        ("published", _published(dataset)),
        ("here", _here(dataset)),
    ]
    return "\n\n".join(
        ["\n".join(wrap(f"{dataset.name}: {dataset.what}", WIDTH)), _lines(facts), _lines(_reading(dataset))]
    )


def dataset_item(dataset: Dataset) -> dict[str, Any]:
    """The table under the keys of the JSON schema ``datasets``; ``here`` and ``place`` are those of this machine.

    >>> dataset_item(get("mu_scaling10"))["law"]
    'power-law-floor'
    """
    here, file = place(dataset)
    item = asdict(dataset)
    item |= {"roles": _plain(dataset.roles), "where": list(dataset.where), "drop": list(dataset.drop)}
    return {**item, "here": here, "place": None if file is None else str(file)}


def items() -> list[dict[str, Any]]:
    """All tables as :func:`dataset_item` has them, by name.

    >>> items()[0]["name"]
    'bnsl_arithmetic'
    """
    return [dataset_item(get(name)) for name in names()]


def to_dict(found: Iterable[Dataset] | None = None) -> dict[str, Any]:
    """The answer of `forerun datasets --json`: the given tables, or all.

    >>> to_dict([get("mu_scaling10")])["schema"]
    1
    """
    return {"schema": 1, "items": items() if found is None else [dataset_item(d) for d in found]}


def _lines(facts: Iterable[tuple[str, str]]) -> str:
    lines = []
    for label, text in facts:
        if text:
            lines += wrap(text, WIDTH, initial_indent=f"  {label:<10} ", subsequent_indent=" " * 13)
    return "\n".join(lines)


def _reading(dataset: Dataset) -> list[tuple[str, str]]:
    if not dataset.law:
        return [("law", "none of the present laws fits this table")]
    roles = ", ".join(f"{role} = {column}" for role, column in _flat(dataset.roles))
    kept = [*(f"only where {c}" for c in dataset.where), *(f"without {c}" for c in dataset.drop)]
    kept += ["only the last row of each run"] if dataset.final else []
    meant = [f"N counts {dataset.N_counts} parameters"] if dataset.N_counts else []
    meant += [f"loss in {dataset.loss_unit}"] if dataset.loss_unit else []
    return [
        ("law", dataset.law + (f", objective {dataset.objective}" if dataset.objective else "")),
        ("read as", "; ".join([roles, *meant])),
        ("rows kept", "; ".join(kept) or "all"),
        ("caution", dataset.caution),
        ("fit it", f"forerun datasets fit {dataset.name}"),
    ]


def _flat(roles: Any) -> list[tuple[str, str]]:
    found = []
    for role, column in roles.items():
        members = column.items() if isinstance(column, dict) else [(None, column)]
        found += [(role if member is None else f"{role}[{member}]", name) for member, name in members]
    return found


def _plain(roles: Any) -> dict[str, str]:
    return dict(_flat(roles))


def _source(dataset: Dataset) -> str:
    if dataset.shipped:
        return f"trained for forerun with the ladder file {dataset.path}; it comes with the package"
    return f"github.com/{dataset.repository} at commit {dataset.commit[:12]}, {dataset.path}"


def _published(dataset: Dataset) -> str:
    if dataset.shipped:
        return ""
    if dataset.upstream is None:
        return "put together from several files of the source"
    text = f"one file of {dataset.upstream.bytes:,} bytes, SHA-256 {dataset.upstream.sha256}"
    how = {
        "whole file": "tried on the whole file",
        "format seen": "its format was seen, the whole file was not tried",
        "not seen": "the file was not seen",
    }[dataset.checked]
    return f"{text}; {f'converter {dataset.converter}' if dataset.converter else 'no converter'} ({how})"


def _here(dataset: Dataset) -> str:
    source, file = place(dataset)
    if file is not None:
        return f"{source}: {file}"
    if os.environ.get("FORERUN_MIRROR"):
        return "not here; it would be fetched from FORERUN_MIRROR"
    return f"not here; {'it would be fetched where it was published' if dataset.converter else 'it cannot be fetched alone'}. {HAVE_IT}"


def _licence(dataset: Dataset) -> str:
    """The licence in one or two words for the list; ``none stated`` where the source has no licence file."""
    text = dataset.licence.split(" (")[0].split(";")[0].removeprefix("original: ")
    return "none stated" if text.startswith("no licence") else shorten(text, 14, placeholder="")
