"""What every law keeps: functions that take a Law (or a Term) and raise where it breaks the promise.

A law of your own passes them like a registered one: see ``test_a_law_declared_by_a_user_keeps_every_promise``.
"""

from __future__ import annotations

import math
import re
from functools import partial

import numpy as np

import forerun as fr
from forerun.fitting.jet import Jet, parameter, slopes, weighted_bends
from forerun.fitting.observations import law_inputs
from forerun.fitting.prediction import differentiate, predict
from forerun.laws.declare import STATUSES
from forerun.runs import Runs

MEMBERS = ("a", "b", "c")
TRIALS = 1e6
DIMENSIONLESS = {"x", "y", "lr", "r", "run"}  # columns that are declared to have no unit
KEBAB = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
GRADIENT_DIGITS, HESSIAN_DIGITS, RECOVERY_DIGITS, SAME_PREDICTION_DIGITS = 7, 5, 6, 8
STEP = 1e-3
SIXTH_ORDER = np.array([-1 / 60, 3 / 20, -3 / 4, 0, 3 / 4, -3 / 20, 1 / 60])
PLACES = np.arange(-3, 4)


def bound(law):
    """The law with every index spread over three members."""
    indices = getattr(law, "indices", ())
    return law.over(**dict.fromkeys(indices, MEMBERS)) if indices else law


def exact_runs(law, *, n=None, seed=0):
    """Runs without noise at typical parameters; counts are expected counts, of many trials."""
    runs = fr.simulate(law, n=n or 60 + 10 * len(law.params), noise=0.0, seed=seed)
    if law.trials is None:
        return runs
    share = predict(law, law_inputs(law, runs), vector(law, law.typical()))[0]
    columns = {**runs.columns, law.trials.role: np.full(len(runs), TRIALS), law.output.role: TRIALS * share}
    return Runs(columns, runs.roles, runs.conventions, runs.rows, runs.source)


def vector(law, params):
    return np.array([[params[name] for name in law.params]])


def prepared_inputs(law, *, n=40, seed=0):
    """Arrays over the typical ranges of the inputs, as the formula takes them."""
    if isinstance(law, fr.Term):
        rng = np.random.default_rng(seed)
        return [np.exp(rng.uniform(*np.log(column.typical), n)) for column in law.inputs.values()]
    return list(law_inputs(law, fr.simulate(law, n=n, noise=0.0, seed=seed)))


def random_params(law, *, count=20, seed=0, inside=0.0):
    """Typical parameters first, then random ones in the search ranges, (count, p), and the sizes of those ranges (p,).

    ``inside`` keeps off the edges of the ranges.
    """
    rng = np.random.default_rng(seed)
    if isinstance(law, fr.Term):
        typical, columns = [p.typical for p in law.params.values()], {}
    else:
        runs = fr.simulate(law, n=40, noise=0.0, seed=seed)
        typical = list(law.typical().values())
        y = runs[law.output.role] if law.trials is None else runs[law.output.role] / runs[law.trials.role]
        columns = {**{role: runs[role] for role in law.inputs}, "y": y}
    points, sizes = np.empty((count, len(law.params))), np.empty(len(law.params))
    for i, param in enumerate(law.params.values()):
        low, high = param.search(columns) if callable(param.search) else param.search
        sizes[i] = high - low if param.scale == "linear" else 0.0
        u = rng.uniform(inside, 1.0 - inside, count)
        points[:, i] = low * (high / low) ** u if param.scale == "log" else low + (high - low) * u
    points[0] = typical
    return points, sizes


def columns_of(law, params):
    return {name: params[:, i : i + 1] for i, name in enumerate(law.params)}


def finite_over_its_domain(law):
    law = bound(law)
    inputs, (params, _) = prepared_inputs(law), random_params(law)
    values = law(*inputs, **columns_of(law, params)) if isinstance(law, fr.Term) else predict(law, inputs, params)
    where = np.argwhere(~np.isfinite(values))
    assert not len(where), f"{law.name} is {values[tuple(where[0])]} at {dict(zip(law.params, params[where[0][0]]))}"


def broadcasts(law):
    law = bound(law)
    inputs, (params, _) = prepared_inputs(law, n=7), random_params(law, count=5)
    implicit = getattr(law, "kind", "") == "implicit"
    outcome = predict(law, inputs, params) if implicit else None
    first = [outcome] if implicit else []
    with np.errstate(all="ignore"):
        assert np.shape(law(*first, *inputs, **columns_of(law, params))) == (5, len(inputs[0]))
    one = dict(zip(law.params, params[0].tolist()))
    scalars = [float(x[0]) for x in inputs]
    scalar = law(*([float(outcome[0, 0])] if implicit else []), *scalars, **one)
    assert np.ndim(scalar) == 0, f"{law.name} gives shape {np.shape(scalar)} for plain numbers"
    if not implicit:
        assert math.isclose(float(scalar), float(law(*inputs, **columns_of(law, params))[0, 0]), rel_tol=1e-12)


