"""Laws: declarations only. ``get`` finds one by name, ``law`` and ``term`` declare new ones."""

from typing import Any

from forerun.laws.declare import Law, PublishedSet, Term, dot, law, stop_gradient, term
from forerun.laws.param import Param, amplitude, coefficient, exponent, floor, location

__all__ = [
    "Law",
    "Param",
    "PublishedSet",
    "Term",
    "amplitude",
    "coefficient",
    "dot",
    "exponent",
    "floor",
    "get",
    "law",
    "location",
    "names",
    "stop_gradient",
    "term",
    "terms",
]


def __getattr__(name: str) -> Any:
    if name in ("get", "names", "terms", "rebuild"):
        from forerun.laws import registry

        return getattr(registry, name)
    raise AttributeError(f"module 'forerun.laws' has no attribute {name!r}")
