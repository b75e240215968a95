"""Results to draw: synthetic runs of the kinds of tables and laws that differ in their pictures."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import forerun as fr


@cache
def isoflop_runs():
    budget, size = (a.ravel() for a in np.meshgrid([1e18, 1e19, 1e20, 1e21], np.geomspace(0.2, 5, 8)))
    N = 3e7 * (budget / 1e18) ** 0.5 * size
    return fr.simulate("chinchilla", inputs={"N": N, "D": budget / (6 * N)}, noise=0.004, seed=0)


def grouped_runs(law, **columns):
    """Three families of runs of one law, with other amplitudes."""
    tables = [fr.simulate(law, n=12, noise=0.01, seed=k) for k in range(3)]
    data = {role: np.concatenate([t[role] for t in tables]) for role in tables[0].roles}
    y = "loss" if "loss" in data else "y"
    data[y] = data[y] * np.repeat([1.0, 1.2, 1.5], 12)
    return fr.read_runs(
        data | {"family": np.repeat(["gpt", "llama", "mamba"], 12)}, **{r: r for r in [*data, "family"]}
    )


@cache
def _case(name):
    if name == "isoflop":
        runs = isoflop_runs()
        return fr.fit("chinchilla", runs, draws=60), runs
    if name == "many-sizes":
        runs = fr.simulate("chinchilla", n=80, noise=0.01, seed=1)
        return fr.fit("chinchilla", runs, draws=60), runs
    if name == "outliers":
        runs = fr.simulate("chinchilla", n=60, noise=0.002, seed=0)
        loss = runs["loss"].copy()
        loss[np.argsort(runs["D"])[:2]] *= [2.0, 1.5]
        runs = fr.read_runs({"N": runs["N"], "D": runs["D"], "loss": loss}, N="N", D="D", loss="loss")
        return fr.fit("chinchilla", runs, draws=60, objective="squared-log"), runs
    if name == "tiny":
        runs = fr.simulate("chinchilla", n=8, seed=3)
        return fr.fit("chinchilla", runs, draws=60), runs
    if name == "no-draws":
        runs = isoflop_runs()
        return fr.fit("chinchilla", runs, uncertainty="none"), runs
    if name == "one-input":
        runs = fr.simulate("power-law-floor", n=14, noise=0.02, seed=1)
        return fr.fit("power-law-floor", runs, draws=60), runs
    if name == "error":
        x = np.geomspace(1e3, 1e7, 20)
        runs = fr.read_runs({"x": x, "y": 0.1 * x**0.1}, x="x", y="y")
        return fr.fit("power-law", runs, draws=60), runs
    if name == "counts":
        runs = fr.simulate("pass-sigmoid", n=20, seed=2)
        return fr.fit("pass-sigmoid", runs, draws=60), runs
    if name == "grouped":
        runs = grouped_runs("chinchilla")
        return fr.fit(fr.laws.get("chinchilla").share("alpha", "beta", across="family"), runs, draws=60), runs
    assert name == "grouped-one-input"
    runs = grouped_runs("power-law")
    return fr.fit(fr.laws.get("power-law").share("alpha", across="family"), runs, draws=60), runs


CASES = (
    "isoflop", "many-sizes", "outliers", "tiny", "no-draws", "one-input", "error", "counts", "grouped", "grouped-one-input",
)  # fmt: skip


@pytest.fixture
def case():
    """A fit and its runs by the name of the case."""
    return _case


@pytest.fixture(params=["page", "slide"])
def size(request):
    return request.param
