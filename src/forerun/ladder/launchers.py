"""Where workers run: processes of this machine, tasks of a Ray cluster, or jobs of SLURM. Each is a thin adapter."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from forerun.ladder.worker import PATIENCE, work
from forerun.note import DataError, MissingExtra

Alive = Callable[[], bool]
IDLE = 3 * PATIENCE  # seconds in which a worker sees that nothing is left to train
GRACE = 30.0  # seconds that workers get to save their runs when they are ended
# What submitit calls the same on every kind of cluster.
SHARED = ("timeout_min", "mem_gb", "nodes", "cpus_per_task", "gpus_per_node", "tasks_per_node", "stderr_to_stdout")


class Launcher(Protocol):
    """Starts workers of one ladder; the store decides what they do, so a launcher knows nothing of runs."""

    def start(self, folder: Path, name: str, held_back: bool) -> Alive:
        """Start a worker called ``name``; what is returned says whether it still runs (or waits to run)."""
        ...

    def close(self) -> None:
        """End every worker that still runs."""
        ...


class Local:
    """Workers as processes of this machine, one thread each."""

    def __init__(self, device: str = "cpu") -> None:
        self.device = device
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, folder: Path, name: str, held_back: bool) -> Alive:
        """Start a process."""
        words = ["ladder", "worker", str(folder), "--name", name, "--device", self.device]
        words += ["--held-back"] if held_back else []
        log = (folder / "workers.log").open("ab")
        process = subprocess.Popen([sys.executable, "-m", "forerun.cli", *words], stdout=log, stderr=log)
        log.close()
        self.processes.append(process)
        return lambda: process.poll() is None

    def close(self) -> None:
        """Ask every process to save its run and end, and wait for it."""
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait()


class Ray:
    """Workers as tasks of a Ray cluster (``address="auto"``), or of a local one that is ended again by :meth:`close`.

    The folder must be on a file system that all machines share. Settings go to ``ray.init``.
    """

    def __init__(self, device: str = "cpu", **settings: Any) -> None:
        try:
            import ray
        except ImportError:
            raise MissingExtra("ray", "ray", "a ladder on Ray") from None
        self.ray: Any = ray
        self.device, self.settings = device, settings
        self.tasks: list[Any] = []
        self.begun = False  # whether the connection is ours to end

    def start(self, folder: Path, name: str, held_back: bool) -> Alive:
        """Start a task."""
        if not self.ray.is_initialized():
            self._connect()
        options = {"num_gpus": 1} if self.device.startswith("cuda") else {"num_cpus": 1}
        remote = self.ray.remote(max_retries=0, **options)(work)
        task = remote.remote(str(folder.resolve()), name=name, held_back=held_back, device=self.device)
        self.tasks.append(task)
        return lambda: not self._ended(task, folder, name)

    def _connect(self) -> None:
        quiet = {"log_to_driver": False, "include_dashboard": False, "logging_level": logging.ERROR}
        if "address" in self.settings:
            del quiet["include_dashboard"]  # an existing cluster has one or not
        try:
            self.ray.init(**{**quiet, **self.settings})
        except (RuntimeError, ValueError, TypeError, ConnectionError) as error:
            raise _refused("ray", error) from None
        self.begun = True

    def _ended(self, task: Any, folder: Path, name: str) -> bool:
        """Whether a task has ended; why it did, where it failed, goes to the log of the workers."""
        if not self.ray.wait([task], timeout=0)[0]:
            return False
        try:
            self.ray.get(task)
        except Exception as error:  # whatever ended it is told, and another worker takes its place
            _log(folder, name, error)
        return True

    def close(self) -> None:
        """Ask every task that still runs to save its run and end, and wait for it."""
        for task in self.tasks:
            self.ray.cancel(task, force=False)
        if self.tasks:
            self.ray.wait(self.tasks, num_returns=len(self.tasks), timeout=GRACE)
        self.tasks = []
        if self.begun:
            self.ray.shutdown()
            self.begun = False


class Slurm:
    """Workers as SLURM jobs through submitit; ``cluster="local"`` runs them as processes of this machine instead.

    Further settings are submitit's (``timeout_min=120``, ``mem_gb=8``) or SLURM's own (``partition="gpu"``, ``account="us"``).
    """

    def __init__(self, device: str = "cpu", cluster: str = "slurm", **settings: Any) -> None:
        try:
            import submitit
        except ImportError:
            raise MissingExtra("submitit", "slurm", "a ladder on SLURM") from None
        # submitit wants the name of the cluster before a setting that only one kind of cluster has.
        named = {key if key in SHARED or key.startswith("slurm_") else f"slurm_{key}": v for key, v in settings.items()}
        gpus = {"gpus_per_node": 1} if device.startswith("cuda") else {}
        self.settings = {"timeout_min": 24 * 60, "cpus_per_task": 1, **gpus, **named}
        self.submitit, self.device, self.cluster = submitit, device, cluster
        self.jobs: list[Any] = []

    def start(self, folder: Path, name: str, held_back: bool) -> Alive:
        """Submit a job."""
        folder = folder.resolve()
        try:
            executor = self.submitit.AutoExecutor(folder=folder / "slurm", cluster=self.cluster)
            executor.update_parameters(name=name, **self.settings)
        except (RuntimeError, ValueError, NameError, AssertionError) as error:
            raise _refused("slurm", error) from None
        job = executor.submit(work, str(folder), name=name, held_back=held_back, device=self.device)
        self.jobs.append(job)
        return lambda: not self._ended(job, folder, name)

    def _ended(self, job: Any, folder: Path, name: str) -> bool:
        """Whether a job has ended; why it did, where it failed, goes to the log of the workers."""
        if not job.done():
            return False
        # Without the file, submitit would wait long for it.
        left = job.paths.result_pickle.exists()
        error = job.exception() if left else RuntimeError(f"the job left no result, see {job.paths.stderr}")
        if error is not None:
            _log(folder, name, error)
        return True

    def close(self) -> None:
        """Cancel every job that is not done; those of this machine are waited for."""
        if self.cluster == "local":
            self._wait(IDLE)  # workers that find nothing more to train end by themselves
        for job in self.jobs:
            if not job.done():
                job.cancel()
        if self.cluster == "local":
            self._wait(GRACE)
        self.jobs = []

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not all(job.done() for job in self.jobs):
            time.sleep(0.1)


def _log(folder: Path, name: str, error: Exception) -> None:
    """Tell in the log of the workers of what one of them died."""
    with (folder / "workers.log").open("a", encoding="utf-8") as log:
        log.write(f"worker {name}: {type(error).__name__}: {error}\n")


def _refused(name: str, error: Exception) -> DataError:
    """What Ray or submitit say about their settings, in one line."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    said = lines[0].strip().rstrip(".?") if lines else type(error).__name__
    advice = (
        "Check what --set gives it"
        if name == "ray"
        else "Check what --set gives it; --set cluster=local runs the jobs here"
    )
    return DataError("launcher-refused", f"the launcher {name} does not start: {said}", advice=advice)


