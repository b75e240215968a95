"""`auto` and `calibrate`: what they choose, what they refuse, and that their intervals are as wide as forecasts were wrong."""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr
from forerun.predict.trials import Candidate, Trial
from forerun.predict.weighting import weigh

TRUTH = {"E": 1.7, "A": 400.0, "alpha": 0.34, "B": 1000.0, "beta": 0.3}


def curve(seed, n=40, noise=0.01, floor=0.1):
    x = np.geomspace(1e3, 1e7, n)
    clean = floor + 30.0 * x**-0.4
    rng = np.random.default_rng(seed)
    return fr.read_runs({"x": x, "y": clean * np.exp(rng.normal(0, noise, n))}, x="x", y="y")


@pytest.fixture(scope="module")
def surface():
    return fr.simulate("chinchilla", n=80, noise=0.003, params=TRUTH, seed=0)


@pytest.fixture(scope="module")
def found(surface):
    return fr.fit("auto", surface, draws=300)


def test_chinchilla_answers_for_a_table_that_follows_it(found, surface):
    assert found.leader == "chinchilla"
    assert [m.name for m in found.members] == ["chinchilla"]
    assert {"chinchilla (squared-log)", "chinchilla.tie(alpha=beta)"} <= {name for name, _ in found.rejected}
    plain = fr.fit("chinchilla", surface, draws=50)
    at = {"N": np.array([1e10]), "D": np.array([1e12])}
    assert found.predict(at) == pytest.approx(plain.predict(at), rel=1e-12)
    assert "do not extrapolate" not in found.verdict


def test_a_law_that_is_right_extrapolates_within_its_interval(found):
    truth = fr.laws.get("chinchilla")(70e9, 1.4e12, **TRUTH)
    answer = found.forecast(N=70e9, D=1.4e12)
    assert answer.low < truth < answer.high
    assert answer.layers == ("parameters", "calibration")
    assert found.forecast(N=70e9, D=1.4e12, target="new-run").layers[-1] == "run-noise"


def test_intervals_grow_with_the_distance_from_the_runs(found, surface):
    last = surface["C"].argmax()
    n, d = surface["N"][last], surface["D"][last]
    answer = found.forecast(N=n * np.array([1.0, 3.0, 30.0]), D=d * np.array([1.0, 3.0, 30.0]))
    width = np.log(answer.high / answer.low)
    assert (np.diff(width) > 0).all()


def test_a_curve_is_averaged_over_forms_and_the_wrong_ones_are_named():
    found = fr.fit("auto", curve(0), draws=200)
    assert found.leader is None
    assert found.members[0].name.split(" ")[0] in ("m2", "m4")  # the truth, or the form that has it as a special case
    assert {name.split(" ")[0] for name, _ in found.rejected} >= {"m1"}
    assert found.predict({"x": np.array([1e8])}) == pytest.approx(0.1 + 30.0 * 1e8**-0.4, rel=0.05)


def test_no_hidden_run_is_seen_when_it_is_predicted(surface):
    """What is said of the runs below a cut does not change when those above it are multiplied by two."""
    from forerun.predict.cutting import axis_of
    from forerun.predict.trials import Candidate, put_on_trial, splits_below

    changed = fr.read_runs({"N": surface["N"], "D": surface["D"],
                            "loss": np.where(surface["C"] > 0.5 * surface["C"].max(), 2.0, 1.0) * surface["loss"]})  # fmt: skip
    one, two = (
        put_on_trial([Candidate(fr.laws.get("chinchilla"))], runs, axis_of(runs), splits_below(runs, "C", 10))[0]
        for runs in (surface, changed)
    )
    untouched = [i for i, s in enumerate(splits_below(surface, "C", 10)) if s.label < 0.5 * surface["C"].max()]
    for cut in untouched:
        split = splits_below(surface, "C", 10)[cut]
        scored = split.hidden[np.isfinite(split.distance)]
        same = surface["loss"][scored] == changed["loss"][scored]
        np.testing.assert_allclose(one.errors[cut][same], two.errors[cut][same], atol=1e-7)


def test_intervals_of_a_curve_hold_what_they_promise():
    """Twelve noisy curves, the last factor of ten hidden: of 90 % intervals three misses or more are one case in ten."""
    inside = 0
    for seed in range(12):
        runs = curve(seed, noise=0.02)
        answer = fr.fit("auto", runs.where(runs["x"] < 1e6), draws=50, seed=seed).forecast(x=1e7)
        inside += answer.low <= 0.1 + 30.0 * 1e7**-0.4 <= answer.high
    assert inside >= 10


def test_an_exponent_of_the_wrong_sign_stops_the_extrapolation_and_the_plan():
    rng = np.random.default_rng(0)
    n, d = np.exp(rng.uniform(np.log(1e7), np.log(1e9), 40)), np.exp(rng.uniform(np.log(1e9), np.log(1e11), 40))
    loss = (1.5 + 300 * n**-0.34) * (d / 1e10) ** 0.03 * np.exp(rng.normal(0, 0.002, 40))
    found = fr.fit("auto", fr.read_runs({"N": n, "D": d, "loss": loss}), draws=50)
    assert found.verdict.startswith("do not extrapolate")
    with pytest.raises(fr.DataError, match="not fit to plan with"):
        fr.plan(found, flops=1e22)


def test_a_plan_takes_an_ensemble_like_a_fit(found):
    plan = fr.plan(found, flops=1e23)
    assert plan.choice["N_interval"][0] < plan.choice["N"] < plan.choice["N_interval"][1]


