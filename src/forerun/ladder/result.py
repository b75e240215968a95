"""What a ladder came to: its law, the forecasts of held-back runs made before these were trained, and their score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from forerun.fitting.result import sort_notes
from forerun.ladder.progress import Status, duration
from forerun.note import Note, note_lines, text_table
from forerun.predict import Ensemble
from forerun.runs import Runs
from forerun.units import format_quantity


@dataclass(frozen=True)
class Held:
    """A held-back run: what was forecast before it was trained, and what it ``reached`` (``None`` while it is not trained)."""

    size: str
    N: float
    D: float
    C: float
    value: float
    low: float
    high: float
    reached: float | None

    @property
    def error(self) -> float | None:
        """Relative error of the forecast."""
        return None if self.reached is None else self.value / self.reached - 1.0

    @property
    def covered(self) -> bool | None:
        """Whether the interval holds what the run reached."""
        return None if self.reached is None else self.low <= self.reached <= self.high

    def to_dict(self) -> dict[str, Any]:
        """The run as JSON has it."""
        return {**vars(self), "error": self.error, "covered": self.covered}


@dataclass(frozen=True, repr=False)
class LadderResult:
    """A ladder that is through. Get one from :func:`forerun.ladder.run_ladder`.

    ``runs`` are the fitted runs, ``fit`` what ``fit("auto", runs)`` made of them, ``held`` the held-back runs with the
    forecasts that were stored before any of them was trained. The interval of a forecast is for one new run. Where sizes
    are not what was varied there is no fit and no forecast, and ``unfitted`` says why.
    """

    folder: str
    runs: Runs
    fit: Ensemble | None
    unfitted: Note | None
    held: tuple[Held, ...]
    level: float
    status: Status
    seconds: float

    @property
    def notes(self) -> tuple[Note, ...]:
        """The doubts about the fit, those about the runs among them, or why there is none."""
        return (
            self.fit.notes if self.fit else sort_notes((*self.runs.notes, *([self.unfitted] if self.unfitted else [])))
        )

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON has it."""
        return {
            "schema": 1,
            "folder": self.folder,
            "runs": len(self.runs),
            "seconds": self.seconds,
            "fit": self.fit.to_dict() if self.fit else None,
            "level": self.level,
            "held_back": [h.to_dict() for h in self.held],
            "status": self.status.to_dict(),
            "notes": [note.to_dict() for note in self.notes],
        }

    def __str__(self) -> str:
        lines = [
            str(self.status),
            f"device time of all runs: {duration(self.seconds)}",
            "",
            self._levels(),
            "",
            *([str(self.fit)] if self.fit else ["notes", *note_lines(self.notes)]),
        ]
        if self.held:
            lines += [
                "",
                f"held-back runs: forecast before they were trained, then measured ({100 * self.level:.0f}% intervals for one run)",
                "",
            ]
            lines += [self._table()]
        return "\n".join(lines)

    __repr__ = __str__

    def _levels(self) -> str:
        """The best run of each level of compute."""
        levels: dict[str, list[int]] = {}
        for i, flops in enumerate(self.runs["C"].tolist()):
            levels.setdefault(f"{flops:.1e}", []).append(i)
        rows = []
        for flops in sorted(levels, key=float):
            best = min(levels[flops], key=lambda i: self.runs["loss"][i])
            N, D, loss = (float(self.runs[role][best]) for role in ("N", "D", "loss"))
            rows.append(
                [
                    f"{float(flops):.2g}",
                    str(len(levels[flops])),
                    format_quantity(N, 3),
                    format_quantity(D, 3),
                    f"{loss:.4f}",
                ]
            )
        return text_table(["FLOP", "runs", "best N", "its D", "its loss (nats/byte)"], rows)

    def _table(self) -> str:
        rows = []
        for h in self.held:
            told = (
                ["-", "not trained", ""]
                if h.reached is None
                else [f"{h.reached:.4f}", f"{100 * (h.error or 0):+.2f}%", "inside" if h.covered else "outside"]
            )
            rows.append(
                [
                    h.size,
                    format_quantity(h.N, 3),
                    format_quantity(h.D, 3),
                    f"{h.C:.2g}",
                    f"{h.value:.4f}",
                    f"{h.low:.4f} to {h.high:.4f}",
                    *told,
                ]
            )
        return text_table(["size", "N", "D", "FLOP", "forecast", "interval", "reached", "error", "interval held"], rows)


def held_from(stored: Mapping[str, Any], reached: float | None) -> Held:
    """A held-back run from what the store kept of its forecast."""
    return Held(**stored, reached=reached)
