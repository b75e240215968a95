"""`MixtureChoice`: the shares to train on, what they give, what is as good, and what the doubt about them costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from forerun.fitting import Forecast
from forerun.note import Note, note_lines, text_table

Range = tuple[float, float]


@dataclass(frozen=True, repr=False)
class MixtureChoice:
    """A mixture of domains. Get one from :func:`forerun.data_value.choose_mixture`.

    ``weights`` are shares by domain, of sum one; ``interval`` is where the best share of each lies over the draws (None
    without draws); ``near_optimal`` the range that it can have, the rest following, within ``tolerance`` of the loss;
    ``regret`` the loss given up against the best mixture of each draw (None without draws); ``forecast`` the loss of the
    mixture; ``limits`` the largest share that each domain could have, and ``binding`` those that have it.
    """

    weights: Mapping[str, float]
    forecast: Forecast
    interval: Mapping[str, Range] | None
    regret: Mapping[str, float] | None
    near_optimal: Mapping[str, Range]
    tolerance: float
    limits: Mapping[str, float]
    binding: tuple[str, ...]
    notes: tuple[Note, ...] = ()

    def __str__(self) -> str:
        rows = []
        for domain, weight in self.weights.items():
            spread = "-" if self.interval is None else _range(self.interval[domain])
            most = f"{self.limits[domain]:.4f}" + (" *" if domain in self.binding else "")
            rows.append([domain, f"{weight:.4f}", spread, _range(self.near_optimal[domain]), most])
        header = [
            "domain",
            "share",
            f"{self.forecast.level:.0%} over draws",
            f"as good within {self.tolerance:.2%}",
            "most",
        ]
        lines = ["mixture", text_table(header, rows), *self.forecast.lines()[1:]]
        if self.binding:
            lines.append("* as large as its data allow")
        if self.regret:
            lines.append(f"regret: mean {self.regret['mean']:.2g}, 95th percentile {self.regret['p95']:.2g}")
        return "\n".join([*lines, *(["", "notes"] if self.notes else []), *note_lines(self.notes)])

    __repr__ = __str__


def _range(pair: Range) -> str:
    return f"{pair[0]:.4f} to {pair[1]:.4f}"
