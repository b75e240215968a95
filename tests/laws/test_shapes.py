"""The shapes of a law beyond a scalar function of a row, each proved by fitting a law that has it."""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr
from forerun.fitting.prediction import predict
from forerun.laws.dynamics.annealing import annealing_areas
from forerun.units import X, Y

# -- indexed: one parameter and one share for every domain --------------------------------------------------------


def mixtures(truth, shares, noise=0.0, seed=0):
    """A runs table of training mixtures over the domains of ``truth``, with its columns named p0, p1 ..."""
    names = list(truth)[1:]
    t = np.array([truth[name] for name in names])
    loss = truth["c"] + np.exp(shares @ t)
    loss = loss * np.exp(noise * np.random.default_rng(seed).standard_normal(len(loss)))
    columns = {f"p{i}": shares[:, i] for i in range(len(names))}
    roles = {name[2:-1]: f"p{i}" for i, name in enumerate(names)}
    return fr.read_runs({**columns, "loss": loss}, r=roles)


@pytest.mark.parametrize("domains", [("web", "code"), ("web", "code", "books")])
def test_a_mixing_law_takes_its_domains_from_the_roles_of_the_table(domains):
    truth = {"c": 1.4, **{f"t[{d}]": t for d, t in zip(domains, (0.6, -1.1, -0.2))}}
    shares = np.random.default_rng(0).dirichlet(np.ones(len(domains)), 30)
    fit = fr.fit("data-mixing", mixtures(truth, shares), uncertainty="none")
    assert dict(fit.params) == pytest.approx(truth, rel=1e-6)
    assert list(fit.law.inputs) == [f"r[{d}]" for d in domains]
    even = {f"r[{d}]": 1.0 / len(domains) for d in domains}
    expected = truth["c"] + np.exp(np.mean([truth[f"t[{d}]"] for d in domains]))
    assert fit.predict(even)[0] == pytest.approx(expected, rel=1e-8)


def test_a_domain_that_some_runs_leave_out_is_no_obstacle():
    truth = {"c": 1.4, "t[web]": 0.6, "t[code]": -1.1}
    share = np.linspace(0.0, 1.0, 12)
    fit = fr.fit("data-mixing", mixtures(truth, np.column_stack([share, 1.0 - share])), uncertainty="none")
    assert dict(fit.params) == pytest.approx(truth, rel=1e-6)


def test_a_mixing_law_without_domains_is_refused_in_words():
    with pytest.raises(fr.DataError, match="one column for each domain"):
        fr.fit("data-mixing", fr.simulate("chinchilla"))


@pytest.mark.parametrize("loss", ["loss_Github", "loss_Pile_CC"])
def test_the_mixing_law_fits_two_domains_of_the_pile(table, loss):
    runs = fr.read_runs(
        table("mixinglaws_pile2"),
        r={"Github": "p1", "Pile-CC": "p2"},
        loss=loss,
        where=["model == 70M", "step == 30000"],
    )
    fit = fr.fit("data-mixing", runs, uncertainty="none")
    own, other = ("Github", "Pile-CC") if loss == "loss_Github" else ("Pile-CC", "Github")
    assert fit.outcome == "converged"
    assert fit.params[f"t[{own}]"] < fit.params[f"t[{other}]"]
    residuals = fit.residuals(runs)
    assert np.abs(residuals).max() < 0.006
    assert np.var(residuals) < 0.005 * np.var(np.log(runs["loss"]))


# -- curve: a schedule for every run, turned once into what the formula needs -------------------------------------


def curves(runs, *schedules, every=1):
    """The rows of these schedules, each thinned from its first row on."""
    names = runs["run"].astype(str)
    keep = np.zeros(len(runs), bool)
    for schedule in schedules:
        keep[np.flatnonzero(names == schedule)[::every]] = True
    return runs.where(keep)


def mean_error(fit, runs):
    """Mean absolute error of the loss."""
    return float(np.abs(runs["loss"] * -np.expm1(-fit.residuals(runs))).mean())


@pytest.fixture
def public_curves(table):
    return fr.read_runs(
        table("multipowerlaw_curves_25m_100m"),
        step="step", lr="lr", run="schedule", loss="loss", where="params_nominal == 25000000",
    )  # fmt: skip


FITTED = ("cosine_24000", "constant_24000", "wsdcon_9")
UNSEEN = ("wsd_20000_24000", "wsdld_20000_24000")