def has_right_derivatives(law):
    """First and second derivatives against differences of sixth order, at random points, relative to the outcome."""
    law = bound(law)
    inputs, (params, ranges) = prepared_inputs(law, n=12, seed=1), random_params(law, count=8, seed=1, inside=0.1)
    jets = [Jet(x) for x in inputs]
    names, sizes = list(law.params), np.maximum(np.abs(params), 1e-3 * ranges)

    def value(moved):
        if isinstance(law, fr.Term):
            return law(*inputs, **columns_of(law, moved))
        return predict(law, inputs, moved)

    f = value(params)
    with np.errstate(all="ignore"):
        if isinstance(law, fr.Term):
            made = law(*jets, **{n: parameter(v, i) for i, (n, v) in enumerate(columns_of(law, params).items())})
            gradient = slopes(made, f.shape, len(names))
            bends = partial(weighted_bends, made, params=len(names))
        else:
            exact = differentiate(law, jets, params, exact=True)
            gradient, bends = exact.slopes, exact.bends
        # row by row: the sum over rows under weights that leave one
        hessian = np.stack([bends(np.broadcast_to(row, f.shape)) for row in np.eye(f.shape[1])], axis=-1)

    def difference(i, at):
        steps = [at + k * STEP * sizes * (np.arange(len(names)) == i) for k in PLACES]
        return sum(c * value(s) for c, s in zip(SIXTH_ORDER, steps) if c) / STEP

    for i, name in enumerate(names):
        size = sizes[:, i : i + 1]
        found, expected = gradient[:, i] * size, difference(i, params)
        agree(found, expected, np.abs(f) + np.abs(expected), GRADIENT_DIGITS, f"d {law.name} / d {name}")
        for j in range(i, len(names)):
            moved = [params + k * STEP * sizes * (np.arange(len(names)) == j) for k in PLACES]
            second = sum(c * difference(i, m) for c, m in zip(SIXTH_ORDER, moved) if c) / STEP
            found = hessian[:, i, j] * size * sizes[:, j : j + 1]
            scale = np.abs(f) + np.abs(expected) + np.abs(second)
            agree(found, second, scale, HESSIAN_DIGITS, f"d2 {law.name} / d {name} d {names[j]}")


def agree(found, expected, scale, digits, what):
    error = np.abs(found - expected) / scale
    worst = np.unravel_index(np.nanargmax(error), error.shape)
    assert np.isfinite(error).all(), f"{what} is not finite"
    message = f"{what}: {found[worst]:.12g} against {expected[worst]:.12g} by differences"
    assert error[worst] <= 10.0**-digits, message


def gives_its_parameters_back(law):
    """A fit to runs without noise finds the parameters; where the law says that it cannot, the same predictions."""
    law = bound(law)
    runs = exact_runs(law)
    fit = fr.fit(law, runs, uncertainty="none")
    truth = law.typical()
    inputs = law_inputs(law, runs)
    one, two = (predict(law, inputs, vector(law, p))[0] for p in (truth, fit.params))
    np.testing.assert_allclose(two, one, rtol=10.0**-SAME_PREDICTION_DIGITS, err_msg=f"{law.name}: other predictions")
    if not law.unidentified:
        found, expected = (np.array([p[n] for n in law.params]) for p in (fit.params, truth))
        np.testing.assert_allclose(
            found, expected, rtol=10.0**-RECOVERY_DIGITS, err_msg=f"{law.name}: {list(law.params)}"
        )


def is_content_with_a_perfect_fit(law):
    """A fit that goes through all its points is an optimum, and is called one."""
    law = bound(law)
    fit = fr.fit(law, exact_runs(law), uncertainty="none")
    assert fit.outcome == "converged" or (fit.outcome == "flat" and law.unidentified), (fit.outcome, fit.solution)


