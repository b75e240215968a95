"""Which single run would change the plan: the refits are those of changed tables, and the verdict follows from them."""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr

FLOPS = 1e23


def optimum(flops, E, A, alpha, B, beta):
    """Closed form of Hoffmann et al. 2022, equation 4."""
    G = (alpha * A / (beta * B)) ** (1 / (alpha + beta))
    return G * (flops / 6) ** (beta / (alpha + beta))


def planned_without_uncertainty(runs, row, factor, law="chinchilla", **settings):
    """The planned N of a fit from scratch of the table with one outcome changed."""
    loss = runs["loss"] * np.where(runs.rows == row, factor, 1.0)
    columns = {"N": runs["N"], "D": runs["D"], "loss": loss}
    return optimum(FLOPS, **fr.fit(law, fr.read_runs(columns), uncertainty="none", **settings).params)


@pytest.fixture(scope="module")
def runs():
    return fr.simulate("chinchilla", n=60, noise=0.005, seed=3)


@pytest.fixture(scope="module")
def found(runs):
    return fr.decisive_runs(fr.fit("chinchilla", runs, draws=200), flops=FLOPS)


def test_every_run_is_ranked_by_how_far_it_moves_the_plan(runs, found):
    moves = [max(abs(np.log(e.raised / found.value)), abs(np.log(e.lowered / found.value))) for e in found.runs]
    assert moves == sorted(moves, reverse=True)
    assert sorted(e.rows[0] for e in found.runs) == list(range(1, 61))
    low, high = found.interval
    for effect, move in zip(found.runs, moves):
        assert abs(np.log(effect.ratio)) == pytest.approx(move)
        assert effect.halves == pytest.approx(move / (np.log(high / low) / 2))


@pytest.mark.parametrize("objective", ["huber", "squared-log", "lad", "student-t:4"])
def test_a_refit_is_the_fit_of_the_table_with_one_outcome_changed(runs, objective):
    """The grid of sizes, refined by a parabola, gives the planned N to four digits, as in the tests of `plan`."""
    fit = fr.fit("chinchilla", runs, objective=objective, uncertainty="none")
    found = fr.decisive_runs(fit, flops=FLOPS)
    for effect in (*found.runs[:2], found.runs[30]):
        for factor, answer in ((1.01, effect.raised), (0.99, effect.lowered)):
            again = planned_without_uncertainty(runs, effect.rows[0], factor, objective=objective)
            assert answer == pytest.approx(again, rel=1e-4)


def test_small_errors_move_the_plan_as_the_exact_derivative_says(runs):
    """The influence of least squares by the implicit function theorem: dz = H^-1 sum of (d log f / dz) d log y.

    H is the Hessian with the second derivatives of the law, taken by central differences of the gradient, which has a
    closed form; an error of 1e-4 is small enough that its square does not count, and too large for the grid of sizes.
    """
    fit = fr.fit("chinchilla", runs, objective="squared-log", uncertainty="none")
    names = list(fit.params)
    x, y = {"N": runs["N"], "D": runs["D"]}, runs["loss"]

    def slopes(p):
        E, A, alpha, B, beta = p
        n, d = x["N"] ** -alpha, x["D"] ** -beta
        f = E + A * n + B * d
        return f, np.stack([np.ones_like(f), n, -A * n * np.log(x["N"]), d, -B * d * np.log(x["D"])]) / f

    def gradient(p):
        f, slope = slopes(p)
        return slope @ np.log(f / y)

    best = np.array([fit.params[name] for name in ("E", "A", "alpha", "B", "beta")])
    steps = np.diag(1e-5 * best)
    hessian = np.stack([(gradient(best + h) - gradient(best - h)) / (2 * h.sum()) for h in steps])
    size = np.sqrt(np.diag(hessian))
    influence = (np.linalg.solve(hessian / np.outer(size, size), slopes(best)[1] / size[:, None])) / size[:, None]
    order = ("E", "A", "alpha", "B", "beta")
    towards = [
        (np.log(optimum(FLOPS, **dict(zip(order, best + h)))) - np.log(optimum(FLOPS, **dict(zip(order, best - h))))) / (2 * h.sum())
        for h in steps
    ]  # fmt: skip
    exact = np.array(towards) @ influence
    error = 1e-4
    found = fr.decisive_runs(fit, flops=FLOPS, error=error)
    assert names == list(order)
    by_row = {e.rows[0]: (np.log(e.raised / e.lowered)) / (2 * error) for e in found.runs}
    got = np.array([by_row[row] for row in runs.rows.tolist()])
    assert got == pytest.approx(exact, abs=1e-3 * np.abs(exact).max())


def test_of_many_runs_one_newton_step_finds_those_to_refit(monkeypatch):
    """A step is enough to leave most runs out: the twenty that move the plan most are among the fifty that it puts first."""
    fit = fr.fit("chinchilla", fr.simulate("chinchilla", n=300, noise=0.005, seed=0), uncertainty="none")
    every = fr.decisive_runs(fit, flops=FLOPS)
    monkeypatch.setattr("forerun.report.decisive.MOST_RUNS", 100)
    monkeypatch.setattr("forerun.report.decisive.FIRST", 50)
    few = fr.decisive_runs(fit, flops=FLOPS)
    assert len(few.runs) == 50
    assert [e.rows for e in few.runs[:20]] == [e.rows for e in every.runs[:20]]
    assert few.runs[0].ratio == pytest.approx(every.runs[0].ratio, rel=1e-6)
    assert [n.evidence["runs"] for n in few.notes if n.code == "screened"] == [300]


