"""A ladder of real models, end to end: trained by workers that are killed, forecast, scored, read as runs."""

from __future__ import annotations

import os
import random
import signal
import time
from dataclasses import replace

import pytest

from forerun.ladder.launchers import Local
from forerun.ladder.monitor import Watch
from forerun.ladder.rung import Rung
from forerun.ladder.spec import Ladder
from forerun.ladder.sweep import drive, queue, run_ladder
from forerun.ladder.table import point_records, read_ladder, run_records
from forerun.note import DataError

BASE = Rung(width=16, depth=1, context=32, warmup=10, steps=100)
WATCH = Watch(points=6, validation_bytes=2048, checkpoint_seconds=0.2)


def ladder(texts, *, steps=(200, 350, 600), widths=(8, 16, 24), held=True):
    rungs = [replace(BASE, width=w, steps=s, seed=seed) for w in widths for s in steps for seed in (0, 1)]
    back = [replace(BASE, width=16, steps=1500)] if held else []
    return Ladder(tuple(rungs), tuple(back), corpus=texts, watch=WATCH)


def losses(folder):
    return {record["run"]: (record["state"], record["loss"]) for record in run_records(folder)}


class Killer:
    """Kills a random live worker now and then, as often as it is told to."""

    def __init__(self, launcher, times):
        self.launcher, self.left, self.random, self.killed = launcher, times, random.Random(0), 0

    def __call__(self, store):
        live = [p for p in self.launcher.processes if p.poll() is None]
        training = [row for row in store.rows() if row.state == "running"]
        if self.left and live and training and self.random.random() < 0.7:
            os.kill(self.random.choice(live).pid, signal.SIGKILL)
            self.left -= 1
            self.killed += 1


def test_workers_killed_at_random_leave_the_same_table(texts, tmp_path):
    small = ladder(texts, held=False)
    drive(queue(small, tmp_path / "calm"), Local(), workers=2)
    launcher = Local()
    killer = Killer(launcher, times=5)
    drive(queue(small, tmp_path / "killed"), launcher, workers=2, look=killer)
    assert killer.killed == 5
    assert losses(tmp_path / "killed") == losses(tmp_path / "calm")
    assert len(losses(tmp_path / "calm")) == 18


def test_a_ladder_forecasts_before_it_trains_what_was_held_back(texts, tmp_path):
    seen = []

    def look(store):
        forecasts = store.fact("forecasts")
        held = [row for row in store.rows() if row.held_back]
        seen.append((forecasts is not None, held[0].state))

    done = run_ladder(ladder(texts), tmp_path / "l", workers=2, look=look)
    assert (False, "running") not in seen
    assert seen[-1] == (True, "done")
    assert len(done.runs) == 18
    (held,) = done.held
    assert held.reached == next(r["loss"] for r in run_records(tmp_path / "l") if r["held_back"])
    assert held.low < held.value < held.high
    assert abs(held.error) < 0.1
    again = run_ladder(ladder(texts), tmp_path / "l", workers=2)
    assert again.held == done.held
    assert "held-back runs" in str(done)
    assert len(read_ladder(tmp_path / "l")) == 18
    assert len(read_ladder(tmp_path / "l", held_back=True)) == 19
    points = point_records(tmp_path / "l")
    assert len({p["run"] for p in points}) == 19


def test_a_stopped_ladder_goes_on(texts, tmp_path):
    small = ladder(texts, held=False, widths=(16,))

    class Stop(Exception):
        pass

    began = time.monotonic()

    def look(store):
        if any(row.result for row in store.rows()) or time.monotonic() - began > 60:
            raise Stop

    store = queue(small, tmp_path)
    with pytest.raises(Stop):
        drive(store, Local(), workers=2, look=look)
    assert not [row for row in store.rows() if row.state == "running"]
    before = {run: loss for run, (_, loss) in losses(tmp_path).items()}
    drive(queue(small, tmp_path), Local(), workers=2)
    after = {run: loss for run, (_, loss) in losses(tmp_path).items()}
    assert before.items() <= after.items()
    assert len(after) == 6


def test_runs_of_workers_that_are_ended_the_hard_way_are_given_back(texts, tmp_path):
    class Hard(Local):
        def close(self):
            for process in self.processes:
                process.kill()
                process.wait()

    class Stop(Exception):
        pass

    def look(store):
        if any(row.state == "running" for row in store.rows()):
            raise Stop

    store = queue(Ladder((replace(BASE, steps=100_000),), corpus=texts, watch=WATCH), tmp_path)
    with pytest.raises(Stop):
        drive(store, Hard(), workers=1, look=look)
    assert [row.state for row in store.rows()] == ["waiting"]