def test_three_curves_predict_the_loss_under_schedules_that_were_not_fitted(public_curves):
    fit = fr.fit("lr-annealing", curves(public_curves, *FITTED, every=10), uncertainty="none")
    assert fit.outcome == "converged"
    assert fit.runs.n == 46
    for schedule in UNSEEN:
        assert mean_error(fit, curves(public_curves, schedule)) < 0.004, schedule


def test_all_rows_of_three_curves_give_the_catalogued_constants(public_curves):
    """Constants and error of an independent refit of these curves (Nelder-Mead, momentum 0.998)."""
    fit = fr.fit("lr-annealing", curves(public_curves, *FITTED), uncertainty="none")
    catalogued = next(s for s in fit.law.published if s.name.startswith("25M")).values
    assert dict(fit.params) == pytest.approx(catalogued, rel=5e-3)
    assert mean_error(fit, curves(public_curves, "wsd_20000_24000")) == pytest.approx(0.0026, abs=1e-4)


def test_the_areas_of_a_schedule_follow_their_definition():
    step = np.arange(1.0, 2001.0)
    lr = np.interp(step, [0, 200, 1500, 2000], [0.0, 1e-3, 1e-3, 1e-4])
    forward, annealing = annealing_areas(step, lr)
    np.testing.assert_allclose(forward, np.cumsum(lr), rtol=1e-12)
    drops = np.concatenate([[0.0], lr[:-1] - lr[1:]])
    drops[: lr.argmax() + 1] = 0.0
    s = 1800
    expected = sum(sum(drops[k] * 0.998 ** (i - k) for k in range(i + 1)) for i in range(s + 1))
    assert annealing[s] == pytest.approx(expected, rel=1e-10)
    assert annealing[1499] == pytest.approx(0.0, abs=1e-15)


def test_the_areas_do_not_depend_on_how_often_a_piecewise_straight_schedule_is_logged():
    def schedule(step):
        return np.interp(step, [0, 200, 1600, 2000], [0.0, 1e-3, 1e-3, 1e-4])

    every, some = np.arange(1.0, 2001.0), np.arange(200.0, 2001.0, 100.0)
    dense, sparse = (annealing_areas(step, schedule(step)) for step in (every, some))
    for a, b in zip(dense, sparse):
        np.testing.assert_allclose(a[some.astype(int) - 1], b, rtol=1e-9, atol=1e-12)


def test_the_order_of_the_rows_of_a_curve_does_not_matter():
    law = fr.laws.get("lr-annealing")
    runs = fr.simulate(law, n=50, noise=0.002)
    shuffled = np.random.default_rng(0).permutation(len(runs))
    mixed = fr.read_runs({k: v[shuffled] for k, v in runs.columns.items()}, **dict(runs.roles))
    one, two = (fr.fit(law, r, uncertainty="none") for r in (runs, mixed))
    assert dict(one.params) == pytest.approx(dict(two.params), rel=1e-6)


# -- implicit: the outcome is the root of a residual --------------------------------------------------------------

M4_PARAMS = dict(e=0.05, e0=1.0, a=0.7, b=30.0, c=0.35)


def test_the_root_of_an_implicit_law_satisfies_its_residual_over_ten_decades():
    law = fr.laws.get("m4")
    x = np.geomspace(1.0, 1e10, 60)
    y = predict(law, [x], np.array([list(M4_PARAMS.values())]))[0]
    assert ((y > M4_PARAMS["e"]) & (y < M4_PARAMS["e0"])).all()
    assert (np.diff(y) < 0).all()
    inside = (y > 1.0001 * M4_PARAMS["e"]) & (y < 0.9999 * M4_PARAMS["e0"])
    assert inside.sum() > 30
    np.testing.assert_allclose(law(y[inside], x[inside], **M4_PARAMS), 0.0, atol=1e-9)


def test_without_saturation_the_implicit_law_is_the_power_law_with_a_floor():
    m4, m2 = fr.laws.get("m4"), fr.laws.get("m2")
    x = np.geomspace(1e4, 1e7, 20)
    params = dict(e=0.05, e0=10.0, a=0.0, b=5.0, c=0.35)
    y = predict(m4, [x], np.array([list(params.values())]))[0]
    np.testing.assert_allclose(y, m2(x, e=0.05, b=5.0, c=0.35), rtol=1e-10)


def test_an_implicit_law_is_recovered_with_exact_derivatives():
    law = fr.laws.get("m4")
    runs = fr.simulate(law, n=40, noise=0.0, seed=1, params=M4_PARAMS)
    fit = fr.fit(law, runs, uncertainty="none")
    assert fit.derivatives == "exact"
    assert dict(fit.params) == pytest.approx(M4_PARAMS, rel=1e-6)


