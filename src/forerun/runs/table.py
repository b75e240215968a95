"""`Runs`: a checked, frozen table of training runs, with the meaning of its columns and the record of what was dropped."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from forerun.note import DataError, Note, nearest
from forerun.runs.conventions import Conventions
from forerun.units import COLUMNS, Column, derive_scale, parse_quantity

Array = np.ndarray
DERIVED = ("N", "D", "C", "M", "epochs")
OUTLIER_RULES: Mapping[str, tuple[str, int]] = {
    "highest-loss": ("loss", -1),
    "smallest-N": ("N", 1),
    "smallest-D": ("D", 1),
    "smallest-C": ("C", 1),
}
_CONDITION = re.compile(r"\s*(.+?)\s*(==|!=|<=|>=|<|>|\bis\s+missing\b)\s*(.*?)\s*")


@dataclass(frozen=True)
class Runs:
    """Training runs, one row a run or a checkpoint. Make one with :func:`forerun.read_runs`.

    ``columns`` holds every column by its name in the source; ``roles`` says which of them is N, D, the loss and so on;
    ``rows`` are the row numbers in the source, from 1; ``audit`` says in order what was filtered or dropped. Filters
    return a new table. ``runs["N"]`` is the array of a role, derived where it can be (C = 6ND, M = D/N, epochs = D/U).
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

    def __len__(self) -> int:
        return len(self.rows)

    def __contains__(self, role: str) -> bool:
        return role in self.roles or role in self._derived

    def __getitem__(self, role: str) -> Array:
        """The column of a role, (n,): float, or text for labels such as ``run`` and ``family``."""
        if role in self.roles:
            return self.columns[self.roles[role]]
        if role in self._derived:
            return self._derived[role]
        have = ", ".join(f"{r} (column {c!r})" for r, c in self.roles.items())
        raise DataError(
            "missing-role",
            f"the table has no {self._meaning(role)}",
            advice=f"It has {have or 'no roles'}; name the column with {_flag(role)}",
        )

    @cached_property
    def _derived(self) -> dict[str, Array]:
        known = {r: self.columns[c] for r, c in self.roles.items() if r in ("N", "D", "C", "M")}
        with np.errstate(all="ignore"):
            found = {r: v for r, v in derive_scale(known).items() if r not in self.roles}
            if "U" in self.roles and ("D" in self.roles or "D" in found):
                found.setdefault("epochs", self["D"] if "D" in self.roles else found["D"])
                found["epochs"] = found["epochs"] / self.columns[self.roles["U"]]
        return found

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hex digits that change with any value, role or convention that a fit can see."""
        digest = hashlib.sha256(json.dumps(self.conventions.to_dict(), sort_keys=True).encode())
        for role in sorted(self.roles):
            column = self[role]
            digest.update(role.encode())
            digest.update(column.tobytes() if column.dtype.kind == "f" else "\0".join(map(str, column)).encode())
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

        A column is named by role or by name; ``"loss is missing"`` finds empty cells.
        """
        return self._keep(_mask(self, condition), f"kept rows where {_shown(condition)}")

    def drop(self, condition: str | Array) -> Runs:
        """The rows that do not satisfy ``condition``; see :meth:`where`."""
        return self._keep(~_mask(self, condition), f"dropped rows where {_shown(condition)}")

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
            raise DataError("bad-value", f"cannot drop {count} of {len(self)} rows", advice="Give a smaller count")
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
            raise DataError("bad-split", "give either a limit (above=) or labels (values=)")
        if above is not None:
            held, what = self[by] > above, f"{by} > {above:g}"
        else:
            wanted = {str(v) for v in values or ()}
            held, what = np.array([_label(v) in wanted for v in self[by].tolist()], bool), f"{by} in {sorted(wanted)}"
        if held.all() or not held.any():
            raise DataError(
                "bad-split", f"the split {what} leaves one side empty", advice="Choose another limit or label"
            )
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

    def _keep(self, mask: Array, what: str) -> Runs:
        count = int(mask.sum())
        if count == 0:
            raise DataError("no-rows", f"no row is left after: {what}", advice="Check the condition against the table")
        columns = {name: array[mask] for name, array in self.columns.items()}
        line = f"{what}: {count} of {len(self)} rows left"
        return replace(self, columns=columns, rows=self.rows[mask], audit=(*self.audit, line))


