"""A question put to a fit: checked inputs of one shape, with whatever follows from those given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from forerun.laws import Law
from forerun.note import DataError
from forerun.runs import Conventions
from forerun.runs.cells import word
from forerun.units import COLUMNS, FLOPS_PER_PARAMETER_AND_TOKEN, LARGEST, SCALE, derive_scale, parse_quantity

SHARES_TOLERANCE = 0.02
TOLERATED = 2.0  # factor between C and 6ND: exact counts of FLOPs differ from 6ND by less


def parse_question(
    law: Law, conventions: Conventions, given: Mapping[str, Any]
) -> tuple[dict[str, Any], tuple[int, ...]]:
    """Inputs by name, each of shape (m,), and the shape that was asked for: () for plain numbers.

    The group of a law with shared parameters stays a word. Raises ``DataError`` for an input that is missing, unknown,
    not a positive number, or counted in another way than the runs.
    """
    inputs = dict(given)
    counts = inputs.pop("N_counts", conventions.N_counts)
    if counts != conventions.N_counts:
        raise DataError(
            "conventions-differ",
            f"N counts {counts} parameters in the question and {conventions.N_counts} in the runs",
            advice="Ask with the count that was fitted",
        )
    group = law.shared[1] if law.shared else None
    label = inputs.pop(group, None) if group else None
    for name, value in inputs.items():
        check_value(name, value)
    numbers = {k: _numbers(v) for k, v in inputs.items()}
    known: dict[str, Any] = derive_scale(numbers)
    _consistent(numbers, known)
    _whole(law, numbers)
    takes = ", ".join([*law.inputs, *([group] if group else [])])
    unknown = [n for n in inputs if n not in law.inputs and n not in SCALE]
    if unknown:
        raise DataError("unknown-input", f"{law.name} has no input {unknown[0]!r}", advice=f"It has: {takes}")
    missing = [n for n in law.inputs if n not in known] + ([group] if group and label is None else [])
    if missing:
        raise missing_input(law, missing[0])
    try:
        shape = np.broadcast_shapes(*(v.shape for v in known.values()))
    except ValueError:
        lengths = {k: np.size(v) for k, v in numbers.items()}
        raise DataError(
            "bad-shape",
            f"the inputs have different lengths: {lengths}",
            advice="Give one value of each, or equally many",
        ) from None
    question = {k: np.broadcast_to(v, shape).ravel() for k, v in known.items() if k in law.inputs or k in SCALE}
    return {**question, **({group: word(label)} if group else {})}, shape


def missing_input(law: Law, name: str) -> DataError:
    """The error for a question that leaves out an input of the law."""
    takes = ", ".join([*law.inputs, *([law.shared[1]] if law.shared else [])])
    advice = f"{law.name} needs {takes}: give {name}, for example --at {name}=..."
    return DataError("missing-input", f"the question does not say {name}", advice=advice)


def check_value(name: str, value: Any) -> None:
    """Raise ``DataError`` unless ``value`` is what a column of that name can hold: finite, and positive where it must be."""
    column = COLUMNS.get(name.split("[")[0])
    try:
        number = _numbers(value)
    except (TypeError, ValueError):
        raise DataError("bad-value", f"{name} must be a number, received {value!r}") from None
    positive = column is not None and column.positive
    bad = ~np.isfinite(number) | (np.abs(number) > LARGEST) | (positive & (number < 1.0 / LARGEST))
    if bad.any():
        kind = "a positive number below 1e60" if positive else "a number between -1e60 and 1e60"
        raise DataError(
            "bad-value", f"{name} must be {kind}, received {np.atleast_1d(number)[np.atleast_1d(bad)][0]:g}"
        )


def _numbers(value: Any) -> np.ndarray:
    """A number or an array of them; a word is read as a person writes quantities, ``"70B"``."""
    return np.asarray(parse_quantity(value) if isinstance(value, str) else value, float)


def _whole(law: Law, inputs: Mapping[str, Any]) -> None:
    """Refuse shares of a mixture that do not sum to one: laws of mixtures rest on it."""
    shares = [inputs[n] for n, c in law.inputs.items() if c.role == "r" and n in inputs]
    if len(shares) > 1 and np.any(np.abs(sum(shares) - 1.0) > SHARES_TOLERANCE):
        total = float(np.ravel(sum(shares))[0])
        raise DataError("bad-shares", f"the shares of the mixture sum to {total:g}", advice="They must sum to 1")


def _consistent(inputs: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Refuse a question that gives one quantity twice, in two sizes: a C that is not 6ND, or an M that is not D/N."""
    if "N" not in known or "D" not in known:
        return
    N, D = known["N"], known["D"]
    for name, rule, follows in (("C", "6ND", FLOPS_PER_PARAMETER_AND_TOKEN * N * D), ("M", "D/N", D / N)):
        if name in inputs:
            given, expected = np.broadcast_arrays(inputs[name], follows)
            off = np.abs(np.log(given / expected)) > np.log(TOLERATED)
            if off.any():
                message = f"{name} = {given[off][0]:g} contradicts the rest, which gives {rule} = {expected[off][0]:g}"
                raise DataError("contradiction", message, advice="Two of N, D, C and M are enough")
