"""`Runs`: a checked, frozen table of training runs, with the meaning of its columns and the record of what was dropped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NoReturn

import numpy as np

from forerun.note import DataError, Note
from forerun.runs.cells import shown, word
from forerun.runs.condition import described, flag, satisfied
from forerun.runs.conventions import Conventions
from forerun.units import COLUMNS, LARGEST, SCALE, Column, derive_scale

Array = np.ndarray
BLOCK = 65_536  # rows of which derived values are held at one time
OUTLIER_RULES: Mapping[str, tuple[str, int]] = {
    "highest-loss": ("loss", -1),
    "smallest-N": ("N", 1),
    "smallest-D": ("D", 1),
    "smallest-C": ("C", 1),
}


@dataclass(frozen=True, repr=False)
class Runs:
    """Training runs, one row a run or a checkpoint. Make one with :func:`forerun.read_runs`.

    ``columns`` holds every column by its name in the source; ``roles`` says which of them is N, D, the loss and so on;
    ``rows`` are the row numbers in the source, from 1; ``audit`` says in order what was filtered or dropped. Filters
    return a new table. ``runs["N"]`` is the array of a role, derived where it can be (C = 6ND, M = D/N, epochs = D/U,
    total_bits = N bits).
    """

    columns: Mapping[str, Array]
    roles: Mapping[str, str]
    conventions: Conventions
    rows: Array
    source: str = "records"
    audit: tuple[str, ...] = ()
    notes: tuple[Note, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        for array in (*self.columns.values(), self.rows):
            array.setflags(write=False)

    def __repr__(self) -> str:
        roles = ", ".join(f"{role} = {name!r}" if role != name else role for role, name in self.roles.items())
        return f"<Runs: {len(self)} rows of {self.source}; {roles}>"

    def __len__(self) -> int:
        return len(self.rows)

    def __contains__(self, role: str) -> bool:
        return role in self.roles or role in self._derivable

    def __getitem__(self, role: str) -> Array:
        """The column of a role, (n,): float, or text for labels such as ``run`` and ``family``."""
        if role in self.roles:
            return self.columns[self.roles[role]]
        if role in self._derivable:
            return self._derive(slice(None))[role]
        have = ", ".join(f"{r} (column {c!r})" for r, c in self.roles.items())
        raise DataError(
            "missing-role",
            f"the table has no {self._meaning(role)}",
            advice=f"It has {have or 'no roles'}; its columns are {', '.join(map(repr, list(self.columns)[:8]))}. Name one with {_flag(role)}",
        )

    def range(self, role: str) -> tuple[float, float]:
        """Smallest and largest value of a role; a derived one is taken block by block, without a copy of the table."""
        if role in self.roles:
            parts = [self[role]]
        else:
            parts = [self._derive(slice(i, i + BLOCK)).get(role, self[role]) for i in range(0, len(self), BLOCK)]
        return float(min(p.min() for p in parts)), float(max(p.max() for p in parts))

    @cached_property
    def _derivable(self) -> frozenset[str]:
        return frozenset(self._derive(slice(0, 1)))

    def _derive(self, rows: slice) -> dict[str, Array]:
        known = {r: self.columns[c][rows] for r, c in self.roles.items() if r in SCALE}
        with np.errstate(all="ignore"):
            found = derive_scale(known)
            if "U" in self.roles and "D" in found:
                found.setdefault("epochs", found["D"] / self.columns[self.roles["U"]][rows])
            if "bits" in self.roles and "N" in found:
                found["total_bits"] = found["N"] * self.columns[self.roles["bits"]][rows]
        found = {r: v for r, v in found.items() if r not in self.roles}
        for array in found.values():
            array.setflags(write=False)
        return found

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hex digits that change with any value, role or convention that a fit can see."""
        digest = hashlib.sha256(json.dumps(self.conventions.to_dict(), sort_keys=True).encode())
        for role in sorted(self.roles):
            column = self[role]
            digest.update(f"{role}\0{column.dtype.kind}\0".encode("utf-8", "surrogatepass"))
            if column.dtype.kind == "f":
                digest.update(np.ascontiguousarray(column).data)
            else:
                digest.update(json.dumps(column.tolist()).encode())
        return digest.hexdigest()[:16]

    def members(self, role: str) -> list[str]:
        """Members of an indexed role: ``["web", "code"]`` for the roles ``r[web]`` and ``r[code]``."""
        return [r[len(role) + 1 : -1] for r in self.roles if r.startswith(f"{role}[")]

    @property
    def checkpoints(self) -> bool:
        """Whether some run has more than one row."""
        return "run" in self.roles and len(set(self["run"].tolist())) < len(self)

    def where(self, condition: str | Array) -> Runs:
        """The rows that satisfy ``condition``: text such as ``"params > 1e8 and dataset == c4"``, or booleans (n,).

        A column is named by role or by name, in double quotes or backticks where the name holds signs or ``and``;
        ``"loss is missing"`` finds empty cells.
        """
        mask = _mask(self, condition)
        if not mask.any():
            self._refuse_empty(f"no row satisfies {shown(_said(condition))}", condition)
        return self._keep(mask, f"kept rows where {_said(condition)}")

    def drop(self, condition: str | Array) -> Runs:
        """The rows that do not satisfy ``condition``; see :meth:`where`."""
        mask = _mask(self, condition)
        if mask.all():
            self._refuse_empty(f"every row satisfies {shown(_said(condition))}, so none would be left", condition)
        return self._keep(~mask, f"dropped rows where {_said(condition)}")

    def drop_outliers(self, rule: str, count: int) -> Runs:
        """The table without the ``count`` rows that a named rule puts first; which ones is written to ``audit``.

        Rules: ``highest-loss``, ``smallest-N``, ``smallest-D``, ``smallest-C``. A rule decides the fit as much as the
        data do: dropping five rows of the Chinchilla table moves beta from 0.45 to 0.37.
        """
        if rule not in OUTLIER_RULES:
            raise DataError(
                "unknown-rule", f"there is no outlier rule {rule!r}", advice=f"Use one of: {', '.join(OUTLIER_RULES)}"
            )
        if not 0 <= count < len(self):
            message = f"cannot drop {count:g} of {len(self)} rows"
            raise DataError("bad-value", message, advice=f"Give a count from 0 to {len(self) - 1}")
        role, sign = OUTLIER_RULES[rule]
        role = "y" if role == "loss" and "loss" not in self else role
        gone = np.argsort(sign * self[role], kind="stable")[:count]
        keep = np.ones(len(self), bool)
        keep[gone] = False
        shown = ", ".join(str(r) for r in sorted(self.rows[gone].tolist())[:20])
        return self._keep(keep, f"outlier rule {rule}:{count} (rows {shown}{', ...' if count > 20 else ''})")

    def final(self) -> Runs:
        """The last row of each run, by step, else by tokens. Without a ``run`` role every row is a final point."""
        if not self.checkpoints:
            return self
        by = self["step"] if "step" in self else self["D"]
        last: dict[Any, int] = {}
        for i, name in enumerate(self["run"].tolist()):
            if name not in last or by[i] >= by[last[name]]:
                last[name] = i
        keep = np.zeros(len(self), bool)
        keep[list(last.values())] = True
        return self._keep(keep, "kept the final row of each run")

    def hold_out(
        self, by: str, *, above: float | None = None, values: Sequence[Any] | None = None
    ) -> tuple[Runs, Runs]:
        """Split into (rest, held out): by scale, rows with role ``by`` above a limit; by label, those in ``values``.

        ``hold_out("C", above=1e21)``, ``hold_out("family", values=["gpt"])``, ``hold_out("seed", values=[3])``.
        """
        if (above is None) == (values is None):
            raise DataError("bad-split", "a split needs either a limit (above=) or labels (values=)")
        if above is not None:
            if self[by].dtype.kind != "f":
                raise DataError("bad-split", f"{by} holds words, so no limit splits it", advice="Give values=[...]")
            held, what = self[by] > above, f"{by} > {above:g}"
        else:
            wanted = {word(v) for v in values or ()}
            held, what = np.array([word(v) in wanted for v in self[by].tolist()], bool), f"{by} in {sorted(wanted)}"
        if held.all() or not held.any():
            have = ", ".join(sorted({word(v) for v in self[by].tolist()})[:6])
            if above is not None:
                have = f"{self[by].min():g} to {self[by].max():g}"
            raise DataError("bad-split", f"the split {what} leaves one side empty", advice=f"The table has {by} {have}")
        return self._keep(~held, f"held out {what}"), self._keep(held, f"kept only {what}")

    def require_same_conventions(self, other: Conventions) -> None:
        """Raise ``DataError`` when losses or counts of ``other`` do not mean the same as here."""
        self.conventions.require_same(other)

    def table(self) -> str:
        """One line a role: column, unit, range. What was read, as a person checks it."""
        from forerun.note import text_table
        from forerun.units import format_quantity

        lines = []
        for role, column in self.roles.items():
            values = self[role]
            if values.dtype.kind == "f":
                shown = f"{format_quantity(float(values.min()))} to {format_quantity(float(values.max()))}"
            else:
                shown = f"{len(set(values.tolist()))} different"
            lines.append([role, column, self._meaning(role), shown])
        return text_table(["role", "column", "meaning", "range"], lines, words=("column", "meaning", "range"))

    def _meaning(self, role: str) -> str:
        column = COLUMNS.get(role.split("[")[0])
        return f"{role} ({column.meaning})" if column else role

    def _refuse_empty(self, message: str, condition: str | Array) -> NoReturn:
        advice = f"Loosen it: {described(self, condition)}" if isinstance(condition, str) else "Loosen the mask"
        raise DataError("no-rows", message, advice=advice)

    def _keep(self, mask: Array, what: str) -> Runs:
        count = int(mask.sum())
        columns = {name: array[mask] for name, array in self.columns.items()}
        line = f"{what}: {count} of {len(self)} rows left"
        return replace(self, columns=columns, rows=self.rows[mask], audit=(*self.audit, line))


