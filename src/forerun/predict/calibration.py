"""`Calibration`: how wide an interval must be at a distance from the runs, from how wrong forecasts were at such distances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Array = np.ndarray
POWER = 0.5  # errors grow with the root of the decades
PRIOR_CUTS = 2.0  # cuts that the expectation before any cut counts for
PRIOR_SPREAD = 0.03  # of it: relative error one decade out
PRIOR_SHARE = 0.1  # and as a share of what the outcome still moves in a decade
WIDENED = 1.5  # for what few cuts do not show: points of one curve are alike
WIDENED_FOR_RUNS = 1.2  # the same for tables of separate runs
SMALLEST = 5e-4  # spread below which cuts say that nothing was missed by chance
FEWEST_CUTS = 3  # below which the roll-outs say less than the expectation


@dataclass(frozen=True)
class Calibration:
    """The error to expect outside the runs: ``spread`` is the standard deviation of the log error one decade out.

    ``observed`` is what the cuts alone say, ``reach`` how many decades the farthest scored run lay beyond its cut. It rests on ``cuts`` back-test cuts with ``runs`` hidden runs, and on an expectation that counts for two more cuts: 3 %
    and a tenth of what the outcome still moves in a decade. They are averaged by their logarithms, since tables differ
    in size of error by a factor of a hundred, and the result is widened: by half for a curve, by a fifth for a table
    of separate runs. The constants of that expectation were chosen on public loss
    curves and simulated tables that no benchmark of ours uses.
    """

    spread: float
    cuts: int
    runs: int
    observed: float | None
    reach: float

    def at(self, decades: Array) -> Array:
        """Standard deviation of the log error at each distance, (m,)."""
        return self.spread * np.maximum(decades, 0.0) ** POWER

    def to_dict(self) -> dict[str, object]:
        """The calibration as JSON has it."""
        return {"spread": self.spread, "observed": self.observed, "cuts": self.cuts, "runs": self.runs,
                "reach": self.reach, "power": POWER}  # fmt: skip

    def __str__(self) -> str:
        share = self.cuts / (self.cuts + PRIOR_CUTS)
        rests = f"{self.cuts} cuts with {self.runs} hidden runs count for {share:.0%}" if self.cuts else "no cut"
        return f"{100 * self.spread:.2g} % one decade out, growing with the root of the decades ({rests})"


def calibration_of(
    errors: Sequence[Array], decades: Sequence[Array], noise: float, moves: float, *, separate: bool
) -> Calibration:
    """The calibration from the log errors of hidden runs and their distances, one array of each a cut.

    ``noise`` is the standard deviation of a single run, which is no error of the forecast; ``moves`` the change of the
    log outcome in the next decade; ``separate`` says that rows are runs of their own. Errors within a cut are not
    independent: each cut counts once.
    """
    expected = float(np.hypot(PRIOR_SPREAD, PRIOR_SHARE * moves))
    found = []
    for error, distance in zip(errors, decades):
        excess = max(float(np.mean(error * error)) - noise * noise, 0.0)
        found.append(excess / float(np.mean(distance ** (2.0 * POWER))))
    observed = float(np.sqrt(np.mean(found))) if found else None
    logs = len(found) * np.log(max(observed or 0.0, SMALLEST)) + PRIOR_CUTS * np.log(expected)
    spread = (WIDENED_FOR_RUNS if separate else WIDENED) * float(np.exp(logs / (len(found) + PRIOR_CUTS)))
    reach = max((float(d.max()) for d in decades), default=0.0)
    return Calibration(spread, len(found), sum(len(e) for e in errors), observed, reach)