@fr.law(
    "own-implicit",
    inputs=dict(x=X),
    output=Y,
    kind="implicit",
    between=("low", "high"),
    params=dict(
        low=fr.floor(typical=0.1),
        high=fr.Param((0.0, 10.0), "linear", (1.0, 2.0), 1.2, "start"),
        k=fr.exponent("steepness", typical=0.8),
        m=fr.amplitude("middle", typical=1e5, search=(1e3, 1e7)),
    ),
)
def own_implicit(y, x, *, low, high, k, m):
    """A logistic curve in log x, written as a residual that can be solved by hand."""
    return np.log(y - low) - np.log(high - y) + k * np.log(x / m)


def test_a_users_implicit_law_has_the_root_that_is_found_by_hand():
    x, p = np.geomspace(1e3, 1e7, 15), dict(low=0.1, high=1.2, k=0.8, m=1e5)
    share = 1.0 / (1.0 + (x / p["m"]) ** p["k"])
    y = predict(own_implicit, [x], np.array([list(p.values())]))[0]
    np.testing.assert_allclose(y, p["low"] + (p["high"] - p["low"]) * share, rtol=1e-12)
    fit = fr.fit(own_implicit, fr.simulate(own_implicit, n=40, noise=0.0, params=p), uncertainty="none")
    assert dict(fit.params) == pytest.approx(p, rel=1e-6)


# -- grouped: some parameters for all, the others one a group -----------------------------------------------------

FAMILIES = {
    "gpt": dict(A=400.0, alpha=0.33, B=900.0, beta=0.30),
    "llama": dict(A=150.0, alpha=0.28, B=2100.0, beta=0.36),
    "olmo": dict(A=700.0, alpha=0.36, B=400.0, beta=0.27),
}


def families(noise, n=40, E=1.8):
    """Runs of three families with one floor."""
    chinchilla = fr.laws.get("chinchilla")
    parts = [
        fr.simulate(chinchilla, params=dict(E=E, **own), noise=noise, n=n, seed=seed)
        for seed, own in enumerate(FAMILIES.values())
    ]
    columns = {role: np.concatenate([p[role] for p in parts]) for role in ("N", "D", "loss")}
    return fr.read_runs({**columns, "family": np.repeat(list(FAMILIES), n)})


def test_a_shared_floor_and_the_parameters_of_every_family_are_recovered():
    law = fr.laws.get("chinchilla").share("E", across="family")
    fit = fr.fit(law, families(noise=0.0), uncertainty="none")
    expected = {"E": 1.8, **{f"{n}[{f}]": v for f, own in FAMILIES.items() for n, v in own.items()}}
    assert dict(fit.params) == pytest.approx(expected, rel=1e-6)


def test_a_shared_floor_is_known_better_than_that_of_any_family_alone():
    chinchilla, runs = fr.laws.get("chinchilla"), families(noise=0.005)
    shared = fr.fit(chinchilla.share("E", across="family"), runs, draws=200)
    assert shared.draws.shape == (200, 13)
    low, high = shared.intervals["E"]
    assert low < 1.8 < high
    for family in FAMILIES:
        alone = fr.fit(chinchilla, runs.where(runs["family"] == family), draws=200)
        assert np.ptp(alone.intervals["E"]) > high - low


def test_a_grouped_fit_is_asked_with_the_name_of_a_group():
    fit = fr.fit(fr.laws.get("chinchilla").share("E", across="family"), families(noise=0.005), draws=50)
    chinchilla = fr.laws.get("chinchilla")
    for family, own in FAMILIES.items():
        answer = fit.forecast(N=1e9, D=1e11, family=family)
        assert answer.value == pytest.approx(chinchilla(1e9, 1e11, E=1.8, **own), rel=0.01)
    with pytest.raises(fr.DataError, match=r"no run of family 'bert' was fitted\. Known: gpt, llama, olmo"):
        fit.forecast(N=1e9, D=1e11, family="bert")
    with pytest.raises(fr.DataError, match="does not say family"):
        fit.forecast(N=1e9, D=1e11)


