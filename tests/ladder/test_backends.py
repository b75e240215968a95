"""One ladder file on the three backends, with the real Ray and the real submitit: the same table to the last bit."""

from __future__ import annotations

import time
import tomllib

import psutil
import pytest
import ray

from forerun.ladder.launchers import Local, launcher
from forerun.ladder.spec import expand, parse_spec, read_spec
from forerun.ladder.sweep import drive, queue
from forerun.ladder.table import run_records
from forerun.note import DataError

# As --set gives them: all text.
RAY = {"num_cpus": "2", "object_store_memory": "100000000"}
SUBMITIT = {"cluster": "local", "timeout_min": "10", "partition": "gpu"}
FILE = """
corpus = "{texts}"
minimum_steps = 50
[run]
context = 32
warmup = 10
[watch]
points = 6
validation_bytes = 2048
checkpoint_seconds = 0.1
[[grid]]
size = ["8x1", "16x1"]
steps = [200, 900]
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

    killed = None

    def __call__(self, store):
        rows = [row for row in store.rows() if row.state == "running"]
        if self.killed is None and len(rows) == 2 and list(store.checkpoints.glob("*.pt")):
            children = psutil.Process().children(recursive=True)
            self.killed = next(child for child in children if "ray::work" in " ".join(child.cmdline()))
            self.killed.kill()


@pytest.mark.capability("runner-backends")
def test_ray_with_a_worker_killed_gives_the_same_table(file, table, tmp_path):
    backend = launcher("ray", **RAY)
    killer = Killer()
    assert trained(file, tmp_path, backend, look=killer) == table
    assert len(table) == 4
    assert killer.killed is not None
    assert not killer.killed.is_running()
    assert "WorkerCrashedError" in (tmp_path / "workers.log").read_text()
    assert not ray.is_initialized()


@pytest.mark.capability("runner-backends")
def test_submitit_gives_the_same_table(file, table, tmp_path):
    backend = launcher("slurm", **SUBMITIT)
    assert trained(file, tmp_path, backend) == table
    assert list((tmp_path / "slurm").glob("*_result.pkl"))


class Stop(Exception):
    pass


@pytest.mark.parametrize(("name", "settings"), [("ray", RAY), ("slurm", SUBMITIT)])
def test_a_ladder_that_is_stopped_has_its_runs_saved_and_given_back(file, tmp_path, name, settings):
    def look(store):
        if list(store.checkpoints.glob("*.pt")):
            raise Stop

    long = expand(parse_spec(tomllib.loads(file.read_text().replace("[200, 900]", "100_000"))))
    store = queue(long, tmp_path)
    with pytest.raises(Stop):
        drive(store, launcher(name, **settings), workers=1, look=look)
    assert {row.state for row in store.rows()} == {"waiting"}
    assert list(store.checkpoints.glob("*.pt"))


@pytest.mark.parametrize(
    ("name", "settings", "part"),
    [
        ("local", {"partition": "gpu"}, "the launcher local has no settings, received partition"),
        ("ray", {"moon": "1"}, "the launcher ray does not start: Unknown keyword argument"),
        ("slurm", {"cluster": "local", "moon": "1"}, "Unknown argument 'moon' for executor 'slurm'"),
        ("slurm", {"cluster": "local", "timeout_min": "soon"}, '"timeout_min" expected type'),
        ("slurm", {"cluster": "moon"}, "doesn't know any executor named moon"),
    ],
)
def test_settings_that_a_backend_does_not_know_are_one_line(file, tmp_path, name, settings, part):
    store = queue(expand(read_spec(file)), tmp_path)
    with pytest.raises(DataError) as refused:
        drive(store, launcher(name, **settings), workers=1)
    assert part in str(refused.value)
    assert "\n" not in str(refused.value)


def test_why_a_job_failed_is_in_the_log_of_the_workers(tmp_path):
    alive = launcher("slurm", **SUBMITIT).start(tmp_path, "lost", False)
    while alive():
        time.sleep(0.1)
    log = (tmp_path / "workers.log").read_text()
    assert log.startswith("worker lost: ")
    assert "holds no ladder" in log


def test_a_job_that_was_killed_is_in_the_log_of_the_workers(file, tmp_path):
    queue(expand(read_spec(file)), tmp_path)
    backend = launcher("slurm", **SUBMITIT)
    alive = backend.start(tmp_path, "killed", False)
    controller = psutil.Process(int(backend.jobs[0].job_id))
    while not (children := controller.children()):
        time.sleep(0.1)
    children[0].kill()
    while alive():
        time.sleep(0.1)
    assert "the job left no result, see" in (tmp_path / "workers.log").read_text()
