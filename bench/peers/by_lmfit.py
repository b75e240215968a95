"""lmfit: Model.fit, minimize with a Huber loss, and L-BFGS-B from the standard grid; its own covariance, and refits."""

import warnings

import common
import lmfit
import numpy as np

from bench import peer

STARTS, QUICK_STARTS = 60, 5
REFITS, QUICK_REFITS = 100, 8
NAMES = ("E", "A", "B", "alpha", "beta")


def law(N, D, E, A, B, alpha, beta):
    return E + A * N**-alpha + B * D**-beta


def columns(problem: common.Found) -> tuple[np.ndarray, ...]:
    return tuple(np.array(problem[name]) for name in ("N", "D", "loss"))


def start(E: float, A: float, B: float, alpha: float, beta: float) -> lmfit.Parameters:
    """Logarithms of E, A and B, as the law is usually fitted."""
    return lmfit.create_params(e=np.log(E), a=np.log(A), b=np.log(B), alpha=alpha, beta=beta)


def residuals(params, u, v, log_loss):
    x = params.valuesdict()
    return np.logaddexp(np.logaddexp(x["e"], x["a"] - x["alpha"] * u), x["b"] - x["beta"] * v) - log_loss


def huber(r):
    clipped = np.clip(r, -peer.DELTA, peer.DELTA)
    return (clipped * (r - 0.5 * clipped)).sum() / peer.DELTA


def natural(params) -> dict[str, float]:
    x = params.valuesdict()
    return {"E": np.exp(x["e"]), "A": np.exp(x["a"]), "B": np.exp(x["b"]), "alpha": x["alpha"], "beta": x["beta"]}


def model(problem: common.Found) -> common.Found:
    size, tokens, loss = columns(problem)
    fitted = lmfit.Model(law, independent_vars=["N", "D"])
    found, result = common.timed(lambda: fitted.fit(loss, N=size, D=tokens, **common.HOFFMANN))
    se = {name: p.stderr for name, p in result.params.items() if p.stderr is not None}
    return found | {
        "params": dict(result.best_values),
        "se": se,
        "did": "Model(law).fit(loss, N=N, D=D, Hoffmann's coefficients)",
    }


def robust_fit(logs, begin):
    return lmfit.minimize(residuals, begin, args=logs, method="least_squares", loss="huber", f_scale=peer.DELTA)


def robust(problem: common.Found) -> common.Found:
    logs = tuple(np.log(c) for c in columns(problem))
    found, result = common.timed(lambda: robust_fit(logs, start(**common.HOFFMANN)))
    did = 'minimize(log residuals, Hoffmann\'s coefficients, method="least_squares", loss="huber", f_scale=1e-3)'
    return found | {"params": natural(result.params), "did": did}


def grid(problem: common.Found) -> common.Found:
    logs = tuple(np.log(c) for c in columns(problem))
    every = peer.starts()
    chosen = np.random.default_rng(0).permutation(every)[: QUICK_STARTS if problem["quick"] else STARTS]

    def search():
        begins = [lmfit.create_params(a=a, b=b, e=e, alpha=alpha, beta=beta) for a, b, e, alpha, beta in chosen]
        return [lmfit.minimize(residuals, x, args=logs, method="lbfgsb", reduce_fcn=huber) for x in begins]

    found, ended = common.timed(search)
    best = min(ended, key=lambda e: huber(e.residual))
    did = 'minimize(log residuals, method="lbfgsb", reduce_fcn=huber) from a random part of the standard grid'
    return common.scaled(found, len(chosen), len(every)) | {"params": natural(best.params), "did": did}


def refits(problem: common.Found) -> common.Found:
    data, random = columns(problem), np.random.default_rng(0)
    done, rows = QUICK_REFITS if problem["quick"] else REFITS, len(data[0])
    picked = [random.integers(rows, size=rows) for _ in range(done)]
    begin = start(**problem["best"])
    found, ended = common.timed(lambda: [robust_fit(tuple(np.log(c[i]) for c in data), begin) for i in picked])
    drawn = [natural(e.params) for e in ended]
    se = {name: float(np.std([x[name] for x in drawn], ddof=1)) for name in NAMES}
    did = 'the same minimize(method="least_squares", loss="huber") from the optimum, resampled rows'
    return common.scaled(found, done, problem["draws"]) | {"se": se, "did": did}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    common.main({"W1 Model.fit": model, "W1 least_squares": robust, "W1 grid": grid, "W2": refits})
