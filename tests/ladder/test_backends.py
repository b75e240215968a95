"""One ladder file on the three backends, with the real Ray and the real submitit: the same table to the last bit."""

from __future__ import annotations

import time

import pytest

from forerun.cli import main
from forerun.ladder.launchers import Local, Ray, launcher
from forerun.ladder.spec import expand, read_spec
from forerun.ladder.sweep import drive, queue
from forerun.ladder.table import run_records
from forerun.note import DataError

FILE = """
corpus = "{texts}"
minimum_steps = 50
[run]
context = 32
warmup = 10
seed = [0, 1]
[watch]
points = 6
validation_bytes = 2048
checkpoint_seconds = 0.2
[[grid]]
size = ["8x1", "16x1"]
steps = [400, 2000]
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory, texts):
    """The file that every backend is given."""
    path = tmp_path_factory.mktemp("file") / "ladder.toml"
    path.write_text(FILE.format(texts=texts))
    return path


def trained(file, folder, backend, look=lambda store: None):
    """The table of the ladder that ``backend`` trained with two workers, without what the clock says."""
    drive(queue(expand(read_spec(file)), folder), backend, workers=2, look=look)
    return [{name: value for name, value in row.items() if name != "seconds"} for row in run_records(folder)]


@pytest.fixture(scope="module")
def table(file, tmp_path_factory):
    """What processes of this machine make of the file."""
    return trained(file, tmp_path_factory.mktemp("local"), Local())


class Killer:
    """Kills one worker of Ray, with the signal that nothing can catch, while two runs are being trained."""

    def __init__(self, backend):
        self.backend, self.killed, self.started = backend, None, 0

    def __call__(self, store):
        self.started = max(self.started, len(self.backend.tasks))
        rows = [row for row in store.rows() if row.state == "running"]
        if self.killed is None and len(rows) == 2 and list(store.checkpoints.glob("*.pt")):
            children = psutil().Process().children(recursive=True)
            workers = [p for p in children if "ray::work" in " ".join(p.cmdline())]
            if workers:
                workers[0].kill()
                self.killed = workers[0]


def psutil():
    return pytest.importorskip("psutil", reason="psutil is not installed")


@pytest.mark.capability(80)
def test_ray_with_a_worker_killed_gives_the_same_table(file, table, tmp_path):
    ray = pytest.importorskip("ray", reason="Ray is not installed")
    backend = launcher("ray", num_cpus="2", object_store_memory="100000000")
    killer = Killer(backend)
    assert trained(file, tmp_path, backend, look=killer) == table
    assert len(table) == 8
    assert killer.killed is not None
    assert not killer.killed.is_running()
    assert killer.started == 3
    assert "WorkerCrashedError" in (tmp_path / "workers.log").read_text()
    assert not ray.is_initialized()


@pytest.mark.capability(80)
def test_submitit_gives_the_same_table(file, table, tmp_path):
    pytest.importorskip("submitit", reason="submitit is not installed")
    backend = launcher("slurm", cluster="local", timeout_min="10", partition="none-here")
    assert trained(file, tmp_path, backend) == table
    assert list((tmp_path / "slurm").glob("*_result.pkl"))
