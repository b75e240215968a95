"""Workers killed with SIGKILL at random moments, twenty times in one ladder: is anything lost or changed?"""

from __future__ import annotations

import os
import random
import signal
import tempfile
from dataclasses import replace
from pathlib import Path

from bench.record import Record, single
from forerun.ladder.launchers import Local
from forerun.ladder.monitor import Watch
from forerun.ladder.rung import Rung
from forerun.ladder.spec import Ladder
from forerun.ladder.store import Store
from forerun.ladder.sweep import drive, queue
from forerun.ladder.table import run_records

KILLS = 20
CHANCE = (
    0.2  # of a kill at each look, twice a second: a run that five workers in a row did not bring further is given up
)


def measure(*, quick: bool) -> Record:
    """The same ladder left alone and with its workers killed; with ``quick`` three times."""
    base = Rung(width=16, depth=1)
    rungs = [
        replace(base, width=w, steps=s, seed=seed) for w in (16, 20, 24) for s in (1000, 2000, 3000) for seed in (0, 1)
    ]
    ladder = Ladder(tuple(rungs), watch=Watch(checkpoint_seconds=0.5))
    with tempfile.TemporaryDirectory() as name:
        calm, killed = Path(name) / "calm", Path(name) / "killed"
        drive(queue(ladder, calm), Local(), workers=2)
        launcher = Local()
        killer = Killer(launcher, 3 if quick else KILLS)
        drive(queue(ladder, killed), launcher, workers=2, look=killer)
        first, second = table(calm), table(killed)
        given_up = [
            f"{row.rung.size} at step {row.step}: {row.error}" for row in Store(killed).rows() if row.state == "failed"
        ]
    equal = sum(first[run] == second.get(run) for run in first)
    measures = [
        single("kills during the ladder", killer.killed, 1, "kills", required=f">= {3 if quick else KILLS}"),
        single("runs of the ladder that was left alone", len(first), 1, "runs"),
        single("runs of the other with the same loss to the last bit", equal, len(first), "runs", required=f">= {len(first)}"),
        single("rows that only one of them has", len(set(first) ^ set(second)), len(first), "rows", required="<= 0",
               note="; ".join(given_up)),
    ]  # fmt: skip
    question = "Does a ladder whose workers are killed at random moments end with the same table?"
    return Record(
        "ladder_kills", question, "18 runs on the standard library of this Python, two workers", [0], measures
    )


def table(folder: Path) -> dict[str, tuple[str, str]]:
    return {r["run"]: (r["state"], float(r["loss"]).hex()) for r in run_records(folder)}


class Killer:
    """Kills a random live worker now and then while something is trained."""

    def __init__(self, launcher: Local, kills: int) -> None:
        self.launcher, self.left, self.killed = launcher, kills, 0
        self.random = random.Random(0)

    def __call__(self, store) -> None:
        live = [p for p in self.launcher.processes if p.poll() is None]
        training = any(row.state == "running" and row.step for row in store.rows())
        if self.left and live and training and self.random.random() < CHANCE:
            os.kill(self.random.choice(live).pid, signal.SIGKILL)
            self.left, self.killed = self.left - 1, self.killed + 1
