"""How far a ladder is: runs by state, what is being trained, and the FLOPs and the time that are left."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forerun.ladder.store import OPEN, Row, Store
from forerun.note import text_table
from forerun.units import format_quantity

STATES = ("done", "running", "waiting", "diverged", "failed")


@dataclass(frozen=True, repr=False)
class Status:
    """The state of a ladder at one moment. ``seconds_left`` is ``None`` until a run has finished.

    The time left is the FLOPs left over the rate at which finished runs of the nearest size went, shared by the workers
    that train now: it is wrong where others use the machine.
    """

    folder: str
    counts: dict[str, int]
    flops_done: float
    flops_left: float
    seconds_left: float | None
    running: tuple[Row, ...]
    failed: tuple[Row, ...]

    def to_dict(self) -> dict[str, Any]:
        """The status as JSON has it."""
        return {
            "schema": 1,
            "folder": self.folder,
            "counts": self.counts,
            "flops": {"done": self.flops_done, "left": self.flops_left},
            "seconds_left": self.seconds_left,
            "running": [
                {
                    "run": r.rung.digest,
                    "size": r.rung.size,
                    "step": r.step,
                    "steps": r.rung.steps,
                    "train_loss": r.train_loss,
                }
                for r in self.running
            ],
            "failed": [{"run": r.rung.digest, "size": r.rung.size, "error": r.error} for r in self.failed],
        }

    def __str__(self) -> str:
        total = sum(self.counts.values())
        counted = ", ".join(f"{n} {state}" for state, n in self.counts.items() if n and state != "done")
        finished = self.counts["done"] + self.counts["diverged"]
        lines = [f"ladder in {self.folder}: {finished} of {total} runs finished" + (f" ({counted})" if counted else "")]
        if self.flops_left:
            left = "" if self.seconds_left is None else f", about {duration(self.seconds_left)}"
            lines += [f"left: {self.flops_left:.2g} of {self.flops_done + self.flops_left:.2g} FLOP{left}"]
        if self.running:
            rows = [
                [
                    r.rung.size,
                    format_quantity(r.rung.tokens, 3),
                    f"{r.step} of {r.rung.steps}",
                    f"{100 * r.step / r.rung.steps:.0f}%",
                    "-" if r.train_loss is None else f"{r.train_loss:.3f}",
                    "" if r.heartbeat is None else f"{max(0, time.time() - r.heartbeat):.0f} s ago",
                ]
                for r in self.running
            ]
            lines += ["", text_table(["size", "bytes", "step", "done", "training loss", "heartbeat"], rows)]
        lines += [f"failed: {r.rung.size} after {r.attempts} attempts: {r.error}" for r in self.failed]
        return "\n".join(lines)

    __repr__ = __str__


def status(folder: str | Path) -> Status:
    """How far the ladder in ``folder`` is; it may be asked at any time, from any process."""
    rows = Store(folder).rows()
    counts = Counter(row.state for row in rows)
    open_rows = [row for row in rows if row.state in OPEN]
    left = sum(_flops_left(row) for row in open_rows)
    done = [row for row in rows if row.result]
    seconds = sum(_flops_left(row) * _seconds_per_flop(row, done) for row in open_rows) if done else None
    running = tuple(row for row in rows if row.state == "running")
    return Status(
        str(folder),
        {state: counts[state] for state in STATES},
        sum(row.rung.flops for row in rows) - left - sum(row.rung.flops for row in rows if row.state == "failed"),
        left,
        None if seconds is None else seconds / max(1, len(running)),
        running,
        tuple(row for row in rows if row.state == "failed"),
    )


def _flops_left(row: Row) -> float:
    return row.rung.flops * (1.0 - row.step / row.rung.steps)


def _seconds_per_flop(row: Row, done: list[Row]) -> float:
    """Seconds of one device per FLOP in the finished run whose size is nearest."""
    near = min(done, key=lambda d: abs(d.rung.parameters / row.rung.parameters - 1.0))
    assert near.result is not None
    return near.result["seconds"] * near.rung.steps / max(1, near.result["steps_trained"]) / near.rung.flops


def duration(seconds: float) -> str:
    """A duration as a person reads it.

    >>> duration(40), duration(400), duration(9000)
    ('40 s', '7 min', '2.5 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
