"""Every kind of uncertainty and objective against a closed form, a statistics library, or an independent optimiser."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.integrate
import scipy.optimize
import scipy.stats

import forerun as fr
from forerun.laws import coefficient
from forerun.units import LOSS, X


@fr.law(
    "straight-line",
    inputs=dict(x=X),
    output=LOSS,
    params=dict(a=coefficient("height", typical=3.0), b=coefficient("slope", typical=-0.2)),
    source="a test",
)
def straight_line(x, *, a, b):
    """A line, whose uncertainty is known in closed form."""
    return a + b * x


@pytest.fixture(scope="module")
def line():
    rng = np.random.default_rng(3)
    x = np.sort(rng.uniform(1.0, 9.0, 30))
    return x, 3.0 - 0.2 * x + rng.normal(0, 0.05, 30)


def fitted(line, **settings):
    x, y = line
    return fr.fit(straight_line, fr.read_runs({"x": x, "loss": y}), objective="squared", **settings)


def least_squares(x, y):
    design = np.stack([np.ones_like(x), x], 1)
    inverse = np.linalg.inv(design.T @ design)
    beta = inverse @ design.T @ y
    return design, inverse, beta, y - design @ beta


def test_profile_of_a_line_is_the_t_interval(line):
    _, inverse, beta, rest = least_squares(*line)
    error = np.sqrt(rest @ rest / (len(rest) - 2) * np.diag(inverse))
    reach = scipy.stats.t.ppf(0.95, len(rest) - 2) * error
    for i, limits in enumerate(fitted(line, uncertainty="profile").intervals.values()):
        assert limits == pytest.approx((beta[i] - reach[i], beta[i] + reach[i]), rel=1e-6)


def test_jackknife_of_a_line_is_the_leverage_formula(line):
    design, inverse, beta, rest = least_squares(*line)
    n = len(rest)
    leverage = np.einsum("ij,jk,ik->i", design, inverse, design)
    without = beta - (design @ inverse) * (rest / (1 - leverage))[:, None]
    error = np.sqrt((n - 1) / n * ((without - without.mean(0)) ** 2).sum(0))
    reach = scipy.stats.t.ppf(0.95, n - 2) * error
    for i, limits in enumerate(fitted(line, uncertainty="jackknife").intervals.values()):
        assert limits == pytest.approx((beta[i] - reach[i], beta[i] + reach[i]), rel=1e-6)


def test_sandwich_of_a_line_is_hc3_with_a_t(line):
    design, inverse, _, rest = least_squares(*line)
    n = len(rest)
    leverage = np.einsum("ij,jk,ik->i", design, inverse, design)
    meat = design.T @ (design * ((rest / (1 - leverage)) ** 2)[:, None])
    fit = fitted(line, uncertainty="sandwich", draws=40_000)
    t_inflates = (n - 2) / (n - 4)  # variance of Student's t
    np.testing.assert_allclose(np.cov(fit.draws.T), t_inflates * inverse @ meat @ inverse, rtol=0.04)
    assert fit.uncertainty["kind"] == "sandwich"
    assert fit.forecast(x=12.0).low is not None


def test_profile_with_weights_is_the_weighted_t_interval(line):
    x, y = line
    w = np.linspace(0.5, 2.0, len(x))
    design = np.stack([np.ones_like(x), x], 1)
    inverse = np.linalg.inv(design.T @ (design * w[:, None]))
    beta = inverse @ design.T @ (w * y)
    rest = y - design @ beta
    error = np.sqrt(w @ rest**2 / (len(x) - 2) * np.diag(inverse))
    reach = scipy.stats.t.ppf(0.95, len(x) - 2) * error
    for i, limits in enumerate(fitted(line, uncertainty="profile", weights=w).intervals.values()):
        assert limits == pytest.approx((beta[i] - reach[i], beta[i] + reach[i]), rel=1e-6)


def test_jackknife_leaves_out_whole_families(line):
    x, y = line
    family = np.array([f"f{i % 6}" for i in range(len(x))])
    fit = fr.fit(straight_line, fr.read_runs({"x": x, "loss": y, "family": family}), objective="squared",
                 uncertainty="jackknife", unit="family")  # fmt: skip
    without = np.array([least_squares(x[family != f], y[family != f])[2] for f in dict.fromkeys(family)])
    error = np.sqrt(5 / 6 * ((without - without.mean(0)) ** 2).sum(0))
    reach = scipy.stats.t.ppf(0.95, 6 - 2) * error
    beta = least_squares(x, y)[2]
    for i, limits in enumerate(fit.intervals.values()):
        assert limits == pytest.approx((beta[i] - reach[i], beta[i] + reach[i]), rel=1e-6)


@pytest.mark.parametrize("kind", ["profile", "jackknife"])
def test_limits_without_samples_say_why_a_forecast_has_no_interval(line, kind):
    fit = fitted(line, uncertainty=kind)
    answer = fit.forecast(x=5.0)
    assert answer.low is None
    assert f"no interval because the {kind} gives limits of the parameters" in str(answer)
    again = fr.Fit.from_json(fit.to_json(), law=straight_line)
    assert again.intervals == fit.intervals
    assert str(again) == str(fit)


@pytest.mark.parametrize("kind", ["bootstrap", "sandwich", "jackknife", "profile"])
def test_no_uncertainty_is_given_below_two_rows_a_parameter(kind):
    runs = fr.simulate("chinchilla", n=9, noise=0.005, seed=0)
    fit = fr.fit("chinchilla", runs, uncertainty=kind)
    assert set(fit.intervals.values()) == {None}
    assert fit.uncertainty["kind"] == "none"
    assert "9 independent units are too few" in str(fit)


def test_a_profile_ends_on_the_bound_that_it_meets():
    """Noise of 30 %: nothing speaks against a floor of zero."""
    fit = fr.fit("chinchilla", fr.simulate("chinchilla", n=12, noise=0.3, seed=1), objective="squared-log",
                 uncertainty="profile")  # fmt: skip
    low, high = fit.intervals["E"]
    assert low == 0.0
    assert high > fit.params["E"]


def test_logistic_regression_agrees_with_a_statistics_library():
    import statsmodels.api as sm

    rng = np.random.default_rng(1)
    x = np.geomspace(1e3, 1e9, 24)
    n = rng.integers(20, 400, 24)
    k = rng.binomial(n, 1 / (1 + np.exp(-1.1 * (np.log10(x) - 6.2))))
    fit = fr.fit("pass-sigmoid", fr.read_runs({"x": x, "k": k, "n": n}, k="k", trials="n"), uncertainty="sandwich")
    reference = sm.GLM(np.stack([k, n - k], 1), sm.add_constant(np.log10(x)), family=sm.families.Binomial()).fit(
        tol=1e-14
    )
    intercept, slope = reference.params
    assert fit.params["s"] == pytest.approx(slope, rel=1e-6)
    assert fit.params["m"] == pytest.approx(-intercept / slope, rel=1e-6)


@pytest.fixture(scope="module")
def noisy():
    return fr.simulate("power-law-floor", n=80, noise=0.02, seed=4)


def residuals(runs, p):
    return np.log(runs["y"]) - np.log(p[0] + np.exp(p[1]) * runs["x"] ** -p[2])


def start(runs):
    params = fr.fit("power-law-floor", runs, uncertainty="none").params
    return [params["E"], np.log(params["A"]), params["alpha"]]


@pytest.mark.parametrize("freedom", [1.5, 4.0])
def test_student_t_reaches_the_likelihood_that_scipy_reaches(noisy, freedom):
    fit = fr.fit("power-law-floor", noisy, objective=f"student-t:{freedom}", uncertainty="none")

    def negative(p):
        return -scipy.stats.t.logpdf(residuals(noisy, p), freedom, scale=np.exp(p[3])).sum()

    best = min(
        (scipy.optimize.minimize(negative, [*start(noisy), s], method="Nelder-Mead",
                                 options={"xatol": 1e-10, "fatol": 1e-12, "maxiter": 20_000, "maxfev": 20_000})
         for s in (-4.0, -3.0)), key=lambda found: found.fun)  # fmt: skip
    assert fit.objective_value == pytest.approx(best.fun, rel=1e-9)
    assert fit.scale == pytest.approx(np.exp(best.x[3]), rel=1e-4)
    assert [fit.params["E"], np.log(fit.params["A"]), fit.params["alpha"]] == pytest.approx(best.x[:3], rel=1e-4)


def test_student_t_with_many_degrees_of_freedom_is_least_squares(noisy):
    t = fr.fit("power-law-floor", noisy, objective="student-t:1e7", uncertainty="none")
    squares = fr.fit("power-law-floor", noisy, objective="squared-log", uncertainty="none")
    assert t.params == pytest.approx(squares.params, rel=1e-4)
    assert t.scale == pytest.approx(np.sqrt(2 * squares.objective_value / len(noisy)), rel=1e-4)


def test_the_densities_of_scaled_objectives_integrate_to_one():
    """The constant: the density integrates to one, so that likelihoods can be compared."""
    from forerun.fitting.objective import HUBER_DELTA, SMALLEST_SCALE, find

    for name in ("huber-scale", "student-t:3"):
        objective = find(name)
        delta = objective.at(HUBER_DELTA)

        def density(r, objective=objective, delta=delta):
            value = delta.terms(np.array([[np.exp(r)]]), np.ones(1), None, 0, np.array([[1.0]]))[0][0, 0]
            return np.exp(-value - np.log(SMALLEST_SCALE) - objective.constant)

        mass = sum(scipy.integrate.quad(density, a, b, limit=400)[0] for a, b in
                   [(-700, -50), (-50, 0), (0, 50), (50, 700)])  # fmt: skip
        if name == "huber-scale":  # exp(-r / 1000) beyond 700
            mass += 2 * density(700.0) / HUBER_DELTA
        assert mass == pytest.approx(1.0, abs=2e-4), name


def test_a_quantile_fit_lies_above_that_share_of_the_runs(noisy):
    for share in (0.1, 0.5, 0.8):
        fit = fr.fit("power-law-floor", noisy, objective=f"quantile:{share}", uncertainty="none")
        left = fit.residuals(noisy)
        on, below = int((np.abs(left) < 1e-7).sum()), int((left <= -1e-7).sum())
        assert on == len(fit.params)  # Koenker and Bassett 1978, theorem 3.1: as many residuals vanish
        assert below <= share * len(noisy) <= below + on
        pinball = np.where(left > 0, share * left, (share - 1) * left).sum()
        assert fit.objective_value == pytest.approx(pinball, rel=1e-6)


def test_the_median_is_least_absolute_deviations(noisy):
    median = fr.fit("power-law-floor", noisy, objective="quantile", uncertainty="none")
    lad = fr.fit("power-law-floor", noisy, objective="lad", uncertainty="none")
    assert median.params == pytest.approx(lad.params, rel=1e-6)
    assert 2 * median.objective_value == pytest.approx(lad.objective_value, rel=1e-9)
    assert median.objective == "quantile:0.5"


def test_parameters_and_scale_fitted_jointly_reach_the_published_replication(table):
    """Besiroglu et al. 2024, arXiv:2404.10102: 482.01, 2085.43, 1.8172, 0.3478, 0.3658."""
    runs = fr.read_runs(table("chinchilla_epoch245"), N="params", D="tokens", loss="loss").drop_outliers(
        "highest-loss", 5
    )
    fit = fr.fit("chinchilla", runs, objective="huber-scale", uncertainty="none")
    published = {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658}
    for name, digits in {"E": 3, "A": 1, "B": 1, "alpha": 4, "beta": 3}.items():
        assert fit.params[name] == pytest.approx(published[name], abs=6 * 10.0 ** -(digits + 1)), name


@pytest.mark.parametrize(
    ("name", "words"),
    [("quantile:1.5", "between 0 and 1"), ("student-t:x", "takes a number"), ("quantil", "Nearest: quantile")],
)
def test_an_objective_that_cannot_be_is_refused(noisy, name, words):
    with pytest.raises(fr.DataError, match=words):
        fr.fit("power-law-floor", noisy, objective=name)


@pytest.mark.parametrize("objective", ["lad", "quantile:0.1", "huber"])
def test_exact_data_are_fitted_to_the_end(objective):
    fit = fr.fit("chinchilla", fr.simulate("chinchilla", n=40, noise=0.0), objective=objective, uncertainty="none")
    assert fit.outcome == "converged"
    assert fit.params == pytest.approx(fr.laws.get("chinchilla").typical(), rel=1e-6)


def test_sandwich_of_a_quantile_covers():
    """At the tenth percentile the slopes of the pinball do not cancel: only first derivatives may count as curvature."""
    held = []
    for seed in range(20):
        runs = fr.simulate("power-law-floor", n=60, noise=0.01, seed=seed)
        low, high = fr.fit(
            "power-law-floor", runs, objective="quantile:0.1", uncertainty="sandwich", draws=300
        ).intervals["alpha"]
        held.append(low <= fr.laws.get("power-law-floor").typical()["alpha"] <= high)
    assert sum(held) >= 16


def test_a_standard_error_weighs_the_median_as_it_weighs_absolute_deviations():
    plain = fr.simulate("power-law-floor", n=50, noise=0.02, seed=3)
    se = np.linspace(0.5, 2.0, 50)
    runs = fr.read_runs({"x": plain["x"], "y": plain["y"], "se": se}, se="se")
    fits = [fr.fit("power-law-floor", runs, objective=o, uncertainty="none").params for o in ("lad", "quantile:0.5")]
    assert fits[0] == pytest.approx(fits[1], rel=1e-6)
