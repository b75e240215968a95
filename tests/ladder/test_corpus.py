"""Documents become training and held-out text, split by document, in an order that only the seed decides."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from forerun.ladder.corpus import Corpus, bigram_loss, read_corpus
from forerun.note import DataError


def test_no_held_out_document_is_trained_on(texts):
    corpus = read_corpus(texts, context=32)
    assert sorted(corpus.held_out) == ["prose", "verse"]
    train = corpus.train.tobytes()
    for text in corpus.held_out.values():
        for document in text.tobytes().split(b"\x00"):
            assert document not in train
    held = sum(map(len, corpus.held_out.values()))
    assert 0.05 <= held / (held + len(corpus.train)) < 0.2


def test_copies_of_a_document_are_left_out(tmp_path):
    for name in ("a", "b", "c", "copy"):
        (tmp_path / f"{name}.txt").write_text(("same " if name in ("a", "copy") else f"{name} ") * 200)
    assert read_corpus(tmp_path, context=32).documents == 3


def test_one_pass_takes_every_window_once():
    text = np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8)
    corpus = Corpus("random", text, {"text": text}, 2, "")
    steps = corpus.windows(32) // 8
    seen = np.concatenate([corpus.batch(7, step, 8, 32)[:, :32] for step in range(steps)])
    assert len({row.tobytes() for row in seen}) == len(seen) == 8 * steps
    assert (corpus.batch(7, 3, 8, 32) == corpus.batch(7, 3, 8, 32)).all()
    assert (corpus.batch(7, 3, 8, 32) != corpus.batch(8, 3, 8, 32)).any()


def test_a_batch_may_span_two_passes(texts):
    corpus = read_corpus(texts, context=32)
    last = corpus.windows(32) // 8
    assert corpus.batch(0, last, 8, 32).shape == (8, 33)


def test_validation_is_spread_over_all_held_out_text(texts):
    corpus = read_corpus(texts, context=32)
    sequences = corpus.validation(640, 32)["prose"]
    assert sequences.shape == (20, 33)
    text = corpus.held_out["prose"].tobytes()
    assert text.rindex(sequences[-1].tobytes()) > 0.9 * len(text) - 40


def test_the_digest_follows_the_text(texts, tmp_path):
    (tmp_path / "a.txt").write_text("one " * 200)
    (tmp_path / "b.txt").write_text("two " * 200)
    before = read_corpus(tmp_path, context=32).digest
    assert before == read_corpus(tmp_path, context=32).digest
    (tmp_path / "a.txt").write_text("One " * 200)
    assert read_corpus(tmp_path, context=32).digest != before


def test_bigram_loss_lies_between_the_best_and_chance(texts):
    assert 0.3 < bigram_loss(read_corpus(texts, context=32)) < np.log(256)


def test_the_default_corpus_is_the_standard_library():
    corpus = read_corpus()
    assert b"import" in corpus.train.tobytes()[:100_000]
    assert len(corpus.train) > 5e6


@pytest.mark.parametrize(
    ("files", "part"),
    [
        ({}, "holds no UTF-8 text"),
        ({"a.txt": b"one " * 500}, "has one document only"),
        ({"a.txt": b"x", "b.txt": b"y"}, "bytes to train on, less than two windows"),
        ({"a.bin": b"\xff\xfe" * 500, "b.bin": b"\x00" * 500}, "holds no UTF-8 text"),
    ],
)
def test_unusable_text_gets_one_line(tmp_path, files, part):
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=part):
        read_corpus(tmp_path, context=32)


def test_a_missing_folder_gets_one_line(tmp_path):
    with pytest.raises(DataError, match="is not a folder of text"):
        read_corpus(tmp_path / "nowhere")


def test_counting_pairs_takes_little_memory_beside_the_text():
    text = np.random.default_rng(0).integers(0, 256, 30_000_000, dtype=np.uint8)
    corpus = Corpus("random", text, {"text": text[:10_000]}, 2, "")
    tracemalloc.start()
    loss = bigram_loss(corpus)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert loss == pytest.approx(np.log(256), rel=0.01)
    assert peak < len(text)