def _label(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _shown(condition: str | Array) -> str:
    return condition if isinstance(condition, str) else "a given mask holds"


def _flag(role: str) -> str:
    return f"--{role} COLUMN" if role in ("N", "D", "C", "loss") else f"--role {role}=COLUMN"


def _mask(runs: Runs, condition: str | Array) -> Array:
    if not isinstance(condition, str):
        mask = np.asarray(condition)
        if mask.dtype != bool or mask.shape != (len(runs),):
            raise DataError(
                "bad-mask", f"a mask needs {len(runs)} booleans, received {mask.dtype} of shape {mask.shape}"
            )
        return mask
    masks = [_clause(runs, clause) for clause in re.split(r"\band\b", condition)]
    return np.logical_and.reduce(masks)


def _clause(runs: Runs, clause: str) -> Array:
    match = _CONDITION.fullmatch(clause)
    if match is None:
        raise DataError(
            "bad-condition",
            f"cannot read the condition {clause.strip()!r}",
            advice='Write it as "COLUMN > 1e8", "COLUMN == text" or "COLUMN is missing"',
        )
    name, operator, text = match.groups()
    if name in runs.columns:
        column = runs.columns[name]
    elif name in runs:
        column = runs[name]
    else:
        near = nearest(name, [*runs.columns, *runs.roles]) or list(runs.columns)
        raise DataError("unknown-column", f"there is no column {name!r}", advice=f"Nearest: {', '.join(near[:8])}")
    if operator.startswith("is"):
        return np.isnan(column) if column.dtype.kind == "f" else np.array([not str(v).strip() for v in column], bool)
    compare: Callable[[Any, Any], Any] = {
        "==": np.equal, "!=": np.not_equal, "<": np.less, ">": np.greater, "<=": np.less_equal, ">=": np.greater_equal,
    }[operator]  # fmt: skip
    text = text.strip("'\"")
    if column.dtype.kind == "f":
        try:
            return np.asarray(compare(column, parse_quantity(text)))
        except ValueError as error:
            raise DataError("bad-condition", f"column {name!r} holds numbers: {error}") from None
    if operator not in ("==", "!="):
        raise DataError("bad-condition", f"column {name!r} holds text; {operator} needs numbers", advice="Use == or !=")
    return np.asarray(compare(np.array([str(v) for v in column]), text))


def check_column(role: str, name: str, values: Array, rows: Array, column: Column) -> None:
    """Raise ``DataError`` at the first cell that the role cannot have: missing, infinite, not positive, absurd."""
    shown = column.meaning or role
    low = 0.0 if column.positive else -np.inf
    missing = np.isnan(values)
    with np.errstate(invalid="ignore"):
        bad = missing | np.isinf(values) | (values <= low) | (np.abs(values) > 1e60)
        if column.positive:
            bad |= np.abs(values) < 1e-60
    if not bad.any():
        return
    i = int(np.flatnonzero(bad)[0])
    value, count = float(values[i]), int(bad.sum())
    if missing[i]:
        message, advice = "the cell is empty or NaN", f"Fill it, or drop such rows with --drop '{name} is missing'"
    elif np.isinf(value):
        message, advice = f"{shown} is infinite", f"Correct it, or drop the row with --drop '{name} > 1e60'"
    elif column.positive and value <= 0:
        message, advice = (
            f"{shown} must be above zero, received {value:g}",
            f"Correct it, or drop such rows with --drop '{name} <= 0'",
        )
    else:
        message, advice = f"{value:g} is not a plausible {shown}", "Check the unit of the column"
    if count > 1:
        message += f" ({count} such rows)"
    raise DataError("bad-cell", message, advice=advice, row=int(rows[i]), column=name)
