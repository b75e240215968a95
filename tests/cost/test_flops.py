"""Parameters and FLOPs of a decoder against published counts and against PyTorch's own counter."""

from __future__ import annotations

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from forerun.cost import Decoder, forward_flops, parameters, training_flops
from forerun.ladder.model import Decoder as Model
from forerun.ladder.rung import Rung
from forerun.note import DataError

PUBLISHED = [
    (dict(layers=32, width=4096, heads=32, feed_forward=11008, vocabulary=32000), 6_738_415_616),  # Llama 2 7B
    (
        dict(layers=80, width=8192, heads=64, kv_heads=8, feed_forward=28672, vocabulary=128256),
        70_553_706_496,
    ),  # Llama 3 70B
    (dict(layers=126, width=16384, heads=128, kv_heads=8, feed_forward=53248, vocabulary=128256), 405_853_388_800),
]


@pytest.mark.parametrize(("shape", "expected"), PUBLISHED)
def test_parameters_of_published_models(shape, expected):
    assert parameters(Decoder(**shape, gated=True, gains=2, final_gains=1)) == expected


@pytest.mark.parametrize(
    "rung", [Rung(width=32, depth=2), Rung(width=48, depth=3, context=96), Rung(width=128, depth=5)]
)
def test_counts_agree_with_pytorch(rung):
    model = Model(rung)
    assert sum(weight.numel() for weight in model.parameters()) == rung.parameters
    tokens = torch.zeros(2, rung.context + 1, dtype=torch.long)
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        loss = model.loss(tokens)
        forward = counter.get_total_flops()
        torch.autograd.backward(loss)
    per_token = 2 * rung.context
    assert forward == forward_flops(rung.architecture, rung.context) * per_token
    # The first layer needs no gradient of its input, but the embedding before it does: nothing is saved.
    assert counter.get_total_flops() == training_flops(rung.architecture, rung.context) * per_token


def test_causal_counting_takes_half_of_the_attention():
    model = Decoder(layers=2, width=32, heads=1, feed_forward=128, vocabulary=256)
    full, causal = (forward_flops(model, 128, attention=way) for way in ("full", "causal"))
    assert full - causal == 2 * 2 * 32 * 128


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"width": 0}, "width is 0"),
        ({"heads": 3}, "3 heads do not divide"),
        ({"layers": 1.5}, "layers is 1.5"),
        ({"layers": float("nan")}, "layers is nan"),
        ({"heads": 4, "kv_heads": 3}, "3 kv_heads do not divide 4 heads"),
        ({"heads": 4, "kv_heads": 8}, "8 kv_heads do not divide 4 heads"),
    ],
)
def test_impossible_architectures_are_refused(change, part):
    with pytest.raises(DataError, match=part):
        Decoder(**{**dict(layers=2, width=32, heads=1, feed_forward=128, vocabulary=256), **change})


def test_an_unknown_way_of_counting_is_refused():
    with pytest.raises(DataError, match="full, causal"):
        forward_flops(Decoder(layers=1, width=8, heads=1, feed_forward=8, vocabulary=8), 8, attention="half")
