"""The matrix products of one training step and nothing else: what the machine gives these shapes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from forerun.ladder import Rung
from forerun.ladder.rung import VOCABULARY


@dataclass(frozen=True)
class Product:
    """``left @ right`` into ``out``, as often as one step takes it; three axes are a batch of products."""

    left: Tensor
    right: Tensor
    out: Tensor
    times: int

    @property
    def flops(self) -> int:
        """FLOPs of all of them, two for a multiply-add."""
        return 2 * self.times * self.out.numel() * self.left.size(-1)

    def run(self) -> None:
        """Multiply once."""
        multiply: Callable[..., Tensor] = torch.bmm if self.left.dim() == 3 else torch.mm
        multiply(self.left, self.right, out=self.out)


def products(rung: Rung) -> list[Product]:
    """Every product of one step of ``rung``: forward and both backward, of all layers and the head.

    All layers share their tensors, so that the caches hold as much as they can: it is an upper bound.
    """
    rows, width, depth = rung.batch * rung.context, rung.width, rung.depth
    shapes = [(width, 3 * width, depth), (width, width, depth), (width, 4 * width, depth), (4 * width, width, depth),
              (width, VOCABULARY, 1)]  # fmt: skip
    found = [p for inputs, outputs, times in shapes for p in _layer(rows, inputs, outputs, times)]
    together, length, head_width = rung.batch * rung.heads, rung.context, width // rung.heads
    narrow = [torch.randn(together, length, head_width) for _ in range(4)]
    square = torch.randn(together, length, length)
    into_square, into_narrow = torch.empty_like(square), torch.empty_like(narrow[0])
    q, k, v, mixed = narrow
    pairs = [(q, k.mT, into_square), (square, k, into_narrow), (square.mT, q, into_narrow),
             (square, v, into_narrow), (mixed, v.mT, into_square), (square.mT, mixed, into_narrow)]  # fmt: skip
    return found + [Product(left, right, out, depth) for left, right, out in pairs]


def _layer(rows: int, inputs: int, outputs: int, times: int) -> list[Product]:
    """Forward, gradient of the input and gradient of the weight of one linear layer."""
    x, weight, gradient = torch.randn(rows, inputs), torch.randn(outputs, inputs), torch.randn(rows, outputs)
    return [
        Product(x, weight.T, torch.empty(rows, outputs), times),
        Product(gradient, weight, torch.empty(rows, inputs), times),
        Product(gradient.T, x, torch.empty(outputs, inputs), times),
    ]


def step(every: list[Product]) -> None:
    """Take all products of one step, layer by layer in no order that matters."""
    for product in every:
        for _ in range(product.times):
            product.run()
