"""One run of a ladder: everything that decides what is trained, as one frozen value."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, Literal

from forerun.cost import Decoder, parameters, training_flops
from forerun.note import DataError

VOCABULARY = 256  # bytes are the tokens
HEAD_WIDTH = 32  # wished for; rotary positions turn pairs, so that a head has an even width
CHOICES = {
    "optimizer": ("muon", "adamw"),
    "schedule": ("linear", "cosine", "wsd", "constant"),
    "scaling": ("standard", "mup", "completep"),
}


@dataclass(frozen=True)
class Rung:
    """One run: a decoder of ``width`` and ``depth`` trained for ``steps`` of ``batch`` sequences of ``context`` bytes.

    ``lr`` is the peak learning rate of the matrices inside the blocks, ``adam_lr`` that of embedding and head;
    ``optimizer="adamw"`` trains both with AdamW. ``warmup`` is in steps, ``cooldown`` the share of a ``wsd`` schedule that
    decays, ``final_lr`` the share of the peak that cosine and linear schedules end on. Two rungs that are equal give, on
    one CPU and version of PyTorch, the same losses to the last bit. The default rates suit Muon: AdamW needs others.
    ``mixture`` gives each domain of the text a share of the training sequences (without it, the share that it has of the
    text); ``unique`` trains on that many bytes of it only, read again and again.
    Raises ``DataError`` for a setting that no run can have, such as an odd width.

    >>> Rung(width=32, depth=2, steps=100).tokens
    51200
    """

    width: int = 64
    depth: int = 4
    context: int = 128
    batch: int = 4
    steps: int = 1000
    optimizer: Literal["muon", "adamw"] = "muon"
    lr: float = 0.02
    adam_lr: float = 0.04
    weight_decay: float = 0.0
    schedule: Literal["linear", "cosine", "wsd", "constant"] = "linear"
    warmup: int = 20
    cooldown: float = 0.2
    final_lr: float = 0.0
    scaling: Literal["standard", "mup", "completep"] = "standard"
    seed: int = 0
    mixture: tuple[tuple[str, float], ...] = ()
    unique: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.mixture, Mapping):
            object.__setattr__(self, "mixture", tuple(sorted(self.mixture.items())))
        for names, allowed, advice in (
            (("width", "depth", "context", "batch", "steps"), _count, "Give a whole number above zero"),
            (("warmup", "seed"), lambda v: v == 0 or _count(v), "Give a whole number, zero or more"),
            (("lr", "adam_lr"), lambda v: 0 < v < math.inf, "Give a number above zero"),
            (("weight_decay",), lambda v: 0 <= v < math.inf, "Give a number, zero or more"),
            (("cooldown", "final_lr"), lambda v: 0 <= v <= 1, "Give a share from 0 to 1"),
            (("width",), lambda v: v % 2 == 0, "Give an even number: rotary positions turn pairs"),
        ):
            for name in names:
                if not allowed(getattr(self, name)):
                    raise DataError("bad-run", f"{name} is {getattr(self, name)!r}", advice=advice)
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                advice = f"Use one of: {', '.join(choices)}"
                raise DataError("bad-run", f"{name} is {getattr(self, name)!r}", advice=advice)
        shares = [share for _, share in self.mixture]
        if shares and not (min(shares) >= 0 and math.isclose(sum(shares), 1.0, abs_tol=1e-6)):
            told = ", ".join(f"{domain} {share:g}" for domain, share in self.mixture)
            raise DataError("bad-run", f"the mixture is {told}", advice="Give shares of zero or above that sum to one")
        if self.unique is not None and (not _count(self.unique) or self.mixture):
            advice = "Give a whole number of bytes above zero, and no mixture with it"
            raise DataError("bad-run", f"unique is {self.unique!r}", advice=advice)

    @property
    def size(self) -> str:
        """Width and depth as ladders write them: ``64x4``."""
        return f"{self.width}x{self.depth}"

    @property
    def annealing(self) -> str:
        """The schedule with what sets it apart, in a few words.

        >>> Rung(schedule="wsd", cooldown=0.25).annealing, Rung(schedule="cosine", final_lr=0.1).annealing
        ('wsd 25%', 'cosine to 10%')
        """
        if self.schedule == "wsd":
            return f"wsd {100 * self.cooldown:.3g}%"
        return (
            f"{self.schedule} to {100 * self.final_lr:.3g}%"
            if self.final_lr and self.schedule != "constant"
            else self.schedule
        )

    @property
    def heads(self) -> int:
        """Attention heads, each of the even width nearest to 32 (as a factor) that divides the width."""
        widths = [w for w in range(2, self.width + 1, 2) if self.width % w == 0]
        return self.width // min(widths, key=lambda w: max(w / HEAD_WIDTH, HEAD_WIDTH / w))

    @cached_property
    def architecture(self) -> Decoder:
        """What parameters and FLOPs are counted from."""
        return Decoder(self.depth, self.width, self.heads, feed_forward=4 * self.width, vocabulary=VOCABULARY)

    @property
    def tokens(self) -> int:
        """Bytes trained on."""
        return self.steps * self.batch * self.context

    @property
    def flops(self) -> float:
        """Training FLOPs, counted exactly (all attention products, the head, no embedding)."""
        return self.tokens * training_flops(self.architecture, self.context)

    @property
    def parameters(self) -> int:
        """All parameters; ``parameters(rung.architecture, embeddings=False)`` leaves embedding and head out."""
        return parameters(self.architecture)

    def trained(
        self,
        *,
        steps: int | None = None,
        tokens: float | None = None,
        tokens_per_parameter: float | None = None,
        flops: float | None = None,
        device_time: float | None = None,
        throughput: Callable[[Rung], float] | None = None,
    ) -> Rung:
        """This run, as long as one of the amounts says: the nearest whole number of steps, at least one.

        ``flops`` are counted as in :attr:`flops`, parameters as in :attr:`parameters`; ``device_time`` is in seconds of one
        device, whose tokens per second ``throughput(rung)`` gives; without it, a ``DataError`` is raised.
        """
        if tokens_per_parameter is not None:
            tokens = tokens_per_parameter * self.parameters
        if flops is not None:
            tokens = flops / training_flops(self.architecture, self.context)
        if device_time is not None:
            tokens = device_time * known(throughput)(self)
        if tokens is not None:
            steps = round(tokens / (self.batch * self.context))
        return self if steps is None else replace(self, steps=max(1, steps))

    @property
    def stable_steps(self) -> int:
        """Steps of a ``wsd`` schedule before its cooldown begins."""
        return self.steps - round(self.cooldown * self.steps)

    @property
    def trunk(self) -> str | None:
        """What all ``wsd`` rungs share that differ only in where their cooldown begins and ends; ``None`` for others."""
        if self.schedule != "wsd":
            return None
        return replace(self, steps=1, cooldown=0.0).digest

    @property
    def digest(self) -> str:
        """A short hash of all settings: the identity of the run."""
        text = json.dumps(self.to_dict(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """All settings, as JSON has them; a mixture or unique text only where there is one, as digests were before."""
        given = asdict(self) | {"mixture": dict(self.mixture)}
        return {name: value for name, value in given.items() if value or name not in ("mixture", "unique")}


def known(throughput: Callable[[Rung], float] | None) -> Callable[[Rung], float]:
    """The throughput, where it is needed. Raises ``DataError`` if there is none."""
    if throughput is None:
        message = "runs are set by device time, and the tokens per second are not known"
        raise DataError("no-throughput", message, advice="Give throughput, for example from forerun.ladder.speeds")
    return throughput


def _count(value: object) -> bool:
    return isinstance(value, int) and value > 0
