"""SciPy by hand: curve_fit, least_squares with a Huber loss, L-BFGS-B from the standard grid, BFGS refits."""

import common
import numpy as np
from scipy.optimize import curve_fit, least_squares

from bench import peer

STARTS, SOME_STARTS, QUICK_STARTS = 4_500, 450, 90
REFITS, QUICK_REFITS = 400, 40
NAMES = ("E", "A", "B", "alpha", "beta")
START = tuple(common.HOFFMANN[name] for name in NAMES)


def law(rows, E, A, B, alpha, beta):
    size, tokens = rows
    return E + A * size**-alpha + B * tokens**-beta


def columns(problem: common.Found) -> tuple[np.ndarray, ...]:
    return tuple(np.array(problem[name]) for name in ("N", "D", "loss"))


def objective(problem: common.Found, weights: np.ndarray | None = None) -> peer.Lean:
    logs = [np.log(column) for column in columns(problem)]
    return peer.Lean(*logs, np.ones(len(logs[0])) if weights is None else weights)


def curve(problem: common.Found, start: tuple[float, ...] | None) -> common.Found:
    size, tokens, loss = columns(problem)
    found, (best, covariance) = common.timed(lambda: curve_fit(law, (size, tokens), loss, p0=start))
    call = "curve_fit(law, (N, D), loss" + (")" if start is None else ", p0=Hoffmann's published coefficients)")
    se = dict(zip(NAMES, np.sqrt(np.diag(covariance)).tolist())) if np.isfinite(covariance).all() else {}
    return found | {"params": dict(zip(NAMES, best.tolist())), "se": se, "did": call}


def shares(x: np.ndarray, logs: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Logarithm of the prediction at (e, a, b, alpha, beta), and the share of each of the three terms."""
    terms = np.stack([np.full_like(logs[0], x[0]), x[1] - x[3] * logs[0], x[2] - x[4] * logs[1]])
    top = terms.max(0)
    terms = np.exp(terms - top)
    total = terms.sum(0)
    return top + np.log(total), terms / total


def huber_fit(logs: list[np.ndarray], start: np.ndarray):
    """`least_squares` on log residuals with its own Huber loss: the same objective as forerun's, divided by nothing."""

    def residuals(x):
        return shares(x, logs)[0] - logs[2]

    def slopes(x):
        part = shares(x, logs)[1]
        return np.stack([*part, -part[1] * logs[0], -part[2] * logs[1]], axis=1)

    return least_squares(residuals, start, jac=slopes, loss="huber", f_scale=peer.DELTA)


def robust(problem: common.Found) -> common.Found:
    logs = [np.log(column) for column in columns(problem)]
    found, ended = common.timed(lambda: huber_fit(logs, np.r_[np.log(START[:3]), START[3:]]))
    did = 'least_squares(log residuals, Hoffmann\'s coefficients, jac=..., loss="huber", f_scale=1e-3), one start'
    return found | {"params": dict(zip(NAMES, [*np.exp(ended.x[:3]).tolist(), *ended.x[3:].tolist()])), "did": did}


def robust_grid(problem: common.Found) -> common.Found:
    """The standard grid of starts with the solver above."""
    logs = [np.log(column) for column in columns(problem)]
    chosen = np.random.default_rng(0).permutation(peer.starts())[: QUICK_STARTS if problem["quick"] else SOME_STARTS]
    found, ended = common.timed(lambda: [huber_fit(logs, x[[2, 0, 1, 3, 4]]) for x in chosen])
    best = min(ended, key=lambda e: e.cost)
    share = float(np.mean([e.cost <= best.cost * (1 + 1e-6) for e in ended]))
    did = f"the same from a random part of the standard grid; {share:.0%} of the starts reach the lowest objective"
    return common.scaled(found, len(chosen), STARTS) | {
        "params": dict(zip(NAMES, [*np.exp(best.x[:3]).tolist(), *best.x[3:].tolist()])), "did": did}  # fmt: skip


def robust_refits(problem: common.Found) -> common.Found:
    data, random = [np.log(column) for column in columns(problem)], np.random.default_rng(0)
    done, rows, best = QUICK_REFITS if problem["quick"] else REFITS, len(data[0]), problem["best"]
    start = np.array([*(np.log(best[name]) for name in "EAB"), best["alpha"], best["beta"]])
    picked = [random.integers(rows, size=rows) for _ in range(done)]
    found, ended = common.timed(lambda: [huber_fit([c[i] for c in data], start) for i in picked])
    x = np.array([e.x for e in ended])
    se = dict(zip(NAMES, np.c_[np.exp(x[:, :3]), x[:, 3:]].std(0, ddof=1).tolist()))
    return common.scaled(found, done, problem["draws"]) | {
        "se": se, "did": 'least_squares(loss="huber", jac=...) from the optimum, resampled rows'}  # fmt: skip


def natural(x: np.ndarray) -> dict[str, float]:
    a, b, e, alpha, beta = x.tolist()
    return {"E": np.exp(e), "A": np.exp(a), "B": np.exp(b), "alpha": alpha, "beta": beta}


def grid(problem: common.Found) -> common.Found:
    starts = peer.starts()
    if problem["quick"]:
        starts = np.random.default_rng(0).permutation(starts)[:QUICK_STARTS]
    found, ended = common.timed(lambda: peer.minima(objective(problem), starts))
    best = min(ended, key=lambda e: e.fun if np.isfinite(e.fun) else np.inf)
    did = "minimize(method='L-BFGS-B', jac=True, defaults) from the standard grid, log-sum-exp written out"
    return common.scaled(found, len(starts), STARTS) | {"params": natural(best.x), "did": did}


def refits(problem: common.Found) -> common.Found:
    done, rows = QUICK_REFITS if problem["quick"] else REFITS, len(problem["N"])
    best = problem["best"]
    start = np.array([np.log(best["A"]), np.log(best["B"]), np.log(best["E"]), best["alpha"], best["beta"]])
    counts = np.random.default_rng(0).multinomial(rows, np.full(rows, 1 / rows), size=done).astype(float)
    found, ended = common.timed(lambda: [peer.refit_one(objective(problem, w), start) for w in counts])
    drawn = [natural(e.x) for e in ended]
    se = {name: float(np.std([x[name] for x in drawn], ddof=1)) for name in NAMES}
    did = "minimize(method='BFGS', jac=True, gtol=1e-10) from the optimum, resampled rows"
    return common.scaled(found, done, problem["draws"]) | {"se": se, "did": did}


if __name__ == "__main__":
    common.main({
        "W1 curve_fit": lambda p: curve(p, None), "W1 curve_fit p0": lambda p: curve(p, START),
        "W1 least_squares": robust, "W1 least_squares grid": robust_grid, "W1 grid": grid,
        "W2": refits, "W2 least_squares": robust_refits,
    })  # fmt: skip
