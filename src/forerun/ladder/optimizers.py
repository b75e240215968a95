"""The optimisers of a run, and the rules that carry a learning rate from one width and depth to another."""

from __future__ import annotations

from torch.optim import AdamW, Muon, Optimizer

from forerun.ladder.model import BASE_WIDTH, Decoder
from forerun.ladder.rung import Rung

BETAS = (0.9, 0.95)
MOMENTUM = 0.95


def optimizers(model: Decoder, rung: Rung) -> list[Optimizer]:
    """The optimisers of ``model``: the matrices inside the blocks under ``rung.optimizer``, embedding and head under AdamW.

    Every group carries its own peak rate as ``"peak"``. Under ``scaling="mup"`` (and ``"completep"``) AdamW's rate for the
    matrices is divided by the width relative to 32, and its weight decay multiplied, so that their product stays (Yang et
    al. 2022, arXiv:2203.03466, table 8). Muon's updates have a norm that does not depend on the width, so nothing changes.
    """
    inside = [weight for name, weight in model.named_parameters() if name.startswith("blocks")]
    outside = [weight for name, weight in model.named_parameters() if not name.startswith("blocks")]
    relative = 1.0 if rung.scaling == "standard" else rung.width / BASE_WIDTH
    made: list[Optimizer] = [AdamW(outside, lr=rung.adam_lr, betas=BETAS, weight_decay=0.0)]
    if rung.optimizer == "muon":
        made.append(Muon(inside, lr=rung.lr, momentum=MOMENTUM, weight_decay=rung.weight_decay))
    else:
        decay = rung.weight_decay * relative
        made.append(AdamW(inside, lr=rung.lr / relative, betas=BETAS, weight_decay=decay))
    for optimizer in made:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return made


def set_rate(made: list[Optimizer], share: float) -> None:
    """Set the learning rate of every group to ``share`` of its peak."""
    for optimizer in made:
        for group in optimizer.param_groups:
            group["lr"] = share * group["peak"]
