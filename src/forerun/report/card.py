"""`report_card`: the reporting checklist of a fit, with what the fit knows, what the user says, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

from forerun.fitting import Fit
from forerun.fitting.recall import posed, recall, vector
from forerun.fitting.result import sort_notes
from forerun.note import DataError, Note, nearest, note_lines
from forerun.predict import Backtest, backtest
from forerun.report.answers import hints, known_answers
from forerun.report.checklist import CHECKLIST
from forerun.report.decisive import Decisive, decisive_runs
from forerun.runs import Runs

WIDTH = 118
MOST_ROWS = 20_000  # of which a back-test is made on the way
NAMES = tuple(name for group in CHECKLIST.values() for name in group)


@dataclass(frozen=True)
class Item:
    """One question of the checklist and its answer, ``given_by`` ``"fit"`` or ``"user"``; both None where it is missing.

    ``hint`` says of a missing one what the fit took for granted, or why it could not be had.
    """

    group: str
    name: str
    question: str
    value: str | None
    given_by: str | None
    hint: str | None = None

    def to_dict(self) -> dict[str, str | None]:
        """The item as JSON has it."""
        return dict(vars(self))


@dataclass(frozen=True, repr=False)
class Card:
    """Every item of the reporting checklist for one fit. Get one from :func:`forerun.report_card`.

    ``decisive`` says which single run would change the plan, None where it was not asked. ``missing`` names the items
    that stand open.
    """

    law: str
    source: str
    rows: int
    items: tuple[Item, ...]
    decisive: Decisive | None
    notes: tuple[Note, ...]

    @property
    def missing(self) -> list[str]:
        """Names of the items that nobody has answered, in the order of the checklist."""
        return [item.name for item in self.items if item.value is None]

    def to_dict(self) -> dict[str, Any]:
        """The keys of the JSON schema ``report``."""
        return {
            "schema": 1,
            "law": self.law,
            "source": self.source,
            "items": [item.to_dict() for item in self.items],
            "missing": self.missing,
            "decisive": None if self.decisive is None else self.decisive.to_dict(),
            "notes": [n.to_dict() for n in self.notes],
        }

    def __str__(self) -> str:
        count, missing = len(self.items), self.missing
        lines = [f"reporting card of {self.law} on {self.rows} rows of {self.source}"]
        for group in CHECKLIST:
            lines += ["", group, *(line for item in self.items if item.group == group for line in _lines(item))]
        for line in () if self.decisive is None else ("", *self.decisive.lines()):
            lines += wrap(line, WIDTH, subsequent_indent="  ") or [""]
        lines += ["", "notes", *note_lines(self.notes, WIDTH)] if self.notes else []
        if not missing:
            return "\n".join([*lines, "", f"given: all {count} items"])
        said = f"given: {count - len(missing)} of {count} items; missing: {len(missing)} ({', '.join(missing)})"
        return "\n".join([*lines, "", *wrap(said, WIDTH, subsequent_indent="  ")])

    __repr__ = __str__


def report_card(
    fit: Fit,
    runs: Runs | None = None,
    *,
    facts: Mapping[str, str] | None = None,
    flops: float | None = None,
    held_out: Backtest | None = None,
    weights: str | Sequence[float] | None = None,
    **question: Any,
) -> Card:
    """The reporting checklist of ``fit``: what somebody else needs to repeat and to judge it, and what of it is missing.

    The fit answers what it knows. What it cannot know (``training_data``, ``schedule``, ``why_this_form`` ...) stands
    as missing until ``facts`` gives it by the name of the item, as text. A convention that nobody stated is missing too,
    with what was taken instead. ``held_out`` is a back-test; without one it is made where the runs are there (a saved
    fit needs ``runs``, and ``weights`` as for ``fit``). ``flops``, or the inputs of a forecast, asks
    :func:`decisive_runs` as well.

    Facts are printed as they were given; nobody checks them. Raises ``DataError`` for a fact of an unknown name, or one
    that the fit knows. The checklist is that of Li et al. 2025, arXiv:2502.18969.

    >>> import forerun as fr
    >>> fit = fr.fit("chinchilla", fr.simulate("chinchilla"), draws=50)
    >>> card = fr.report_card(fit, facts={"schedule": "cosine to 10 %"})
    >>> "schedule" in card.missing, "training_data" in card.missing
    (False, True)
    """
    given = _as_lines(facts or {})
    runs = fit.table if runs is None else runs
    if runs is not None:
        vector(posed(fit, recall(fit, runs, weights)), fit)  # refuses other runs and other weights
    answers, why, tested = known_answers(fit), hints(fit), _tested(fit, runs, held_out, weights)
    if isinstance(tested, Backtest):
        answers["held_out"] = tested.verdict
    else:
        why["held_out"] = tested
    for name in given:
        if name in answers:
            message = f"{name} is known from the fit ({answers[name]})"
            raise DataError("known-fact", message, advice="Leave this fact out")
    asked = flops is not None or bool(question)
    decisive = decisive_runs(fit, runs, flops=flops, weights=weights, **question) if asked else None
    doubts = [result.notes for result in (tested, decisive) if isinstance(result, Backtest | Decisive)]
    return Card(
        law=fit.law.name,
        source=fit.runs.source,
        rows=fit.runs.n,
        items=tuple(
            _item(group, name, text, answers, given, why)
            for group, questions in CHECKLIST.items()
            for name, text in questions.items()
        ),
        decisive=decisive,
        notes=sort_notes((*fit.notes, *(note for notes in doubts for note in notes))),
    )


def _tested(
    fit: Fit, runs: Runs | None, held_out: Backtest | None, weights: str | Sequence[float] | None
) -> Backtest | str:
    """A back-test under the settings of the fit, or why there is none."""
    if held_out is not None:
        return held_out
    if runs is None:
        return "no back-test, as a saved fit does not hold its runs"
    if len(runs) > MOST_ROWS:
        return f"no back-test of {len(runs)} rows on the way; make one with forerun backtest"
    settings: dict[str, Any] = {"objective": fit.objective, "level": fit.level, "weights": weights}
    try:
        return backtest(fit.law, runs, unit=fit.uncertainty["unit"], seed=fit.uncertainty["seed"], **settings)
    except DataError as refusal:
        return f"no back-test: {refusal.message}"


def _as_lines(facts: Mapping[str, str]) -> dict[str, str]:
    """Each fact as one line of text; ``DataError`` for a name that the card does not have."""
    for name, text in facts.items():
        if name not in NAMES:
            advice = f"Nearest: {', '.join(nearest(name, NAMES) or NAMES)}"
            raise DataError("unknown-fact", f"the reporting card has no item {name!r}", advice=advice)
        if not isinstance(text, str) or not text.strip():
            raise DataError("bad-fact", f"{name} must be text, received {text!r}", advice='Write for example "none"')
    return {name: " ".join(text.split()) for name, text in facts.items()}


def _item(
    group: str, name: str, question: str, answers: Mapping[str, str], given: Mapping[str, str], why: Mapping[str, str]
) -> Item:
    if name in answers:
        return Item(group, name, question, answers[name], "fit")
    if name in given:
        return Item(group, name, question, given[name], "user")
    return Item(group, name, question, None, None, why.get(name))


def _lines(item: Item) -> list[str]:
    """One item as lines of text: its name, and beside it the answer or the question that is open."""
    width = max(map(len, NAMES)) + 4
    if item.value is None:
        text = f"MISSING  {item.question}" + (f" ({item.hint})" if item.hint else "")
    else:
        text = item.value + ("  (as stated by the user)" if item.given_by == "user" else "")
    first = f"  {item.name}".ljust(width)
    return wrap(text, WIDTH, initial_indent=first, subsequent_indent=" " * width)