def test_a_curve_over_tokens_is_asked_for_tokens():
    runs = curve(1)
    tokens = fr.read_runs({"D": runs["x"] * 1e6, "loss": runs["y"]}, D="D", loss="loss")
    answer = fr.fit("auto", tokens, draws=50).forecast(D=1e14)
    assert answer.quantity == "loss"
    assert answer.decades_outside == pytest.approx(1.0)


def test_too_few_cuts_are_refused_by_calibrate_and_said_by_auto():
    few = fr.read_runs({"x": np.arange(1.0, 9.0), "y": 1.0 + 1.0 / np.arange(1.0, 9.0)}, x="x", y="y")
    with pytest.raises(fr.DataError, match="too few to calibrate"):
        fr.calibrate("power-law-floor", few)
    assert {"few-cuts", "do-not-extrapolate"} & {n.code for n in fr.fit("auto", few, draws=20).notes}


def test_calibration_widens_a_wrong_law_and_leaves_a_right_one():
    """A power law without the floor that the runs have: its interval becomes wider, the right law's less, and it is stopped."""
    x = np.geomspace(1e3, 1e7, 60)
    rng = np.random.default_rng(0)
    bent = fr.read_runs({"x": x, "y": (0.3 + 30.0 * x**-0.4) * np.exp(rng.normal(0, 0.003, 60))}, x="x", y="y")
    wrong, right = (fr.calibrate(law, bent, draws=200) for law in ("power-law", "power-law-floor"))
    assert wrong.calibration.spread > 3 * right.calibration.spread
    plain = fr.fit("power-law", bent, draws=200).forecast(x=1e8)
    answer = wrong.forecast(x=1e8)
    assert answer.high / answer.low > plain.high / plain.low
    assert "do-not-extrapolate" in {n.code for n in wrong.notes}
    assert "do-not-extrapolate" not in {n.code for n in right.notes}


def test_what_auto_cannot_answer_is_refused():
    with pytest.raises(fr.DataError, match="auto needs N and D, or one of"):
        fr.fit("auto", fr.simulate("data-mixing", n=30))
    for settings, words in (
        (dict(objective="lad"), "received objective"),
        (dict(level=2.0), "level must lie"),
        (dict(draws=1), "draws"),
    ):
        with pytest.raises(fr.DataError, match=words):
            fr.fit("auto", fr.simulate("m2", n=20), **settings)
    with pytest.raises(fr.DataError, match="auto takes runs"):
        fr.fit("auto", {"x": [1.0]})
    with pytest.raises(fr.DataError, match="no form can be fitted"):
        fr.fit("auto", fr.read_runs({"x": [1.0, 2.0], "y": [2.0, 1.0]}, x="x", y="y"))


def test_a_series_that_turns_is_not_extrapolated():
    x = np.geomspace(1e3, 1e7, 30)
    turning = 1.0 + 0.1 * np.log10(x / 1e5) ** 2
    rng = np.random.default_rng(0)
    found = fr.fit(
        "auto", fr.read_runs({"x": x, "y": turning * np.exp(rng.normal(0, 0.01, 30))}, x="x", y="y"), draws=50
    )
    assert {"non-monotone", "do-not-extrapolate"} <= {n.code for n in found.notes if n.severity == "error"}
    assert found.verdict.startswith("do not extrapolate")


def test_a_challenger_that_is_less_determined_does_not_answer(table):
    """On the Chinchilla runs an emphasis on the large ones predicts hidden runs better, with a floor that nothing shows."""
    runs = fr.read_runs(
        table("chinchilla_epoch245"), N="params", D="tokens", C="flops", loss="loss", drop="loss > 3.42"
    )
    found = fr.fit("auto", runs, draws=100)
    assert found.leader == "chinchilla"
    assert found.members[0].fit.params["beta"] == pytest.approx(0.3672, abs=1e-3)


def test_noise_between_repeats_is_told_and_a_misfit_beyond_it_is_a_warning():
    rng = np.random.default_rng(0)
    x = np.repeat(np.geomspace(1e3, 1e7, 20), 3)
    right = fr.read_runs({"x": x, "y": (0.2 + 30.0 * x**-0.4) * np.exp(rng.normal(0, 0.02, 60))}, x="x", y="y")
    wavy = fr.read_runs({"x": x, "y": 30.0 * x**-0.4 * (1 + 0.3 * np.sin(3 * np.log(x))) * np.exp(rng.normal(0, 0.002, 60))}, x="x", y="y")  # fmt: skip
    one, two = (fr.fit("auto", runs, draws=50).notes for runs in (right, wavy))
    (told,) = (n for n in one if n.code == "seed-noise")
    assert told.evidence["noise"] == pytest.approx(0.02, rel=0.3)
    assert told.evidence["repeats"] == 40
    assert "misfit-beyond-noise" in {n.code for n in two}


def test_an_answer_without_draws_has_the_interval_of_its_calibration():
    few = fr.simulate("chinchilla", n=8, noise=0.003, seed=1)
    answer = fr.fit("auto", few).forecast(N=1e11, D=1e12, target="new-run")
    assert answer.low < 0.99 * answer.value < 1.01 * answer.value < answer.high


@pytest.mark.parametrize(("hidden", "heaviest"), [(3, 1), (2, 0)])
def test_the_last_cut_counts_most_only_where_it_hides_runs_enough(hidden, heaviest):
    """The first form is right at all cuts but the last, the second at the last alone."""
    sizes = (0.03, 0.01, 0.01, 0.01), (0.01, 0.03, 0.03, 0.03)
    counts = (hidden, 5, 8, 12)
    trials = [
        Trial(Candidate(fr.laws.get("m1")), None, tuple(np.full(n, size) for n, size in zip(counts, own)))
        for own in sizes
    ]
    weights = weigh(trials, 4)
    assert weights.sum() == pytest.approx(1.0)
    assert weights.argmax() == heaviest
