"""The text that a ladder trains on: bytes of documents, split by document into training and held-out ones."""

from __future__ import annotations

import hashlib
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from forerun.ladder.rung import Rung
from forerun.note import DataError

HELD_OUT = 0.05  # share of the bytes of each domain that is never trained on
HELD_OUT_BYTES = 4_000_000  # and no more of it than this
SEPARATOR = b"\x00"
PAIRS_AT_A_TIME = 1_000_000
GOLDEN = 0.6180339887498949  # the fraction whose multiples spread most evenly


@dataclass(frozen=True)
class Corpus:
    """Training text and, by domain, held-out text, as bytes (``uint8``); ``digest`` is a hash of all of it.

    Domains are the folders below the named one; documents at the top belong to ``text``. ``spans`` says which bytes of the
    training text are whose.
    """

    name: str
    train: np.ndarray
    held_out: Mapping[str, np.ndarray]
    spans: Mapping[str, slice]
    documents: int
    digest: str

    def batch(self, rung: Rung, step: int) -> np.ndarray:
        """The training sequences (batch, context + 1) of one step of ``rung``, in an order that depends on its seed.

        Each pass over the text takes every window once, cut at another offset; with a mixture, each domain has passes of
        its own. Of ``unique`` bytes the windows are the same in every pass and for every seed, and those of a smaller
        amount are among them. Any step can be had without those before it.
        """
        index = step * rung.batch + np.arange(rung.batch)
        if rung.unique is not None:
            chosen = _chosen(self.windows(rung.context), rung.context)[: rung.unique // rung.context]
            starts = chosen[_passes(rung.seed, index, len(chosen), rung.context)[0]] * rung.context
        elif rung.mixture:
            starts = self._mixed(rung, index)
        else:
            starts = _starts(rung.seed, index, slice(0, len(self.train)), rung.context)
        return self.train[starts[:, None] + np.arange(rung.context + 1)]

    def _mixed(self, rung: Rung, index: np.ndarray) -> np.ndarray:
        """Where the sequences begin that a mixture takes, each domain by its share."""
        shares = tuple(share for _, share in rung.mixture)
        whose, turns = _turns(rung.seed, shares, 1 << int(index[-1]).bit_length())
        starts = np.empty(len(index), dtype=np.int64)
        for number, (domain, _) in enumerate(rung.mixture):
            here = whose[index] == number
            if here.any():
                starts[here] = _starts(rung.seed, turns[index[here]], self.spans[domain], rung.context)
        return starts

    def windows(self, context: int, domain: str | None = None) -> int:
        """Training windows in one pass over the text, or over that of a domain."""
        return _windows(slice(0, len(self.train)) if domain is None else self.spans[domain], context)

    def check(self, rung: Rung) -> None:
        """Raise ``DataError`` if this text does not have what ``rung`` is to be trained on."""
        for domain, share in rung.mixture:
            if domain not in self.spans:
                advice = f"It has: {', '.join(self.spans)}"
                raise DataError("unknown-domain", f"{self.name} has no domain {domain!r} for a mixture", advice=advice)
            if share and self.windows(rung.context, domain) < 1:
                message = f"the domain {domain!r} has less text than one window of {rung.context} bytes"
                raise DataError("small-corpus", message, advice="Add text, or shorten the context")
        if rung.unique is not None and not rung.context <= rung.unique <= self.windows(rung.context) * rung.context:
            message = f"unique is {rung.unique} bytes, and the text has {len(self.train)} to train on"
            raise DataError("small-corpus", message, advice=f"Give {rung.context} or more, and no more than there are")

    def validation(self, count: int, context: int) -> dict[str, np.ndarray]:
        """By domain about ``count`` bytes of held-out text as sequences (n, context + 1), spread evenly over all of it."""
        out = {}
        for domain, text in self.held_out.items():
            there = (len(text) - 1) // context
            number = min(there, max(1, count // context))
            starts = (np.arange(number) * there // number) * context
            out[domain] = text[starts[:, None] + np.arange(context + 1)]
        return out


def bigram_loss(corpus: Corpus) -> float:
    """Loss, in nats per byte of held-out text, of knowing which byte follows which: where short runs stop at first."""
    counts = np.zeros(65536, dtype=np.int64)
    for start in range(0, len(corpus.train) - 1, PAIRS_AT_A_TIME):
        part = corpus.train[start : start + PAIRS_AT_A_TIME + 1]
        counts += np.bincount(part[:-1].astype(np.int64) * 256 + part[1:], minlength=65536)
    table = (counts + 0.01).reshape(256, 256)
    log = np.log(table / table.sum(axis=1, keepdims=True))
    losses = [-float(log[text[:-1], text[1:]].mean()) for text in corpus.held_out.values()]
    return sum(losses) / len(losses)


def _windows(span: slice, context: int) -> int:
    return int((span.stop - span.start - context - 1) // context)


def _starts(seed: int, index: np.ndarray, span: slice, context: int) -> np.ndarray:
    """Where the sequences with these numbers begin, of passes over a part of the text."""
    windows, shift = _passes(seed, index, _windows(span, context), context)
    return span.start + shift + context * windows


def _passes(seed: int, index: np.ndarray, windows: int, context: int) -> tuple[np.ndarray, np.ndarray]:
    """For sequences by their number which of so many windows each takes, and by how many bytes its pass is shifted."""
    taken, shifts = np.empty(len(index), dtype=np.int64), np.empty(len(index), dtype=np.int64)
    for epoch in np.unique(index // windows):
        order, shift = _order(seed, int(epoch), windows, context)
        here = index // windows == epoch
        taken[here], shifts[here] = order[index[here] % windows], shift
    return taken, shifts


@lru_cache(maxsize=2)
def _chosen(windows: int, context: int) -> np.ndarray:
    """All windows in the order in which they are taken where text is to be unique."""
    return np.random.default_rng([windows, context]).permutation(windows)


@lru_cache(maxsize=2)
def _turns(seed: int, shares: tuple[float, ...], count: int) -> tuple[np.ndarray, np.ndarray]:
    """For so many sequences whose turn it is, and how many turns that domain had before; shares hold in every stretch."""
    place = (np.random.default_rng(seed).random() + GOLDEN * np.arange(count)) % 1.0
    whose = np.minimum(np.searchsorted(np.cumsum(shares), place, side="right"), len(shares) - 1)
    turns = np.empty(count, dtype=np.int64)
    for number in range(len(shares)):
        here = whose == number
        turns[here] = np.arange(int(here.sum()))
    return whose, turns


@lru_cache(maxsize=8)
def _order(seed: int, epoch: int, windows: int, context: int) -> tuple[np.ndarray, int]:
    """In which order one pass takes the windows, and by how many bytes they are shifted."""
    rng = np.random.default_rng([seed, epoch])
    return rng.permutation(windows), int(rng.integers(context))


def read_corpus(path: str | Path | None = None, *, context: int = 128) -> Corpus:
    """The documents below ``path`` (one file each; a file is one document), or the standard library of this Python.

    In each domain the documents whose names have the smallest hash are held out until they hold 5 % of its bytes, at most
    4 MB. Copies of a document are left out. Files that are not
    UTF-8 text, hidden ones and empty ones are skipped. Raises ``DataError`` if a domain has no two documents, or too
    little text for one window of ``context`` bytes.
    """
    root = Path(sysconfig.get_paths()["stdlib"]) if path is None else Path(path)
    if not root.is_dir():
        raise DataError(
            "no-corpus", f"{root} is not a folder of text", advice="Name a folder with one text file a document"
        )
    domains: dict[str, list[tuple[str, bytes]]] = {}
    seen: set[bytes] = set()
    for file in sorted(_files(root, path is None)):
        text = _text(file)
        mark = hashlib.sha256(text).digest()
        if text and mark not in seen:
            seen.add(mark)
            relative = file.relative_to(root)
            domain = "python" if path is None else relative.parts[0] if len(relative.parts) > 1 else "text"
            domains.setdefault(domain, []).append((relative.as_posix(), text))
    if not domains:
        raise DataError("no-corpus", f"{root} holds no UTF-8 text files", advice="Name a folder with text files in it")
    train: list[bytes] = []
    held_out, spans = {}, {}
    place = 0
    whole = hashlib.sha256()
    for domain, documents in sorted(domains.items()):
        kept, held = _split(domain, documents, context)
        train += kept
        length = sum(map(len, kept)) + len(SEPARATOR) * (len(kept) - 1)
        spans[domain] = slice(place, place + length)
        place += length + len(SEPARATOR)
        held_out[domain] = np.frombuffer(SEPARATOR.join(held), dtype=np.uint8)
        for name, text in documents:
            whole.update(name.encode() + SEPARATOR + hashlib.sha256(text).digest())
    joined = np.frombuffer(SEPARATOR.join(train), dtype=np.uint8)
    name = "the standard library of this Python" if path is None else str(path)
    return Corpus(name, joined, held_out, spans, sum(map(len, domains.values())), whole.hexdigest())


def _files(root: Path, standard_library: bool) -> list[Path]:
    found = root.rglob("*.py" if standard_library else "*")
    return [
        f
        for f in found
        if f.is_file()
        and not any(part.startswith(".") or part == "site-packages" for part in f.relative_to(root).parts)
    ]


def _text(file: Path) -> bytes:
    """The bytes of a file, or none if they are not UTF-8 text."""
    data = file.read_bytes()
    try:
        data.decode()
    except UnicodeDecodeError:
        return b""
    return b"" if SEPARATOR in data else data


def _split(domain: str, documents: list[tuple[str, bytes]], context: int) -> tuple[list[bytes], list[bytes]]:
    """Documents to train on and held-out ones."""
    if len(documents) < 2:
        message = f"the domain {domain!r} has one document only, and one has to be held out"
        raise DataError("small-corpus", message, advice="Cut it into several files, one document each")
    ordered = sorted(documents, key=lambda d: hashlib.sha256(d[0].encode()).digest())
    wished = min(HELD_OUT * sum(len(text) for _, text in documents), HELD_OUT_BYTES)
    held: list[bytes] = []
    while len(held) < len(ordered) - 1 and sum(map(len, held)) < wished:
        held.append(ordered[len(held)][1])
    kept = [text for _, text in sorted(ordered[len(held) :])]
    for part, what in ((kept, "to train on"), (held, "held out")):
        if sum(map(len, part)) <= 2 * context:
            message = (
                f"the domain {domain!r} has only {sum(map(len, part))} bytes {what}, less than two windows of {context}"
            )
            raise DataError("small-corpus", message, advice="Add text, or shorten the context")
    return kept, held
