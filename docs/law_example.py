"""A few lines that run with every law and term: simulate, fit, forecast."""

from __future__ import annotations

import numpy as np
from law_picture import PEAK, levels, main_inputs

from forerun.laws import Law, Term

MEMBERS = ("web", "code", "books")  # of an index, in examples
CARRIERS = {"learnability": "d-cpt-cross-domain"}  # the law that a term is put into, where that is not Chinchilla's


def example(item: Law | Term) -> str:
    """Python that simulates runs of the law, fits it to them, and asks for an outcome at the edge of the typical range."""
    lines = ["import forerun as fr", ""]
    if isinstance(item, Term):
        lines += [
            f'term = fr.laws.terms()["{item.name}"]',
            f'law = fr.laws.get("{carrier(item)}").where({item.output.role}=term)',
        ]
    elif item.indices:
        members = ", ".join(f'"{m}"' for m in MEMBERS)
        lines.append(f'law = fr.laws.get("{item.name}").over({item.indices[0]}=[{members}])')
    else:
        lines.append(f'law = fr.laws.get("{item.name}")')
    lines += ["runs = fr.simulate(law, n=60, seed=0)", "fit = fr.fit(law, runs)", f"print({_question(item)})"]
    return "\n".join(lines)


def carrier(term: Term) -> str:
    """Name of the law that the example puts a term into."""
    return CARRIERS.get(term.output.role, "chinchilla")


def _question(item: Law | Term) -> str:
    if getattr(item, "prepare", None):
        return f'fit.predict({{"step": [1, 1000, 2000], "lr": [{PEAK:g}, {PEAK:g}, {PEAK / 10:g}]}})'
    if getattr(item, "indices", ()):
        at = {name: value for name, value in asked(item).items() if item.inputs[name].index is None}
        at |= {f"r[{m}]": share for m, share in zip(MEMBERS, (0.5, 0.3, 0.2))}
        return "fit.forecast(**{" + ", ".join(f'"{k}": {_written(v)}' for k, v in at.items()) + "})"
    return "fit.forecast(" + ", ".join(f"{name}={_written(value)}" for name, value in asked(item).items()) + ")"


def asked(item: Law | Term) -> dict[str, float]:
    """The inputs that the example asks about: the main one at the end of its range, the others in the middle."""
    across, _ = main_inputs(item)
    inputs = dict(item.inputs)
    if isinstance(item, Term):
        from forerun.laws import get

        inputs = dict(get(carrier(item)).where(**{item.output.role: item}).inputs)
    return {name: float(levels(name, column)[2 if name == across else 1]) for name, column in inputs.items()}


def _written(value: float) -> str:
    text = np.format_float_scientific(value, trim="-", exp_digits=1).replace("e+", "e")
    return text if abs(value) >= 1e5 else f"{value:g}"
