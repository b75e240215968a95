"""`Transfer`: the settings at the target, each with its rules, what was kept for want of a rule, and where sources differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from forerun.note import DataError, Note, note_lines, text_table
from forerun.parametrisation.rules import Rule
from forerun.units import format_quantity


@dataclass(frozen=True)
class Transferred:
    """One setting of one group of weights: ``proxy`` and ``target`` are its values, ``exponents`` by axis that changed.

    ``no_rule`` names the axes that changed and along which the setting was kept because no rule is known.
    """

    setting: str
    group: str
    proxy: float
    target: float
    exponents: Mapping[str, float]
    rules: tuple[Rule, ...]
    no_rule: tuple[str, ...]

    @property
    def status(self) -> str:
        """The weakest of how its rules are known: stated, recalled or inferred; ``none`` without a rule."""
        order = ("stated", "recalled", "inferred")
        return max((rule.status for rule in self.rules), key=order.index, default="none")

    @property
    def how(self) -> str:
        """The exponents that moved it, in words such as ``width^-1 batch^0.5``."""
        moved = [f"{axis}^{exponent:.3g}" for axis, exponent in self.exponents.items() if exponent]
        return " ".join(moved) or ("kept, no rule" if self.no_rule and not self.rules else "kept")

    def to_dict(self) -> dict[str, Any]:
        """Plain values by name, for JSON."""
        return {
            "setting": self.setting, "group": self.group, "proxy": self.proxy, "target": self.target,
            "exponents": dict(self.exponents), "rules": [rule.name for rule in self.rules], "status": self.status,
            "sources": list(dict.fromkeys(rule.source for rule in self.rules)), "no_rule": list(self.no_rule),
        }  # fmt: skip


@dataclass(frozen=True, repr=False)
class Transfer:
    """The settings at the target of a :func:`forerun.transfer`. ``ratios`` are target over proxy, for axes that changed."""

    parametrisation: str
    optimizer: str
    proxy: Mapping[str, float]
    target: Mapping[str, float]
    ratios: Mapping[str, float]
    settings: tuple[Transferred, ...]
    notes: tuple[Note, ...] = ()

    def value(self, setting: str, group: str | None = None) -> float:
        """The target's value of a setting; ``group`` may be left out where all groups have the same one.

        Raises :class:`DataError` for a setting that was not transferred, or where groups differ and none is named.
        """
        found = {s.group: s.target for s in self.settings if s.setting == setting and group in (None, s.group)}
        if not found:
            known = ", ".join(f"{s.setting} of {s.group}" for s in self.settings)
            name = f"{setting} of {group}" if group else setting
            raise DataError("no-setting", f"{name} was not transferred", advice=f"There is: {known}")
        if len(set(found.values())) > 1:
            message = f"{setting} differs between groups of weights"
            raise DataError("which-group", message, advice=f"Name one: {', '.join(found)}")
        return next(iter(found.values()))

    def to_dict(self) -> dict[str, Any]:
        """The keys of the JSON schema ``transfer``."""
        return {
            "schema": 1,
            "parametrisation": self.parametrisation,
            "optimizer": self.optimizer,
            "proxy": dict(self.proxy),
            "target": dict(self.target),
            "ratios": dict(self.ratios),
            "settings": [s.to_dict() for s in self.settings],
            "notes": [n.to_dict() for n in self.notes],
        }

    def __str__(self) -> str:
        q = format_quantity
        grown = [f"{axis} {q(self.proxy[axis])} to {q(self.target[axis])}" for axis in self.ratios]
        rows = [
            [s.group, s.setting, f"{s.proxy:.4g}", f"{s.target:.4g}", s.how, " + ".join(_names(s)) or "-", s.status]
            for s in self.settings
        ]
        header = ["weights", "setting", "proxy", "target", "scaled as", "rules", "status"]
        sources = dict.fromkeys(
            (rule.name, rule.setting, rule.source, rule.status) for s in self.settings for rule in s.rules
        )
        lines = [
            f"{self.parametrisation} with {self.optimizer}: {', '.join(grown) or 'proxy and target are the same'}",
            "",
            text_table(header, rows, words=("setting", "scaled as", "rules", "status")),
            *(["", "sources"] if sources else []),
            *[f"  {name} for {setting} [{status}]: {source}" for name, setting, source, status in sources],
            *(["", "notes"] if self.notes else []),
            *note_lines(self.notes),
        ]
        return "\n".join(lines)

    __repr__ = __str__


def _names(of: Transferred) -> list[str]:
    return list(dict.fromkeys(rule.name for rule in of.rules))
