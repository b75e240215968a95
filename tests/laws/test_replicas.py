"""Training with few synchronisations: what it costs by size, replicas and interval, beside plain data parallel."""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr

# Charles et al. 2025, arXiv:2503.09799, table 4: C4 loss at 20 tokens per parameter, synchronised every 30 steps.
SIZES = (35e6, 90e6, 180e6, 335e6, 550e6, 1.3e9, 2.4e9)
DATA_PARALLEL = (3.485, 3.167, 2.950, 2.784, 2.653, 2.460, 2.326)
REPLICAS = {
    1: (3.482, 3.162, 2.943, 2.777, 2.645, 2.451, 2.317),
    2: (3.508, 3.182, 2.957, 2.788, 2.657, 2.464, 2.323),
    4: (3.554, 3.213, 2.981, 2.808, 2.673, 2.472, 2.332),
    8: (3.621, 3.265, 3.019, 2.841, 2.698, 2.493, 2.351),
}
# Douillard et al. 2025, arXiv:2501.18512, table 5: C4 loss of Streaming DiLoCo, synchronised every 30 or 100 steps.
STREAMED = (35e6, 100e6, 200e6, 300e6, 500e6, 1e9)
INTERVALS = {30: (3.53, 3.21, 2.98, 2.81, 2.67, 2.48), 100: (3.56, 3.22, 3.00, 2.83, 2.69, 2.50)}
PLAIN = (3.51, 3.19, 2.97, 2.80, 2.67, 2.49)


def replicated():
    rows = [(N, m, loss) for m, losses in REPLICAS.items() for N, loss in zip(SIZES, losses)]
    N, replicas, loss = np.array(rows).T
    return fr.read_runs({"N": N, "replicas": replicas, "loss": loss}, replicas="replicas")


def curve(sizes, losses):
    law = fr.laws.get("power-law").along(x="N", y="loss")
    return fr.fit(law, fr.read_runs({"N": np.array(sizes), "loss": np.array(losses)}), objective="squared-log")


def test_the_printed_table_gives_the_printed_constants():
    fit = fr.fit("diloco-loss", replicated(), objective="squared-log", uncertainty="none")
    printed = next(s for s in fit.law.published if s.name == "joint").values
    assert dict(fit.params) == pytest.approx(printed, rel=2e-3)


def test_without_a_floor_the_loss_of_a_held_out_size_is_missed_beyond_its_interval():
    """The paper reports 2.086 for two replicas at 10B, and calls its forecast a few percent off."""
    answer = fr.fit("diloco-loss", replicated(), objective="squared-log").forecast(N=1e10, replicas=2)
    assert answer.high < 2.086
    assert answer.value == pytest.approx(2.086, rel=0.04)


@pytest.mark.capability("low-communication-law")
def test_loss_by_size_replicas_and_interval_is_fitted_and_what_each_costs_has_an_interval():
    replicas = fr.fit("diloco-loss", replicated(), objective="squared-log")
    low, high = replicas.intervals["beta"]
    assert 0 < low < high < 0.02
    rows = [(N, h, loss) for h, losses in INTERVALS.items() for N, loss in zip(STREAMED, losses)]
    N, interval, loss = np.array(rows).T
    runs = fr.read_runs(
        {"N": N, "replicas": np.full(len(N), 2.0), "steps_apart": interval, "loss": loss},
        replicas="replicas", sync_interval="steps_apart",
    )  # fmt: skip
    law = fr.laws.get("diloco-interval").fix(beta=replicas.params["beta"])
    fit = fr.fit(law, runs, objective="squared-log")
    low, high = fit.intervals["delta"]
    assert 0 < low < high < 0.02
    rarely, often = (fit.forecast(N=1e9, replicas=2, sync_interval=h).value for h in (100, 30))
    assert rarely / often == pytest.approx(1.007, abs=0.004)


@pytest.mark.capability("low-communication-law")
def test_at_equal_tokens_one_replica_beats_data_parallel_and_eight_lose_to_it():
    plain = curve(SIZES, DATA_PARALLEL)
    verdicts = {m: fr.compare({"diloco": curve(SIZES, REPLICAS[m]), "plain": plain}, cuts=0).winner for m in (1, 8)}
    assert verdicts == {1: "diloco", 8: "plain"}


@pytest.mark.capability("low-communication-law")
def test_more_steps_between_synchronisations_lose_to_data_parallel_where_few_do_not():
    plain = curve(STREAMED, PLAIN)
    rarely = fr.compare({"diloco": curve(STREAMED, INTERVALS[100]), "plain": plain}, cuts=0)
    often = fr.compare({"diloco": curve(STREAMED, INTERVALS[30]), "plain": plain}, cuts=0)
    assert rarely.winner == "plain"
    assert often.winner != "plain"


@pytest.mark.parametrize(("replicas", "crossing"), [(2, 2.5e9), (4, 4.0e9), (8, 9.6e9)])
def test_larger_models_lose_less_and_cross_data_parallel_where_the_printed_constants_say(replicas, crossing):
    """Sizes recomputed from the printed constants by an independent program."""
    law, names = fr.laws.get("diloco-loss"), {2: "two replicas", 4: "four replicas", 8: "eight replicas"}
    sets = {s.name: s.values for s in law.published}
    apart, plain = sets[names[replicas]], sets["data-parallel"]
    size = (apart["A"] / plain["A"]) ** (1 / (apart["alpha"] - plain["alpha"]))
    assert size == pytest.approx(crossing, rel=0.02)
    assert law(size, replicas, **apart) == pytest.approx(law(size, 1, **plain), rel=1e-12)


def test_the_published_batch_and_rate_grow_with_replicas():
    for name in ("diloco-batch", "diloco-learning-rate"):
        law = fr.laws.get(name)
        assert law(2.4e9, 4, **law.typical()) > law(2.4e9, 1, **law.typical())
    batch = fr.laws.get("diloco-batch")
    assert np.log2(batch(2.4e9, 1, **batch.typical())) == pytest.approx(18.5, abs=0.1)
