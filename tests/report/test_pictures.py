"""What each picture shows, for laws and tables of every kind, and that it can be read at both sizes."""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr
from forerun import report
from tests.report.conftest import CASES, isoflop_runs
from tests.report.legible import assert_legible, assert_within, lines, points, words


@pytest.mark.parametrize("name", CASES)
def test_the_picture_of_a_fit_is_legible_and_holds_every_run(case, name, size):
    fit, runs = case(name)
    figure = report.fit_figure(fit, runs, size=size)
    assert_legible(figure)
    assert len(points(figure.axes[0])) == len(runs)
    assert_within(figure.axes[0], points(figure.axes[0]))


@pytest.mark.parametrize("name", CASES)
def test_the_picture_of_residuals_is_legible_and_shows_the_residuals(case, name, size):
    fit, runs = case(name)
    figure = report.residual_figure(fit, runs, size=size)
    assert_legible(figure)
    residual = fit.residuals(runs)
    expected = residual if name == "counts" else 100 * np.expm1(residual)
    for ax in figure.axes:
        assert_within(ax, points(ax))
        assert np.sort(points(ax)[:, 1]) == pytest.approx(np.sort(expected))


@pytest.mark.parametrize("name", [c for c in CASES if c not in ("tiny", "no-draws")])
def test_the_picture_of_draws_is_legible(case, name, size):
    fit, _ = case(name)
    assert_legible(report.draws_figure(fit, size=size))


@pytest.mark.parametrize("name", [n for n in fr.laws.names() if n not in ("bnsl-2", "bnsl-3")])  # slow, and as bnsl-1
def test_every_law_has_its_pictures(name):
    runs = fr.simulate(name, n=30, noise=0.01, seed=1)
    fit = fr.fit(name, runs, uncertainty="none")
    assert_legible(report.fit_figure(fit, runs, size="slide"))
    assert_legible(report.residual_figure(fit, runs))


def test_budgets_become_curves_with_their_own_runs(case):
    fit, runs = case("isoflop")
    ax = report.fit_figure(fit, runs).axes[0]
    assert ax.get_xlabel() == "model parameters N"
    assert ax.get_ylabel() == "validation loss (nats/token)"
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["1e18", "1e19", "1e20", "1e21"]
    assert len(lines(ax, "runs")) == 4
    solid = [line for line in lines(ax, "law") if line.get_linestyle() == "-"]
    for line, dots in zip(solid, lines(ax, "runs")):
        x = dots.get_xdata()
        assert line.get_xdata().min() == pytest.approx(x.min())
        assert line.get_xdata().max() == pytest.approx(x.max())
        N, budget = line.get_xdata(), 10.0 ** round(18 + solid.index(line))
        assert len(x) == 8
        assert line.get_ydata() == pytest.approx(fit.predict({"N": N, "D": budget / (6 * N)}), rel=1e-6)


def test_many_sizes_become_at_most_seven_groups_that_hold_each_run_once(case):
    fit, runs = case("many-sizes")
    ax = report.fit_figure(fit, runs).axes[0]
    assert ax.get_xlabel() == "training compute C (FLOP)"
    assert 2 <= len(lines(ax, "runs")) <= 7
    C = np.sort(6 * runs["N"] * runs["D"])
    assert np.sort(points(ax)[:, 0]) == pytest.approx(C)


def test_the_input_that_labels_the_curves_can_be_chosen(case):
    fit, runs = case("isoflop")
    assert report.fit_figure(fit, runs, by="N").axes[0].get_xlabel() == "training compute C (FLOP)"
    with pytest.raises(fr.DataError, match="cannot be drawn by 'x'"):
        report.fit_figure(fit, runs, by="x")
    with pytest.raises(fr.DataError, match="cannot be drawn by 'N'"):
        report.fit_figure(*case("one-input"), by="N")


def test_one_input_is_one_curve_that_is_dashed_beyond_the_runs(case):
    fit, runs = case("one-input")
    ax = report.fit_figure(fit, runs).axes[0]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    solid, dashed = lines(ax, "law")
    assert (solid.get_linestyle(), dashed.get_linestyle()) == ("-", "--")
    assert dashed.get_xdata().min() == pytest.approx(runs["x"].max())
    assert len(ax.collections) == 1  # the band


def test_without_draws_there_is_no_band_and_the_picture_says_so(case):
    fit, runs = case("no-draws")
    figure = report.fit_figure(fit, runs)
    assert not figure.axes[0].collections
    assert "no band: no uncertainty" in words(figure)
    plan = report.plan_figure(fr.plan(fit, flops=1e22), fit)
    forecast = report.forecast_figure(fit.forecast(N=1e10, D=1e12), fit, runs)
    assert "no interval" in words(forecast)
    assert "no band" in words(plan)
    with pytest.raises(fr.DataError, match="no draws can be shown"):
        report.draws_figure(fit)