def test_the_order_of_the_rows_of_groups_does_not_matter():
    runs = families(noise=0.005)
    law = fr.laws.get("chinchilla").share("E", across="family")
    mixed = runs.columns["loss"].argsort()
    shuffled = fr.read_runs({k: v[mixed] for k, v in runs.columns.items()})
    one, two = (fr.fit(law, r, uncertainty="none") for r in (runs, shuffled))
    assert dict(two.params) == pytest.approx(dict(one.params), rel=1e-6)
    np.testing.assert_allclose(two.residuals(shuffled), one.residuals(runs)[mixed], atol=1e-8)


def test_a_saved_grouped_fit_reads_back_the_same():
    fit = fr.fit(fr.laws.get("chinchilla").share("E", across="family"), families(noise=0.005), draws=20)
    again = fr.Fit.from_json(fit.to_json())
    assert again.to_json() == fit.to_json()
    assert again.law.shared == (("E",), "family")
    assert again.forecast(N=1e9, D=1e11, family="olmo").low == fit.forecast(N=1e9, D=1e11, family="olmo").low


def test_three_public_data_sets_share_an_exponent_at_little_cost(table):
    """One exponent for all three over-training tables of Gadre et al., everything else one a table."""
    law = fr.laws.get("gadre-overtraining")
    runs = fr.read_runs(table("gadre_overtraining99"), N="params", D="tokens", loss="loss_c4_val", where="loss < 5")
    runs = fr.read_runs({**{r: runs[r] for r in ("N", "D", "C", "M", "loss")}, "family": runs.columns["dataset"]})
    grouped = fr.fit(law.share("eta", across="family"), runs, uncertainty="none")
    alone = [fr.fit(law, runs.where(runs["family"] == f), uncertainty="none") for f in sorted(set(runs["family"]))]
    assert grouped.outcome == "converged"
    etas = [f.params["eta"] for f in alone]
    assert min(etas) < grouped.params["eta"] < max(etas)
    apart = sum(f.objective_value for f in alone)
    together = fr.fit(law, runs, uncertainty="none").objective_value
    assert apart < grouped.objective_value < 1.1 * apart
    assert grouped.objective_value < 0.9 * together


# -- counts: k successes in n trials ------------------------------------------------------------------------------


def counts(x, k, trials):
    return fr.read_runs({"x": x, "k": k, "trials": trials}, x="x", k="k", trials="trials")


def test_a_binomial_fit_agrees_with_an_independent_maximum_likelihood_solution():
    from scipy.optimize import minimize
    from scipy.special import expit

    rng = np.random.default_rng(3)
    x = np.geomspace(1e3, 1e8, 25)
    trials = rng.integers(20, 400, 25).astype(float)
    k = rng.binomial(trials.astype(int), expit(1.3 * (np.log10(x) - 5.4))).astype(float)
    fit = fr.fit("pass-sigmoid", counts(x, k, trials), uncertainty="none")

    def unlikely(p):
        logit = p[1] * (np.log10(x) - p[0])
        return (k * np.logaddexp(0, -logit) + (trials - k) * np.logaddexp(0, logit)).sum()

    def slope(p):
        share = expit(p[1] * (np.log10(x) - p[0]))
        off = trials * share - k
        return np.array([-(off * p[1]).sum(), (off * (np.log10(x) - p[0])).sum()])

    best = minimize(unlikely, [5.0, 1.0], jac=slope, method="BFGS", options={"gtol": 1e-9})
    assert fit.objective == "binomial"
    assert fit.outcome == "converged"
    assert [fit.params["m"], fit.params["s"]] == pytest.approx(best.x.tolist(), rel=1e-6)
    assert fit.objective_value == pytest.approx(best.fun, rel=1e-10)


def test_rows_with_no_and_with_only_successes_are_used():
    runs = counts([1e3, 1e4, 1e5, 1e6, 1e7], [0, 3, 41, 95, 100], [100] * 5)
    fit = fr.fit("pass-sigmoid", runs, uncertainty="none")
    assert fit.outcome == "converged"
    assert 4.5 < fit.params["m"] < 5.5


def test_counts_cannot_be_fitted_with_an_objective_for_losses():
    runs = fr.simulate("pass-sigmoid", n=20)
    with pytest.raises(fr.DataError, match="cannot be fitted with squared"):
        fr.fit("pass-sigmoid", runs, objective="squared")
    with pytest.raises(fr.DataError, match="binomial"):
        fr.fit("chinchilla", fr.simulate("chinchilla"), objective="binomial")
    with pytest.raises(fr.DataError, match="12 successes in 10 trials"):
        fr.fit("pass-sigmoid", counts([1e3, 1e4, 1e5], [1, 5, 12], [10, 10, 10]))
