"""A page a law, and none can lie: each is what the script writes now, and a typeset formula is the law at random points."""

from __future__ import annotations

import inspect
import re
from xml.etree import ElementTree

import numpy as np
import pytest

import forerun as fr
from forerun.units import X, Y
from tests.docs.typeset import value
from tests.report.legible import assert_legible

ITEMS = {**{name: fr.laws.get(name) for name in fr.laws.names()}, **fr.laws.terms()}
each = pytest.mark.parametrize("name", ITEMS)
MOST_AS_CODE = 0.1  # share of the laws and terms whose formula is not typeset


def toy(body):
    """A law of x made of a function of x and parameters."""
    names = [n for n, p in inspect.signature(body).parameters.items() if p.kind is p.KEYWORD_ONLY]
    return fr.law("toy", inputs=dict(x=X), output=Y, params={n: fr.amplitude(typical=1.3) for n in names})(body)


def at_random(item, seed):
    """Values of all arguments of the body: inputs over their typical range, parameters near theirs."""
    rng = np.random.default_rng(seed)
    given = {}
    for name, argument in inspect.signature(item.body).parameters.items():
        declared = item.params.get(name) or item.inputs.get(name)
        if argument.kind is argument.KEYWORD_ONLY:
            typical = np.atleast_1d(declared.typical)
            values = typical * rng.uniform(0.9, 1.1, len(typical))
        else:
            low, high = declared.typical if declared else (0.1, 0.2)
            values = rng.uniform(low, high, 3) if low <= 0 else np.exp(rng.uniform(np.log(low), np.log(high), 3))
        given[name] = dict(zip("abc", values)) if getattr(declared, "index", None) else values[0]
    return given


def why_code(pages, item):
    """Why a formula cannot be typeset, or nothing."""
    try:
        pages.formulas(item)
    except pages.Unreadable as reason:
        return str(reason)
    return ""


def assert_typeset(pages, item, seeds=range(5)):
    lines = pages.formulas(item)
    for seed in seeds:
        given = at_random(item, seed)
        keywords = {n: given.pop(n) for n in item.params}
        known = {pages.symbol(n): v for n, v in {**given, **keywords}.items()}
        known = {k.replace(" ", ""): v for k, v in known.items()}
        with np.errstate(invalid="ignore"):
            expected = item.body(*given.values(), **keywords)
            shown = value([line.replace(" = ", "\0").replace(" ", "").replace("\0", " = ") for line in lines], known)
        np.testing.assert_allclose(shown, expected, rtol=1e-10)


def test_every_page_is_what_the_script_writes_now_and_no_page_is_left_over(law_pages):
    written = law_pages.texts()
    for file, text in written.items():
        assert (law_pages.PAGES / file).read_text(encoding="utf-8") == text, f"{file}: run docs/make_laws.py"
    assert {p.name for p in law_pages.PAGES.glob("*.md")} == set(written)
    assert {p.stem for p in (law_pages.PAGES / "pictures").iterdir()} == set(ITEMS)
    assert {*ITEMS, "index"} == {file.removesuffix(".md") for file in written}


@each
def test_a_picture_is_of_what_the_law_says_now(law_pages, name):
    path = law_pages.PAGES / "pictures" / f"{name}.svg"
    root = ElementTree.parse(path).getroot()
    shown = law_pages.drawing(ITEMS[name])
    assert root.find("{http://www.w3.org/2000/svg}metadata").text == shown.mark, "run docs/make_laws.py"
    written = " ".join("".join(root.itertext()).split())
    assert all(words in written for words in (*shown.title.split(), shown.footer, shown.legend))
    assert all(np.isfinite(y).all() and np.ptp(y) > 0 for _, y in shown.curves)
    assert_legible(law_pages.draw(shown))


def test_the_pictures_are_small(law_pages):
    sizes = [p.stat().st_size for p in (law_pages.PAGES / "pictures").iterdir()]
    assert sum(sizes) < 16_500 * len(sizes)


