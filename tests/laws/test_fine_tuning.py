"""Fine-tuning: a flat start and then a power law, choosing a model from small subsets, and sharing out examples."""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr
from forerun.predict import best_split

FULL = 1638400
# Pearson correlation x 100 of forecasts from 1/8, 1/16 ... 1/512 of the examples with the loss at all of them:
# linhaowei1/Fine-tuning-Scaling-Law, results/tab1.txt, its method that stops at the bend, and the loss at the subset.
PUBLISHED = {
    "flan": ([90.9, 73.1, 65.5, 61.1, 52.2, 50.5, 45.6], [60.9, 46.5, 36.4, 29.0, 24.6, 20.9, 16.4]),
    "wmt19": ([98.9, 97.0, 97.7, 86.0, 78.0, 73.4, 61.5], [93.5, 87.1, 77.7, 64.5, 51.7, 41.6, 34.5]),
}


@pytest.fixture
def models(table):
    """The fine-tuning runs of a task, by model."""

    def read(task):
        runs = fr.read_runs(
            table(f"finetune_{task}"), examples="d_finetune", loss="test_loss", where=["d_finetune > 0"]
        )
        return {m: runs.where(runs.columns["model"] == m) for m in dict.fromkeys(runs.columns["model"].tolist())}

    return read


def fitted(law, runs, **wish):
    law = fr.laws.get("m1").along(x="examples", y="loss") if law == "m1" else law
    return fr.fit(law, runs, objective="squared-log", **({"uncertainty": "none"} | wish))


def at_full(fit):
    return float(fit.predict({"examples": np.array([FULL])})[0])


def measured(runs, examples=FULL):
    return float(runs["loss"][runs["examples"] == examples][0])


def correlation(one, two):
    return 100 * np.corrcoef(one, two)[0, 1]


def ranks(values):
    return np.argsort(np.argsort(values))


def after_the_bend(runs):
    """The rows with most examples that lie on a line in both logarithms: from three, until one is five deviations off."""
    order = np.argsort(runs["examples"])
    x, y = np.log(runs["examples"][order]), np.log(runs["loss"][order])
    count = min(3, len(x))
    for count in range(3, len(x)):
        line = np.polyfit(x[-count:], y[-count:], 1)
        scatter = (y[-count:] - np.polyval(line, x[-count:])).std()
        if abs(y[-count - 1] - np.polyval(line, x[-count - 1])) > 5 * scatter:
            break
    return runs.where(runs["examples"] >= 0.999 * np.exp(x[-count]))


def test_one_model_has_the_published_residual_and_the_refitted_coefficients(models):
    fit = fitted("rectified-fine-tuning", models("flan")["MBZUAI/LaMini-GPT-124M"])
    rest = fit.residuals(fit.table)
    assert np.sqrt((rest**2).mean()) == pytest.approx(0.0027011, rel=1e-4)  # results/rmsd.csv
    assert fit.params == pytest.approx(fr.laws.get("rectified-fine-tuning").published[0].values, rel=1e-3)


@pytest.mark.capability("finetuning-laws")
def test_a_synthetic_curve_with_a_flat_start_is_told_on_held_out_sizes_by_the_rectified_law_and_not_by_a_power_law():
    """SYNTHETIC: from coefficients of a real curve; a plain power law cannot bend, and misses ten times as much."""
    runs = fr.simulate("rectified-fine-tuning", inputs={"examples": np.geomspace(100, 3e6, 40)}, noise=0.002, seed=1)
    plain = [fr.laws.get(n).along(x="examples", y="loss") for n in ("m1", "m2")]
    found = fr.select(["rectified-fine-tuning", *plain], runs, axis="examples", objective="squared-log")
    assert found.best == "rectified-fine-tuning"
    assert found.decided
    assert all(one.missed > 5 * found.laws[0].missed for one in found.laws[1:])


@pytest.mark.capability("finetuning-laws")
def test_forecasts_from_an_eighth_of_the_examples_rank_thirty_models_as_all_examples_do(models):
    """On FLAN; published with this law: 77.9, and by the loss at that eighth itself: 60.9."""
    runs = models("flan")
    truth = [measured(r) for r in runs.values()]
    told = [at_full(fitted("rectified-fine-tuning", r.where(f"examples <= {FULL / 8}"))) for r in runs.values()]
    assert correlation(told, truth) > 85
    assert correlation(ranks(told), ranks(truth)) > 80


