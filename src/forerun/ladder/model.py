"""The model that a ladder trains: one readable decoder over bytes, with the rules that carry it across widths and depths."""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from forerun.ladder.rung import VOCABULARY, Rung
from forerun.parametrisation import factor

BASE_WIDTH, BASE_DEPTH = 32, 2  # the model at which the rules change nothing
ROTARY_BASE = 10_000.0
SHARPNESS = 10.0  # largest logit of attention: with one norm each, queries and keys of narrow heads could not reach it


class Block(nn.Module):
    """Attention and a feed-forward layer, each added to what came in (RMSNorm before each, no biases)."""

    def __init__(self, rung: Rung, branch: float) -> None:
        super().__init__()
        hidden = rung.architecture.feed_forward
        self.heads, self.branch = rung.heads, branch
        self.qkv = nn.Linear(rung.width, 3 * rung.width, bias=False)
        self.out = nn.Linear(rung.width, rung.width, bias=False)
        self.up = nn.Linear(rung.width, hidden, bias=False)
        self.down = nn.Linear(hidden, rung.width, bias=False)

    def forward(self, x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        """The stream after this block; ``x`` is (batch, context, width)."""
        batch, length, width = x.shape
        qkv = self.qkv(norm(x)).view(batch, length, 3, self.heads, width // self.heads)
        # Queries and keys have one norm each, so that the logits of attention cannot grow without bound.
        qk = rotate(norm(qkv[:, :, :2]), cosine, sine)
        q, k, v = qk[:, :, 0].transpose(1, 2), qk[:, :, 1].transpose(1, 2), qkv[:, :, 2].transpose(1, 2)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=SHARPNESS / q.size(-1))
        x = x + self.branch * self.out(mixed.transpose(1, 2).reshape(batch, length, width))
        return x + self.branch * self.down(F.relu(self.up(norm(x))).square())


class Decoder(nn.Module):
    """A decoder-only transformer over bytes: rotary positions, squared ReLU, outputs that begin at zero.

    ``forward`` gives logits (batch, context, 256). Under ``scaling="mup"`` the logits are divided by the width relative to
    32 (Yang et al. 2022, arXiv:2203.03466, table 8), under ``"completep"`` each branch also by the depth relative to 2
    (Dey et al. 2025, arXiv:2505.01618, table 1); learning rates follow in :mod:`forerun.ladder.optimizers`.
    """

    def __init__(self, rung: Rung) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(rung.seed)
        rule = partial(factor, ratios=relative(rung), parametrisation=rung.scaling)
        branch, self.readout = rule("branch_multiplier", "hidden"), rule("output_multiplier", "output")
        self.embedding = nn.Embedding(VOCABULARY, rung.width)
        self.blocks = nn.ModuleList(Block(rung, branch) for _ in range(rung.depth))
        self.head = nn.Linear(rung.width, VOCABULARY, bias=False)
        for name, weight in self.named_parameters():
            if name.endswith(("out.weight", "down.weight", "head.weight")):
                nn.init.zeros_(weight)
            else:
                deviation = 1.0 if name == "embedding.weight" else rung.width**-0.5
                nn.init.normal_(weight, std=deviation, generator=generator)
        cosine, sine = rotation(rung.context, rung.width // rung.heads)
        self.register_buffer("cosine", cosine, persistent=False)
        self.register_buffer("sine", sine, persistent=False)

    def stream(self, tokens: Tensor) -> Tensor:
        """What the last block leaves: (batch, context, width)."""
        x = norm(self.embedding(tokens))
        for block in self.blocks:
            x = block(x, self.cosine, self.sine)
        return x

    def logits(self, stream: Tensor) -> Tensor:
        """Logits of the next byte (batch, context, 256) from the stream."""
        return self.head(norm(stream)) * self.readout

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of the next byte at every position."""
        return self.logits(self.stream(tokens))

    def loss(self, tokens: Tensor, reduction: str = "mean") -> Tensor:
        """Cross-entropy in nats per byte; ``tokens`` is (batch, context + 1)."""
        logits = self(tokens[:, :-1])
        return F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten(), reduction=reduction)


def relative(rung: Rung) -> dict[str, float]:
    """Width and depth of a run relative to the model at which the rules change nothing."""
    return {"width": rung.width / BASE_WIDTH, "depth": rung.depth / BASE_DEPTH}


def norm(x: Tensor) -> Tensor:
    """RMSNorm over the last axis, without a gain."""
    return F.rms_norm(x, (x.size(-1),))


def rotation(context: int, head_width: int) -> tuple[Tensor, Tensor]:
    """Cosines and signed sines (context, 1, 1, head width) of rotary positions (Su et al. 2021, arXiv:2104.09864)."""
    frequency = ROTARY_BASE ** (-torch.arange(0, head_width, 2, dtype=torch.float64) / head_width)
    angle = torch.outer(torch.arange(context, dtype=torch.float64), frequency)[:, None, None, :]
    cosine, sine = angle.cos().float(), angle.sin().float()
    return torch.cat([cosine, cosine], dim=-1), torch.cat([-sine, sine], dim=-1)


def rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """``x`` (batch, length, 2, heads, head width) with its halves turned by the angle of each position."""
    length, half = x.size(1), x.size(-1) // 2
    return x * cosine[:length] + x.roll(half, dims=-1) * sine[:length]