def test_a_picture_of_other_numbers_has_another_mark(law_pages):
    marks = {law_pages.drawing(item).mark for item in ITEMS.values()}
    assert len(marks) == len(ITEMS)


@each
def test_a_formula_is_typeset_or_shown_as_code_with_the_reason(law_pages, name):
    page = (law_pages.PAGES / f"{name}.md").read_text(encoding="utf-8")
    shown = page.split("## Formula")[1].split("## Inputs")[0]
    if reason := why_code(law_pages, ITEMS[name]):
        assert f"Shown as code, as {reason}." in shown
        assert inspect.getsource(ITEMS[name].body).splitlines()[-1].strip() in shown
        return
    assert_typeset(law_pages, ITEMS[name])
    assert [block.strip() for block in shown.split("$$")[1::2]] == law_pages.formulas(ITEMS[name])
    assert not re.search(r"\\[^a-zA-Z]", shown), "Markdown takes such a backslash for its own"


def test_nearly_every_formula_is_typeset(law_pages):
    assert sum(bool(why_code(law_pages, item)) for item in ITEMS.values()) < MOST_AS_CODE * len(ITEMS)


def test_brackets_are_kept_where_they_matter(law_pages):
    def minus(x, *, a, b, c):
        return a - (b - (x - c)) - (a + b) * -c

    def over(x, *, a, b, c):
        return -a / b / c * x / (a * b) - -((x**a) ** b) / (c / x)

    def power(x, *, a, b, c):
        return (-a * x) ** 2 + 2.0 ** -(b**c) + (x / a) ** b**c - (2 * x) ** 3 * 4 * 1e7 ** (1 / a)

    for body in (minus, over, power):
        assert_typeset(law_pages, toy(body))


def test_what_cannot_be_read_with_certainty_is_refused(law_pages):
    def branch(x, *, a):
        return a if a > x else x

    def shadow(x, *, a):
        b = a * x
        b = b + 1
        return b

    def alike(x, *, alpha1, alpha_1):
        return alpha1 * x**alpha_1

    def unknown(x, *, a):
        return a * np.sinh(x)

    def function(x, *, a):
        log = a * x
        return log

    def constant(x, *, a):
        return a * x + np.pi

    for body in (branch, shadow, alike, unknown, function, constant):
        with pytest.raises(ValueError, match=r"\w"):
            law_pages.formulas(toy(body))


def test_links_lead_somewhere(law_pages):
    for path in law_pages.PAGES.glob("*.md"):
        for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
            assert "://" in target or (path.parent / target).exists(), f"{path.name} links to {target}"


def test_only_stated_laws_count_as_laws_of_a_paper(law_pages):
    stated = sum(fr.laws.get(name).status == "stated" for name in fr.laws.names())
    assert law_pages.index().split("\n\n")[1].startswith(f"{stated} laws that a paper states")


def test_every_theory_named_in_the_list_of_the_known_is_one_that_can_be_checked(law_pages):
    from forerun.predict import known_theories

    text = (law_pages.PAGES / "known.toml").read_text(encoding="utf-8")
    told = [line for line in text.splitlines() if "check_theory" in line]
    named = re.findall(r'\\"([\w-]+)\\"', " ".join(told))
    assert len(named) == 4
    assert set(named) <= {theory.name for theory in known_theories()}


@each
def test_a_page_says_the_question_the_source_and_the_status(law_pages, name):
    page, item = (law_pages.PAGES / f"{name}.md").read_text(encoding="utf-8"), ITEMS[name]
    assert item.source in page
    assert law_pages.STATUS[item.status] in page
    assert getattr(item, "answers", "") in page
    assert getattr(item, "caution", "") in page
    for one in getattr(item, "published", ()):
        assert one.fitted_on in page
        assert all(check["what"] in page for check in one.checks)
