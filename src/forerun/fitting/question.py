"""A question put to a fit: checked inputs of one shape, with whatever follows from those given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from forerun.laws import Law
from forerun.note import DataError
from forerun.runs import Conventions
from forerun.units import COLUMNS, SCALE, derive_scale


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
    known: dict[str, Any] = derive_scale({k: np.asarray(v, float) for k, v in inputs.items()})
    takes = ", ".join([*law.inputs, *([group] if group else [])])
    unknown = [n for n in inputs if n not in law.inputs and n not in SCALE]
    if unknown:
        raise DataError("unknown-input", f"{law.name} has no input {unknown[0]!r}", advice=f"It has: {takes}")
    missing = [n for n in law.inputs if n not in known] + ([group] if group and label is None else [])
    if missing:
        raise DataError(
            "missing-input",
            f"the question does not say {missing[0]}",
            advice=f"{law.name} needs {takes}: give {missing[0]}, for example --at {missing[0]}=...",
        )
    shape = np.broadcast_shapes(*(v.shape for v in known.values()))
    question = {k: np.broadcast_to(v, shape).ravel() for k, v in known.items() if k in law.inputs or k in SCALE}
    return {**question, **({group: str(label)} if group else {})}, shape


def check_value(name: str, value: Any) -> None:
    """Raise ``DataError`` unless ``value`` is what a column of that name can hold: finite, and positive where it must be."""
    column = COLUMNS.get(name.split("[")[0])
    try:
        number = np.asarray(value, float)
    except (TypeError, ValueError):
        raise DataError("bad-value", f"{name} must be a number, received {value!r}") from None
    if not np.isfinite(number).all() or (column is not None and column.positive and (number <= 0).any()):
        raise DataError("bad-value", f"{name} must be a positive number, received {value}")
