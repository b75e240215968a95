"""The toolkit `chinchilla`: `Chinchilla(folder, param_grid).fit()`, by its README and with the objective of the paper."""

import os

os.environ["MPLBACKEND"] = "Agg"

import csv
import tempfile
from functools import partial
from pathlib import Path

import common
import numpy as np
from chinchilla import Chinchilla
from chinchilla._metrics import log_huber

README = {"E": (1, 2), "a": (1, 10), "b": (1, 10), "alpha": (0.1, 0.7), "beta": (0.1, 0.7)}
POINTS, QUICK_POINTS = 5, 1  # an axis
DID = "Chinchilla(folder, param_grid of its README).fit(parallel=False), BFGS from each start"


def grid(points: int) -> dict[str, np.ndarray]:
    """The grid of its README; for a quick look only the middle of it."""
    return {
        name: np.linspace(low, high, points) if points > 1 else np.array([(low + high) / 2])
        for name, (low, high) in README.items()
    }


def write(problem: common.Found, folder: Path) -> None:
    with (folder / "df.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["C", "N", "D", "loss"])
        writer.writerows((6 * n * d, n, d, y) for n, d, y in zip(*(problem[k] for k in ("N", "D", "loss"))))


def global_fit(problem: common.Found, **settings) -> common.Found:
    points = QUICK_POINTS if problem["quick"] else POINTS
    with tempfile.TemporaryDirectory() as folder:
        write(problem, Path(folder))
        peer = Chinchilla(folder, param_grid=grid(points), log_level=40, **settings)
        start = common.cpu()
        peer.fit(parallel=False)
        seconds = common.cpu() - start
    found = {"cpu": seconds, "cpu_first": seconds, "calls": 1, "params": peer.params, "did": DID}
    return common.scaled(found, points ** len(README), POINTS ** len(README))


if __name__ == "__main__":
    common.main({
        "W1": global_fit,
        "W1 log_huber": lambda p: global_fit(p, loss_fn=partial(log_huber, delta=1e-3)),
    })  # fmt: skip
