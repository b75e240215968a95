"""Documents become training and held-out text, split by document, in an order that only the seed decides."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from forerun.ladder.corpus import Corpus, bigram_loss, read_corpus
from forerun.ladder.rung import Rung
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
    corpus = Corpus("random", text, {"text": text}, {"text": slice(0, len(text))}, 2, "")
    steps = corpus.windows(32) // 8
    rung = Rung(context=32, batch=8, seed=7)
    seen = np.concatenate([corpus.batch(rung, step)[:, :32] for step in range(steps)])
    assert len({row.tobytes() for row in seen}) == len(seen) == 8 * steps
    assert (corpus.batch(rung, 3) == corpus.batch(rung, 3)).all()
    assert (corpus.batch(rung, 3) != corpus.batch(Rung(context=32, batch=8, seed=8), 3)).any()


def two_domains():
    """Bytes below 100 are those of one domain, the others those of a domain four times as large."""
    rng = np.random.default_rng(0)
    train = np.concatenate([rng.integers(1, 100, 20_000), rng.integers(100, 256, 80_000)]).astype(np.uint8)
    spans = {"low": slice(0, 20_000), "rest": slice(20_000, 100_000)}
    return Corpus("two", train, {"low": train[:100], "rest": train[-100:]}, spans, 4, "")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.75, 1.0])
def test_a_mixture_gives_each_domain_its_share_and_reads_it_in_passes_of_its_own(share):
    corpus = two_domains()
    rung = Rung(context=32, batch=4, mixture={"low": share, "rest": 1.0 - share}, seed=3)
    seen = np.concatenate([corpus.batch(rung, step) for step in range(250)])
    low = (seen < 100).all(axis=1)
    assert (low | (seen >= 100).all(axis=1)).all()
    assert low.sum() == pytest.approx(1000 * share, abs=3)
    assert (corpus.batch(rung, 249) == seen[-4:]).all()
    one_pass = min(int(low.sum()), corpus.windows(32, "low"))
    assert len({row.tobytes() for row in seen[low][:one_pass]}) == one_pass


def test_unique_text_is_the_same_few_windows_in_every_pass_and_for_every_seed():
    corpus = two_domains()
    windows = {}
    for seed, unique in ((0, 3200), (1, 3200), (0, 6400)):
        rung = Rung(context=32, batch=10, seed=seed, unique=unique)
        passes = [
            {
                row.tobytes()
                for step in range(k * unique // 320, (k + 1) * unique // 320)
                for row in corpus.batch(rung, step)
            }
            for k in range(3)
        ]
        assert passes[0] == passes[1] == passes[2]
        assert len(passes[0]) == unique // 32
        windows[seed, unique] = passes[0]
    assert windows[0, 3200] == windows[1, 3200] < windows[0, 6400]
    assert (
        corpus.batch(Rung(context=32, batch=10, unique=3200), 0)
        != corpus.batch(Rung(context=32, batch=10, unique=3200), 10)
    ).any()


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        (dict(mixture={"low": 0.5, "code": 0.5}), "has no domain 'code'"),
        (dict(unique=16), "unique is 16 bytes"),
        (dict(unique=200_000), "has 100000 to train on"),
    ],
)
def test_text_that_a_run_needs_and_that_is_not_there_is_named(settings, part):
    with pytest.raises(DataError, match=part):
        two_domains().check(Rung(context=32, **settings))


def test_a_batch_may_span_two_passes(texts):
    corpus = read_corpus(texts, context=32)
    last = corpus.windows(32) // 8
    assert corpus.batch(Rung(context=32, batch=8), last).shape == (8, 33)


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
    corpus = Corpus("random", text, {"text": text[:10_000]}, {"text": slice(0, len(text))}, 2, "")
    tracemalloc.start()
    loss = bigram_loss(corpus)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert loss == pytest.approx(np.log(256), rel=0.01)
    assert peak < len(text)
