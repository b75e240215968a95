"""`Trend`: whether an outcome falls, rises or turns along an axis, with the slopes and the turn that say so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from forerun.fitting.forecast import plain
from forerun.note import Note, note_lines, text_table
from forerun.units import format_quantity

LABELS = ("falling", "rising", "U-shaped", "inverted-U", "flat", "not decided")


@dataclass(frozen=True)
class Slope:
    """Change of the outcome per decade of the axis from ``start`` to ``end``, with its interval."""

    start: float
    end: float
    value: float
    low: float
    high: float

    @property
    def sign(self) -> int:
        """-1 or 1 where the interval lies on one side of zero, 0 where it holds zero."""
        return (self.low > 0) - (self.high < 0)


@dataclass(frozen=True)
class Turn:
    """Where an outcome turns: the best place and the range in which it lies."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, repr=False)
class Trend:
    """The shape of an outcome along an axis. Get one from :func:`forerun.trend`.

    ``label`` is one of ``LABELS``. ``low_end`` and ``high_end`` are the slopes on the two sides of the place where two
    straight lines fit best, ``overall`` that of the whole; their intervals hold together with share ``level``. ``turn``
    is there where the outcome turns once. ``shares`` are the shares of draws of the noise in which two lines have each
    shape, decided or not. ``noise`` is the standard deviation of one row, or of the outcome in units of its standard
    errors where ``known`` is true.
    """

    label: str
    axis: str
    outcome: str
    better: str
    low_end: Slope
    high_end: Slope
    overall: Slope
    turn: Turn | None
    shares: Mapping[str, float]
    rows: int
    levels: int
    noise: float
    known: bool
    level: float
    draws: int
    seed: int
    notes: tuple[Note, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The keys of the JSON schema ``trend``."""
        return {
            "schema": 1,
            "label": self.label,
            "axis": self.axis,
            "outcome": self.outcome,
            "better": self.better,
            "slopes": {name: _plain(getattr(self, name)) for name in ("low_end", "high_end", "overall")},
            "turn": None if self.turn is None else _plain(self.turn),
            "shares": dict(self.shares),
            "rows": self.rows,
            "levels": self.levels,
            "noise": self.noise,
            "noise_known": self.known,
            "level": self.level,
            "draws": self.draws,
            "seed": self.seed,
            "notes": [n.to_dict() for n in self.notes],
        }

    def __str__(self) -> str:
        q = format_quantity
        share = f"{self.level:.0%}"
        rows = [
            [name, f"{q(s.start)} to {q(s.end)}", f"{s.value:+.4g}", f"{s.low:+.4g}", f"{s.high:+.4g}"]
            for name, s in (("low end", self.low_end), ("high end", self.high_end), ("whole", self.overall))
        ]
        header = ["part", self.axis, "slope per decade", f"{share} low", f"{share} high"]
        lines = [f"{self.outcome} over {self.axis}: {self.label}", "", text_table(header, rows, words=(self.axis,)), ""]
        if self.turn is not None:
            lines.append(f"turns at {self.axis} = {q(self.turn.value)}   {share} interval {q(self.turn.low)} to {q(self.turn.high)}")  # fmt: skip
        lines.append("shape of draws: " + ", ".join(f"{name} {part:.0%}" for name, part in self.shares.items()))
        source = "the standard errors of the table" if self.known else f"scatter of {self.noise:.3g} about neighbours"
        if self.known and self.noise > 1:
            source += f", {self.noise:.3g} times as large to match the scatter"
        lines.append(f"noise: {source}; {self.rows} rows at {self.levels} levels of {self.axis}")
        return "\n".join([*lines, *(["", "notes"] if self.notes else []), *note_lines(self.notes)])

    __repr__ = __str__


def _plain(of: Slope | Turn) -> dict[str, Any]:
    return {name: plain(value) for name, value in vars(of).items()}
