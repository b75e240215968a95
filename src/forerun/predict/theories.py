"""Fitted exponents against what theories of scaling say of them: agrees, disagrees, or cannot tell."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from forerun.fitting import Fit
from forerun.fitting.forecast import interval, plain
from forerun.note import DataError, nearest

Array = np.ndarray
ANSWERS = ("agrees", "disagrees", "cannot tell")
COMPARED = {
    "": "exponent of {0}",
    "surplus": "exponent of {0} minus that of {1}, over their sum",
}
FATAL = ("not-identified", "bound-hit", "not-converged")


@dataclass(frozen=True)
class Theory:
    """A statement on an exponent: ``low`` to ``high`` is what is predicted, or 1/dimension of them.

    ``of`` are the inputs it speaks of, ``compare`` makes one number of two exponents, ``margin`` is the relative
    distance that still counts as agreement, ``status`` says whether the statement was read, recalled or derived.
    """

    name: str
    says: str
    of: tuple[str, ...]
    low: float
    high: float
    compare: str
    over_dimension: bool
    margin: float
    source: str
    status: str

    def predicted(self, dimension: float | None = None) -> tuple[float, float]:
        """The limits of the prediction. Raises ``DataError`` where a dimension is needed and not given, or not positive."""
        if not self.over_dimension:
            return self.low, self.high
        if dimension is None or not (dimension > 0 and math.isfinite(dimension)):
            message = f"{self.name} predicts an exponent from the dimension of the data, received {dimension}"
            raise DataError(
                "missing-dimension", message, advice="Give dimension=..., as it was estimated from the data"
            )
        return self.low / dimension, self.high / dimension


@dataclass(frozen=True)
class TheoryCheck:
    """A measured exponent beside a prediction. ``answer`` is one of ``ANSWERS``; ``str()`` is one line."""

    theory: Theory
    quantity: str
    value: float
    low: float | None
    high: float | None
    level: float | None
    predicted: tuple[float, float]
    answer: str
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values by name, for JSON; None for an infinite limit."""
        return {
            "theory": self.theory.name, "says": self.theory.says, "source": self.theory.source,
            "status": self.theory.status, "quantity": self.quantity, "value": self.value, "low": plain(self.low),
            "high": plain(self.high), "level": self.level, "predicted": [plain(x) for x in self.predicted],
            "margin": self.theory.margin, "answer": self.answer, "reason": self.reason,
        }  # fmt: skip

    def __str__(self) -> str:
        low, high = self.predicted
        said = f"{low:.3g}" if low == high else f"above {low:.3g}" if math.isinf(high) else f"{low:.3g} to {high:.3g}"
        within = "no interval"
        if self.low is not None and self.high is not None:
            within = f"{f'{self.level:.0%} ' if self.level else ''}{self.low:.3g} to {self.high:.3g}"
        why = f"; {self.reason}" if self.reason else ""
        return f"{self.theory.name}: {self.answer} - {self.quantity} {self.value:.3g} ({within}), predicted {said}{why} [{self.theory.status}]"


def known_theories() -> tuple[Theory, ...]:
    """All theories that can be asked for.

    >>> [t.name for t in known_theories() if t.of == ("width",)]
    ['width-superposition']
    """
    return tuple(_theories().values())


def check_theory(
    measured: Fit | tuple[float, float, float],
    theory: str,
    *,
    of: str | None = None,
    exponents: Mapping[str, str] | None = None,
    dimension: float | None = None,
) -> TheoryCheck:
    """Whether a fit agrees with what ``theory`` says of its exponent.

    ``measured`` is a fit, or the exponent with its limits ``(value, low, high)`` (for a theory that compares two
    exponents, their comparison). ``of`` names the input whose exponent is meant, where the theory speaks of several.
    ``exponents`` names the parameter that is the exponent of an input, ``{"D": "beta"}``; a law with as many exponents
    as inputs needs none, they are taken in order.

    It agrees if the whole interval lies within the margin of the prediction, disagrees if the interval lies wholly
    outside of it, and else nobody can tell: wide intervals never agree. The interval knows the parameters only, and an
    exponent that a floor was traded against is as doubtful as the floor. Raises :class:`DataError` for a theory that
    is not known, or speaks of no input of the fit.

    >>> print(check_theory((0.98, 0.94, 1.03), "width-superposition"))
    width-superposition: agrees - exponent of width 0.98 (0.94 to 1.03), predicted 1 [stated]
    >>> check_theory((0.8, 0.6, 1.05), "width-superposition").answer
    'cannot tell'
    """
    found = _find(theory)
    predicted = found.predicted(dimension)
    if isinstance(measured, Fit):
        return _check_fit(measured, found, _spoken_of(found, measured, of), exponents, predicted)
    value, low, high = (float(x) for x in measured)
    if not low <= value <= high:
        message = f"an exponent lies between its limits, received {value:g} with {low:g} to {high:g}"
        raise DataError("bad-value", message, advice="Give (value, low, high)")
    inputs = found.of if found.compare else (of or found.of[0],)
    quantity = COMPARED[found.compare].format(*inputs)
    return TheoryCheck(found, quantity, value, low, high, None, predicted, _answer(low, high, predicted, found))


