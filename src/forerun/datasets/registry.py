"""The public tables of runs that forerun knows: what each holds, whose it is, and how it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from forerun.note import DataError, nearest

CHECKED = ("whole file", "format seen", "not seen")


@dataclass(frozen=True)
class Upstream:
    """The one public file that a table comes from: its ``path`` in the repository, its SHA-256 and its size."""

    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Dataset:
    """One public table of runs.

    ``sha256`` is that of the table as forerun reads it, ``file`` its name in a folder or on a mirror. ``title`` is for
    lists, ``what`` the line that says what the rows are. ``repository``,
    ``commit`` and ``path`` say where the numbers were published, ``paper`` whom to cite. ``licence`` is what the
    source states; "no licence file" means that nobody has allowed you to pass the numbers on. Tables that we trained
    ourselves have no repository: ``path`` then is the ladder file that makes them, and ``made`` says on which machine, with
    which versions and from which text.

    ``law`` is a law of forerun that fits the table, empty where none does; then ``roles`` (role -> column), ``where``,
    ``drop``, ``final`` (only the last row of each run), ``objective``, ``N_counts`` and ``loss_unit`` say how it is
    read for that law. ``caution`` says how this reading can mislead.

    ``upstream`` is there where the table comes from one public file. ``converter`` names what turns that file into
    the table, and ``checked`` says how far that was tried: ``"whole file"`` (on the real bytes), ``"format seen"``
    (some of them were looked at), ``"not seen"``. Whatever it says, a converted table is used only if its SHA-256 is
    the registered one.

    >>> table = get("chinchilla_epoch245")
    >>> table.rows, table.law, table.roles["D"]
    (245, 'chinchilla', 'tokens')
    """

    name: str
    group: str
    file: str
    rows: int
    sha256: str
    title: str
    what: str
    units: str
    licence: str
    paper: str
    path: str
    repository: str = ""
    commit: str = ""
    law: str = ""
    roles: Mapping[str, Any] = field(default_factory=dict)
    where: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    final: bool = False
    objective: str = ""
    N_counts: str = ""
    loss_unit: str = ""
    caution: str = ""
    made: str = ""
    upstream: Upstream | None = None
    converter: str = ""
    checked: str = ""

    @property
    def shipped(self) -> bool:
        """Whether it is a table of our own, which comes with forerun.

        >>> get("chinchilla_epoch245").shipped
        False
        """
        return not self.repository

    def settings(self) -> dict[str, Any]:
        """Keywords for :func:`forerun.read_runs`: roles, conditions and what the numbers mean.

        >>> get("mu_scaling10").settings()
        {'x': 'params', 'y': 'train_loss', 'where': ('is_train == 1',), 'drop': ()}
        """
        stated = {name: value for name in ("N_counts", "loss_unit") if (value := getattr(self, name))}
        return {**self.roles, **stated, "where": self.where, "drop": self.drop}


def names() -> list[str]:
    """Names of all tables, in alphabetical order.

    >>> "gadre_overtraining99" in names()
    True
    """
    return sorted(_tables())


def get(name: str) -> Dataset:
    """The table of that name; ``DataError`` with the nearest names when there is none. No file is looked for.

    >>> get("chinchilla_epoch245").rows
    245
    """
    tables = _tables()
    if name not in tables:
        near = ", ".join(nearest(name, tables))
        advice = (
            f"Nearest: {near}; see them all with `forerun datasets list`" if near else "See `forerun datasets list`"
        )
        raise DataError("unknown-dataset", f"there is no public table {name!r}", advice=advice)
    return tables[name]


@cache
def _tables() -> dict[str, Dataset]:
    """Every entry of ``tables/*.toml`` by name; the group of a table is the name of its file."""
    import tomllib
    from importlib.resources import files

    found: dict[str, Dataset] = {}
    for page in sorted((files("forerun.datasets") / "tables").iterdir(), key=lambda page: page.name):
        if page.name.endswith(".toml"):
            for entry in tomllib.loads(page.read_text(encoding="utf-8"))["table"]:
                table = _from_toml(page.name.removesuffix(".toml"), entry)
                if found.setdefault(table.name, table) is not table:
                    raise ValueError(f"{page.name} registers {table.name!r}, which is registered already")
    return found


def _from_toml(group: str, entry: dict[str, Any]) -> Dataset:
    upstream = Upstream(**entry.pop("upstream")) if "upstream" in entry else None
    conditions: dict[str, Any] = {name: tuple(entry.pop(name, ())) for name in ("where", "drop")}
    return Dataset(group=group, upstream=upstream, **conditions, **entry)