def test_a_run_with_checkpoints_is_wrong_as_a_whole():
    plain = fr.simulate("chinchilla", n=60, noise=0.003, seed=4)
    run = np.array([f"r{i % 12}" for i in range(60)], object)
    runs = fr.read_runs({"N": plain["N"], "D": plain["D"], "loss": plain["loss"], "run": run})
    found = fr.decisive_runs(fr.fit("chinchilla", runs, draws=50), flops=FLOPS)
    assert len(found.runs) == 12
    first = found.runs[0]
    assert len(first.rows) == 5
    loss = plain["loss"] * np.where(run == first.run, 1.01, 1.0)
    again = fr.fit("chinchilla", fr.read_runs({"N": plain["N"], "D": plain["D"], "loss": loss}), uncertainty="none")
    assert first.raised == pytest.approx(optimum(FLOPS, **again.params), rel=1e-4)
    assert f"run {first.run} (5 rows from {first.rows[0]} to {first.rows[-1]})" in found.verdict


def test_the_run_that_decides_is_named_by_its_row_in_the_source():
    """Thirteen runs end at 1e4 and one stands at 1e8: only it says where the floor is, and a forecast hangs on it."""
    rng = np.random.default_rng(0)
    x = np.append(np.geomspace(1e3, 1e4, 13), 1e8)
    y = (1.0 + 30.0 * x**-0.5) * np.exp(0.001 * rng.standard_normal(14))
    runs = fr.read_runs({"x": np.append(9.0, x), "y": np.append(1.0, y)}, drop="x < 10")
    found = fr.decisive_runs(fr.fit("power-law-floor", runs, draws=200), x=1e9)
    assert found.near_optimal is None
    first, second = found.runs[:2]
    assert first.rows == (15,)
    assert first.leaves == ("interval",)
    assert first.halves > 10 * second.halves
    assert found.verdict.startswith("row")
    assert "15" in found.verdict.split(",")[0]


def test_a_quiet_table_is_told_that_no_single_run_decides(found):
    many = fr.decisive_runs(fr.fit("chinchilla", fr.simulate("chinchilla", n=200, noise=0.01), draws=100), flops=FLOPS)
    assert not any(e.leaves for e in many.runs)
    assert (
        "no single run wrong by 1 % moves the planned N outside its interval or its near-optimal range" in many.verdict
    )
    assert many.runs[0].name in many.verdict


def test_laws_of_groups_are_followed_at_a_question():
    plain = fr.simulate("power-law", n=30, noise=0.01, seed=3)
    family = np.tile(["a", "b", "c"], 10).astype(object)
    runs = fr.read_runs({"x": plain["x"], "y": plain["y"], "family": family})
    law = fr.laws.get("power-law").share("alpha", across="family")
    found = fr.decisive_runs(fr.fit(law, runs, objective="squared-log", draws=40), x=1e6, family="b")
    first = found.runs[0]
    y = plain["y"] * np.where(runs.rows == first.rows[0], 0.99, 1.0)
    changed = fr.read_runs({"x": plain["x"], "y": y, "family": family})
    again = fr.fit(law, changed, objective="squared-log", uncertainty="none")
    assert first.lowered == pytest.approx(again.forecast(x=1e6, family="b").value, rel=1e-6)


def test_without_draws_there_is_no_interval_to_compare_with(runs):
    found = fr.decisive_runs(fr.fit("chinchilla", runs, uncertainty="none"), flops=FLOPS)
    assert found.interval is None
    assert all(e.halves is None for e in found.runs)
    assert "no interval because" in str(found)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, "either a budget or"),
        (dict(flops=1e22, N=1e9, D=1e10), "either a budget or"),
        (dict(flops=1e22, error=0.0), "error must lie between"),
        (dict(N=[1e9, 2e9], D=1e11), "one question at a time"),
        (dict(flops=-1.0), "flops must be a positive number"),
        (dict(flops=1e22, runs=fr.simulate("chinchilla", n=30)), "not the runs that were fitted"),
        (dict(flops=1e22, weights=[2.0] * 60), "weights were others"),
    ],
)
def test_questions_that_cannot_be_answered_are_refused(runs, asked, words):
    fit = fr.fit("chinchilla", runs, draws=20)
    with pytest.raises(fr.DataError, match=words):
        fr.decisive_runs(fit, asked.pop("runs", None), **asked)


def test_counts_saved_fits_and_laws_without_a_trade_off_are_refused_in_words(runs):
    counts = fr.fit("pass-sigmoid", fr.simulate("pass-sigmoid", n=30), draws=20)
    with pytest.raises(fr.DataError, match="law of counts"):
        fr.decisive_runs(counts, x=1e4)
    saved = fr.Fit.from_json(fr.fit("chinchilla", runs, draws=20).to_json())
    with pytest.raises(fr.DataError, match="does not hold its runs"):
        fr.decisive_runs(saved, flops=1e22)
    assert len(fr.decisive_runs(saved, runs, flops=1e22).runs) == 60
    kaplan = fr.fit("kaplan-n", fr.simulate("kaplan-n", n=30), draws=20)
    with pytest.raises(fr.DataError, match="Ask for a forecast"):
        fr.decisive_runs(kaplan, flops=1e22)


def test_brute_force_agrees_on_the_chinchilla_table(table):
    runs = fr.read_runs(table("chinchilla_epoch245"), N="params", D="tokens", loss="loss")
    runs = runs.drop_outliers("highest-loss", 5)
    fit = fr.fit("chinchilla", runs)
    found = fr.decisive_runs(fit, flops=FLOPS)
    assert len(found.runs) == 240
    for effect in found.runs[:4]:
        for factor, answer in ((1.01, effect.raised), (0.99, effect.lowered)):
            assert answer == pytest.approx(planned_without_uncertainty(runs, effect.rows[0], factor), rel=1e-4)
    assert not any(row in e.rows for e in found.runs for row in (1, 2, 3, 4, 5))
