"""`Plan`: the choice, what is as good, what doubt costs, and which limit binds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from forerun.note import Note, note_lines, text_table
from forerun.units import format_quantity


@dataclass(frozen=True, repr=False)
class Plan:
    """What to train. Get one from :func:`forerun.plan`.

    ``choice`` has N, D, C, tokens_per_parameter and the intervals of N and D; ``near_optimal`` the ranges within the
    tolerance; ``regret`` the loss given up against each draw's own optimum (None without draws); ``forecast`` the
    predicted outcome; ``cost`` the FLOPs and a table of over-training; ``binding`` the limits that bind.
    """

    choice: Mapping[str, Any]
    near_optimal: Mapping[str, Any]
    regret: Mapping[str, float] | None
    forecast: Any
    cost: Mapping[str, Any]
    binding: tuple[str, ...]
    notes: tuple[Note, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The keys of the JSON schema ``plan``."""
        return {
            "schema": 1,
            "choice": dict(self.choice),
            "near_optimal": dict(self.near_optimal),
            "regret": None if self.regret is None else dict(self.regret),
            "forecast": self.forecast.to_dict(),
            "cost": dict(self.cost),
            "binding": list(self.binding),
            "notes": [n.to_dict() for n in self.notes],
        }

    def plot(self, fit: Any, *, size: str = "page") -> Any:
        """A matplotlib figure: the loss along the budget with its band, the choice, and what is as good."""
        from forerun.report import plan_figure

        return plan_figure(self, fit, size=size)

    def __str__(self) -> str:
        q = format_quantity
        c, near = self.choice, self.near_optimal
        lines = [
            f"plan for {q(c['C'])} FLOP (limited by: {', '.join(self.binding)})",
            f"  train    N = {q(c['N'])} parameters on D = {q(c['D'])} tokens ({c['tokens_per_parameter']:.3g} tokens per parameter)",
        ]
        if "N_interval" in c:
            lines.append(
                f"  interval of the optimum ({self.forecast.level:.0%}): N {_range(c['N_interval'])}, D {_range(c['D_interval'])}"
            )
        lines.append(
            f"  as good within {near['tolerance']:.2%} of the loss: N {_range(near['N'])}, D {_range(near['D'])},"
            f" {near['tokens_per_parameter'][0]:.3g} to {near['tokens_per_parameter'][1]:.3g} tokens per parameter"
        )
        if self.regret:
            lines.append(
                f"  regret (extra loss if another draw of the fit were true): mean {self.regret['mean']:.2g}, 95th percentile {self.regret['p95']:.2g}"
            )
        lines += [f"  {line}" for line in self.forecast.lines()]
        rows = [
            [f"{o['factor']:g} times smaller", q(o["N"]), q(o["D"]), f"+{o['excess_loss']:.4f}",
             "out of reach" if o["extra_compute"] is None else f"{1 + o['extra_compute']:.3g} x"]
            for o in self.cost["overtraining"]
        ]  # fmt: skip
        if rows:
            table = text_table(["over-training", "N", "D", "loss change", "FLOP for equal loss"], rows)
            lines += ["", *("  " + line for line in table.split("\n"))]
        return "\n".join([*lines, *(["", "notes"] if self.notes else []), *note_lines(self.notes)])

    __repr__ = __str__


def _range(pair: Any) -> str:
    return f"{format_quantity(pair[0])} to {format_quantity(pair[1])}"
