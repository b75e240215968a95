"""One constant run with cooldowns in place of a cosine run for each length: less compute, the same law."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forerun import datasets, laws
from forerun.fitting import fit
from forerun.ladder.launchers import Local
from forerun.ladder.monitor import Watch
from forerun.ladder.rung import Rung
from forerun.ladder.spec import Ladder
from forerun.ladder.sweep import drive, queue
from forerun.ladder.table import read_ladder, run_records

BASE = Rung(context=32, warmup=10, depth=1)
WIDTHS, STEPS = (8, 16, 24), (150, 300, 600, 1200)


def runs_under(schedule, texts, folder):
    rungs = [replace(BASE, width=w, steps=s, schedule=schedule) for w in WIDTHS for s in STEPS]
    ladder = Ladder(tuple(rungs), corpus=texts, watch=Watch(points=4, validation_bytes=4096))
    drive(queue(ladder, folder), Local(), workers=2)
    return ladder


@pytest.mark.capability("reusable-wsd-runs")
def test_the_stable_phase_is_paid_for_once_and_the_law_agrees(texts, tmp_path):
    shared = runs_under("wsd", texts, tmp_path / "wsd")
    single = runs_under("cosine", texts, tmp_path / "cosine")
    trained = sum(r["flops"] * r["steps_trained"] / r["steps"] for r in run_records(tmp_path / "wsd"))
    assert single.shared_flops == 0.0
    assert trained == pytest.approx(shared.flops - shared.shared_flops, rel=1e-9)
    assert shared.shared_flops / shared.flops == pytest.approx(0.8 * (150 + 300 + 600) / 2250, rel=1e-9)
    laws = [fit("chinchilla", read_ladder(tmp_path / name)) for name in ("wsd", "cosine")]
    for N, D in ((16_000, 300_000), (16_000, 600_000)):
        first, second = (law.forecast(N=N, D=D, target="new-run") for law in laws)
        assert max(first.low, second.low) < min(first.high, second.high)


@pytest.mark.capability("reusable-wsd-runs")
def test_our_own_cooldowns_give_the_law_of_our_own_cosine_runs():
    runs = datasets.read("ladder-wsd")
    shared, single = (runs.where(f"schedule == {name}") for name in ("wsd", "cosine"))
    trained = [part.columns["steps_trained"].sum() for part in (shared, single)]
    assert trained[0] < 0.65 * trained[1]
    assert np.abs(shared["loss"] / single["loss"] - 1).mean() < 0.01
    law = laws.get("chinchilla").tie(alpha="beta")  # twelve runs a side
    asked = {"N": np.array([41e3, 98e3, 2e5]), "D": np.array([2.4e6, 1.2e6, 5e6])}
    first, second = (fit(law, part).forecast(**asked, target="mean") for part in (shared, single))
    for told, other in ((first, second), (second, first)):
        assert ((np.array(other.low) <= told.value) & (told.value <= np.array(other.high))).all()
