"""simple-scaling-laws: `fit` with its separable law, its wild bootstrap, and `fit_isoflop`."""

import warnings

import common
import polars as pl
from simple_scaling_laws import fit, fit_isoflop

LAW, TARGET = "separable-power", "test_loss__ce"
SIZE, TOKENS = "model_size__n_params", "dataset_size__n_tokens"


def table(columns: common.Found) -> pl.DataFrame:
    """Its own column names, one evaluation a run."""
    named = {
        "training_run_id": [str(i) for i in range(len(columns["N"]))],
        SIZE: columns["N"], TOKENS: columns["D"], TARGET: columns["loss"],
    }  # fmt: skip
    return pl.DataFrame(named | ({"compute__flops": columns["C"]} if "C" in columns else {}))


def raw(model) -> dict[str, float]:
    """Its amplitudes belong to predictors divided by a reference size; these are those of N and D themselves."""
    x = {name: float(value) for name, value in model.params(TARGET).items()}
    for amplitude, exponent, column in (("A", "alpha", SIZE), ("B", "beta", TOKENS)):
        x[amplitude] *= model.observed_domain[column]["reference"] ** x[exponent]
    return x


def global_fit(problem: common.Found, draws: int) -> common.Found:
    runs = table({name: problem[name] for name in ("N", "D", "loss")})
    found, model = common.timed(lambda: fit(runs, law=LAW, n_draws=draws, seed=0))
    found |= {"params": raw(model), "did": f'fit(runs, law="{LAW}", n_draws={draws}), least squares'}
    if draws > 1:
        ranges = model.conf_int(TARGET, level=0.6827)
        found["se"] = {name: (ranges[name][1] - ranges[name][0]) / 2 for name in ("E", "alpha", "beta")}
    return found


def isoflop(problem: common.Found, draws: int, degree: int) -> common.Found:
    runs = table(problem["isoflop"])
    found, profiles = common.timed(lambda: fit_isoflop(runs, n_draws=draws, degree=degree, seed=0))
    a = float(profiles.slope)
    did = f"fit_isoflop(runs, n_draws={draws}, degree={degree})"
    return found | {"exponents": {"N": a, "D": 1 - a}, "did": did}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    common.main({
        "W1": lambda p: global_fit(p, 1), "W2": lambda p: global_fit(p, p["draws"]),
        "W3": lambda p: isoflop(p, 1, 2), "W3 bootstrap": lambda p: isoflop(p, p["draws"], 2),
    })  # fmt: skip
