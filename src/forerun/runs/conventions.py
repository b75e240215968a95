"""What the numbers of a table mean where the field counts in several ways; mixed meanings are refused."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from forerun.note import DataError

N_COUNTS = ("total", "non-embedding", "active", "active-non-embedding")
LOSS_UNITS = ("nats/token", "bits/token", "nats/byte", "bits/byte", "error", "other")
FLOP_RULES = ("6ND", "exact", "6ND-without-head", "other")


@dataclass(frozen=True)
class Conventions:
    """What N counts, how FLOPs were counted, the unit of the loss and the tokenizer it is counted in.

    ``assumed`` names those that nobody stated. Losses per token of different tokenizers are different quantities:
    only losses per byte may be compared.
    """

    N_counts: str = "total"
    flop_rule: str = "6ND"
    loss_unit: str = "nats/token"
    tokenizer: str | None = None
    assumed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, allowed in (("N_counts", N_COUNTS), ("flop_rule", FLOP_RULES), ("loss_unit", LOSS_UNITS)):
            if getattr(self, name) not in allowed:
                raise DataError(
                    "unknown-convention",
                    f"{name} is {getattr(self, name)!r}",
                    advice=f"Use one of: {', '.join(allowed)}",
                )

    @property
    def per_token(self) -> bool:
        """Whether the loss is counted per token, so that the tokenizer matters."""
        return self.loss_unit.endswith("/token")

    def require_same(self, other: Conventions) -> None:
        """Raise ``DataError`` when numbers under ``other`` must not be put beside numbers under these."""
        for name in ("N_counts", "flop_rule", "loss_unit", *(("tokenizer",) if self.per_token else ())):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs and None not in (mine, theirs):
                advice = (
                    "Convert the losses to bits/byte first"
                    if name in ("tokenizer", "loss_unit")
                    else "Recount one of them"
                )
                raise DataError("conventions-differ", f"{name} is {mine!r} here and {theirs!r} there", advice=advice)

    def to_dict(self) -> dict[str, Any]:
        """The conventions as JSON has them."""
        return {**asdict(self), "assumed": list(self.assumed)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Conventions:
        """The inverse of :meth:`to_dict`."""
        return cls(**{**data, "assumed": tuple(data["assumed"])})
