"""IsoFLOP analysis: published exponents, exact optima of known surfaces, refusals, and notes on what biases it."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.interpolate

import forerun as fr
from forerun.fitting.curves import akima, parabolas

EQUAL = {"E": 1.7, "A": 400.0, "alpha": 0.34, "B": 1000.0, "beta": 0.34}
UNEQUAL = {"E": 1.7, "A": 400.0, "alpha": 0.34, "B": 1000.0, "beta": 0.28}
BUDGETS = np.geomspace(1e18, 1e21, 7)


def optimum(p, c):
    """N* of the surface at compute c: Hoffmann et al. 2022, arXiv:2203.15556, equation 4."""
    g = (p["alpha"] * p["A"] / (p["beta"] * p["B"])) ** (1 / (p["alpha"] + p["beta"]))
    return g * (c / 6) ** (p["beta"] / (p["alpha"] + p["beta"]))


def surface(p, *, width=0.5, shift=0.0, sizes=9, noise=0.0, seed=0, drift=0.0):
    """Runs on budgets: sizes over ``width`` decades to each side of the optimum, moved by ``shift`` decades."""
    budget, offset = np.meshgrid(BUDGETS, np.linspace(-width, width, sizes), indexing="ij")
    move = shift + drift * np.log10(budget / BUDGETS[0])
    n = optimum(p, budget) * 10 ** (offset + move)
    loss = p["E"] + p["A"] * n ** -p["alpha"] + p["B"] * (budget / 6 / n) ** -p["beta"]
    loss = loss * np.exp(np.random.default_rng(seed).normal(0, noise, loss.shape)) if noise else loss
    columns = {"N": n, "D": budget / 6 / n, "C": budget, "loss": loss}
    return fr.read_runs({k: v.ravel() for k, v in columns.items()}, C="C")


def codes(result):
    return {n.code for n in result.notes}


def test_a_parabola_is_numpys():
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(4, 8)), rng.exponential(size=(4, 8))
    y = 2 * (x - 0.3) ** 2 + 1 + rng.normal(0, 0.1, x.shape)
    found = parabolas(x, y, w)
    for i in range(4):
        a, b, c = np.polyfit(x[i], y[i], 2, w=np.sqrt(w[i]))
        assert [found.x[i], found.y[i], found.curvature[i]] == pytest.approx(
            [-b / 2 / a, c - b * b / 4 / a, a], rel=1e-9
        )


def test_interpolation_is_akimas():
    rng = np.random.default_rng(1)
    x, y = np.sort(rng.uniform(0, 5, 11)), rng.normal(size=(3, 11))
    at = np.linspace(x[0], x[-1], 101)
    expected = [scipy.interpolate.Akima1DInterpolator(x, v)(at) for v in y]
    np.testing.assert_allclose(akima(x, y, at), expected, atol=1e-12)


@pytest.mark.parametrize("method", ["parabola", "akima", "surface"])
def test_a_symmetric_grid_with_equal_exponents_gives_the_exact_optimum(method):
    result = fr.isoflop(surface(EQUAL), method=method, draws=0)
    assert result.scaling["N"].exponent == pytest.approx(0.5, abs=2e-4)
    assert result.scaling["D"].exponent == pytest.approx(0.5, abs=2e-4)
    for level in result.levels:
        assert optimum(EQUAL, level.flops) == pytest.approx(level.N, rel=5e-3)
    assert result.optimum(C=1e23)["N"].value == pytest.approx(optimum(EQUAL, 1e23), rel=5e-3)
    assert result.optimum(C=1e23)["N"].decades_outside == pytest.approx(2.0, abs=0.01)


@pytest.mark.parametrize("method", ["akima", "surface"])
def test_methods_without_a_parabola_are_right_where_parabolas_are_biased(method):
    true = 0.28 / (0.34 + 0.28)
    wide = surface(UNEQUAL, width=1.0, sizes=15)
    biased = fr.isoflop(wide, draws=0)
    assert biased.levels[3].N / optimum(UNEQUAL, BUDGETS[3]) - 1 > 0.03
    result = fr.isoflop(wide, method=method, draws=0)
    assert result.scaling["N"].exponent == pytest.approx(true, abs=2e-3)
    assert pytest.approx(optimum(UNEQUAL, BUDGETS[3]), rel=0.004) == result.levels[3].N


@pytest.mark.parametrize(
    "grid", [dict(width=1.0), dict(width=1.0, shift=0.3), dict(width=0.8, drift=-0.15), dict(width=1.0, noise=1e-3)],
    ids=["wide", "off-centre", "drifting", "wide and noisy"],
)  # fmt: skip
def test_biased_grids_are_noted(grid):
    assert "parabola-bias" in codes(fr.isoflop(surface(UNEQUAL, sizes=15, **grid)))


@pytest.mark.parametrize("seed", range(12))
def test_a_narrow_centred_grid_is_not_noted(seed):
    assert codes(fr.isoflop(surface(EQUAL, width=0.4, noise=0.002, seed=seed))) == set()


def test_noise_that_an_interpolation_follows_is_noted():
    runs = surface(EQUAL, width=0.4, sizes=19, noise=0.02, seed=1)
    assert "rough-curves" in codes(fr.isoflop(runs, method="akima"))
    assert "rough-curves" not in codes(fr.isoflop(surface(EQUAL, sizes=9, noise=1e-4), method="akima"))


def test_an_edge_minimum_is_refused_and_said():
    runs = surface(EQUAL, sizes=9)
    cut = runs.drop((runs["C"] == BUDGETS[2]) & (runs["N"] > 0.8 * optimum(EQUAL, BUDGETS[2])))
    result = fr.isoflop(cut)
    refused = [level for level in result.levels if level.refused]
    assert [round(level.flops / BUDGETS[2], 6) for level in refused] == [1.0]
    assert "edge" in refused[0].refused
    assert "edge-minimum" in codes(result)
    assert result.scaling["N"].exponent == pytest.approx(0.5, abs=1e-3)
    assert "left out because" in str(result)


def test_a_budget_that_bends_the_wrong_way_is_refused():
    runs = surface(EQUAL)
    bent = np.where(runs["C"] == BUDGETS[4], 8.0 - runs["loss"], runs["loss"])
    result = fr.isoflop(fr.read_runs({"N": runs["N"], "C": runs["C"], "loss": bent}, C="C"))
    assert "no-minimum" in codes(result)
    assert [level.refused for level in result.levels if level.refused] == [
        "its parabola opens downwards or is flat, it has no minimum"
    ]


def test_too_few_sizes_and_too_few_budgets():
    runs = surface(EQUAL)
    few = runs.drop((runs["C"] == BUDGETS[0]) & (np.arange(len(runs)) % 9 > 2))
    assert "too-few-sizes" in codes(fr.isoflop(few))
    with pytest.raises(fr.DataError, match="2 of 2 budgets have a minimum, at least 3 are needed"):
        fr.isoflop(runs.where(runs["C"] < 4e18))


def test_compute_that_forms_no_budgets_is_refused_except_for_a_surface():
    runs = fr.simulate("chinchilla", n=80, noise=0.003, seed=1)
    scattered = fr.read_runs({"N": runs["N"], "C": np.geomspace(1e18, 1e21, 80), "loss": runs["loss"]}, C="C")
    with pytest.raises(fr.DataError, match="forms 80 budgets, most of them with fewer than 4 sizes"):
        fr.isoflop(scattered)
    assert fr.isoflop(runs, method="surface", draws=50).scaling["N"].exponent_interval is not None


def test_intervals_cover_the_truth_of_symmetric_grids():
    """200 tables: 90 % intervals of the exponent by parabolas, whose bias vanishes here."""
    hits = 0
    for seed in range(200):
        low, high = (
            fr.isoflop(surface(EQUAL, width=0.4, noise=0.003, seed=seed), draws=200).scaling["N"].exponent_interval
        )
        hits += low <= 0.5 <= high
    assert 0.80 <= hits / 200 <= 0.96


def test_an_envelope_over_training_curves_follows_the_best_run():
    p = EQUAL
    size = np.geomspace(1e7, 1e10, 40)
    step = np.geomspace(0.05, 20.0, 30)
    n, t = np.meshgrid(size, step, indexing="ij")
    d = 20 * n * t
    loss = p["E"] + p["A"] * n**-0.34 + p["B"] * d**-0.34
    runs = fr.read_runs({"N": n.ravel(), "D": d.ravel(), "loss": loss.ravel(), "step": t.ravel(),
                         "run": np.repeat([f"r{i}" for i in range(40)], 30)})  # fmt: skip
    result = fr.isoflop(runs, method="envelope", draws=50)
    assert result.scaling["N"].exponent == pytest.approx(0.5, abs=0.02)
    low, high = result.scaling["N"].exponent_interval
    assert low < high


@pytest.fixture
def porian(table):
    def select(name, step, **roles):
        where = [f"{k} == {v}" for k, v in zip(("hparams", "warmup", "decay", "param_count", "loss_split"), step)]
        return fr.read_runs(table(f"porian_refinedweb_{name}"), where=where, **roles)

    return select


STEPS = {
    ("base", "long", "kaplan", "kaplan", "train"): 0.8338,
    ("base", "long", "kaplan", "standard", "val"): 0.7009,
    ("base", "short", "kaplan", "standard", "val"): 0.6035,
    ("base", "short", "chinchilla", "standard", "val"): 0.5714,
    ("tuned", "short", "const", "standard", "val"): 0.4970,
}


@pytest.mark.capability("kaplan-chinchilla-reconciliation")
@pytest.mark.parametrize(("step", "published"), STEPS.items(), ids=[str(v) for v in STEPS.values()])
def test_porian_exponents_by_a_line_and_by_interpolation(porian, step, published):
    """Porian et al. 2024, arXiv:2406.19146: the way from Kaplan's exponent to Chinchilla's."""
    optima = porian("optima", step, x="flops", y="params_opt", drop="params_opt is missing")
    line = fr.fit("power-law", optima, objective="squared-log", uncertainty="none")
    assert -line.params["alpha"] == pytest.approx(published, abs=5e-5)
    result = fr.isoflop(porian("isoflop", step, N="params", D="tokens", C="flops", loss="loss"), method="akima")
    low, high = result.scaling["N"].exponent_interval
    assert low < published < high
    assert high - low < 0.15


@pytest.fixture
def llama(table):
    def condition(name):
        return fr.read_runs(table("isoflop_llama_3"), N="params", D="tokens", C="flops", loss="loss",
                            where=f"condition == {name}")  # fmt: skip

    return condition


def test_llama_3_tokens_by_parabolas(llama):
    result = fr.isoflop(llama("raw_loss"))
    tokens = result.scaling["D"]
    assert tokens.coefficient == pytest.approx(0.2994, abs=5e-5)
    assert tokens.exponent == pytest.approx(0.5368, abs=5e-5)
    assert result.optimum(C=3.8e25)["D"].value == pytest.approx(1.610e13, abs=5e9)


def test_exponents_after_cleaning(llama, table):
    """The quality control of Open-Athena/scaling-law-analysis (2026): 89 and 115 runs left, 0.45696 and 0.50474."""
    chinchilla = fr.read_runs(table("isoflop_ml_scalefit"), N="params", D="tokens", C="flops", loss="loss")
    for runs, left, exponent in ((chinchilla, 89, 0.45696), (llama("exp_loss"), 115, 0.50474)):
        result = fr.isoflop(runs, clean=True)
        assert result.scaling["D"].exponent == pytest.approx(exponent, abs=5e-6)
        assert f"cleaned: {left} of {len(runs)} rows left" in result.audit
        low, high = result.scaling["D"].exponent_interval
        assert low < exponent < high
        assert high - low < 0.035
        note = next(n for n in result.notes if n.code == "runs-cleaned")
        assert sum(map(len, note.evidence.values())) == len(runs) - left
        assert "on all of them the exponents are" in note.message


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (dict(method="parabolas"), "Use one of: parabola"),
        (dict(tolerance=0.0), "tolerance"),
        (dict(level=1.0), "level"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, words):
    with pytest.raises(fr.DataError, match=words):
        fr.isoflop(surface(EQUAL), **settings)


def test_a_surface_finds_an_optimum_far_outside_the_sizes_and_says_so():
    far = surface(EQUAL, width=0.3, shift=-2.2)
    result = fr.isoflop(far, method="surface", draws=20)
    assert result.scaling["N"].exponent == pytest.approx(0.5, abs=0.01)
    assert pytest.approx(optimum(EQUAL, BUDGETS[3]), rel=0.05) == result.levels[3].N
    assert "optimum-outside" in codes(result)


def test_tokens_are_those_of_the_table_where_compute_is_not_6nd():
    runs = surface(EQUAL)
    twice = fr.read_runs({"N": runs["N"], "D": runs["D"], "C": 2 * runs["C"], "loss": runs["loss"]}, C="C")
    for method in ("parabola", "akima", "surface", "envelope"):
        one, two = (fr.isoflop(r, method=method, draws=0).levels[3] for r in (runs, twice))
        assert pytest.approx(one.D, rel=1e-2) == two.D, method
        assert pytest.approx(one.N, rel=1e-2) == two.N, method


def test_four_sizes_tell_nothing_of_the_noise():
    result = fr.isoflop(surface(EQUAL, width=0.4, sizes=4, noise=0.003), method="akima")
    assert result.scaling["N"].exponent_interval is None
    assert "no-uncertainty" in codes(result)


def test_few_draws_are_said_to_be_few():
    assert "few-draws" in codes(fr.isoflop(surface(EQUAL), draws=20))


def test_cleaning_that_leaves_nothing_says_what_it_left_out():
    with pytest.raises(fr.DataError, match=r"leaves none of 28 runs \(28 too few runs"):
        fr.isoflop(surface(EQUAL, sizes=4), clean=True)
    kept = fr.isoflop(surface(EQUAL, width=0.4, noise=1e-4), clean=True)
    assert next(n for n in kept.notes if n.code == "runs-cleaned").severity == "info"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (dict(draws=-5), "draws"),
        (dict(draws=1), "draws"),
        (dict(seed=-1), "seed"),
        (dict(method="surface", clean=True), "not for surface"),
    ],
)
def test_draws_and_seeds_that_cannot_be_are_refused(settings, words):
    with pytest.raises(fr.DataError, match=words):
        fr.isoflop(surface(EQUAL), **settings)


def test_runs_without_compute_are_asked_for_it():
    with pytest.raises(fr.DataError, match="no C"):
        fr.isoflop(fr.read_runs({"x": [1.0, 2.0], "y": [1.0, 2.0]}))
