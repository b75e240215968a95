"""The body of a law as typeset mathematics, read from its Python and refused where it cannot be read with certainty.

Every kind of node that is understood is listed here; anything else raises :class:`Unreadable`, and the page then shows
the Python itself. Two things are checked on the way: that no two names look the same, and that a helper is one formula.
Commands are letters only (``\\thinspace``, never ``\\,``), as Markdown takes a backslash before a comma for its own.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import math
import re
import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np

from forerun.laws import Law, Term, dot

GREEK = (
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa", "lambda", "mu", "nu", "xi", "pi", "rho",
    "sigma", "tau", "phi", "chi", "psi", "omega",
)  # fmt: skip
SPELLED = {"eps": r"\epsilon", "lam": r"\lambda", "star": r"\ast", **{name: "\\" + name for name in GREEK}}
FUNCTIONS = {np.log: r"\ln", np.log10: r"\log_{10}", np.log2: r"\log_{2}", np.exp: r"\exp"}
PROBABILITY = "p"
SUM, NEGATIVE, PRODUCT, POWER, ATOM = range(5)  # how tightly a piece of text holds together
TAKEN = ("log", "ln", "exp", "sqrt", "sum")  # names that would be read as something else


class Unreadable(ValueError):
    """The body holds something that this file does not translate; the text says what."""


def symbol(name: str) -> str:
    r"""A name of the code as a symbol: ``N_active`` has a subscript, ``alpha_N`` a Greek letter.

    >>> symbol("alpha_N"), symbol("N_active"), symbol("alpha1")
    ('\\alpha_{N}', 'N_{\\mathrm{active}}', '\\alpha_{1}')
    """
    head, *rest = name.split("_")
    letters = head.rstrip("0123456789")
    if letters != head and (len(letters) == 1 or letters in SPELLED):
        head, rest = letters, [head[len(letters) :], *rest]
    whole = len(head) > 1 and head not in SPELLED
    if whole or not head:
        return _word(name)
    return _word(head) + (f"_{{{_word('_'.join(rest))}}}" if rest else "")


def formulas(item: Law | Term) -> list[str]:
    """The formula of a law or term, one equation a piece: the outcome, then what its intermediate names stand for.

    Raises :class:`Unreadable` where the body holds more than arithmetic, known functions and one-line helpers.
    """
    if getattr(item, "operations", ()) or item.body.__closure__:
        raise Unreadable("its body is made by another function, so that its text is not the whole of it")
    reader = _Reader(item)
    *before, last = reader.body(item.body)
    reader.symbols.setdefault(outcome(item), set()).add(f"the outcome {item.output.role}")
    if getattr(item, "kind", "explicit") == "implicit":
        reader.symbols.pop(outcome(item))  # it stands in the equation under its own name
        first = f"0 = {reader.text(last)}"
    else:
        first = f"{outcome(item)} = {reader.text(last)}"
    lines = [first, *(line for statement in before for line in reader.assigned(statement))]
    while reader.asked:
        lines.append(reader.definition(*reader.asked.pop(0)))
    reader.check_names()
    return lines


def outcome(item: Law | Term) -> str:
    """The symbol left of the equals sign: a term that makes N of N gives an effective N."""
    if getattr(item, "trials", None):
        return PROBABILITY
    again = item.output.role in item.inputs
    return symbol(f"{item.output.role}_effective" if again else item.output.role)


class _Reader:
    """One reading of a body: the names it met, and the helpers that still have to be defined."""

    def __init__(self, item: Law | Term) -> None:
        self.names = item.body.__globals__
        self.asked: list[tuple[str, Callable[..., Any]]] = []
        self.defined: dict[str, Callable[..., Any]] = {}
        self.symbols: dict[str, set[str]] = {}
        self.local: set[str] = set()

    def body(self, function: Callable[..., Any]) -> list[Any]:
        """The statements of a function without its docstring; only assignments, and a value at the end."""
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
        if not isinstance(tree, ast.FunctionDef):
            raise Unreadable("its body is not a plain function")
        statements = tree.body[bool(ast.get_docstring(tree)) :]
        self.local = {a.arg for a in (*tree.args.args, *tree.args.kwonlyargs)}
        *before, last = statements
        if not isinstance(last, ast.Return) or last.value is None or not all(isinstance(s, ast.Assign) for s in before):
            raise Unreadable("its body is more than names that are given values and a result")
        stored = [n.id for s in before for n in ast.walk(s) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
        if len({*stored, *self.local}) < len(stored) + len(self.local):
            raise Unreadable("it gives a name a second value, which would make its equations contradict each other")
        self.local |= set(stored)
        return [*before, last.value]

    def assigned(self, statement: ast.Assign) -> list[str]:
        """An assignment as equations, one for each name."""
        target, value = statement.targets[0], statement.value
        if len(statement.targets) > 1:
            raise Unreadable("it gives one value to several names at once")
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            pairs = list(zip(target.elts, value.elts, strict=True))
        else:
            pairs = [(target, value)]
        return [f"{self.text(one)} = {self.text(two)}" for one, two in pairs]

    def definition(self, name: str, helper: Callable[..., Any]) -> str:
        """A helper that is one formula, as the equation that defines it."""
        self.names = helper.__globals__
        *before, value = self.body(helper)
        if before:
            raise Unreadable(f"its helper {name} has intermediate values, which could be taken for those of the law")
        arguments = ", ".join(self._name(n) for n in inspect.signature(helper).parameters)
        return rf"{_word(name)}\left({arguments}\right) = {self.text(value)}"

    def text(self, node: ast.expr) -> str:
        """The text of an expression."""
        return self._read(node)[0]

    def check_names(self) -> None:
        """Two names that look the same would make another formula of it."""
        for shown, names in self.symbols.items():
            if len(names) > 1:
                raise Unreadable(f"{' and '.join(sorted(names))} would both be written {shown}")

    def _name(self, name: str) -> str:
        if name in TAKEN:
            raise Unreadable(f"a value is called {name}, which would be read as a function")
        self.symbols.setdefault(symbol(name), set()).add(name)
        return symbol(name)

    def _read(self, node: ast.expr) -> tuple[str, int]:
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            return _number(node.value)
        if isinstance(node, ast.Name):
            if node.id in self.local:
                return self._name(node.id), ATOM
            value = self.names.get(node.id)
            if type(value) in (int, float):
                return _number(value)
            raise Unreadable(f"{node.id} is neither an input, a parameter nor a number")
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return "-" + self._held(node.operand, PRODUCT), NEGATIVE
        if isinstance(node, ast.BinOp):
            return self._binary(node)
        if isinstance(node, ast.Call):
            return self._call(node)
        raise Unreadable(f"it holds a {type(node).__name__}, which is not arithmetic")

    def _binary(self, node: ast.BinOp) -> tuple[str, int]:
        if isinstance(node.op, ast.Add | ast.Sub):
            sign = "+" if isinstance(node.op, ast.Add) else "-"
            right = self._held(node.right, SUM if sign == "+" else PRODUCT)
            right = _bracketed(right) if right.startswith("-") else right
            return f"{self._held(node.left, SUM)} {sign} {right}", SUM
        if isinstance(node.op, ast.Mult):
            left, right = self._held(node.left, NEGATIVE), self._held(node.right, PRODUCT)
            return f"{left} {_times(left, right)} {right}", NEGATIVE if left.startswith("-") else PRODUCT
        if isinstance(node.op, ast.Div):
            above, strength = self._read(node.left)
            sign, above = ("-", above[1:]) if strength == NEGATIVE else ("", above)
            return rf"{sign}\frac{{{above}}}{{{self.text(node.right)}}}", NEGATIVE if sign else PRODUCT
        if isinstance(node.op, ast.Pow):
            return f"{self._held(node.left, ATOM)}^{{{self.text(node.right)}}}", POWER
        raise Unreadable(f"it holds a {type(node.op).__name__}, which is not translated")

    def _call(self, node: ast.Call) -> tuple[str, int]:
        called = self._called(node.func)
        if node.keywords:
            raise Unreadable("it calls a function with named arguments")
        if called is np.sqrt and len(node.args) == 1:
            return rf"\sqrt{{{self.text(node.args[0])}}}", ATOM
        if called is dot and all(isinstance(a, ast.Name) for a in node.args):
            one, two = (self.text(a) for a in node.args)
            return rf"\sum_{{i}} {one}_{{i}} \thinspace {two}_{{i}}", SUM
        arguments = ", ".join(self.text(a) for a in node.args)
        if called is np.log1p and len(node.args) == 1:
            return rf"\ln\left(1 + {arguments}\right)", POWER
        if called in FUNCTIONS and len(node.args) == 1:
            return rf"{FUNCTIONS[called]}\left({arguments}\right)", POWER
        if inspect.isfunction(called) and isinstance(node.func, ast.Name):
            if node.func.id not in self.defined:
                self.asked.append((node.func.id, called))
            if self.defined.setdefault(node.func.id, called) is not called:
                raise Unreadable(f"two helpers are called {node.func.id}")
            return rf"{_word(node.func.id)}\left({arguments}\right)", POWER
        raise Unreadable(f"it calls {ast.unparse(node.func)}, which is not translated")

    def _called(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and self.names.get(node.value.id) is np:
            return getattr(np, node.attr)
        if isinstance(node, ast.Name) and node.id not in self.local:
            return self.names.get(node.id, getattr(builtins, node.id, None))
        raise Unreadable(f"it calls {ast.unparse(node)}, which is not translated")

    def _held(self, node: ast.expr, least: int) -> str:
        text, strength = self._read(node)
        return text if strength >= least else _bracketed(text)


def _word(text: str) -> str:
    if text in SPELLED:
        return SPELLED[text]
    return text if len(text) == 1 or text.isdigit() else rf"\mathrm{{{text.replace('_', '~')}}}"


def _times(left: str, right: str) -> str:
    words = right.startswith(r"\mathrm") or re.search(r"\\mathrm\{[\w~]+\}(\^\{[^{}]*\})?$", left)
    return r"\cdot" if words or right[0].isdigit() or left[-1].isdigit() else r"\thinspace"


def _bracketed(text: str) -> str:
    return rf"\left({text}\right)"


def _number(value: float) -> tuple[str, int]:
    if value < 0 or not math.isfinite(value):
        raise Unreadable(f"it holds the number {value}")
    power = math.floor(math.log10(value)) if value else 0
    if -4 <= power < 5:
        return f"{value:.12g}", ATOM
    mantissa = f"{value / 10.0**power:.12g}"
    if mantissa == "1":
        return f"10^{{{power}}}", POWER
    return rf"{mantissa} \cdot 10^{{{power}}}", PRODUCT