def test_groups_have_their_own_colour_and_marker(case):
    for name in ("grouped", "grouped-one-input"):
        ax = report.fit_figure(*case(name)).axes[0]
        dots = lines(ax, "runs")
        assert len({(d.get_color(), d.get_marker()) for d in dots}) == len({d.get_marker() for d in dots}) == 3
        assert [t.get_text() for t in ax.get_legend().get_texts()] == ["gpt", "llama", "mamba"]


def test_observed_stands_against_predicted_with_equal_axes(case):
    fit, runs = case("grouped")
    ax = report.fit_figure(fit, runs).axes[0]
    assert ax.get_xlabel() == "predicted loss (nats/token)"
    xy = points(ax)
    predicted = runs["loss"] * np.exp(-fit.residuals(runs))
    assert np.sort(xy[:, 0]) == pytest.approx(np.sort(predicted))
    assert ax.get_xlim() == pytest.approx(ax.get_ylim())


def test_counts_are_shown_as_shares(case):
    fit, runs = case("counts")
    ax = report.fit_figure(fit, runs).axes[0]
    assert ax.get_ylabel() == "share of successes (of trials)"
    assert np.sort(points(ax)[:, 1]) == pytest.approx(np.sort(runs["k"] / runs["trials"]))


def test_the_gravest_error_stands_under_the_title(case, size):
    fit, runs = case("error")
    for figure in (report.fit_figure(fit, runs, size=size), report.residual_figure(fit, runs, size=size)):
        assert "error wrong-sign" in words(figure)


def test_rows_that_decide_are_ringed_and_numbered(case, size):
    fit, runs = case("outliers")
    named = next(n for n in fit.notes if n.code == "few-points-decide").evidence["rows"]
    ax = report.residual_figure(fit, runs, size=size).axes[0]
    assert len(points(ax, "decisive")) == len(named)
    assert sorted(t.get_text() for t in ax.texts) == sorted(str(r) for r in named)


def test_a_running_median_follows_a_trend():
    from forerun.report.of_residuals import running

    x = np.geomspace(1, 1e4, 200)
    at, low, middle, high = running(x, np.log10(x))
    assert middle[5:-5] == pytest.approx(np.log10(at[5:-5]), abs=0.15)
    assert (low <= middle).all()
    assert (middle <= high).all()


def test_draws_fill_a_triangle_or_the_most_correlated_pairs(case):
    fit, _ = case("isoflop")
    assert len(report.draws_figure(fit).axes) == 15  # five histograms and ten pairs
    assert len(report.draws_figure(fit, size="slide").axes) == 6  # five histograms and one pair
    grouped, _ = case("grouped")
    figure = report.draws_figure(grouped)
    assert "not shown: 1 of 11 parameters" in words(figure)


def test_a_plan_shows_its_optimum_and_what_is_as_good(case, size):
    fit, _ = case("isoflop")
    plan = fr.plan(fit, flops=1e22)
    figure = report.plan_figure(plan, fit, size=size)
    assert_legible(figure)
    ax, top = figure.axes
    assert points(ax, "optimum")[0] == pytest.approx([plan.choice["N"], plan.forecast.value])
    span = ax.patches[0].get_extents().transformed(ax.transData.inverted())
    assert (span.x0, span.x1) == pytest.approx(tuple(plan.near_optimal["N"]))
    assert len(points(ax, "overtrained")) == len(plan.cost["overtraining"])
    assert top.get_xlabel() == "tokens per parameter M"
    curve = lines(ax, "law")[0]
    assert curve.get_ydata().min() == pytest.approx(plan.forecast.value, rel=1e-4)
    place, label = top.get_xticks()[0], top.get_xticklabels()[0].get_text()
    tokens = 1e22 / 6 / place**2
    assert len(top.get_xticks()) >= 2
    assert label in (f"$10^{{{round(np.log10(tokens))}}}$", f"{tokens:g}")