LAUNCHERS = {"local": Local, "ray": Ray, "slurm": Slurm}


def launcher(name: str, *, device: str = "cpu", **settings: Any) -> Launcher:
    """The launcher of that name: ``local``, ``ray`` or ``slurm``; ``device`` is ``cpu``, ``mps``, ``cuda`` or ``cuda:1``.

    Settings that are text and look like a number become one. Raises ``DataError`` for an unknown name or device, and for
    settings of ``local``, which has none.
    """
    if name not in LAUNCHERS:
        raise DataError(
            "unknown-launcher", f"there is no launcher {name!r}", advice=f"Use one of: {', '.join(LAUNCHERS)}"
        )
    if not re.fullmatch(r"cpu|mps|cuda(:\d+)?", device):
        raise DataError("unknown-device", f"there is no device {device!r}", advice="Use one of: cpu, cuda, mps")
    if name == "local" and settings:
        message = f"the launcher local has no settings, received {', '.join(settings)}"
        raise DataError("bad-option", message, advice="Leave --set out, or name another launcher with --on")
    return LAUNCHERS[name](device=device, **{key: _value(value) for key, value in settings.items()})


def _value(given: Any) -> Any:
    """A setting as the number or truth value that its text says, if it is one."""
    if given in ("true", "false"):
        return given == "true"
    for kind in (int, float):
        try:
            return kind(given) if isinstance(given, str) else given
        except ValueError:
            continue
    return given
