"""The verdict on an extrapolation: whether this table may be extrapolated at all, in one line, with the notes behind it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forerun.note import Note
from forerun.predict.calibration import FEWEST_CUTS

Array = np.ndarray
WORSE = 1.25  # times the error of the nearest run above which a form is no help
FATAL = (
    "wrong-sign",
    "floor-at-zero",
    "not-converged",
    "not-identified",
    "bound-hit",
    "non-monotone",
)  # as error notes


def judged(errors: Sequence[Array], nearest: Sequence[Array], distances: Sequence[Array], known: Sequence[Note]
           ) -> tuple[str, list[Note]]:  # fmt: skip
    """The verdict and its notes, from the log errors of hidden runs at every cut and those of the nearest run.

    ``known`` are the notes of the law that answers for all, or of the series. "Do not extrapolate" where no cut could be scored, where the nearest run's outcome was the better guess at most
    cuts, where the law has an exponent of the wrong sign or a floor at zero, and where the series turns.
    """
    notes = []
    reasons = []
    if not errors:
        message = "no cut leaves enough runs on both sides, so no forecast of these runs was ever tested"
        notes.append(_stop(message, {"cuts": 0}, "Add runs of other sizes."))
        return f"do not extrapolate: {message}", notes
    if len(errors) < FEWEST_CUTS:
        message = f"only {len(errors)} cuts could be scored; the intervals rest on what was seen in other tables"
        notes.append(Note("few-cuts", "warning", message, {"cuts": len(errors)}, "Add runs of other sizes."))
    size = [float(np.median(np.abs(np.expm1(e)))) for e in errors]
    other = [float(np.median(np.abs(n))) for n in nearest]
    worse = sum(a > b for a, b in zip(size, other))
    if 2 * worse > len(size) and np.mean(size) > WORSE * np.mean(other):
        message = f"at {worse} of {len(size)} cuts the nearest run's outcome was a better guess than any form"
        notes.append(
            _stop(
                message,
                {"cuts": worse, "median_error": float(np.median(size))},
                "Find out why the runs do not follow a curve.",
            )
        )
        reasons.append(message)
    fatal = [n for n in known if n.severity == "error" and n.code in FATAL]
    reasons += [n.message for n in fatal]
    if fatal:
        notes.append(_stop(f"what the runs show is no law to extrapolate ({fatal[0].code})", {}, fatal[0].advice))
    if reasons:
        return f"do not extrapolate: {'; '.join(reasons)}", notes
    far = max(float(d[np.isfinite(d)].max()) for d in distances)
    median = float(np.median(np.abs(np.expm1(np.concatenate(errors)))))
    return f"over {len(errors)} cuts and up to {far:.2f} decades out the median error was {100 * median:.2g} %", notes


def _stop(message: str, evidence: dict[str, object], advice: str) -> Note:
    return Note("do-not-extrapolate", "error", message, evidence, advice)
