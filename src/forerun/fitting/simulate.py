"""Runs drawn from a law with known parameters: for examples, tests, and the check that intervals cover."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from forerun.fitting.prediction import predict
from forerun.laws import Law
from forerun.laws.registry import get
from forerun.note import DataError
from forerun.runs import Runs, read_runs

Array = np.ndarray


def simulate(
    law: str | Law,
    *,
    n: int = 60,
    noise: float = 0.005,
    seed: int = 0,
    params: Mapping[str, float] | None = None,
    inputs: Mapping[str, Any] | None = None,
) -> Runs:
    """``n`` synthetic runs of ``law``: outcomes times exp(noise times a standard normal), or binomial counts.

    ``params`` default to a published set of the law, or to typical values; ``inputs`` (arrays of one length) default
    to draws that are uniform in the logarithm over each column's typical range. The table says that it is synthetic.

    >>> import forerun as fr
    >>> len(fr.simulate("chinchilla", n=12)), fr.simulate("m2", n=5).source
    (12, 'synthetic (m2)')
    """
    law = get(law) if isinstance(law, str) else law
    if law.indices:
        law = law.over(**{index: ["a", "b", "c"] for index in law.indices})
    if law.shared:
        raise DataError("bad-law", "simulate the groups of a shared law one by one")
    rng = np.random.default_rng(seed)
    columns = _inputs(law, n, rng) if inputs is None else {k: np.asarray(v, float) for k, v in inputs.items()}
    values = dict(law.typical() if params is None else params)
    arrays = [columns[name] for name in law.inputs]
    arrays = list(law.prepare(*arrays)) if law.prepare else arrays
    f = predict(law, arrays, np.array([[values[name] for name in law.params]]))[0]
    if law.trials is not None:
        trials = np.full(len(f), 1000.0)
        columns |= {law.trials.role: trials, law.output.role: rng.binomial(1000, np.clip(f, 0.0, 1.0)).astype(float)}
    else:
        columns[law.output.role] = f * np.exp(noise * rng.standard_normal(len(f)))
    runs = read_runs(columns, **{role: role for role in columns})
    return Runs(runs.columns, runs.roles, runs.conventions, runs.rows, f"synthetic ({law.name})")


def _inputs(law: Law, n: int, rng: np.random.Generator) -> dict[str, Array]:
    if law.prepare:
        step = np.unique(np.linspace(1, 20_000, n).astype(int)).astype(float)
        return {"step": step, "lr": 3e-4 * (0.1 + 0.9 * 0.5 * (1 + np.cos(np.pi * step / step[-1])))}
    shares = [role for role, column in law.inputs.items() if column.role == "r"]
    simplex = rng.dirichlet(np.ones(len(shares)), n) if shares else np.empty((n, 0))
    out = {}
    for role, column in law.inputs.items():
        low, high = column.typical
        out[role] = (
            simplex[:, shares.index(role)] if role in shares else np.exp(rng.uniform(np.log(low), np.log(high), n))
        )
    return out
