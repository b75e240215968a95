"""Train one rung: one loop that reads from top to bottom, with checkpoints from which it goes on to the last bit."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import torch
from torch import Tensor

from forerun.ladder.corpus import Corpus
from forerun.ladder.model import Decoder
from forerun.ladder.monitor import DEFAULT_WATCH, Monitor, Watch
from forerun.ladder.optimizers import optimizers, set_rate
from forerun.ladder.rung import Rung
from forerun.ladder.schedules import rate

HALVED_EVERY = 16  # steps between two measurements of the gradient noise scale
EVALUATION_BATCH = 64  # sequences


@dataclass(frozen=True)
class Outcome:
    """What a run came to: ``losses`` by domain in nats per byte, the ``curve``, and what it took.

    ``state`` is ``"done"`` or ``"diverged"``; a diverged run has the losses it had when it was stopped.
    ``steps_trained`` is less than the steps of the rung where it began from another run's stable phase.
    """

    state: str
    losses: Mapping[str, float]
    curve: tuple[dict[str, Any], ...]
    spikes: int
    seconds: float
    steps_trained: int

    @property
    def loss(self) -> float:
        """Mean of the held-out losses over the domains."""
        return sum(self.losses.values()) / len(self.losses)

    def to_dict(self) -> dict[str, Any]:
        """The outcome without its curve, as JSON has it (a loss that is no number as ``null``)."""
        losses = {d: value if math.isfinite(value) else None for d, value in self.losses.items()}
        loss = self.loss if math.isfinite(self.loss) else None
        return {
            "loss": loss, "losses": losses, "spikes": self.spikes, "seconds": self.seconds, "steps_trained": self.steps_trained,
        }  # fmt: skip


@dataclass
class Training:
    """The state of a run between two steps: what a checkpoint holds."""

    rung: Rung
    model: Decoder
    optimizers: list[torch.optim.Optimizer]
    monitor: Monitor = field(default_factory=Monitor)
    step: int = 0
    began: int = 0
    seconds: float = 0.0
    curve: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def start(cls, rung: Rung, device: str) -> Training:
        """A run before its first step."""
        model = Decoder(rung).to(device)
        return cls(rung, model, optimizers(model, rung))

    def save(self, path: Path) -> None:
        """Write the checkpoint in one piece: who reads it finds the old one or the new one."""
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(
            f".{uuid4().hex}.part"
        )  # process ids repeat from one machine or container to the next
        state = {
            "model": self.model.state_dict(),
            "optimizers": [o.state_dict() for o in self.optimizers],
            "monitor": self.monitor.to_dict(),
            "step": self.step,
            "began": self.began,
            "seconds": self.seconds,
            "curve": self.curve,
        }
        with beside.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())  # or a power cut may leave the new name without its bytes
        os.replace(beside, path)

    def load(self, path: Path, device: str) -> None:
        """Go on from a checkpoint of this rung, or of one that has trained the same so far."""
        state = torch.load(path, map_location=device, weights_only=True)
        self.model.load_state_dict(state["model"])
        for optimizer, held in zip(self.optimizers, state["optimizers"]):
            optimizer.load_state_dict(held)
        self.monitor = Monitor(**state["monitor"])
        self.step, self.curve = state["step"], state["curve"]
        self.began, self.seconds = state["began"], state["seconds"]


def train(
    rung: Rung,
    corpus: Corpus,
    *,
    folder: Path,
    watch: Watch = DEFAULT_WATCH,
    device: str = "cpu",
    alive: Callable[[Training], None] = lambda training: None,
    beat: Callable[[Training], None] = lambda training: None,
) -> Outcome:
    """Train ``rung`` on ``corpus`` from its checkpoint in ``folder``, if there is one, and evaluate it.

    ``alive(training)`` is called after every step and may raise to stop; the run then saves where it is. ``beat(training)``
    is called after every batch of an evaluation, which may take long. The last checkpoint stays where :func:`checkpoint`
    says, for the caller to remove once the outcome is kept.
    A ``wsd`` rung leaves its state at the end of the stable phase in ``folder`` and begins from the latest that another
    of the same trunk left there. On a CPU one thread is used, and an interrupted run gives the same losses to the bit.
    """
    one_thread(device)
    training = _begin(rung, folder, device)
    own = checkpoint(rung, folder)
    held_out = corpus.validation(watch.validation_bytes, rung.context)
    probe = next(iter(held_out.values()))[:8, :-1]
    marks = _marks(rung.steps, watch.points)
    saved = time.monotonic()
    clock = saved - training.seconds
    while training.step < rung.steps:
        advance(training, corpus, device)
        if training.monitor.diverged:
            break
        if training.step in marks:
            evaluated = watch.validate_curve and training.step < rung.steps
            training.curve.append(_point(training, held_out if evaluated else {}, device, beat, probe))
        now = time.monotonic()
        training.seconds = now - clock
        if rung.trunk is not None and training.step == rung.stable_steps:
            training.save(folder / f"{rung.trunk}-{training.step}.pt")
        if now - saved > watch.checkpoint_seconds and training.step < rung.steps:
            training.save(own)
            saved = now
        try:
            alive(training)
        except BaseException:
            training.save(own)
            raise
    losses = evaluate(training, held_out, device, beat)
    if training.curve and training.curve[-1]["step"] == rung.steps:
        training.curve[-1] |= _named(losses)
    return Outcome(
        "diverged" if training.monitor.diverged or not all(map(math.isfinite, losses.values())) else "done",
        losses,
        tuple(training.curve),
        training.monitor.spikes,
        time.monotonic() - clock,
        training.step - training.began,
    )


def _begin(rung: Rung, folder: Path, device: str) -> Training:
    """The run where its checkpoint left it, else where another of its trunk did, else before its first step."""
    training = Training.start(rung, device)
    if checkpoint(rung, folder).exists():
        training.load(checkpoint(rung, folder), device)
    elif (stem := _stem(rung, folder)) is not None:
        training.load(stem, device)
        training.began, training.seconds = training.step, 0.0
    return training


def checkpoint(rung: Rung, folder: Path) -> Path:
    """Where a run that is not finished keeps its state."""
    return folder / f"{rung.digest}.pt"


def one_thread(device: str) -> None:
    """On a CPU: one thread a process, as two lose more than they gain beside another process, and the same bits each time."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(device == "cpu")
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # nothing here reads what was not written


