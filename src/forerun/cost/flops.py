"""Exact parameter and FLOP counts of a dense decoder from its architecture."""

from __future__ import annotations

from dataclasses import dataclass

from forerun.note import DataError

BACKWARD = 2.0  # the backward pass multiplies twice for each product of the forward pass
ATTENTION = {"full": 1.0, "causal": 0.5}  # share of the context x context products that is counted


@dataclass(frozen=True)
class Decoder:
    """The architecture of a dense decoder-only transformer, as far as its parameters and FLOPs depend on it.

    ``kv_heads`` defaults to ``heads`` and ``head_width`` to ``width / heads``; ``gated`` says that the feed-forward
    layer has a gate beside its input matrix (SwiGLU). ``gains`` counts the learned vectors of one width in each layer and
    ``final_gains`` those after the last (two and one for the usual RMSNorm). Biases, learned positions and experts are not
    counted.

    >>> llama = Decoder(layers=32, width=4096, heads=32, feed_forward=11008, vocabulary=32000, gated=True, gains=2, final_gains=1)
    >>> parameters(llama)
    6738415616
    """

    layers: int
    width: int
    heads: int
    feed_forward: int
    vocabulary: int
    kv_heads: int | None = None
    head_width: int | None = None
    gated: bool = False
    tied: bool = False
    gains: int = 0
    final_gains: int = 0

    def __post_init__(self) -> None:
        for name in ("layers", "width", "heads", "feed_forward", "vocabulary", "kv_heads", "head_width"):
            value = getattr(self, name)
            if value is not None and not (value >= 1 and value % 1 == 0):
                raise DataError("bad-architecture", f"{name} is {value!r}", advice="Give a whole number above zero")
        if self.head_width is None and self.width % self.heads:
            message = f"{self.heads} heads do not divide a width of {self.width}"
            raise DataError("bad-architecture", message, advice="Choose heads that divide it, or give head_width")
        if self.kv_heads is not None and self.heads % self.kv_heads:
            message = f"{self.kv_heads} kv_heads do not divide {self.heads} heads"
            raise DataError("bad-architecture", message, advice="Each of them serves as many heads as any other")

    @property
    def attention_width(self) -> int:
        """Width of all query heads together."""
        return self.heads * (self.head_width or self.width // self.heads)

    @property
    def layer_matrices(self) -> int:
        """Parameters in the matrices of one layer."""
        kv_width = self.attention_width * (self.kv_heads or self.heads) // self.heads
        attention = 2 * self.width * (self.attention_width + kv_width)
        return attention + (3 if self.gated else 2) * self.width * self.feed_forward


def parameters(model: Decoder, *, embeddings: bool = True) -> int:
    """Parameters of ``model``; without ``embeddings`` neither the table of tokens nor the output head is counted.

    >>> parameters(Decoder(layers=2, width=32, heads=1, feed_forward=128, vocabulary=256), embeddings=False)
    24576
    """
    inside = model.layers * (model.layer_matrices + model.gains * model.width) + model.final_gains * model.width
    return inside + (model.width * model.vocabulary * (1 if model.tied else 2) if embeddings else 0)


def forward_flops(model: Decoder, context: int, *, attention: str = "full") -> float:
    """FLOPs of the forward pass per token of a sequence of ``context`` tokens, two for a multiply-add.

    Matrix products only, the output head included and the look-up of the embedding not. ``attention="full"`` counts all
    context x context products (PaLM, arXiv:2204.02311, appendix B; what ``torch.utils.flop_counter`` counts), ``"causal"``
    the half that is not masked. At long contexts the two differ by more than a tenth: say which one a figure used.

    >>> forward_flops(Decoder(layers=2, width=32, heads=1, feed_forward=128, vocabulary=256), context=128)
    98304.0
    """
    if attention not in ATTENTION:
        message = f"attention is {attention!r}"
        raise DataError("unknown-convention", message, advice=f"Use one of: {', '.join(ATTENTION)}")
    products = model.layers * model.layer_matrices + model.width * model.vocabulary
    return 2.0 * products + 4.0 * model.layers * model.attention_width * context * ATTENTION[attention]


def training_flops(model: Decoder, context: int, *, attention: str = "full") -> float:
    """FLOPs of training per token: the forward pass and twice as much for the backward pass.

    Nothing is added for recomputed activations or for the optimiser.

    >>> training_flops(Decoder(layers=2, width=32, heads=1, feed_forward=128, vocabulary=256), context=128)
    294912.0
    """
    return (1.0 + BACKWARD) * forward_flops(model, context, attention=attention)
