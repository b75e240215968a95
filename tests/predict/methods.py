"""Simulated methods whose multiplier or crossing is known, with noise of their own or noise that they share."""

from __future__ import annotations

import numpy as np

import forerun as fr

TRUTH = {"E": 1.8172, "A": 482.01, "alpha": 0.3478, "B": 2085.43, "beta": 0.3658}
CROSSING = {"E": 1.75, "A": 520.0, "alpha": 0.3478, "B": 2250.0, "beta": 0.3658}  # worse small, better large
TABLES = 20
FEWEST_HELD = 0.7 * TABLES  # three binomial standard errors of 20 tables below 90 %
SHARED = 0.8  # share of the noise's variance that methods with the same seeds have in common


def losses(size, tokens, multiplier=1.0, params=TRUTH):
    """What a method reaches whose every FLOP is worth ``multiplier`` of those that ``params`` describe."""
    k = multiplier**0.5
    return fr.laws.get("chinchilla")(size * k, tokens * k, **params)


def random_runs(seed, multiplier=1.0, params=TRUTH, noise=0.003, rows=60):
    """Runs of a method at settings of its own."""
    rng = np.random.default_rng(seed)
    compute, ratio = (np.exp(rng.uniform(np.log(low), np.log(high), rows)) for low, high in ((1e18, 1e21), (5, 100)))
    size = np.sqrt(compute / 6 / ratio)
    loss = losses(size, ratio * size, multiplier, params) * np.exp(rng.normal(0, noise, rows))
    return fr.read_runs({"N": size, "D": ratio * size, "loss": loss})


def grid_columns(seed, multiplier=1.0, params=TRUTH, noise=0.003, method=1):
    """Five budgets, six ratios and two seeds; methods of one ``seed`` share most of the noise of a setting and its seed."""
    common, own = (np.random.default_rng([seed, k]).standard_normal(60) for k in (0, method))
    compute, ratio, number = (
        x.ravel() for x in np.meshgrid(np.geomspace(1e18, 1e21, 5), np.geomspace(5, 100, 6), [7, 8])
    )
    size = np.sqrt(compute / 6 / ratio)
    error = noise * (SHARED**0.5 * common + (1 - SHARED) ** 0.5 * own)
    loss = losses(size, ratio * size, multiplier, params) * np.exp(error)
    return {"N": size, "D": ratio * size, "seed": number.astype(int), "loss": loss}


def fitted(runs, **settings):
    return fr.fit("chinchilla", runs, **{"draws": 200, **settings})


def on_grid(seed, *settings, **named):
    return fitted(fr.read_runs(grid_columns(seed, *settings, **named)))


def verdict(one, two):
    """The comparison without back-tests, which these tests do not look at."""
    return fr.compare({"one": one, "two": two}, cuts=0)


def saved(fit):
    return fr.Fit.from_json(fit.to_json())


def width(interval):
    return np.log(interval[1] / interval[0])


def frontier(params, compute):
    ratio = np.geomspace(0.1, 1000, 4000)
    size = np.sqrt(compute / 6 / ratio)
    return fr.laws.get("chinchilla")(size, ratio * size, **params).min()
