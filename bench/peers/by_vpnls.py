"""vpnls: its own variable projection on a grid, as its README fits the Chinchilla table."""

import common
import numpy as np
from vpnls.api import fit_vpnls, huber

REFITS, QUICK_REFITS = 40, 3
DID = "fit_vpnls(N / 1e6, D / 1e9, loss, resolution=0.01, loss=huber(1e-3)); Huber of the loss, not of its logarithm"


def fit(size: np.ndarray, tokens: np.ndarray, loss: np.ndarray) -> dict[str, float]:
    got = fit_vpnls(size / 1e6, tokens / 1e9, loss, resolution=0.01, loss=huber(1e-3))
    return {"E": float(got.E), "A": float(got.A * 1e6**got.alpha), "B": float(got.B * 1e9**got.beta),
            "alpha": float(got.alpha), "beta": float(got.beta)}  # fmt: skip


def columns(problem: common.Found) -> list[np.ndarray]:
    return [np.array(problem[name]) for name in ("N", "D", "loss")]


def global_fit(problem: common.Found) -> common.Found:
    data = columns(problem)
    found, params = common.timed(lambda: fit(*data))
    return found | {"params": params, "did": DID}


def refits(problem: common.Found) -> common.Found:
    data, random = columns(problem), np.random.default_rng(0)
    done, rows = QUICK_REFITS if problem["quick"] else REFITS, len(data[0])
    picked = [random.integers(rows, size=rows) for _ in range(done)]
    found, drawn = common.timed(lambda: [fit(*(c[i] for c in data)) for i in picked])
    se = {name: float(np.std([x[name] for x in drawn], ddof=1)) for name in drawn[0]}
    return common.scaled(found, done, problem["draws"]) | {"se": se, "did": "the same for each table of resampled rows"}


if __name__ == "__main__":
    common.main({"W1": global_fit, "W2": refits})
