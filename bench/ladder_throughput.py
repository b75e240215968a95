"""How fast a ladder trains: against the matrix products of its steps alone, and against the same model in nanoGPT style."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version

import numpy as np
import torch

from bench import matrix_products
from bench.cpu import cpu_seconds
from bench.plain_training import PlainTraining
from bench.record import Measure, Record, summarise
from forerun.ladder import Corpus, Rung, read_corpus
from forerun.ladder.trainer import HALVED_EVERY, Training, advance, one_thread

QUESTION = (
    "What share of the FLOP/s that the machine gives the matrix products of a training step does the trainer of ladders "
    "reach, and how many times the bytes per second of the same model trained in plain nanoGPT style?"
)
SIZES, BATCHES, CONTEXT = ((32, 2), (64, 4), (128, 5)), (4, 8), 128
ROUNDS, QUICK_ROUNDS = 15, 3
LONG = 10**6  # steps of the rungs: more than are taken, so that the schedule stays near its peak
SEED = 0
HOW = (
    "CPU time of the process, one thread, never wall time: a training run of higher priority shared the cores. The four "
    f"loops take turns in one process, {HALVED_EVERY} steps each; a ratio is of two neighbours, and the figure is the median of them"
)


def measure(*, quick: bool) -> Record:
    """Three sizes at two batch sizes, with Muon and with AdamW."""
    one_thread("cpu")
    corpus = read_corpus(context=CONTEXT)
    measures: list[Measure] = []
    details: dict[str, object] = {"how": HOW, "torch": version("torch"), "threads of torch": torch.get_num_threads()}
    for width, depth in SIZES:
        for batch in BATCHES:
            rung = Rung(width=width, depth=depth, batch=batch, context=CONTEXT, steps=LONG, seed=SEED)
            seconds = interleaved(loops(rung, corpus), QUICK_ROUNDS if quick else ROUNDS)
            name = f"{rung.size}, batch {batch}"
            details[name] = {"CPU seconds of each round": seconds}
            measures += rows(name, rung, seconds)
            print(name, file=sys.stderr, flush=True)
    data = f"{corpus.name}, {len(corpus.train)} bytes; PyTorch {version('torch')}. {HOW}"
    return Record("ladder_throughput", QUESTION, data, [SEED], measures, details)


def loops(rung: Rung, corpus: Corpus) -> dict[str, Callable[[], object]]:
    """One step of each kind: products alone, the trainer with both optimisers, the plain way."""
    every = matrix_products.products(rung)
    muon = Training.start(rung, "cpu")
    adamw = Training.start(replace(rung, optimizer="adamw", lr=1e-3, adam_lr=1e-3), "cpu")
    plain = PlainTraining(rung, corpus.train)
    return {
        "products": lambda: matrix_products.step(every),
        "Muon": lambda: advance(muon, corpus, "cpu"),
        "plain": plain.step,
        "AdamW": lambda: advance(adamw, corpus, "cpu"),
    }


def interleaved(steps: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """CPU seconds of a step of each kind in every round, after one round that is not counted.

    A turn is as many steps as lie between two of the trainer's that measure the gradient noise, as these cost more.
    """
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(rounds + 1):
        for name, step in steps.items():
            spent, _ = cpu_seconds(lambda step=step: [step() for _ in range(HALVED_EVERY)])
            if turn:
                seconds[name].append(spent / HALVED_EVERY)
    return seconds


def rows(name: str, rung: Rung, seconds: dict[str, list[float]]) -> list[Measure]:
    """Shares of the products' FLOP/s, and speeds over that of the plain way."""
    tokens, flops = rung.batch * rung.context, rung.flops / rung.steps
    times = {kind: np.array(values) for kind, values in seconds.items()}
    speed = {kind: f"{tokens / np.median(values):.0f} bytes/CPU s, {flops / np.median(values) / 1e9:.1f} GFLOP/s"
             for kind, values in times.items()}  # fmt: skip
    found = []
    for kind in ("Muon", "AdamW"):
        share, gain = 100 * times["products"] / times[kind], times["plain"] / times[kind]
        alone = f"{flops / np.median(times['products']) / 1e9:.1f} GFLOP/s"
        found.append(
            summarise(f"{name}, {kind}: FLOP/s over those of the products alone", share.tolist(), "%",
                      note=f"{speed[kind]}; products alone {alone}")
        )  # fmt: skip
        found.append(
            summarise(f"{name}, {kind}: bytes per second over the plain way with AdamW", gain.tolist(), "times",
                      note=f"plain {speed['plain']}")
        )  # fmt: skip
    return found
