"""The doubts that travel with every result, the one error of the package, and the plain tables that print both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

SEVERITIES = ("info", "warning", "error")


@dataclass(frozen=True)
class Note:
    """One doubt about a result, as data.

    ``code`` is stable and may be tested against; ``severity`` is ``"info"``, ``"warning"`` or ``"error"`` (an
    ``"error"`` makes ``--strict`` fail and ``plan`` refuse); ``evidence`` holds the numbers behind it; ``advice`` is
    one sentence that says what to do.

    >>> print(Note("bound-hit", "warning", "alpha ended on its upper bound 2", {"alpha": 2.0}, "Add smaller models."))
    warning  bound-hit: alpha ended on its upper bound 2. Add smaller models.
    """

    code: str
    severity: str
    message: str
    evidence: Mapping[str, object] = field(default_factory=dict)
    advice: str = ""

    def __post_init__(self) -> None:
        if self.severity not in SEVERITIES:
            raise ValueError(f"severity must be one of {', '.join(SEVERITIES)}, got {self.severity!r}")

    def __str__(self) -> str:
        return f"{self.severity:<7}  {self.code}: {self.message}. {self.advice}".rstrip()

    def to_dict(self) -> dict[str, object]:
        """The note under the keys of the JSON schema; ``evidence`` carries the message under ``"message"``."""
        evidence = {"message": self.message, **self.evidence}
        return {"code": self.code, "severity": self.severity, "evidence": evidence, "advice": self.advice}

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> Note:
        """The inverse of :meth:`to_dict`."""
        evidence = dict(data["evidence"])  # type: ignore[call-overload]
        message = str(evidence.pop("message", ""))
        return cls(str(data["code"]), str(data["severity"]), message, evidence, str(data["advice"]))


class DataError(ValueError):
    """The data or the question do not allow an answer: what is wrong, where, what was received, what to do.

    ``code`` is stable; ``row`` counts lines of the table from 1, without the header; ``column`` is the name in the
    file. ``str(error)`` is the one plain line that the command line prints.
    """

    def __init__(
        self, code: str, message: str, *, advice: str = "", row: int | None = None, column: str | None = None
    ) -> None:
        self.code, self.message, self.advice, self.row, self.column = code, message, advice, row, column
        super().__init__(message)

    def __str__(self) -> str:
        parts = [f"row {self.row}"] if self.row is not None else []
        parts += [f"column {self.column!r}"] if self.column is not None else []
        where = f"{', '.join(parts)}: " if parts else ""
        text = f"{where}{self.message}".rstrip(".")
        return " ".join(f"{text}. {self.advice}".splitlines()).strip()

    def to_dict(self) -> dict[str, object]:
        """The error under the keys of the JSON schema."""
        return {
            "code": self.code,
            "message": self.message,
            "row": self.row,
            "column": self.column,
            "advice": self.advice,
        }


class MissingExtra(DataError, ImportError):
    """An optional package is needed; the message names it and the extra that brings it."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            "missing-package",
            f"{purpose} needs the package {package}, which is not installed",
            advice=f"Install it with: pip install 'forerun[{extra}]'",
        )


def note_lines(notes: Iterable[Note], width: int = 118) -> list[str]:
    """The notes as indented lines of at most ``width`` characters, each with a hanging indent."""
    from textwrap import wrap

    return [line for n in notes for line in wrap(str(n), width, initial_indent="  ", subsequent_indent=" " * 11)]


def worst(notes: Iterable[Note]) -> str:
    """The highest severity among ``notes``, ``"info"`` for none.

    >>> worst([Note("a", "info", "x"), Note("b", "error", "y")])
    'error'
    """
    return max((note.severity for note in notes), key=SEVERITIES.index, default="info")


def text_table(header: Sequence[str], rows: Iterable[Sequence[str]], words: Sequence[str] = ()) -> str:
    """A plain aligned table: the first column and those named in ``words`` to the left, numbers to the right.

    >>> print(text_table(["name", "value"], [["alpha", "0.347"], ["E", "1.82"]]))
    name   value
    alpha  0.347
    E       1.82
    """
    lines = [list(header), *[list(row) for row in rows]]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    left = [i == 0 or name in words for i, name in enumerate(header)]
    cells = [[c.ljust(w) if lefty else c.rjust(w) for c, w, lefty in zip(line, widths, left)] for line in lines]
    return "\n".join("  ".join(line).rstrip() for line in cells)


def nearest(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """The names of ``known`` that look most like ``name``, best first.

    >>> nearest("chinchila", ["chinchilla", "kaplan-n"])
    ['chinchilla']
    """
    from difflib import get_close_matches

    return get_close_matches(name, list(known), n=count, cutoff=0.5)
