"""How a law is declared: `Law`, `Term`, `Param`, the decorators that make them, and the operations that combine them.

A law is a function: inputs are positional, parameters keyword-only, the body is the formula and nothing else (NumPy
only, broadcasting, no branch on values). Everything here is declaration; the numerical work is in ``forerun.fitting``.
The file is a little over 400 lines: a law and the operations that make another law of it are one idea.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from inspect import Parameter, signature
from typing import Any

import numpy as np

from forerun.laws.formula import source_of
from forerun.laws.param import Param
from forerun.note import DataError, nearest
from forerun.units import COLUMNS, Column

KINDS = ("explicit", "implicit")
STATUSES = ("stated", "recalled", "inferred", "own")


@dataclass(frozen=True)
class PublishedSet:
    """Coefficients as somebody published them: on what, with what uncertainty, from where, and how far we checked.

    ``verified`` is False for a set that was never compared with its source; such a set is never a default.
    """

    name: str
    values: Mapping[str, float]
    fitted_on: str
    source: str
    verified: bool
    uncertainty: Mapping[str, Any] = field(default_factory=dict)
    checks: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, repr=False)
class Law:
    """A formula with its inputs, parameters and source. Make one with the decorator :func:`law`.

    Call it with arrays or numbers and natural parameter values; it broadcasts. The operations ``where``, ``along``,
    ``fix``, ``borrow``, ``tie``, ``share`` and ``over`` return a new law and never change this one; ``operations`` records them so that a
    saved fit can rebuild it. ``unidentified`` says what no data can tell about the parameters, and what they can.

    >>> import forerun as fr
    >>> law = fr.laws.get("chinchilla")
    >>> round(float(law(70e9, 1.4e12, E=1.69, A=406.4, alpha=0.34, B=410.7, beta=0.28)), 4)
    1.9366
    """

    name: str
    body: Callable[..., Any]
    inputs: Mapping[str, Column]
    output: Column
    params: Mapping[str, Param]
    source: str = ""
    answers: str = ""
    group: str = "own"
    status: str = "own"
    kind: str = "explicit"
    between: tuple[str, str] | None = None
    prepare: Callable[..., tuple[np.ndarray, ...]] | None = None
    trials: Column | None = None
    caution: str = ""
    unidentified: str = ""
    doc: str = ""
    shared: tuple[tuple[str, ...], str] | None = None
    operations: tuple[tuple[str, Any], ...] = ()
    base: str = ""
    written: Callable[..., Any] | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS or self.status not in STATUSES:
            raise ValueError(f"law {self.name!r}: kind must be in {KINDS} and status in {STATUSES}")
        if (self.kind == "implicit") != (self.between is not None):
            raise ValueError(f"law {self.name!r}: an implicit law, and only that, names the two limits in `between`")

    def __repr__(self) -> str:
        return f"<Law {self.name}({', '.join(self.inputs)}) -> {self.output.role}; {', '.join(self.params)}>"

    def __call__(self, *inputs: Any, **params: Any) -> Any:
        """The formula at ``inputs`` (in declared order, after ``prepare``); an implicit law gives its residual."""
        return self.body(*inputs, **params)

    @property
    def formula(self) -> str:
        """The body as its author wrote it, before any operation; empty where that is not to be had or says too little.

        >>> import forerun as fr
        >>> fr.laws.get("chinchilla").fix(alpha=0.34).formula
        'E + A * N**-alpha + B * D**-beta'
        """
        return source_of(self.written or self.body)

    @property
    def indices(self) -> tuple[str, ...]:
        """Index names that are not bound to members yet."""
        found = [c.index for c in self.inputs.values()] + [p.index for p in self.params.values()]
        return tuple(dict.fromkeys(i for i in found if i is not None))

    @property
    def published(self) -> tuple[PublishedSet, ...]:
        """Published coefficient sets of the law this one was made from, those checked against a source first."""
        from forerun.laws.registry import published_sets

        return published_sets(self.base or self.name)

    def typical(self, *, published: bool = True) -> dict[str, float]:
        """Plausible parameter values: the first verified published set, else what the parameters declare."""
        sets = [s for s in self.published if s.verified and set(s.values) == set(self.params)] if published else []
        return dict(sets[0].values) if sets else {name: _member_value(p.typical, 0) for name, p in self.params.items()}

    def fix(self, **values: float) -> Law:
        """The law with some parameters held at given values.

        >>> import forerun as fr
        >>> list(fr.laws.get("chinchilla").fix(alpha=0.34).params)
        ['E', 'A', 'B', 'beta']
        """
        self._known_params(values)
        for name, value in values.items():
            low, high = self.params[name].bounds
            if not (low <= value <= high and math.isfinite(value)):
                raise DataError(
                    "bad-value", f"cannot fix {name} at {value:g}", advice=f"Its bounds are {low:g} to {high:g}"
                )
        body = self.body

        def fixed(*inputs: Any, **params: Any) -> Any:
            return body(*inputs, **params, **values)

        return self._restricted(fixed, values, "fix", {k: float(v) for k, v in values.items()})

    def borrow(self, **known: tuple[float, float]) -> Law:
        """The law with some parameters known from elsewhere: a value and how far it is trusted, ``alpha=(0.34, 0.02)``.

        The second number is a standard deviation; for a positive parameter that ranges over decades (an amplitude), that of
        its natural logarithm, so 0.1 is about 10 %. The runs still move a borrowed parameter, the more of them and the less
        noisy, the more: its prior counts against them as the noise of the runs says, and its doubt is in every interval.
        In a law with groups each group borrows the same. Raises ``DataError`` for values outside the bounds and for
        widths that are not positive.

        >>> import forerun as fr
        >>> law = fr.laws.get("chinchilla").borrow(alpha=(0.34, 0.02))
        >>> fit = fr.fit(law, fr.simulate("chinchilla", n=12, noise=0.01), draws=100)
        >>> low, high = fit.intervals["alpha"]
        >>> high - low < 0.08
        True
        """
        self._known_params(known)
        for name, given in known.items():
            try:
                value, width = (float(number) for number in given)
            except (TypeError, ValueError):
                message = f"{name} is borrowed as a value and a standard deviation, received {given!r}"
                raise DataError("bad-value", message, advice=f"Write for example {name}=(0.34, 0.02)") from None
            low, high = self.params[name].bounds
            if not (low <= value <= high and math.isfinite(value) and 0.0 < width < math.inf):
                advice = f"Give a value in {low:g} to {high:g} and a standard deviation above zero, or hold it: fix({name}={value:g})"
                raise DataError("bad-value", f"cannot borrow {name} as {value:g} +- {width:g}", advice=advice)
        params = {n: _borrowed(p, *known[n]) if n in known else p for n, p in self.params.items()}
        detail = {name: [float(value), float(width)] for name, (value, width) in known.items()}
        return self._derived(params=params, operations=(*self.operations, ("borrow", detail)))

    def tie(self, **pairs: str) -> Law:
        """The law with some parameters set equal to others: ``tie(alpha="beta")`` keeps only beta."""
        self._known_params([*pairs, *pairs.values()])
        if set(pairs) & set(pairs.values()):
            raise DataError("bad-tie", f"{sorted(set(pairs) & set(pairs.values()))} is tied and tied to at once")
        body = self.body

        def tied(*inputs: Any, **params: Any) -> Any:
            return body(*inputs, **params, **{name: params[target] for name, target in pairs.items()})

        return self._restricted(tied, pairs, "tie", dict(pairs))

    def share(self, *names: str, across: str) -> Law:
        """One value of ``names`` for all rows, and of every other parameter one for each value of column ``across``.

        The flattened parameters are called ``A[gpt]``. At least one parameter must be left to vary.
        """
        self._known_params(names)
        if self.shared:
            raise DataError("bad-share", f"{self.name} has groups already", advice="Name all shared parameters at once")
        if self.indices or any(member_of(n)[1] for n in self.params):
            raise DataError("bad-share", f"{self.name} has an index; its parameters cannot differ by group as well")
        if set(names) == set(self.params):
            raise DataError("bad-share", f"every parameter of {self.name} is shared; then there are no groups to fit")
        operation = ("share", {"names": list(names), "across": across})
        return self._derived(shared=(tuple(names), across), operations=(*self.operations, operation))

    def where(self, **terms: Term) -> Law:
        """The law with inputs replaced by effective quantities: ``chinchilla.where(D=repeated_data)``.

        A parameter of the term whose name the law already uses is renamed to ``<input>_<name>``.
        """
        result = self
        for slot, term in terms.items():
            result = result._substitute(slot, term)
        return result

    def along(self, **roles: str) -> Law:
        """The law with inputs, or its outcome, taken from other columns: ``m2.along(x="D", y="loss")``.

        >>> import forerun as fr
        >>> list(fr.laws.get("m2").along(x="D").inputs)
        ['D']
        """
        own = [*self.inputs, self.output.role]
        for name, role in roles.items():
            if name not in own:
                advice = f"It has: {', '.join(own)}"
                raise DataError("unknown-input", f"{self.name} has no column {name!r}", advice=advice)
            if role not in COLUMNS or role in own:
                message = f"{name} of {self.name} cannot be {role!r}"
                raise DataError("bad-input", message, advice="Name another known column")
        if self.prepare or self.indices:
            raise DataError("bad-input", f"{self.name} takes a curve or an index; its inputs have their own columns")
        inputs = {roles.get(n, n): COLUMNS[roles[n]] if n in roles else c for n, c in self.inputs.items()}
        output = COLUMNS[roles[self.output.role]] if self.output.role in roles else self.output
        params = {n: replace(p, search=_searched(p.search, roles)) for n, p in self.params.items()}
        done = (*self.operations, ("along", dict(roles)))
        return self._derived(inputs=inputs, output=output, params=params, operations=done)

    def over(self, **members: Sequence[str]) -> Law:
        """The law with indexed inputs and parameters spread over named members: ``over(domain=["web", "code"])``."""
        unknown = set(members) - set(self.indices)
        if unknown:
            raise DataError("unknown-index", f"{self.name} has no index {sorted(unknown)[0]!r}")
        body, inputs, params = self.body, dict(self.inputs), dict(self.params)
        outcomes = int(self.kind == "implicit")

        def spread(*values: Any, **named: Any) -> Any:
            rest = iter(values)
            args = [
                *(next(rest) for _ in range(outcomes)),
                *(_gather(c, members, lambda _: next(rest)) for c in inputs.values()),
            ]
            kwargs = {n: _gather(p, members, _picker(named, n)) for n, p in params.items()}
            return body(*args, **kwargs)

        return self._derived(
            body=spread,
            inputs=_flatten(inputs, members),
            params=_flatten(params, members),
            operations=(*self.operations, ("over", {k: list(v) for k, v in members.items()})),
        )

    def _substitute(self, slot: str, term: Term) -> Law:
        if slot not in self.inputs:
            raise DataError(
                "unknown-input", f"{self.name} has no input {slot!r}", advice=f"It has: {', '.join(self.inputs)}"
            )
        if self.prepare or self.indices:
            raise DataError("bad-term", f"{self.name} takes a curve or an index; a term cannot replace its inputs")
        names = {n: f"{slot}_{n}" if n in self.params else n for n in term.params}
        own = [n for n in self.inputs if n != slot]
        inputs = {**{n: self.inputs[n] for n in own}, **{n: c for n, c in term.inputs.items() if n not in own}}
        clash = [new for new in names.values() if new in self.params]
        if clash:
            raise DataError("bad-term", f"{self.name} has a parameter {clash[0]!r} already", advice="Rename the term's")
        order, body, position = list(inputs), self.body, list(self.inputs).index(slot)
        outcomes = int(self.kind == "implicit")

        def composed(*values: Any, **params: Any) -> Any:
            given = dict(zip(order, values[outcomes:]))
            effective = term.body(*(given[n] for n in term.inputs), **{n: params[names[n]] for n in term.params})
            args = [given[n] for n in own]
            args.insert(position, effective)
            return body(*values[:outcomes], *args, **{n: v for n, v in params.items() if n in self.params})

        return self._derived(
            body=composed,
            inputs=inputs,
            params={**self.params, **{names[n]: p for n, p in term.params.items()}},
            operations=(*self.operations, ("where", {slot: term.name})),
        )

    def _restricted(self, body: Callable[..., Any], gone: Iterable[str], verb: str, detail: Mapping[str, Any]) -> Law:
        gone = set(gone)
        params = {n: p for n, p in self.params.items() if n not in gone}
        if limits := gone & set(self.between or ()):
            raise DataError(
                "bad-law", f"{self.name} is solved for between {self.between}, so {min(limits)} must stay a parameter"
            )
        shared = self.shared and (tuple(n for n in self.shared[0] if n not in gone), self.shared[1])
        if not params or (shared and set(shared[0]) == set(params)):
            raise DataError("bad-law", f"nothing of {self.name} is left to fit", advice="Leave one parameter free")
        return self._derived(body=body, params=params, shared=shared, operations=(*self.operations, (verb, detail)))

    def _derived(self, **changes: Any) -> Law:
        base = self.base or self.name
        made = replace(self, base=base, written=self.written or self.body, **changes)
        return replace(made, name=base + "".join(_describe(verb, detail) for verb, detail in made.operations))

    def _known_params(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self.params:
                hint = nearest(name, self.params) or list(self.params)
                raise DataError("unknown-parameter", f"{self.name} has no parameter {name!r}", advice=_did_you(hint))


@dataclass(frozen=True)
class Term:
    """An effective quantity that may stand for an input of a law. Make one with the decorator :func:`term`."""

    name: str
    body: Callable[..., Any]
    inputs: Mapping[str, Column]
    output: Column
    params: Mapping[str, Param]
    source: str = ""
    status: str = "own"
    doc: str = ""

    def __call__(self, *inputs: Any, **params: Any) -> Any:
        """The effective quantity at ``inputs``."""
        return self.body(*inputs, **params)


def law(
    name: str, *, inputs: Mapping[str, Column], output: Column, params: Mapping[str, Param], **details: Any
) -> Callable[[Callable[..., Any]], Law]:
    """Decorator: a function becomes a :class:`Law` that is fitted, forecast with and tested like every other.

    ``details`` are the further fields of :class:`Law` (``source``, ``group``, ``status``, ``kind`` ...).
    """

    def decorate(body: Callable[..., Any]) -> Law:
        names = inputs if "prepare" not in details else None
        _check_signature(name, body, names, params, implicit=details.get("kind") == "implicit")
        return Law(name, body, dict(inputs), output, dict(params), doc=body.__doc__ or "", **details)

    return decorate


def term(
    name: str, *, inputs: Mapping[str, Column], output: Column, params: Mapping[str, Param], **details: Any
) -> Callable[[Callable[..., Any]], Term]:
    """Decorator: a function becomes a :class:`Term`, an effective quantity that may stand for an input of a law."""

    def decorate(body: Callable[..., Any]) -> Term:
        _check_signature(name, body, inputs, params, implicit=False)
        return Term(name, body, dict(inputs), output, dict(params), doc=body.__doc__ or "", **details)

    return decorate


def dot(one: Mapping[str, Any], two: Mapping[str, Any]) -> Any:
    """Sum over the members of an index of the products of two indexed quantities."""
    return sum(one[m] * two[m] for m in one)


def stop_gradient(value: Any) -> Any:
    """The same number as a constant, whose derivatives are zero: what an iteration inside a formula may start from.

    A law that solves an equation by Newton's method needs derivatives only of the last two steps: iterate on constants,
    then take two steps from the solution with the parameters themselves.
    """
    return getattr(value, "value", value)


def _check_signature(
    name: str,
    body: Callable[..., Any],
    inputs: Mapping[str, Column] | None,
    params: Mapping[str, Param],
    implicit: bool,
) -> None:
    """A declaration and its function must name the same things, or a wrong formula would be fitted in silence."""
    given = signature(body).parameters.values()
    positional = [p.name for p in given if p.kind is Parameter.POSITIONAL_OR_KEYWORD]
    keyword = [p.name for p in given if p.kind is Parameter.KEYWORD_ONLY]
    if keyword != list(params):
        raise ValueError(f"{name!r}: keyword-only arguments {keyword} differ from the declared params {list(params)}")
    if inputs is not None and positional[int(implicit) :] != list(inputs):
        raise ValueError(f"{name!r}: positional arguments {positional} differ from the declared inputs {list(inputs)}")


def _borrowed(param: Param, value: float, width: float) -> Param:
    """The parameter searched where it is likely to be, and no longer projected out as if nothing were known of it."""
    low, high = (
        (value * math.exp(-2 * width), value * math.exp(2 * width))
        if param.scale == "log"
        else (value - 2 * width, value + 2 * width)
    )
    search = max(low, param.bounds[0]), min(high, param.bounds[1])
    return replace(param, prior=(value, width), search=search, typical=value, linear=False)


def _searched(search: Any, roles: Mapping[str, str]) -> Any:
    """A range for the search that depends on the columns, told under which names it finds them now."""
    if not callable(search):
        return search
    return lambda columns: search({**columns, **{n: columns[role] for n, role in roles.items() if role in columns}})


def _flat(name: str, member: str | None) -> str:
    return name if member is None else f"{name}[{member}]"


def _flatten(declared: Mapping[str, Any], members: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    flat = {}
    for name, item in declared.items():
        if item.index not in members:
            flat[name] = item
            continue
        for place, member in enumerate(members[item.index]):
            flat[_flat(name, member)] = one = replace(item, index=None)
            if isinstance(one, Param):
                flat[_flat(name, member)] = replace(one, typical=_member_value(one.typical, place))
    return flat


def _member_value(typical: float | tuple[float, ...], place: int) -> float:
    return typical[place % len(typical)] if isinstance(typical, tuple) else typical


def _gather(item: Any, members: Mapping[str, Sequence[str]], value: Callable[[str | None], Any]) -> Any:
    if item.index in members:
        return {m: value(m) for m in members[item.index]}
    return value(None)


def _picker(named: Mapping[str, Any], name: str) -> Callable[[str | None], Any]:
    return lambda member: named[_flat(name, member)]


def _describe(verb: str, detail: Mapping[str, Any]) -> str:
    if verb == "share":
        return f".share({', '.join(detail['names'])}; across={detail['across']})"
    if verb == "borrow":
        return f".borrow({', '.join(f'{name}={value:g}+-{width:g}' for name, (value, width) in detail.items())})"
    shown = (f"{k}={'|'.join(v) if isinstance(v, list) else v}" for k, v in detail.items())
    return f".{verb}({', '.join(shown)})"


def _did_you(names: Sequence[str]) -> str:
    return f"Nearest: {', '.join(names)}"


def member_of(role: str) -> tuple[str, str | None]:
    """Split ``t[web]`` into ``("t", "web")``; a plain role has no member.

    >>> member_of("r[web]"), member_of("N")
    (('r', 'web'), ('N', None))
    """
    match = re.fullmatch(r"(\w+)\[(.+)\]", role)
    return (match[1], match[2]) if match else (role, None)
