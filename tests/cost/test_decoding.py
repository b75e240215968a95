"""Memory and least time of a decoding step: published cache sizes, and which limit binds."""

from __future__ import annotations

import pytest

from forerun.cost import Decoder, cache_bytes, decoding_cost
from forerun.note import DataError

LLAMA = Decoder(layers=32, width=4096, heads=32, feed_forward=11008, vocabulary=32000, gated=True)
DEVICE = {"bandwidth": 2.039e12, "peak": 312e12}  # A100 80 GB


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (dict(layers=80, width=8192, heads=64, kv_heads=8, feed_forward=29568, vocabulary=152064), 327_680),
        (dict(layers=126, width=16384, heads=128, kv_heads=8, feed_forward=53248, vocabulary=128256), 516_096),
    ],
)
def test_cache_of_a_token_is_as_published(shape, expected):
    """Qwen2.5 72B and Llama 3 405B in 16 bits, from the table of Insights into DeepSeek-V3 (from memory)."""
    assert cache_bytes(Decoder(**shape, gated=True)) == expected


def test_few_sequences_wait_for_memory_and_many_for_arithmetic():
    one, many = (decoding_cost(LLAMA, context=128, batch=n, **DEVICE) for n in (1, 2000))
    assert one.seconds == one.reading > one.computing
    assert many.seconds == many.computing > many.reading
    assert one.seconds == pytest.approx(one.memory / DEVICE["bandwidth"])


def test_streams_share_the_weights_but_neither_cache_nor_arithmetic():
    one, four = (decoding_cost(LLAMA, context=512, streams=n, **DEVICE) for n in (1, 4))
    assert four.weights == one.weights
    assert four.cache == 4 * one.cache
    assert four.computing == 4 * one.computing


def test_a_prefix_lengthens_every_stream_and_extra_parameters_are_read_once():
    bare, more = (decoding_cost(LLAMA, context=100, streams=2, prefix=p, extra_parameters=e, **DEVICE)
                  for p, e in ((0, 0), (48, 1e6)))  # fmt: skip
    assert more.cache == pytest.approx(1.48 * bare.cache)
    assert more.weights == bare.weights + 2e6


@pytest.mark.parametrize("wrong", ["context", "batch", "streams", "bandwidth", "peak"])
def test_numbers_that_are_not_positive_are_refused(wrong):
    with pytest.raises(DataError, match=f"{wrong} must be positive, received 0"):
        decoding_cost(LLAMA, **({"context": 10, **DEVICE} | {wrong: 0}))