@pytest.mark.capability("finetuning-laws")
@pytest.mark.parametrize("task", PUBLISHED)
def test_lines_after_the_bend_choose_models_from_subsets_as_published(models, task):
    """At every fraction, to the printed digit and one more; they beat the loss at the subset by far."""
    runs = models(task)
    truth = [measured(r) for r in runs.values()]
    for i, (lines, losses) in enumerate(zip(*PUBLISHED[task])):
        most = FULL // 2 ** (i + 3)
        subsets = [r.where(f"examples <= {most}") for r in runs.values()]
        told = [at_full(fitted("m1", after_the_bend(r))) for r in subsets]
        assert correlation(told, truth) == pytest.approx(lines, abs=0.11)
        assert correlation([measured(r, most) for r in subsets], truth) == pytest.approx(losses, abs=0.11)


def test_synthetic_fine_tuning_over_size_and_examples_is_multiplicative_where_an_additive_law_misses_it():
    """SYNTHETIC: no coefficients could be read; the additive law of size and data bends the wrong way at the corner."""
    joint = fr.laws.get("fine-tuning-joint")
    N, examples = (g.ravel() for g in np.meshgrid(np.geomspace(1e9, 1.6e10, 5), np.geomspace(8e3, 8e5, 7)))
    additive = fr.laws.get("rosenfeld-additive").along(D="examples", y="loss")
    misses = []
    for seed in range(7):
        runs = fr.simulate(joint, inputs={"N": N, "examples": examples}, noise=0.002, seed=seed)
        small = runs.where("N < 1e10 and examples < 2e5")
        large = runs.where("N > 1e10 and examples > 2e5")
        misses.append([np.abs(fitted(law, small).residuals(large)).mean() for law in (joint, additive)])
    miss = np.median(misses, axis=0)
    assert miss[0] < 0.02
    assert miss[0] < 0.5 * miss[1]


# -- a composition ---------------------------------------------------------------------------------------------------


@pytest.mark.capability("sft-composition-scaling")
def test_synthetic_abilities_are_fitted_one_by_one_and_a_budget_of_examples_is_shared_out_at_equal_gains():
    """SYNTHETIC: errors of three abilities fall as powers of their own examples, one of them reaching its floor early."""
    law = fr.laws.get("m2").along(x="examples", y="error")
    truth = {"math": (0.3, 2.4, 0.3), "code": (0.3, 1.8, 0.25), "general": (0.25, 20.0, 1.0)}
    x = np.geomspace(100, 1e5, 16)
    fits = {
        name: fr.fit(
            law, fr.simulate(law, params=dict(zip("ebc", p)), inputs={"examples": x}, noise=0.005, seed=i), draws=100
        )
        for i, (name, p) in enumerate(truth.items())
    }
    split = best_split(fits, 60_000)
    assert sum(split.amounts.values()) == pytest.approx(60_000)
    gains = {n: b * c * split.amounts[n] ** -(c + 1) for n, (e, b, c) in truth.items()}
    assert gains["math"] == pytest.approx(gains["code"], rel=0.1)
    assert split.amounts["general"] < 6_000  # it is near its floor with a tenth of the budget
    best = _equal_gains(truth, 60_000)
    for name, amount in best.items():
        low, high = split.limits[name]
        assert low - 300 <= amount <= high + 300  # as fine as the parts are
        assert high - low < 12_000


def _equal_gains(truth, total):
    low, high = 1e-20, 1.0
    for _ in range(200):
        gain = np.sqrt(low * high)
        amounts = {n: (b * c / gain) ** (1 / (c + 1)) for n, (e, b, c) in truth.items()}
        low, high = (low, gain) if sum(amounts.values()) < total else (gain, high)
    return amounts


@pytest.mark.capability("sft-composition-scaling")
@pytest.mark.parametrize("model", ["gpt2", "facebook/opt-1.3b"])
def test_two_tasks_share_a_budget_nearly_as_well_as_the_best_measured_pair(models, model):
    """FLAN and WMT19 of one model: of all measured pairs of amounts within the budget none has a lower sum of losses."""
    tasks = {name: models(name)[model] for name in ("flan", "wmt19")}
    fits = {
        name: fitted("rectified-fine-tuning", runs, draws=50, uncertainty="bootstrap") for name, runs in tasks.items()
    }
    split = best_split(fits, 460_800)
    pairs = {
        (a, b): measured(tasks["flan"], a) + measured(tasks["wmt19"], b)
        for a in tasks["flan"]["examples"]
        for b in tasks["wmt19"]["examples"]
        if a + b <= 460_800
    }
    assert split.sum < 1.01 * min(pairs.values())
    assert all(low <= split.amounts[name] <= high for name, (low, high) in split.limits.items())
    assert sum(split.amounts.values()) == pytest.approx(460_800)
