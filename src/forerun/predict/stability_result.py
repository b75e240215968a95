"""`EarlyWarning`: the sweeps of each size, how LR sensitivity and watched quantities grow, and where they cross a limit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from forerun.note import Note, note_lines, text_table
from forerun.predict.growth import HORIZON, Growth
from forerun.predict.sweeps import Sweep
from forerun.units import format_quantity

LR_SENSITIVITY = "lr_sensitivity"


@dataclass(frozen=True, repr=False)
class EarlyWarning:
    """At which size training may become unstable. Get one from :func:`forerun.early_warning`.

    ``sweeps`` are the sizes, smallest first; ``growths`` has ``"lr_sensitivity"`` and each watched column by name.
    LR sensitivity is over the learning rates ``shared`` by all sizes; columns are watched at ``lr``.
    """

    sweeps: tuple[Sweep, ...]
    shared: tuple[float, ...]
    growths: Mapping[str, Growth]
    lr: float
    ceiling: float | None
    rows: int
    level: float
    seed: int
    notes: tuple[Note, ...] = ()

    @property
    def verdict(self) -> str:
        """One line: which quantity crosses its limit where, the ones that do so first."""
        order = ("crossed", "crosses", "not decided", "not reached", "no limit")
        ranked = sorted(self.growths.values(), key=lambda g: (order.index(g.answer), g.crossing or 0.0))
        return "; ".join(_sentence(g, self.level) for g in ranked)

    def to_dict(self) -> dict[str, Any]:
        """The keys of the JSON schema ``stability``."""
        return {
            "schema": 1,
            "verdict": self.verdict,
            "sizes": [
                {k: list(v) if isinstance(v, tuple) else v for k, v in vars(sweep).items()} for sweep in self.sweeps
            ],
            "shared_learning_rates": list(self.shared),
            "watched_at_lr": self.lr,
            "growths": [g.to_dict() for g in self.growths.values()],
            "ceiling": self.ceiling,
            "rows": self.rows,
            "level": self.level,
            "seed": self.seed,
            "notes": [n.to_dict() for n in self.notes],
        }

    def __str__(self) -> str:
        q = format_quantity
        watched = [g for name, g in self.growths.items() if name != LR_SENSITIVITY]
        rows = []
        for sweep in self.sweeps:
            values = [dict(zip(g.sizes, g.values)).get(sweep.size) for g in watched]
            edge = f" ({sweep.edge})" if sweep.edge else ""
            rows.append([
                q(sweep.size), str(len(sweep.learning_rates)), f"{sweep.best_lr:.3g}{edge}", f"{sweep.best_loss:.4g}",
                str(sweep.over_ceiling), f"{sweep.lr_sensitivity:.3g}", *("-" if v is None else q(v) for v in values),
            ])  # fmt: skip
        header = ["N", "rates", "best lr", "best loss", "diverged", "LR sensitivity", *(g.quantity for g in watched)]
        grown = [[_title(g), _power(g), _limit(g), g.answer, _crossing(g)] for g in self.growths.values()]
        share = f"{self.level:.0%}"
        columns = ["quantity", f"grows as ({share} interval)", "limit", "answer", f"crosses at N ({share} interval)"]
        at = f"; columns at learning rate {self.lr:g}" if watched else ""
        lines = [
            self.verdict,
            "",
            text_table(header, rows),
            "",
            text_table(columns, grown, words=tuple(columns)),
            "",
            f"LR sensitivity over {len(self.shared)} shared learning rates, {self.shared[0]:g} to {self.shared[-1]:g}{at}",
        ]
        return "\n".join([*lines, *(["", "notes"] if self.notes else []), *note_lines(self.notes)])

    __repr__ = __str__


def _title(of: Growth) -> str:
    return "LR sensitivity" if of.quantity == LR_SENSITIVITY else of.quantity


def _limit(of: Growth) -> str:
    return "-" if of.limit is None else format_quantity(of.limit)


def _power(of: Growth) -> str:
    limits = "no interval" if of.low is None or of.high is None else f"{of.low:.3g} to {of.high:.3g}"
    return f"N^{of.exponent:.3g} ({limits})"


def _crossing(of: Growth) -> str:
    if of.limit is None:
        return "-"
    value = _place(of.crossing)
    if of.crossing_low == float("inf"):
        return value
    if of.crossing_low is None:
        return f"{value} (no interval)"
    return f"{value} ({_limits(of)})"


def _limits(of: Growth) -> str:
    """The interval of a crossing; nothing is told apart beyond the sizes within which it is looked for."""
    far, high = max(of.sizes) * 10.0**HORIZON, of.crossing_high
    ends = f"more than {_place(far)}" if high is not None and far < high < float("inf") else _place(high)
    return f"{_place(of.crossing_low)} to {ends}"


def _place(value: float | None) -> str:
    return "never" if value is None or value == float("inf") else format_quantity(value, 3)


def _sentence(of: Growth, level: float) -> str:
    name, limit = _title(of), _limit(of)
    if of.answer == "crossed":
        first = next(size for size, value in zip(of.sizes, of.values) if of.limit is not None and value >= of.limit)
        return f"{name} is over {limit} at N = {format_quantity(first)} already"
    if of.answer == "crosses":
        return f"{name} crosses {limit} at N = {_place(of.crossing)} ({level:.0%} interval {_limits(of)})"
    if of.answer == "not reached":
        return f"{name} does not reach {limit} within two decades beyond N = {format_quantity(max(of.sizes))}"
    if of.answer == "not decided":
        since = ""
        if of.crossing_low is not None:
            since = f", at the earliest from N = {_place(max(of.crossing_low, *of.sizes))} on"
        return f"{name} against {limit} is not decided ({of.reason}){since}"
    return f"{name} grows as {_power(of)}, no limit given"