def standardised_errors(law, *, seed, n=60, noise=0.005, draws=200):
    """(estimate - truth) / sd(draws) of every parameter, on their own scale, in one simulated table."""
    law = bound(law)
    fit = fr.fit(law, fr.simulate(law, n=n, noise=noise, seed=seed), draws=draws, seed=seed)
    truth = np.array(list(law.typical().values()))
    found, samples = np.array(list(fit.params.values())), np.array(fit.draws)
    for i, param in enumerate(law.params.values()):
        if param.scale == "log":
            found[i], truth[i], samples[:, i] = np.log(found[i]), np.log(truth[i]), np.log(samples[:, i])
    return (found - truth) / samples.std(axis=0)


def evaluates_to(law, values, check):
    """The number that a published check is about, with the coefficients ``values`` of its set."""
    if "at" in check:
        return float(law(*(check["at"][role] for role in law.inputs), **values))
    if "ratio" in check:
        above, below = (law(*(at[role] for role in law.inputs), **values) for at in check["ratio"])
        return float(above / below)
    return float(fr.plan(Published(law, values), flops=check["flops"]).choice[check["quantity"]])


class Published:
    """A Predictor that knows published coefficients and no uncertainty."""

    notes = ()
    level = 0.9

    def __init__(self, law, values):
        self.law, self.values = law, values

    def predict(self, inputs):
        return self.law(*(np.atleast_1d(inputs[role]) for role in self.law.inputs), **self.values)

    def sample(self, inputs):
        return np.empty((0, len(np.atleast_1d(inputs["N"]))))

    def forecast(self, **inputs):
        value = float(self.predict(inputs)[0])
        return fr.Forecast(inputs, value, None, None, level=self.level, target="mean", layers=(), decades_outside=0.0,
                           quantity="loss", unit="nats/token")  # fmt: skip


def agrees_with_published_numbers(law):
    """Every check of every published set holds at its own tolerance; a set that is not verified is never a default."""
    for one in law.published:
        assert set(one.values) == set(law.params), f"{law.name}, set {one.name}: {sorted(one.values)}"
        assert one.source, f"{law.name}, set {one.name}: no source"
        assert one.fitted_on, f"{law.name}, set {one.name}: fitted on what?"
        for check in one.checks:
            got = evaluates_to(law, one.values, check)
            message = f"{law.name}, {one.name}, {check['what']}: {got:.6g}, published {check['published']:.6g}"
            assert math.isclose(got, check["published"], rel_tol=check["rel_tol"]), message
        if not one.verified:
            default = next((s for s in law.published if s.verified), None)
            assert law.typical() != dict(one.values) or (default and default.values == one.values), one.name


def survives_json(law, *, own=False):
    """A saved fit, read again, writes the same text and gives the same forecasts."""
    law = bound(law)
    fit = fr.fit(law, fr.simulate(law, n=40, noise=0.01, seed=2), draws=20)
    text = fit.to_json()
    again = fr.Fit.from_json(text, law=law) if own else fr.Fit.from_json(text)
    assert again.to_json() == text
    assert again.law.name == law.name
    runs = fr.simulate(law, n=9, noise=0.0, seed=5)
    question = {role: runs[role] for role in law.inputs}
    assert np.array_equal(again.predict(question), fit.predict(question), equal_nan=True)
    assert np.array_equal(again.sample(question), fit.sample(question), equal_nan=True)


def is_documented(law, *, own=False):
    """Everything that a reader of its generated page would look for is there."""
    assert law.doc.strip(), f"{law.name} has no docstring"
    assert law.doc.strip().split("\n")[0].rstrip().endswith((".", ":")), f"{law.name}: one sentence on the first line"
    assert law.status in STATUSES
    if not own:
        assert law.source, f"{law.name} has no source"
        assert law.status in ("stated", "recalled", "inferred"), f"{law.name}: status {law.status}"
        assert KEBAB.fullmatch(law.name), f"{law.name} is not in kebab case"
        if isinstance(law, fr.Law):
            assert law.answers.endswith("?"), f"{law.name}: which question does it answer?"
            assert law.group not in ("", "own"), f"{law.name} has no group"
    for name, param in law.params.items():
        assert param.meaning, f"{law.name}: what does {name} mean?"
        typical = param.typical if isinstance(param.typical, tuple) else (param.typical,)
        inside = all(param.bounds[0] <= value <= param.bounds[1] for value in typical)
        assert inside, f"{law.name}: typical {name} = {param.typical} lies outside its bounds {param.bounds}"
        if param.role == "location":
            has_unit = param.unit or all(c.unit == "" for c in law.inputs.values())
            assert has_unit, f"{law.name}: in which unit is {name}?"
    for name, column in law.inputs.items():
        assert column.meaning, f"{law.name}: what does the input {name} mean?"
        assert column.unit or column.role in DIMENSIONLESS, f"{law.name}: in which unit is the input {name}?"