def test_a_diverged_run_is_kept_and_flagged(texts, tmp_path):
    wild = replace(BASE, optimizer="adamw", lr=30.0, adam_lr=30.0, steps=300)
    calm = [replace(BASE, steps=s) for s in (200, 300)]
    store = queue(Ladder((wild, *calm), corpus=texts, watch=WATCH), tmp_path)
    drive(store, Local(), workers=2)
    assert {r["state"] for r in run_records(tmp_path)} == {"done", "diverged"}
    runs = read_ladder(tmp_path)
    assert len(runs) == 2
    assert "diverged" in [note.code for note in runs.notes]


def test_another_text_is_refused(texts, tmp_path):
    for name in ("a", "b"):
        (tmp_path / "t").mkdir(exist_ok=True)
        (tmp_path / "t" / f"{name}.txt").write_text(f"{name} word " * 500)
    one = Ladder((BASE,), corpus=tmp_path / "t", watch=WATCH)
    queue(one, tmp_path / "l")
    (tmp_path / "t" / "a.txt").write_text("changed " * 500)
    with pytest.raises(DataError, match="is not the one that this ladder began with"):
        queue(one, tmp_path / "l")
    with pytest.raises(DataError, match="holds a ladder with another corpus_path"):
        queue(replace(one, corpus=texts), tmp_path / "l")


def test_workers_that_cannot_work_end_the_ladder_with_one_line(texts, tmp_path, monkeypatch):
    import forerun.ladder.sweep as sweep

    store = queue(ladder(texts, held=False, widths=(16,)), tmp_path)
    monkeypatch.setattr(sweep, "MOST_STARTS", 0)
    monkeypatch.setattr(sweep, "LOOK", 0.01)

    class Dead:
        def start(self, folder, name, held_back):
            return lambda: False

        def close(self):
            pass

    with pytest.raises(DataError, match="workers ended and 6 runs are still open"):
        drive(store, Dead(), workers=2)
    assert [row.state for row in store.rows()] == ["waiting"] * 6


def test_workers_of_two_ladder_commands_never_have_the_same_name(texts, tmp_path):
    names = []

    class Recorder:
        def start(self, folder, name, held_back):
            names.append(name)
            raise RuntimeError

        def close(self):
            pass

    store = queue(ladder(texts, held=False, widths=(16,)), tmp_path)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            drive(store, Recorder(), workers=1)
    assert len(set(names)) == 2


@pytest.mark.parametrize(
    ("setting", "part"), [({"workers": 0}, "workers is 0"), ({"level": 90}, "level must lie between")]
)
def test_a_setting_that_cannot_be_is_refused_before_anything_is_trained(texts, tmp_path, setting, part):
    with pytest.raises(DataError, match=part):
        run_ladder(ladder(texts), tmp_path, **setting)
    assert not (tmp_path / "ladder.db").exists()


def test_runs_of_a_longer_context_than_the_text_are_refused(texts, tmp_path):
    queue(Ladder((BASE,), corpus=texts, watch=WATCH), tmp_path)
    with pytest.raises(DataError, match="less than two windows of 100000"):
        queue(Ladder((replace(BASE, context=100_000),), corpus=texts, watch=WATCH), tmp_path)
    assert len(queue(Ladder((replace(BASE, context=64),), corpus=texts, watch=WATCH), tmp_path).rows()) == 2


def test_a_ladder_without_runs_is_refused(texts, tmp_path):
    with pytest.raises(DataError, match="the ladder has no runs"):
        queue(Ladder((), corpus=texts), tmp_path)


def test_single_runs_are_not_counted_as_searches(texts, tmp_path):
    from forerun.ladder.doubts import doubts

    searched = [replace(BASE, lr=lr) for lr in (0.01, 0.02, 0.04)]
    alone = [replace(BASE, steps=steps) for steps in (200, 300)]
    store = queue(Ladder((*searched, *alone), corpus=texts, watch=WATCH), tmp_path)
    while (row := store.claim("w")) is not None:
        store.finish(row, "done", {"loss": row.rung.lr}, [])
    (note,) = [note for note in doubts(store) if note.code == "edge-of-search"]
    assert "for 1 of 1 searches" in note.message
