"""Learning-rate schedules: the share of the peak rate at every step of a run."""

from __future__ import annotations

import math

from forerun.ladder.rung import Rung


def rate(rung: Rung, step: int) -> float:
    """The share of the peak learning rate that step ``step`` (from 0) of ``rung`` is taken with.

    Every schedule rises linearly over ``warmup`` steps. ``linear`` and ``cosine`` then fall to ``final_lr``; ``wsd`` stays
    at the peak and falls linearly to zero over its last share ``cooldown`` (Hu et al. 2024, arXiv:2404.06395, section 4);
    ``constant`` stays.

    >>> [round(rate(Rung(steps=100, warmup=10, schedule="wsd"), s), 2) for s in (0, 50, 80, 90, 99)]
    [0.1, 1.0, 1.0, 0.5, 0.05]
    """
    warm = min(1.0, (step + 1) / rung.warmup) if rung.warmup else 1.0
    if rung.schedule == "constant":
        return warm
    if rung.schedule == "wsd":
        falling = rung.steps - rung.stable_steps
        return min(warm, (rung.steps - step) / falling) if step >= rung.stable_steps else warm
    done = max(0.0, (step - rung.warmup) / max(1, rung.steps - rung.warmup))
    left = 1.0 - done if rung.schedule == "linear" else 0.5 * (1.0 + math.cos(math.pi * done))
    return min(warm, rung.final_lr + (1.0 - rung.final_lr) * left)
