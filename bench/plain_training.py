"""A decoder trained the plain way, in the style of nanoGPT: what a ladder's trainer is compared with.

Learned positions, LayerNorm, GELU, one matrix for embedding and head, AdamW with decay on matrices only, batches from random
offsets, gradients clipped, the loss read at every step. Products, width, depth, heads, context and batch are those of a rung.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from forerun.ladder import Rung
from forerun.ladder.rung import VOCABULARY

RATE, BETAS, DECAY, CLIP = 1e-3, (0.9, 0.99), 0.1, 1.0


class Layer(nn.Module):
    """Causal attention, then a feed-forward layer, each behind a LayerNorm."""

    def __init__(self, rung: Rung) -> None:
        super().__init__()
        self.heads = rung.heads
        self.before_attention = nn.LayerNorm(rung.width, bias=False)
        self.before_hidden = nn.LayerNorm(rung.width, bias=False)
        self.attend = nn.Linear(rung.width, 3 * rung.width, bias=False)
        self.mix = nn.Linear(rung.width, rung.width, bias=False)
        self.widen = nn.Linear(rung.width, 4 * rung.width, bias=False)
        self.narrow = nn.Linear(4 * rung.width, rung.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """The stream (batch, context, width) after this layer."""
        batch, length, width = x.shape
        q, k, v = (
            part.view(batch, length, self.heads, -1).transpose(1, 2)
            for part in self.attend(self.before_attention(x)).split(width, dim=2)
        )
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.mix(seen.transpose(1, 2).contiguous().view(batch, length, width))
        return x + self.narrow(F.gelu(self.widen(self.before_hidden(x))))


class PlainDecoder(nn.Module):
    """``forward(tokens, targets)`` gives the mean cross-entropy in nats per byte."""

    def __init__(self, rung: Rung) -> None:
        super().__init__()
        self.tokens = nn.Embedding(VOCABULARY, rung.width)
        self.positions = nn.Embedding(rung.context, rung.width)
        self.layers = nn.ModuleList(Layer(rung) for _ in range(rung.depth))
        self.last = nn.LayerNorm(rung.width, bias=False)
        for weight in self.parameters():
            if weight.dim() > 1:
                nn.init.normal_(weight, std=0.02)

    def forward(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """The loss of one batch; both are (batch, context)."""
        x = self.tokens(tokens) + self.positions(torch.arange(tokens.size(1)))
        for layer in self.layers:
            x = layer(x)
        logits = F.linear(self.last(x), self.tokens.weight)
        return F.cross_entropy(logits.view(-1, VOCABULARY), targets.reshape(-1))


class PlainTraining:
    """A model, its optimiser and its text, one step at a time."""

    def __init__(self, rung: Rung, text: np.ndarray) -> None:
        torch.manual_seed(rung.seed)
        self.rung, self.text, self.model = rung, text, PlainDecoder(rung)
        matrices = [w for w in self.model.parameters() if w.dim() > 1]
        gains = [w for w in self.model.parameters() if w.dim() == 1]
        groups = [{"params": matrices, "weight_decay": DECAY}, {"params": gains, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=RATE, betas=BETAS)

    def batch(self) -> tuple[Tensor, Tensor]:
        """Inputs and targets (batch, context) from random places of the text."""
        size, context = self.rung.batch, self.rung.context
        starts = torch.randint(len(self.text) - context, (size,)).tolist()
        parts = [torch.from_numpy(self.text[s : s + context + 1].astype(np.int64)) for s in starts]
        together = torch.stack(parts)
        return together[:, :-1].contiguous(), together[:, 1:].contiguous()

    def step(self) -> float:
        """Train on one batch; its loss before the update."""
        loss = self.model(*self.batch())
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return loss.item()