def _stem(rung: Rung, folder: Path) -> Path | None:
    """The latest state that a rung of the same trunk left before this one's cooldown."""
    if rung.trunk is None:
        return None
    found = {int(p.stem.split("-")[1]): p for p in folder.glob(f"{rung.trunk}-*.pt")}
    reached = [step for step in found if step <= rung.stable_steps]
    return found[max(reached)] if reached else None


def _marks(steps: int, points: int) -> set[int]:
    """Steps at which the curve has a point: half of them spaced geometrically, half evenly, the last always."""
    half = max(2, points // 2)
    spaced = np.concatenate([np.geomspace(min(10, steps), steps, half), np.linspace(0, steps, half + 1)[1:]])
    return set(np.round(spaced).astype(int).tolist()) | {steps}


def advance(training: Training, corpus: Corpus, device: str) -> None:
    """Take one step: a batch, its gradient, an update, and what is watched of them."""
    rung, model = training.rung, training.model
    tokens = _tensor(corpus.batch(rung, training.step), device)
    weights = list(model.parameters())
    if training.step % HALVED_EVERY == 0 and rung.batch > 1 and rung.batch % 2 == 0:
        loss = _halved(model, tokens, weights, training.monitor)
    else:
        mean = model.loss(tokens)
        torch.autograd.backward(mean)
        loss = float(mean.detach())
    set_rate(training.optimizers, rate(rung, training.step))
    norm = float(_norm([_gradient(w) for w in weights]))
    for optimizer in training.optimizers:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    training.monitor.see(loss, norm)
    training.step += 1


def _halved(model: Decoder, tokens: Tensor, weights: list[torch.nn.Parameter], monitor: Monitor) -> float:
    """Forward and backward by halves of the batch, whose gradients tell how noisy they are."""
    losses = []
    first: list[Tensor] = []
    for half in tokens.chunk(2):
        mean = 0.5 * model.loss(half)
        torch.autograd.backward(mean)
        losses.append(float(mean.detach()))
        first = first or [_gradient(w).clone() for w in weights]
    whole = [_gradient(w) for w in weights]
    second = [both - one for both, one in zip(whole, first)]
    # Each holds half a gradient, because each loss was halved.
    small = 2.0 * (float(_norm(first)) ** 2 + float(_norm(second)) ** 2)
    monitor.compare(small, float(_norm(whole)) ** 2)
    return sum(losses)


def _gradient(weight: torch.nn.Parameter) -> Tensor:
    assert weight.grad is not None
    return weight.grad


def _norm(tensors: list[Tensor]) -> Tensor:
    return torch.nn.utils.get_total_norm(tensors)


def _point(
    training: Training,
    held_out: Mapping[str, np.ndarray],
    device: str,
    beat: Callable[[Training], None],
    probe: np.ndarray,
) -> dict[str, Any]:
    """A point of the curve: the training loss since the last one, norms on ``probe``, and the losses of ``held_out``."""
    rung, step = training.rung, training.step
    with torch.no_grad():
        stream = training.model.stream(_tensor(probe, device))
        logits = training.model.logits(stream)
    return {
        "step": step,
        "tokens": step * rung.batch * rung.context,
        "lr": rate(rung, step - 1) * rung.lr,
        **training.monitor.point(rung.batch),
        "stream_norm": float(stream.square().mean().sqrt()),
        "logit_norm": float(logits.square().mean().sqrt()),
        "logit_max": float(logits.abs().max()),
        **_named(evaluate(training, held_out, device, beat)),
    }


def evaluate(
    training: Training, held_out: Mapping[str, np.ndarray], device: str, beat: Callable[[Training], None]
) -> dict[str, float]:
    """By domain the mean loss, in nats per byte, over held-out sequences (n, context + 1)."""
    losses = {}
    with torch.no_grad():
        for domain, sequences in held_out.items():
            total = 0.0
            for start in range(0, len(sequences), EVALUATION_BATCH):
                tokens = _tensor(sequences[start : start + EVALUATION_BATCH], device)
                total += float(training.model.loss(tokens, reduction="sum"))
                beat(training)
            losses[domain] = total / sequences[:, 1:].size
    return losses


def _tensor(sequences: np.ndarray, device: str) -> Tensor:
    return torch.from_numpy(sequences).long().to(device)


def _named(losses: Mapping[str, float]) -> dict[str, float]:
    """Losses by domain as columns of a table, with their mean."""
    if not losses:
        return {}
    return {"loss": sum(losses.values()) / len(losses)} | {f"loss[{d}]": value for d, value in losses.items()}
