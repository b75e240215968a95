"""NumPy by hand: approach 2 of Hoffmann et al. 2022, a `polyfit` for each budget and one through the minima."""

import common
import numpy as np

DRAWS, QUICK_DRAWS = 400, 40


def exponent(size: np.ndarray, budget: np.ndarray, loss: np.ndarray, parts: list[np.ndarray]) -> float:
    """The exponent of N* in C: parabolas of the loss in log N, a line through their minima."""
    curves = [np.polyfit(size[p], loss[p], 2) for p in parts]
    return float(np.polyfit([budget[p[0]] for p in parts], [-b / (2 * a) for a, b, _ in curves], 1)[0])


def table(problem: common.Found) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[np.ndarray]]:
    size, budget, loss = (np.array(problem["isoflop"][name]) for name in ("N", "C", "loss"))
    return np.log10(size), np.log10(budget), loss, [np.flatnonzero(budget == c) for c in np.unique(budget)]


def fit(problem: common.Found) -> common.Found:
    columns = table(problem)
    found, a = common.timed(lambda: exponent(*columns))
    return found | {
        "exponents": {"N": a, "D": 1 - a},
        "did": "np.polyfit of each budget, np.polyfit of the minima; D* = C / 6 N*",
    }


def refits(problem: common.Found) -> common.Found:
    *columns, parts = table(problem)
    done, random = QUICK_DRAWS if problem["quick"] else DRAWS, np.random.default_rng(0)

    def draw() -> float:
        return exponent(*columns, [random.choice(p, len(p)) for p in parts])

    def loop() -> list[float]:
        with np.errstate(all="ignore"):
            return [draw() for _ in range(done)]

    found, drawn = common.timed(loop)
    low, high = np.quantile(drawn, [0.05, 0.95]).tolist()
    did = "the same in a loop over rows resampled within each budget"
    return common.scaled(found, done, problem["draws"]) | {
        "exponents": {"N": float(np.median(drawn)), "D": 1 - float(np.median(drawn))}, "interval": [low, high], "did": did}  # fmt: skip


if __name__ == "__main__":
    common.main({"W3": fit, "W3 bootstrap": refits})
