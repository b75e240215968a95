"""Noise between seeds, from runs that were made more than once, and whether a law leaves more than that."""

from __future__ import annotations

import numpy as np

from forerun.fitting.observations import outcome
from forerun.laws import Law
from forerun.note import Note
from forerun.runs import Runs

FEWEST_REPEATS = 3  # degrees of freedom below which nothing is said
MISFIT = 2.0  # times the noise between repeats above which residuals are more than noise


def repeat_notes(law: Law, runs: Runs, residuals: float) -> tuple[Note, ...]:
    """What runs of equal inputs say of the noise, beside ``residuals``, the standard deviation of what the answer leaves.

    The noise is the pooled standard deviation of the log outcome within groups of equal inputs. Nothing is said with
    fewer than three repeats. A warning ``misfit-beyond-noise`` where the residuals are more than twice the noise.
    """
    groups: dict[tuple[float, ...], list[float]] = {}
    for inputs, y in zip(zip(*(runs[role].tolist() for role in law.inputs)), outcome(law, runs)[0].tolist()):
        groups.setdefault(inputs, []).append(float(np.log(y)))
    repeated = [np.array(values) for values in groups.values() if len(values) > 1]
    freedom = sum(len(values) - 1 for values in repeated)
    if freedom < FEWEST_REPEATS:
        return ()
    noise = float(np.sqrt(sum(((v - v.mean()) ** 2).sum() for v in repeated) / freedom))
    evidence = {"noise": noise, "repeats": freedom, "residuals": residuals}
    message = f"runs of equal settings differ by {100 * noise:.2g} % ({freedom} repeats), and what is left over by {100 * residuals:.2g} %"
    if noise > 0 and residuals > MISFIT * noise:
        advice = "The form, or how runs were tuned, adds more than seeds do: expect bias outside them."
        return (Note("misfit-beyond-noise", "warning", message, evidence, advice),)
    return (Note("seed-noise", "info", message, evidence, "No forecast of a single run can be closer than this."),)
