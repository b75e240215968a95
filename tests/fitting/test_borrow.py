"""Parameters borrowed from elsewhere with a prior width: they count as well as they are known, and no better."""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr
from forerun import cli
from forerun.note import DataError

CHINCHILLA = fr.laws.get("chinchilla")
TRUTH = {"E": 1.8172, "A": 482.01, "alpha": 0.3478, "B": 2085.43, "beta": 0.3658}


def few(n=8, seed=0, noise=0.005):
    return fr.simulate(CHINCHILLA, n=n, noise=noise, seed=seed, params=TRUTH)


def line(n=30, seed=0, noise=0.02):
    """Runs on a power law of one input, for which least squares with a prior is known in closed form."""
    return fr.simulate("power-law", n=n, noise=noise, seed=seed)


def test_a_linear_problem_has_the_posterior_of_textbooks():
    runs = line()
    law = fr.laws.get("power-law")
    plain = fr.fit(law, runs, objective="squared-log", uncertainty="none")
    name = next(n for n, p in law.params.items() if p.role == "exponent")
    x = np.log(runs[next(iter(law.inputs))])
    residual = plain.residuals(runs)
    error = float(np.sqrt(residual @ residual / (len(x) - 2) / ((x - x.mean()) ** 2).sum()))
    known = plain.params[name] + error
    found = fr.fit(law.borrow(**{name: (known, error)}), runs, objective="squared-log", draws=2000)
    assert found.params[name] == pytest.approx(plain.params[name] + 0.5 * error, abs=0.1 * error)
    drawn = found.draws[:, list(found.params).index(name)].std()
    assert drawn == pytest.approx(error * 0.5**0.5, rel=0.15)


@pytest.mark.parametrize("objective", ["huber", "lad", "squared-log", "student-t"])
def test_a_value_that_is_hardly_trusted_changes_nothing_and_one_that_is_certain_is_kept(objective):
    runs = few(60)
    plain = fr.fit(CHINCHILLA, runs, objective=objective, uncertainty="none")
    loose = fr.fit(CHINCHILLA.borrow(alpha=(0.30, 50.0)), runs, objective=objective, uncertainty="none")
    tight = fr.fit(CHINCHILLA.borrow(alpha=(0.30, 1e-6)), runs, objective=objective, uncertainty="none")
    assert loose.params["alpha"] == pytest.approx(plain.params["alpha"], rel=1e-3)
    assert tight.params["alpha"] == pytest.approx(0.30, abs=1e-4)
    held = fr.fit(CHINCHILLA.fix(alpha=0.30), runs, objective=objective, uncertainty="none")
    assert tight.params["beta"] == pytest.approx(held.params["beta"], rel=1e-2)


def test_runs_over_a_narrow_range_forecast_with_the_doubt_of_what_they_borrow():
    n, d = (x.ravel() for x in np.meshgrid(np.geomspace(1e7, 1e8, 3), np.geomspace(1e9, 1e10, 3)))
    loss = CHINCHILLA(n, d, **TRUTH) * np.exp(0.005 * np.random.default_rng(0).standard_normal(9))
    runs = fr.read_runs({"N": n, "D": d, "loss": loss}, N="N", D="D", loss="loss")
    widths = {}
    for width in (0.001, 0.03):
        law = CHINCHILLA.borrow(alpha=(TRUTH["alpha"], width), beta=(TRUTH["beta"], width))
        told = fr.fit(law, runs, draws=400).forecast(N=1e11, D=2e12)
        widths[width] = told.high - told.low
    # Nine runs alone have no interval; counted twice they have one that is too narrow, and it is wider still.
    alone = fr.fit(
        CHINCHILLA,
        fr.read_runs({**{c: np.tile(runs[c], 2) for c in ("N", "D", "loss")}}, N="N", D="D", loss="loss"),
        draws=400,
    )
    far = alone.forecast(N=1e11, D=2e12)
    assert 2.0 * widths[0.001] < widths[0.03] < far.high - far.low


