"""What is watched while a run trains: the smoothed loss, norms, the gradient noise scale, spikes and divergence."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from forerun.predict import noise_scale

SMOOTHING = 0.95  # of the running mean and variance that a spike is judged against
SPIKE = 6.0  # a loss that lies this many standard deviations above its running mean is a spike
SETTLED = 100  # steps before which nothing is called a spike
DIVERGED = 1.0  # nats per byte above the lowest running mean: the run will not come back


@dataclass(frozen=True)
class Watch:
    """How a run is observed; nothing here changes what is trained.

    ``points`` of the curve are logged, half of them spaced geometrically; ``validate_curve`` evaluates each on
    ``validation_bytes`` of held-out text a domain, otherwise only the last. ``checkpoint_seconds`` is the time between two
    checkpoints.
    """

    points: int = 32
    validate_curve: bool = False
    validation_bytes: int = 65_536
    checkpoint_seconds: float = 20.0


DEFAULT_WATCH = Watch()


@dataclass
class Monitor:
    """Running sums of one run, carried in its checkpoint, so that a resumed run reports what an undisturbed one does."""

    count: int = 0
    mean: float = 0.0
    variance: float = 0.0
    lowest: float = math.inf
    spikes: int = 0
    seen: int = 0
    loss: float = 0.0
    gradient: float = 0.0
    halves: int = 0
    small: float = 0.0
    large: float = 0.0

    def see(self, loss: float, gradient_norm: float) -> None:
        """Take in the training loss and gradient norm of one step."""
        self.count += 1
        keep = min(SMOOTHING, 1.0 - 1.0 / self.count)
        away = loss - self.mean
        if self.count > SETTLED and away > SPIKE * math.sqrt(self.variance):
            self.spikes += 1
        self.mean += (1.0 - keep) * away
        self.variance = keep * (self.variance + (1.0 - keep) * away * away)
        self.lowest = min(self.lowest, self.mean)
        self.seen += 1
        self.loss += loss
        self.gradient += gradient_norm

    def compare(self, small: float, large: float) -> None:
        """Take in the mean squared gradient norms of the halves of a batch and of all of it."""
        self.halves += 1
        self.small += small
        self.large += large

    @property
    def diverged(self) -> bool:
        """Whether the run is lost: a loss that is no number, or one that has left its lowest level for good."""
        return not math.isfinite(self.mean) or self.mean > self.lowest + DIVERGED

    def point(self, batch: int) -> dict[str, Any]:
        """Means since the last point, which starts the next: loss, gradient norm, noise scale (sequences), spikes so far.

        The noise scale is that of half and whole batches (:func:`forerun.predict.noise_scale`); ``None`` where no batch was
        halved, or where the norms do not tell it.
        """
        noise = None
        if self.halves:
            norms = {"small_square": self.small / self.halves, "large_square": self.large / self.halves}
            told = noise_scale(small=batch / 2, large=batch, **norms)
            noise = told if 0.0 < told < math.inf else None
        seen = max(1, self.seen)
        out = {
            "train_loss": self.loss / seen,
            "gradient_norm": self.gradient / seen,
            "noise_scale": noise,
            "spikes": self.spikes,
        }
        self.seen, self.loss, self.gradient, self.halves, self.small, self.large = 0, 0.0, 0.0, 0, 0.0, 0.0
        return out

    def to_dict(self) -> dict[str, Any]:
        """All sums, for a checkpoint."""
        return asdict(self)
