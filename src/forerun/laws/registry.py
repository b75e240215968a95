"""All laws that ship, found by looking: a file under ``laws/`` that declares one has registered it."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import forerun.laws as package
from forerun.laws.declare import Law, PublishedSet, Term
from forerun.note import DataError, nearest

CORE = ("declare", "param", "registry")


@cache
def _declared() -> tuple[dict[str, Law], dict[str, Term]]:
    laws: dict[str, Law] = {}
    terms: dict[str, Term] = {}
    for info in walk_packages(package.__path__, package.__name__ + "."):
        if info.ispkg or info.name.rsplit(".", 1)[-1] in CORE:
            continue
        for value in vars(import_module(info.name)).values():
            known: dict[str, Any] = laws if isinstance(value, Law) else terms
            if isinstance(value, Law | Term) and known.setdefault(value.name, value) is not value:
                raise ValueError(f"{info.name} declares {value.name!r}, which another file declares already")
    return laws, terms


def names() -> list[str]:
    """Names of all laws, in alphabetical order."""
    return sorted(_declared()[0])


def terms() -> dict[str, Term]:
    """All terms by name."""
    return dict(_declared()[1])


def find_term(name: str) -> Term:
    """The term of that name; ``DataError`` when there is none."""
    if name not in terms():
        raise DataError(
            "unknown-term",
            f"there is no term {name!r}",
            advice="A term of your own is not in a saved fit: give the law, Fit.from_json(text, law=...)",
        )
    return terms()[name]


def get(name: str) -> Law:
    """The law of that name; ``DataError`` with the nearest names when there is none.

    >>> get("chinchilla").source.split(",")[0]
    'Hoffmann et al. 2022'
    """
    laws = _declared()[0]
    if name not in laws:
        near = ", ".join(nearest(name, laws))
        advice = f"Nearest: {near}; see them all with `forerun laws`" if near else "See them all with `forerun laws`"
        raise DataError("unknown-law", f"there is no law {name!r}", advice=advice)
    return laws[name]


def rebuild(base: Law, operations: Any) -> Law:
    """``base`` with recorded operations applied again, in order: how a saved fit finds its law."""
    for verb, detail in operations:
        if verb == "share":
            base = base.share(*detail["names"], across=detail["across"])
        elif verb == "where":
            base = base.where(**{slot: find_term(name) for slot, name in detail.items()})
        else:
            base = getattr(base, verb)(**detail)
    return base


@cache
def published_sets(name: str) -> tuple[PublishedSet, ...]:
    """Coefficient sets in ``published/<name>.toml``, verified ones first; empty when there is no file."""
    import tomllib
    from importlib.resources import files

    path = files(package) / "published" / f"{name}.toml"
    if not path.is_file():
        return ()
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["set"]
    return tuple(sorted((PublishedSet(**entry) for entry in entries), key=lambda s: not s.verified))
