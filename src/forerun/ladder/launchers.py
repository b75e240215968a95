"""Where workers run: processes of this machine, tasks of a Ray cluster, or jobs of SLURM. Each is a thin adapter."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from forerun.ladder.worker import work
from forerun.note import DataError, MissingExtra

Alive = Callable[[], bool]


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
    """Workers as tasks of the Ray cluster that is there, or of a local one; the folder must be on a shared file system."""

    def __init__(self, device: str = "cpu", **settings: Any) -> None:
        try:
            import ray
        except ImportError:
            raise MissingExtra("ray", "ray", "a ladder on Ray") from None
        self.ray: Any = ray
        self.device = device
        self.tasks: list[Any] = []
        if not ray.is_initialized():
            ray.init(log_to_driver=False, include_dashboard=False, **settings)
        options = {"num_gpus": 1} if device.startswith("cuda") else {"num_cpus": 1}
        self.remote = self.ray.remote(max_retries=0, **options)(work)

    def start(self, folder: Path, name: str, held_back: bool) -> Alive:
        """Start a task."""
        task = self.remote.remote(str(folder.resolve()), name=name, held_back=held_back, device=self.device)
        self.tasks.append(task)
        return lambda: not self.ray.wait([task], timeout=0)[0]

    def close(self) -> None:
        """Cancel every task that still runs."""
        for task in self.tasks:
            self.ray.cancel(task, force=True)


class Slurm:
    """Workers as SLURM jobs through submitit; ``cluster="local"`` runs them as processes of this machine instead.

    Further settings (``partition="gpu"``, ``time=120``) go to SLURM as submitit knows them.
    """

    def __init__(self, device: str = "cpu", cluster: str | None = None, **settings: Any) -> None:
        try:
            import submitit
        except ImportError:
            raise MissingExtra("submitit", "slurm", "a ladder on SLURM") from None
        self.submitit, self.device, self.cluster, self.settings = submitit, device, cluster, settings
        self.jobs: list[Any] = []

    def start(self, folder: Path, name: str, held_back: bool) -> Alive:
        """Submit a job."""
        executor = self.submitit.AutoExecutor(folder=folder / "slurm", cluster=self.cluster)
        gpus = {"gpus_per_node": 1} if self.device.startswith("cuda") else {}
        executor.update_parameters(name=name, cpus_per_task=1, **{"timeout_min": 24 * 60} | gpus | self.settings)
        job = executor.submit(work, str(folder.resolve()), name=name, held_back=held_back, device=self.device)
        self.jobs.append(job)
        return lambda: not job.done()

    def close(self) -> None:
        """Cancel every job that is not done."""
        for job in self.jobs:
            if not job.done():
                job.cancel()


LAUNCHERS = {"local": Local, "ray": Ray, "slurm": Slurm}


def launcher(name: str, *, device: str = "cpu", **settings: Any) -> Launcher:
    """The launcher of that name: ``local``, ``ray`` or ``slurm``; ``device`` is ``cpu``, ``mps``, ``cuda`` or ``cuda:1``."""
    if name not in LAUNCHERS:
        raise DataError(
            "unknown-launcher", f"there is no launcher {name!r}", advice=f"Use one of: {', '.join(LAUNCHERS)}"
        )
    if not re.fullmatch(r"cpu|mps|cuda(:\d+)?", device):
        raise DataError("unknown-device", f"there is no device {device!r}", advice="Use one of: cpu, cuda, mps")
    if settings and name == "local":
        message = f"workers on this machine have no settings, received {', '.join(settings)}"
        raise DataError("bad-option", message, advice="Leave them out, or choose ray or slurm")
    return LAUNCHERS[name](device=device, **settings)
