"""The optimisers of a run, with rates and decay as the rules of its parametrisation carry them to its width and depth."""

from __future__ import annotations

from functools import partial

from torch.optim import AdamW, Muon, Optimizer

from forerun.ladder.model import Decoder, relative
from forerun.ladder.rung import Rung
from forerun.parametrisation import factor

BETAS = (0.9, 0.95)
MOMENTUM = 0.95


def optimizers(model: Decoder, rung: Rung) -> list[Optimizer]:
    """The optimisers of ``model``: the matrices inside the blocks under ``rung.optimizer``, embedding and head under AdamW.

    Every group carries its own peak rate as ``"peak"``. The rules are those of :mod:`forerun.parametrisation`: under
    ``scaling="mup"`` (and ``"completep"``) AdamW's rate for the matrices is divided by the width relative to 32, and its
    weight decay multiplied, so that their product stays; Muon's updates have a norm that does not depend on the width, so
    nothing changes. Embedding and head keep theirs.
    """
    inside = [weight for name, weight in model.named_parameters() if name.startswith("blocks")]
    outside = [weight for name, weight in model.named_parameters() if not name.startswith("blocks")]
    rule = partial(factor, ratios=relative(rung), parametrisation=rung.scaling, optimizer=rung.optimizer)
    lr, decay = rung.lr * rule("lr", "hidden"), rung.weight_decay * rule("weight_decay", "hidden")
    made: list[Optimizer] = [AdamW(outside, lr=rung.adam_lr, betas=BETAS, weight_decay=0.0)]
    if rung.optimizer == "muon":
        made.append(Muon(inside, lr=lr, momentum=MOMENTUM, weight_decay=decay))
    else:
        made.append(AdamW(inside, lr=lr, betas=BETAS, weight_decay=decay))
    for optimizer in made:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return made


def set_rate(made: list[Optimizer], share: float) -> None:
    """Set the learning rate of every group to ``share`` of its peak."""
    for optimizer in made:
        for group in optimizer.param_groups:
            group["lr"] = share * group["peak"]
