"""Speeds are measured once for each shape and device, and kept with the ladder."""

from __future__ import annotations

import forerun.ladder.throughput as throughput
from forerun.ladder.corpus import read_corpus
from forerun.ladder.rung import Rung
from forerun.ladder.store import Store

TINY = Rung(width=16, depth=1, context=32)


def test_a_speed_is_measured_once(texts, tmp_path):
    store, corpus = Store(tmp_path, create=True), read_corpus(texts, context=32)
    first = throughput.speeds(store, corpus)(TINY)
    assert first > 0
    assert throughput.speeds(store, corpus)(TINY) == first


def test_another_device_has_another_speed(texts, tmp_path, monkeypatch):
    monkeypatch.setattr(throughput, "measure", lambda rung, corpus, device: {"cpu": 1.0, "cuda": 100.0}[device])
    store, corpus = Store(tmp_path, create=True), read_corpus(texts, context=32)
    assert [throughput.speeds(store, corpus, device=d)(TINY) for d in ("cpu", "cuda", "cpu")] == [1.0, 100.0, 1.0]