@pytest.mark.parametrize(
    ("name", "question"),
    [
        ("isoflop", {"N": 70e9, "D": 1.4e12}),
        ("isoflop", {"N": 70e9, "D": 1.4e12, "target": "new-run"}),
        ("isoflop", {"N": [1e9, 1e10, 1e11], "M": 20.0}),
        ("isoflop", {"N": 1e8, "D": 1e9}),
        ("tiny", {"N": 7e9, "D": 1e11}),
        ("one-input", {"x": 1e9}),
        ("one-input", {"x": 1e1}),
        ("counts", {"x": 1e9}),
        ("grouped", {"N": 7e10, "D": 1e12, "family": "gpt"}),
        ("grouped-one-input", {"x": [1e8, 1e9], "family": "llama"}),
    ],
)
def test_a_forecast_shows_runs_question_and_distance(case, name, question, size):
    fit, runs = case(name)
    forecast = fit.forecast(**question)
    figure = report.forecast_figure(forecast, fit, runs, size=size)
    assert_legible(figure)
    ax = figure.axes[0]
    assert_within(ax, points(ax))
    asked = np.column_stack(ax.containers[0].lines[0].get_data())
    assert asked[:, 1] == pytest.approx(np.atleast_1d(forecast.value))
    assert_within(ax, asked)
    said = [t.get_text() for t in ax.texts if "decades outside" in t.get_text()]
    assert said == ([f"{forecast.decades_outside:.1f} decades outside"] if forecast.decades_outside > 0 else [])
    if forecast.low is not None:
        bars = ax.containers[0].lines[2][0].get_segments()
        ends = np.array([[bar[0][1], bar[1][1]] for bar in bars])
        assert ends[:, 0] == pytest.approx(np.atleast_1d(forecast.low))
        assert ends[:, 1] == pytest.approx(np.atleast_1d(forecast.high))


def test_a_forecast_that_has_no_picture_is_refused(case):
    fit, runs = case("isoflop")
    with pytest.raises(fr.DataError, match="the answer of invert is an input"):
        report.forecast_figure(fit.invert(loss=2.5, D=1e12), fit, runs)


def test_other_runs_than_those_fitted_are_called_other(case):
    fit, runs = case("isoflop")
    figure = report.fit_figure(fit, runs.where("N > 1e8"))
    assert "fitted to 32 runs" in words(figure)


def test_levels_hold_every_row_once():
    from forerun.report.of_fit import levels

    rng = np.random.default_rng(0)
    for values in (np.repeat([1e6, 1e7, 1e8], 5), np.exp(rng.uniform(10, 20, 500)), np.array([3e7])):
        rows = levels(values)
        assert len(rows) <= 10
        assert np.sort(np.concatenate(rows)).tolist() == list(range(len(values)))
        middles = [np.median(values[r]) for r in rows]
        assert middles == sorted(middles)


def test_large_tables_draw_a_part_and_say_so():
    runs = fr.simulate("chinchilla", n=5000, noise=0.01, seed=0)
    fit = fr.fit("chinchilla", runs, draws=20)
    figure = report.fit_figure(fit, runs)
    assert len(points(figure.axes[0])) == 3000
    assert "3000 of 5000 rows are drawn" in words(figure)


@pytest.mark.parametrize("method", ["parabola", "akima", "envelope", "surface"])
def test_isoflops_show_budgets_minima_and_power_laws(method, size):
    runs = isoflop_runs()
    result = fr.isoflop(runs, method=method, draws=40)
    figure = report.isoflop_figure(result, runs, size=size)
    assert_legible(figure)
    left, right = figure.axes
    assert len(points(left)) == len(runs)
    assert_within(left, points(left))
    minima = [c for c in left.containers if c.get_label() == "minimum"]
    kept = [x for x in result.levels if not x.refused]
    assert [float(c.lines[0].get_xdata()[0]) for c in minima] == pytest.approx([x.N for x in kept])
    for container, name in zip(right.containers, ("N", "D")):
        assert container.lines[0].get_ydata() == pytest.approx([getattr(x, name) for x in kept])
    dashed = [line for line in lines(right, "law") if line.get_linestyle() == "--" and len(line.get_xdata())]
    assert max(line.get_xdata().max() for line in dashed) == pytest.approx(10 * max(x.flops for x in kept))


def test_budgets_that_are_left_out_are_hollow_and_said():
    runs = isoflop_runs()
    runs = runs.where((runs["C"] > 2e18) | (runs["N"] < 3e7))
    result = fr.isoflop(runs, draws=20)
    assert sum(bool(x.refused) for x in result.levels) == 1
    figure = report.isoflop_figure(result, runs)
    assert "hollow: 1 budget left out" in words(figure)
    assert lines(figure.axes[0], "runs")[0].get_markerfacecolor() == "white"


def test_a_back_test_shows_every_hidden_run_and_its_horizon(size):
    result = fr.backtest("chinchilla", fr.simulate("chinchilla", n=70, noise=0.002, seed=1), draws=30)
    figure = result.plot(size=size)
    assert_legible(figure)
    ax = figure.axes[0]
    drawn = np.concatenate([line.get_xydata() for line in ax.lines if line.get_linestyle() == "None"])
    assert np.sort(drawn[:, 1]) == pytest.approx(np.sort(100 * np.expm1(result.error)))
    assert_within(ax, drawn)
    horizon = [line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == "--"]
    assert horizon == ([pytest.approx(result.horizon)] if result.horizon else [])
