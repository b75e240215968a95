"""What one decoded token costs at least in memory and time, also of a model that runs parallel streams."""

from __future__ import annotations

from dataclasses import dataclass

from forerun.cost.flops import Decoder, forward_flops, parameters
from forerun.note import DataError


@dataclass(frozen=True)
class Decoding:
    """Memory and least time of a decoding step.

    ``weights`` and ``cache`` are bytes; ``seconds`` is the time in which all sequences of the batch get one token, the
    longer of ``reading`` (weights and cache through the memory once) and ``computing``.
    """

    weights: float
    cache: float
    reading: float
    computing: float

    @property
    def memory(self) -> float:
        """Bytes of weights and cache; activations are not counted."""
        return self.weights + self.cache

    @property
    def seconds(self) -> float:
        """The longer of reading and computing."""
        return max(self.reading, self.computing)


def decoding_cost(
    model: Decoder, *, context: int, bandwidth: float, peak: float, batch: int = 1, streams: int = 1,
    prefix: int = 0, extra_parameters: float = 0.0, bytes_per_value: float = 2.0,
) -> Decoding:  # fmt: skip
    """Memory and least time of one decoding step on a device of ``bandwidth`` (bytes/s) and ``peak`` (FLOP/s).

    ``batch`` sequences have ``context`` tokens each in their cache. A model with parallel ``streams`` (Chen et al. 2025,
    arXiv:2505.10475) reads its weights once for all of them, but keeps a cache and computes for each, with ``prefix``
    learned tokens before every stream and ``extra_parameters`` that a model without streams does not have.

    It is a roofline: launches, sampling, scheduling and imperfect kernels are left out. Measured serving is some 2 to 5
    times slower, so ratios of small differences in time mislead most.
    Raises :class:`DataError` for numbers that are not positive.

    >>> small = Decoder(layers=36, width=1536, heads=16, kv_heads=2, feed_forward=8320, vocabulary=151936, gated=True, tied=True)
    >>> one, eight = (decoding_cost(small, context=256, bandwidth=2.0e12, peak=312e12, streams=n) for n in (1, 8))
    >>> f"{eight.memory / one.memory:.3f} times the memory, {eight.seconds / one.seconds:.3f} times the time"
    '1.014 times the memory, 1.014 times the time'
    """
    given = {"context": context, "bandwidth": bandwidth, "peak": peak, "batch": batch, "streams": streams,
             "bytes_per_value": bytes_per_value}  # fmt: skip
    for name, value in given.items():
        if not value > 0:
            raise DataError("bad-value", f"{name} must be positive, received {value:g}")
    runs = batch * streams
    weights = (parameters(model) + extra_parameters) * bytes_per_value
    cache = runs * (context + prefix) * cache_bytes(model, bytes_per_value=bytes_per_value)
    computing = runs * (forward_flops(model, context + prefix) + 2.0 * extra_parameters / streams) / peak
    return Decoding(weights, cache, (weights + cache) / bandwidth, computing)


def cache_bytes(model: Decoder, *, bytes_per_value: float = 2.0) -> float:
    """Bytes of keys and values that one token leaves in the cache of all layers.

    >>> cache_bytes(Decoder(layers=80, width=8192, heads=64, kv_heads=8, feed_forward=29568, vocabulary=152064))
    327680.0
    """
    kv_width = model.attention_width * (model.kv_heads or model.heads) // model.heads
    return 2.0 * model.layers * kv_width * bytes_per_value
