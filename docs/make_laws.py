"""Writes docs/laws/: a page and a picture for every law and term, and an index by question: `python docs/make_laws.py`.

Everything is read from the declarations, so that a page cannot say other than the code does.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
import tomllib
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS))

from law_example import example  # noqa: E402  (the folder of this file is no package)
from law_formula import PROBABILITY, Unreadable, formulas, symbol  # noqa: E402
from law_picture import draw, drawing, summary, write  # noqa: E402

from forerun import laws  # noqa: E402
from forerun.laws import Law, Term  # noqa: E402
from forerun.report.axis import number  # noqa: E402

PAGES = DOCS / "laws"
STATUS = {
    "stated": "read in the source, which states this formula",
    "recalled": "recalled: the formula was not compared with its source",
    "inferred": "inferred by us: the source does not state this formula",
    "own": "our own",
}
GENERATED = "*This page is written by `docs/make_laws.py` from the declaration of the {kind}: `make docs`.*"


def items() -> dict[str, Law | Term]:
    """All laws, then all terms, by name."""
    return {**{name: laws.get(name) for name in laws.names()}, **laws.terms()}


def page(item: Law | Term) -> str:
    """The page of a law or a term."""
    is_law = isinstance(item, Law)
    words = inspect.cleandoc(item.doc).split("\n\n>>>")[0].replace("``", "`")
    parts = [
        f"# {item.name}",
        f"**{item.answers}**" if isinstance(item, Law) else "A term: it stands for an input of a law.",
        words,
        "## Formula",
        formula(item),
        "## Inputs",
        table(["input", "", "unit", "typical range", "meaning"], [_input(*pair) for pair in item.inputs.items()]),
        f"Outcome: `{item.output.role}`, {item.output.meaning}" + _unit(item.output.unit) + ".",
        "## Parameters",
        table(
            ["parameter", "", "unit", "bounds", "searched in", "meaning"],
            [_param(*pair) for pair in item.params.items()],
        ),
        "## Where it is from",
        f"{item.source}. Status: {STATUS[item.status]}.",
        *(doubts(item) if isinstance(item, Law) else []),
        *(published(item) if isinstance(item, Law) else []),
        "## What it says",
        f"![{item.name}](pictures/{item.name}.svg)",
        "## Example",
        f"```python\n{example(item)}\n```",
        "[All laws by question](index.md)",
        GENERATED.format(kind="law" if is_law else "term"),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def formula(item: Law | Term) -> str:
    """The typeset formula, or the Python of the body and why it is not typeset."""
    try:
        lines = formulas(item)
    except Unreadable as reason:
        return f"Shown as code, as {reason}.\n\n```python\n{_code(item)}\n```"
    blocks = [f"$$\n{line}\n$$" for line in lines]
    parts = [blocks[0], *(["where", *blocks[1:]] if blocks[1:] else [])]
    if getattr(item, "trials", None):
        parts.append(f"${PROBABILITY}$ is the probability of a success; `{item.output.role}` counts successes.")
    if isinstance(item, Law) and item.prepare:
        made = ", ".join(f"${symbol(n)}$" for n, p in inspect.signature(item.body).parameters.items() if p.kind == 1)
        given = ", ".join(f"`{n}`" for n in item.inputs)
        told = " ".join(inspect.cleandoc(item.prepare.__doc__ or "").split("\n\n")[0].split())
        parts.append(f"{made} are made from {given} by `{item.prepare.__name__}`: {told}")
    return "\n\n".join(parts)


def doubts(law: Law) -> list[str]:
    """What to be careful about, and what no data can tell."""
    parts = []
    if law.caution:
        parts.append(f"**Caution:** this law {law.caution}.")
    if law.unidentified:
        parts.append(f"**What no data can tell:** {law.unidentified}.")
    return parts


def published(law: Law) -> list[str]:
    """The published coefficients: on what, how far checked, and with what."""
    if not law.published:
        return ["## Published coefficients", "None are kept here."]
    parts = ["## Published coefficients"]
    for one in law.published:
        checked = (
            "checked against its source" if one.verified else "**not checked against its source, never a default**"
        )
        values = ", ".join(f"`{k}` = {v:.10g}" for k, v in one.values.items())
        lines = [
            f"### {one.name}",
            "",
            f"- {values}",
            f"- fitted on {one.fitted_on}",
            f"- {one.source} ({checked})",
        ]
        if one.uncertainty:
            kind = one.uncertainty.get("kind", "uncertainty")
            lines.append(
                f"- {kind}: " + ", ".join(f"`{k}` {_told(v)}" for k, v in one.uncertainty.items() if k != "kind")
            )
        lines += [f"- check: {_check(check)}" for check in one.checks]
        parts.append("\n".join(lines))
    return parts


def index() -> str:
    """The questions, by group, with the law that answers each."""
    found = [laws.get(name) for name in laws.names()]
    counts = {status: sum(law.status == status for law in found) for status in STATUS}
    said = [f"{n} {status}" for status, n in counts.items() if n and status != "stated"]
    groups: dict[str, list[Law]] = {}
    for law in found:
        groups.setdefault(law.group, []).append(law)
    known = tomllib.loads((PAGES / "known.toml").read_text(encoding="utf-8"))["known"]
    parts = [
        "# Laws by question",
        f"{counts['stated']} laws that a paper states, read there. Beside them stand {' and '.join(said)}: recalled ones were "
        "not compared with their source, and inferred ones are formulas of ours for what a paper says in words, so that "
        f"neither counts as a law of a paper. {len(laws.terms())} terms stand for an input of any law.",
    ]
    for group in sorted(groups):
        rows = [[law.answers, _link(law.name), law.status, ", ".join(law.inputs)] for law in groups[group]]
        parts += [f"## {group.capitalize()}", table(["question", "law", "status", "inputs"], sorted(rows))]
    terms = [
        [
            _link(t.name),
            f"`{t.output.role}`",
            t.status,
            ", ".join(t.inputs),
            summary(t),
        ]
        for t in laws.terms().values()
    ]
    parts += [
        "## Terms",
        'A term takes the place of an input: `fr.laws.get("chinchilla").where(D=fr.laws.terms()["repeated-data"])`.',
        table(["term", "stands for", "status", "inputs", "what it is"], sorted(terms)),
        "## Known, not stated as a formula",
        table(["paper", "what it says", "read", "why it is no law here", "instead"],
              [[k["paper"], k["says"], k["read"], k["why"], k["instead"]] for k in known]),
        GENERATED.replace("the declaration of the {kind}", "the declarations, and `known.toml`"),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def texts() -> dict[str, str]:
    """The words of every file in docs/laws, by file name."""
    return {"index.md": index(), **{f"{name}.md": page(item) for name, item in items().items()}}


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *([c.replace("|", r"\|") for c in row] for row in rows)]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)


def _link(name: str) -> str:
    return f"[{name}]({name}.md)"


def _code(item: Law | Term) -> str:
    """The body without what the page says elsewhere (declaration and text), and the helpers of its own file that it calls."""
    outer = inspect.getclosurevars(item.body)
    given = [f"{name} = {value!r}" for name, value in outer.nonlocals.items()]
    own = [f for f in outer.globals.values() if inspect.isfunction(f) and f.__module__ == item.body.__module__]
    return "\n\n\n".join(["\n".join(given)] * bool(given) + [_plain(item.body), *(_plain(f) for f in own)])


def _plain(function: Any) -> str:
    """The source of a function without decorators and docstring."""
    node = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(node, ast.FunctionDef)
    lines = textwrap.dedent(inspect.getsource(function)).splitlines()
    first = node.body[0].lineno if ast.get_docstring(node) is None else node.body[1].lineno
    return "\n".join([*lines[node.lineno - 1 : node.body[0].lineno - 1], *lines[first - 1 : node.end_lineno]])


def _input(name: str, column: Any) -> list[str]:
    low, high = column.typical
    shown = f"{name}[{column.index}]" if column.index else name
    return [f"`{shown}`", f"${symbol(name)}$", column.unit, f"{number(low)} to {number(high)}", column.meaning]


def _param(name: str, param: Any) -> list[str]:
    shown = f"{name}[{param.index}]" if param.index else name
    bounds = "positive" if param.scale == "log" and param.bounds[0] < 1e-9 else _range(param.bounds)
    search = "the range of the data" if callable(param.search) else _range(param.search)
    return [f"`{shown}`", f"${symbol(name)}$", param.unit, bounds, search, param.meaning]


def _range(pair: tuple[float, float]) -> str:
    low, high = (f"{v:g}".replace("e+", "e").replace("inf", "infinity") for v in pair)
    return "any" if (low, high) == ("-infinity", "infinity") else f"{low} to {high}"


def _unit(unit: str) -> str:
    return f" ({unit})" if unit else ""


def _told(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _check(check: Any) -> str:
    within = f"published {check['published']:.6g}, agrees within {100 * check['rel_tol']:.2g} %"
    return f"{check['what']}: {within}"


if __name__ == "__main__":
    for file, text in texts().items():
        (PAGES / file).write_text(text, encoding="utf-8")
    (PAGES / "pictures").mkdir(exist_ok=True)
    for name, item in items().items():
        write(draw(shown := drawing(item)), shown.mark, PAGES / "pictures" / f"{name}.svg")
    print(f"{len(items())} pages in {PAGES}", file=sys.stderr)
