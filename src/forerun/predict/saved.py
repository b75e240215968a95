"""A weighted set of fits as text: every member as a saved fit, with the weights and the calibration around them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from forerun.fitting.result import Fit
from forerun.note import DataError, Note
from forerun.predict.calibration import Calibration
from forerun.predict.ensemble import Ensemble, Member

KIND = "ensemble"
ADVICE = "Save one with `forerun fit ... --law auto -o fit.json`"


def dump(ensemble: Ensemble) -> str:
    """The ensemble's JSON object with every member's whole fit and the noise."""
    whole = {
        **ensemble.to_dict(), "kind": KIND, "noise": ensemble.noise.tolist(),
        "fits": [json.loads(member.fit.to_json()) for member in ensemble.members],
    }  # fmt: skip
    return json.dumps(whole, allow_nan=False)


def load(text: str) -> Fit | Ensemble:
    """The fit or the ensemble that was saved; ``DataError`` that says what is missing or wrong."""
    try:
        data = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        data = None
    if not isinstance(data, dict) or data.get("kind") != KIND:
        return Fit.from_json(text)
    try:
        return _build(data)
    except DataError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        message = f"this is not a saved ensemble ({type(error).__name__}: {error})".splitlines()[0]
        raise DataError("bad-fit", message, advice=ADVICE) from None


def _build(data: dict[str, Any]) -> Ensemble:
    fits = [Fit.from_json(json.dumps(fit)) for fit in data["fits"]]
    found = [
        Member(str(m["name"]), fit, float(m["weight"]), None if m["missed"] is None else float(m["missed"]))
        for m, fit in zip(data["members"], fits)
    ]
    about = data["calibration"]
    observed = None if about["observed"] is None else float(about["observed"])
    reach = float(about["reach"])
    return Ensemble(
        name=str(data["law"]),
        members=tuple(found),
        calibration=Calibration(float(about["spread"]), int(about["cuts"]), int(about["runs"]), observed, reach),
        level=float(data["level"]),
        seed=int(data["uncertainty"]["seed"]),
        runs=found[0].fit.runs,
        noise=np.array(data["noise"], float).reshape(-1),
        verdict=str(data["verdict"]),
        rejected=tuple((str(r["name"]), str(r["why"])) for r in data["rejected"]),
        notes=tuple(Note.from_dict(n) for n in data["notes"]),
    )