def check_theories(
    fit: Fit, *, exponents: Mapping[str, str] | None = None, dimension: float | None = None
) -> tuple[TheoryCheck, ...]:
    """The fit against every theory that speaks of its inputs; those that need a dimension are left out without one.

    >>> import forerun as fr
    >>> for line in check_theories(fr.fit("chinchilla", fr.simulate("chinchilla"), draws=50)):
    ...     print(str(line).split(" - ")[0])
    variance-limited: disagrees
    equal-exponents: cannot tell
    steps-outgrow-parameters: agrees
    """
    checks = []
    for theory in known_theories():
        if theory.over_dimension and dimension is None:
            continue
        spoken = [name for name in theory.of if name in fit.law.inputs]
        asked: list[str | None] = list(spoken) if not theory.compare else [None] if len(spoken) == 2 else []
        checks += [check_theory(fit, theory.name, of=o, exponents=exponents, dimension=dimension) for o in asked]
    return tuple(checks)


def _check_fit(
    fit: Fit,
    theory: Theory,
    inputs: tuple[str, ...],
    named: Mapping[str, str] | None,
    predicted: tuple[float, float],
) -> TheoryCheck:
    value, low, high = _measured(fit, theory, inputs, named)
    doubt = next((n.message for n in fit.notes if n.code in FATAL and n.severity == "error"), "")
    answer = "cannot tell" if doubt else _answer(low, high, predicted, theory)
    quantity = COMPARED[theory.compare].format(*inputs)
    level = fit.level if low is not None else None
    return TheoryCheck(theory, quantity, value, low, high, level, predicted, answer, doubt)


def _answer(low: float | None, high: float | None, predicted: tuple[float, float], theory: Theory) -> str:
    if low is None or high is None:
        return "cannot tell"
    below, above = (abs(x) * theory.margin if x and math.isfinite(x) else 0.0 for x in predicted)
    if theory.compare and predicted[0] == predicted[1]:
        below = above = theory.margin
    least, most = predicted[0] - below, predicted[1] + above
    if least <= low and high <= most:
        return "agrees"
    return "disagrees" if high < least or low > most else "cannot tell"


def _spoken_of(theory: Theory, fit: Fit, of: str | None) -> tuple[str, ...]:
    """The inputs of the fit that the theory speaks of: two for a comparison, else one."""
    known = tuple(name for name in theory.of if name in fit.law.inputs and of in (None, name))
    wanted = 2 if theory.compare else 1
    if theory.compare and of is not None:
        known = tuple(name for name in theory.of if name in fit.law.inputs)
    if len(known) == wanted:
        return known
    inputs = ", ".join(fit.law.inputs)
    if len(known) > wanted:
        message = f"{theory.name} speaks of {' and '.join(known)}, which {fit.law.name} has both"
        raise DataError("which-input", message, advice=f'Say which: of="{known[0]}"')
    message = f"{theory.name} speaks of {' and '.join(theory.of)}, {fit.law.name} is a law of {inputs}"
    raise DataError("other-input", message, advice="Fit a law of that input, or give (value, low, high)")


def _measured(
    fit: Fit, theory: Theory, inputs: tuple[str, ...], named: Mapping[str, str] | None
) -> tuple[float, float | None, float | None]:
    """The exponent, or the comparison of two, with its limits over the draws."""
    params = [_exponent_of(fit, name, named) for name in inputs]
    places = [list(fit.params).index(name) for name in params]
    value = float(_compared(theory, np.array([[fit.params[name] for name in params]]))[0])
    if not len(fit.draws):
        limits = fit.intervals[params[0]] if not theory.compare else None
        return (value, *limits) if limits else (value, None, None)
    low, high = interval(_compared(theory, fit.draws[:, places]), fit.level)
    return value, float(low), float(high)


def _compared(theory: Theory, values: Array) -> Array:
    """One number for each row of exponents (k, 1 or 2): data grow faster than size where the surplus N over D is positive."""
    if theory.compare == "surplus":
        return (values[:, 0] - values[:, 1]) / (values[:, 0] + values[:, 1])
    return values[:, 0]


def _exponent_of(fit: Fit, name: str, named: Mapping[str, str] | None) -> str:
    if named and name in named:
        if named[name] not in fit.params:
            advice = f"It has: {', '.join(fit.params)}"
            raise DataError("unknown-parameter", f"{fit.law.name} has no parameter {named[name]!r}", advice=advice)
        return named[name]
    inputs = list(fit.law.inputs)
    found = [p for p, param in fit.law.params.items() if param.role == "exponent" and p in fit.params]
    if len(found) != len(inputs):
        message = f"which parameter of {fit.law.name} is the exponent of {name} is not clear"
        raise DataError("which-exponent", message, advice=f'Say it: exponents={{"{name}": "..."}}')
    return found[inputs.index(name)]


def _find(name: str) -> Theory:
    known = _theories()
    if name not in known:
        near = nearest(name, known) or list(known)
        raise DataError("unknown-theory", f"there is no theory {name!r}", advice=f"Nearest: {', '.join(near)}")
    return known[name]


@cache
def _theories() -> dict[str, Theory]:
    import tomllib
    from importlib.resources import files

    text = (files("forerun.predict") / "theories.toml").read_text(encoding="utf-8")
    return {entry["name"]: _read(entry) for entry in tomllib.loads(text)["theory"]}


def _read(entry: Mapping[str, Any]) -> Theory:
    low = float(entry.get("over_dimension", entry.get("low", 0.0)))
    high = entry.get("high", low)
    return Theory(
        entry["name"], entry["says"], tuple(entry["of"]), low, math.inf if high == "infinite" else float(high),
        entry.get("compare", ""), "over_dimension" in entry, entry["margin"], entry["source"], entry["status"],
    )  # fmt: skip