def test_intervals_of_what_is_borrowed_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(0)
    inside, forecast = [], []
    truth = float(CHINCHILLA(1e11, 2e12, **TRUTH))
    for seed in range(60):
        borrowed = rng.normal(TRUTH["alpha"], 0.02), rng.normal(TRUTH["beta"], 0.02)
        law = CHINCHILLA.borrow(alpha=(borrowed[0], 0.02), beta=(borrowed[1], 0.02))
        fit = fr.fit(law, few(12, seed=seed), draws=200, seed=seed)
        inside += [low < TRUTH[name] < high for name, (low, high) in fit.intervals.items() if name in ("alpha", "beta")]
        far = fit.forecast(N=1e11, D=2e12)
        forecast.append(far.low < truth < far.high)
    assert 0.8 < np.mean(inside) < 0.99
    assert 0.75 < np.mean(forecast) < 0.99


def test_a_borrowed_value_that_the_runs_contradict_is_told():
    told = fr.fit(CHINCHILLA.borrow(alpha=(0.6, 0.02)), few(120, noise=0.002), draws=100)
    assert "borrowed-disagrees" in [note.code for note in told.notes]
    agreed = fr.fit(CHINCHILLA.borrow(alpha=(0.35, 0.02)), few(120), draws=100)
    assert [note.code for note in agreed.notes].count("borrowed") == 1


@pytest.mark.parametrize("uncertainty", ["sandwich", "profile", "jackknife"])
def test_other_uncertainties_know_what_was_borrowed(uncertainty):
    runs = few(40)
    law = CHINCHILLA.borrow(beta=(TRUTH["beta"], 0.005))
    with_it, without = (fr.fit(one, runs, uncertainty=uncertainty).intervals["beta"] for one in (law, CHINCHILLA))
    assert with_it[1] - with_it[0] < 0.6 * (without[1] - without[0])


def test_groups_borrow_the_same_and_composed_laws_borrow_too():
    runs = few(40)
    halves = np.array(["a", "b"] * 20)
    table = fr.read_runs(
        {"N": runs["N"], "D": runs["D"], "loss": runs["loss"], "set": halves}, N="N", D="D", loss="loss", family="set"
    )
    fit = fr.fit(
        CHINCHILLA.share("E", "A", "alpha", across="family").borrow(beta=(0.30, 1e-6)), table, uncertainty="none"
    )
    assert fit.params["beta[a]"] == pytest.approx(0.30, abs=1e-4)
    assert fit.params["beta[b]"] == pytest.approx(0.30, abs=1e-4)


def test_a_saved_fit_remembers_it_and_a_backtest_uses_it():
    law = CHINCHILLA.borrow(alpha=(0.34, 0.02))
    fit = fr.fit(law, few(20), draws=50)
    again = fr.Fit.from_json(fit.to_json())
    assert again.law.name == law.name
    assert again.law.params["alpha"].prior == (0.34, 0.02)
    assert fr.backtest(law, few(40), draws=50).cuts


def test_a_command_borrows_and_says_what_is_wrong(tmp_path, capsys):
    runs = few(12)
    file = tmp_path / "runs.csv"
    file.write_text("N,D,loss\n" + "".join(f"{n},{d},{y}\n" for n, d, y in zip(runs["N"], runs["D"], runs["loss"])))
    columns = ["--law", "chinchilla", "--N", "N", "--D", "D", "--loss", "loss"]
    assert cli.main(["fit", str(file), *columns, "--borrow", "alpha=0.34+-0.02", "--borrow", "beta=0.36+-0.02"]) == 0
    assert "borrow" in capsys.readouterr().out
    assert cli.main(["fit", str(file), *columns, "--borrow", "alpha=0.34"]) == 1
    assert "0.34+-0.02" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("known", "part"),
    [
        (dict(alpha=(0.3, 0.0)), r"cannot borrow alpha as 0.3 \+- 0"),
        (dict(alpha=(99.0, 1.0)), r"cannot borrow alpha as 99 \+- 1"),
        (dict(gamma=(1.0, 1.0)), "no parameter 'gamma'"),
        (dict(alpha=0.34), "a value and a standard deviation, received 0.34"),
        (dict(alpha=(0.34,)), "a value and a standard deviation"),
        (dict(alpha="0.34"), "a value and a standard deviation, received '0.34'"),
    ],
)
def test_what_cannot_be_borrowed_is_refused_with_what_is_wrong(known, part):
    with pytest.raises(DataError, match=part):
        CHINCHILLA.borrow(**known)
