"""A run trains, resumes to the last bit, branches from a trunk, and says when it is lost."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from forerun.ladder.corpus import read_corpus
from forerun.ladder.model import Decoder
from forerun.ladder.monitor import Monitor, Watch
from forerun.ladder.optimizers import optimizers
from forerun.ladder.rung import Rung
from forerun.ladder.schedules import rate
from forerun.ladder.trainer import Training, train

TINY = Rung(width=16, depth=1, context=32, steps=60, warmup=10)
WATCH = Watch(points=8, validate_curve=True, validation_bytes=2048, checkpoint_seconds=1e9)


class Killed(Exception):
    """What a test raises to stop a run."""


@pytest.fixture(scope="module")
def corpus(texts):
    return read_corpus(texts, context=32)


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
@pytest.mark.parametrize("stop", [1, 23, 59])
def test_a_stopped_run_goes_on_to_the_last_bit(corpus, tmp_path, optimizer, stop):
    rung = replace(TINY, optimizer=optimizer, lr=0.01)
    whole = train(rung, corpus, folder=tmp_path / "whole", watch=WATCH)

    def kill(training):
        if training.step == stop:
            raise Killed

    with pytest.raises(Killed):
        train(rung, corpus, folder=tmp_path / "parts", watch=WATCH, alive=kill)
    resumed = train(rung, corpus, folder=tmp_path / "parts", watch=WATCH)
    assert resumed.losses == whole.losses
    assert resumed.curve == whole.curve
    assert resumed.steps_trained == whole.steps_trained == 60


def test_training_learns_more_than_pairs_of_bytes(corpus, tmp_path):
    outcome = train(replace(TINY, steps=400), corpus, folder=tmp_path, watch=WATCH)
    assert outcome.state == "done"
    assert outcome.curve[0]["loss"] > outcome.loss
    assert outcome.loss < 0.6
    assert set(outcome.losses) == {"prose", "verse"}
    assert outcome.curve[-1]["loss"] == outcome.loss == pytest.approx(sum(outcome.losses.values()) / 2)


def test_a_branch_equals_a_run_from_the_start(corpus, tmp_path):
    long = replace(TINY, schedule="wsd", steps=100, cooldown=0.2)
    short = replace(long, steps=50, cooldown=0.4)
    assert long.trunk == short.trunk
    alone = train(long, corpus, folder=tmp_path / "alone", watch=WATCH)
    train(short, corpus, folder=tmp_path / "trunk", watch=WATCH)
    branched = train(long, corpus, folder=tmp_path / "trunk", watch=WATCH)
    assert branched.losses == alone.losses
    assert branched.steps_trained == 100 - 30
    assert alone.steps_trained == 100


def test_runs_of_other_settings_share_no_trunk():
    rung = replace(TINY, schedule="wsd")
    assert rung.trunk != replace(rung, lr=0.01).trunk
    assert rung.trunk != replace(rung, seed=1).trunk
    assert TINY.trunk is None


def test_a_run_that_leaves_its_lowest_loss_is_lost(corpus, tmp_path):
    rung = replace(TINY, optimizer="adamw", lr=30.0, adam_lr=30.0, steps=300)
    outcome = train(rung, corpus, folder=tmp_path, watch=WATCH)
    assert outcome.state == "diverged"


def test_the_monitor_counts_spikes_and_sees_divergence():
    monitor = Monitor()
    for step in range(300):
        monitor.see(2.0 + 0.01 * math.sin(step), 1.0)
    assert monitor.spikes == 0
    monitor.see(2.5, 1.0)
    assert monitor.spikes == 1
    assert not monitor.diverged
    for _ in range(100):
        monitor.see(5.0, 1.0)
    assert monitor.diverged
    monitor = Monitor()
    monitor.see(math.nan, 1.0)
    assert monitor.diverged


def test_the_noise_scale_recovers_that_of_synthetic_gradients():
    generator = torch.Generator().manual_seed(0)
    mean, batch, monitor = torch.full((400,), 0.2), 8, Monitor()
    for _ in range(400):
        single = mean + torch.randn(batch, 400, generator=generator)
        halves = [part.mean(0) for part in single.chunk(2)]
        small = sum(float(h.square().sum()) for h in halves) / 2
        monitor.compare(small, float(single.mean(0).square().sum()))
    truth = 400.0 / float(mean.square().sum())  # tr(S) / |G|^2
    assert monitor.point(batch)["noise_scale"] == pytest.approx(truth, rel=0.15)


def test_halving_a_batch_changes_its_gradient_by_rounding_only(corpus):
    tokens = torch.from_numpy(corpus.batch(Rung(context=32, batch=4), 0)).long()
    model = Decoder(TINY)
    torch.nn.init.normal_(model.head.weight)
    torch.autograd.backward(model.loss(tokens))
    whole = model.embedding.weight.grad.clone()
    model.zero_grad()
    for half in tokens.chunk(2):
        torch.autograd.backward(0.5 * model.loss(half))
    assert torch.allclose(model.embedding.weight.grad, whole, atol=1e-6)


@pytest.mark.parametrize("schedule", ["linear", "cosine", "wsd", "constant"])
def test_schedules_warm_up_and_stay_between_zero_and_one(schedule):
    rung = Rung(steps=200, warmup=20, schedule=schedule, final_lr=0.1)
    shares = [rate(rung, step) for step in range(200)]
    assert shares[0] == pytest.approx(0.05)
    assert max(shares) == 1.0
    assert min(shares) > 0
    assert shares[20:] == sorted(shares[20:], reverse=True)
    if schedule == "cosine":
        assert shares[110] == pytest.approx(0.55, abs=0.01)
    if schedule == "wsd":
        assert shares[159] == 1.0 > shares[161]


def test_rules_leave_the_base_model_alone_and_scale_others():
    base = Rung(width=32, depth=2, optimizer="adamw", lr=0.01)
    for scaling in ("mup", "completep"):
        rung = replace(base, scaling=scaling)
        assert Decoder(rung).readout == 1.0
        assert Decoder(rung).blocks[0].branch == 1.0
        assert optimizers(Decoder(rung), rung)[1].param_groups[0]["lr"] == 0.01
    wide = replace(base, width=128, depth=8, scaling="mup", weight_decay=0.1)
    group = optimizers(Decoder(wide), wide)[1].param_groups[0]
    assert group["lr"] == pytest.approx(0.0025)
    assert group["lr"] * group["weight_decay"] == pytest.approx(0.01 * 0.1)
    assert Decoder(wide).readout == 0.25
    assert Decoder(wide).blocks[0].branch == 1.0
    assert Decoder(replace(wide, scaling="completep")).blocks[0].branch == 0.25


def test_attention_looks_back_only():
    rung = replace(TINY, width=32, depth=2)
    model = Decoder(rung)
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.3, generator=torch.Generator().manual_seed(1))
    tokens = torch.randint(0, 256, (1, 32), generator=torch.Generator().manual_seed(0))
    changed = tokens.clone()
    changed[0, 20] += 1
    with torch.no_grad():
        first, second = model(tokens), model(changed)
    assert torch.equal(first[0, :20], second[0, :20])
    assert not torch.allclose(first[0, 20:], second[0, 20:])


def test_rotation_makes_attention_depend_on_distance_only():
    from forerun.ladder.model import rotate, rotation

    cosine, sine = rotation(16, 8)
    q, k = torch.randn(8), torch.randn(8)
    at = lambda v: rotate(v.expand(1, 16, 1, 1, 8), cosine, sine)[0, :, 0, 0]  # noqa: E731
    scores = at(q) @ at(k).T
    assert torch.allclose(scores[5, 2], scores[12, 9], atol=1e-5)


def test_a_run_starts_from_equal_chances():
    training = Training.start(TINY, "cpu")
    tokens = torch.randint(0, 256, (2, 33))
    assert float(training.model.loss(tokens).detach()) == pytest.approx(math.log(256))


def test_a_run_that_diverges_at_its_last_step_leaves_earlier_points_alone(corpus, tmp_path, monkeypatch):
    import forerun.ladder.trainer as trainer

    def lost(training, *rest):
        advance(training, *rest)
        if training.step == TINY.steps:
            training.monitor.mean = math.nan

    advance = trainer.advance
    monkeypatch.setattr(trainer, "advance", lost)
    quiet = replace(WATCH, validate_curve=False)
    outcome = train(TINY, corpus, folder=tmp_path, watch=quiet)
    assert outcome.state == "diverged"
    assert [point for point in outcome.curve if "loss" in point] == []


def test_a_long_evaluation_says_that_it_lives(corpus, tmp_path):
    heard = []
    train(TINY, corpus, folder=tmp_path, watch=WATCH, beat=lambda training: heard.append(training.step))
    batches = sum(-(-len(s) // 64) for s in corpus.validation(WATCH.validation_bytes, 32).values())
    assert heard.count(TINY.steps) == batches
    assert len(set(heard)) > 3


def test_a_run_keeps_its_checkpoint_until_its_result_is_stored(corpus, tmp_path):
    def kill(training):
        if training.step == 30:
            raise Killed

    with pytest.raises(Killed):
        train(TINY, corpus, folder=tmp_path, watch=WATCH, alive=kill)
    first = train(TINY, corpus, folder=tmp_path, watch=WATCH)
    steps = []
    again = train(TINY, corpus, folder=tmp_path, watch=WATCH, alive=lambda training: steps.append(training.step))
    assert steps[0] == 31
    assert again.losses == first.losses