def _said(condition: str | Array) -> str:
    return condition if isinstance(condition, str) else "a given mask holds"


def _flag(role: str) -> str:
    return f"--{role} COLUMN" if role in ("N", "D", "C", "loss") else f"--role {role}=COLUMN"


def _mask(runs: Runs, condition: str | Array) -> Array:
    if isinstance(condition, str):
        return satisfied(runs, condition)
    mask = np.asarray(condition)
    if mask.dtype != bool or mask.shape != (len(runs),):
        message = f"a mask needs {len(runs)} booleans, received {mask.dtype} of shape {mask.shape}"
        raise DataError("bad-mask", message, advice="Compare a column of these runs, as in runs['N'] > 1e8")
    return mask


def check_column(role: str, name: str, values: Array, rows: Array, column: Column) -> None:
    """Raise ``DataError`` at the first cell that the role cannot have: missing, infinite, not positive, absurd."""
    size = np.abs(values)
    with np.errstate(invalid="ignore"):
        usable = (size <= column.most) & ((values >= 1.0 / LARGEST) if column.positive else True)
    if usable.all():
        return
    i = int(np.flatnonzero(~usable)[0])
    value = float(values[i])
    if np.isnan(value):
        same, message, rest = np.isnan(values), "the cell is empty or NaN", "is missing"
    elif np.isinf(value):
        same, message = values == value, f"the value is {'in' if value > 0 else 'minus in'}finite"
        rest = "> 1e60" if value > 0 else "< -1e60"
    elif column.positive and value <= 0:
        same, message, rest = values <= 0, f"{column.meaning} must be above zero, received {value:g}", "<= 0"
    else:
        large = abs(value) > column.most
        same = size > column.most if large else (values > 0) & (values < 1.0 / LARGEST)
        message = f"received {value:g}, which is not plausible for {role} ({column.meaning})"
        most = f"{column.most:g}".replace("+", "")
        if large and column.most < LARGEST:
            message = f"{column.meaning} must be at most {most} in size, received {value:g}"
        rest = "< 1e-60" if not large else f"> {most}" if value > 0 else f"< -{most}"
    fix = "Fill it" if np.isnan(value) else "Correct it"
    drop = (
        flag("--drop", name, rest.split()[0], rest.split()[1]) if rest != "is missing" else flag("--drop", name, rest)
    )
    advice = f"{fix}, or drop such rows with {drop}" if drop else fix
    count = int(same.sum())
    message += f" ({count} such rows)" if count > 1 else ""
    raise DataError("bad-cell", message, advice=advice, row=int(rows[i]), column=name)
