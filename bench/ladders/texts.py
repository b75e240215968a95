"""Lay out the texts behind the shipped tables, one file a document.

    python bench/ladders/texts.py CORPUS_FOLDER    # with books64.txt.xz and TITLES.csv in it

`build/recipe` is prose to choose the recipe on, `build/books` prose to measure on; `build/domains` has three domains: that prose
again, documentation (docstrings of NumPy, SciPy, PyTorch and Matplotlib as they are installed), and code (the standard library of
this Python without its docstrings).
"""

import ast
import csv
import hashlib
import inspect
import lzma
import re
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

SHA256 = "0591eb43068990c50ad3e13439ccb4a1593741c6990c5fa73393e97559025b30"
BUILD = Path(__file__).parents[2] / "build"
DOCUMENTED = ("numpy", "scipy", "torch", "matplotlib")
LEAST = 1000  # bytes of a document
OWNERS = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def unpack(source: Path) -> None:
    """Books by the hash of their title: a fifth to choose the recipe on, the others to measure on."""
    data = lzma.decompress((source / "books64.txt.xz").read_bytes())
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise SystemExit(f"{source / 'books64.txt.xz'} is not the text that the tables were made with")
    for row in csv.DictReader((source / "TITLES.csv").open()):
        start, length = int(row["byte_offset"]), int(row["byte_length"])
        title = hashlib.sha256(row["title"].encode()).hexdigest()
        folder = BUILD / ("recipe" if int(title, 16) % 5 == 0 else "books")
        folder.mkdir(parents=True, exist_ok=True)
        name = re.sub(r"[^a-z0-9]+", "-", row["title"].lower()).strip("-")[:60]
        (folder / f"{name}.txt").write_bytes(data[start : start + length])


def domains() -> None:
    """Prose, documentation and code side by side."""
    root = BUILD / "domains"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(BUILD / "books", root / "prose")
    installed = Path(sysconfig.get_paths()["purelib"])
    for package in DOCUMENTED:
        for file, tree, _ in parsed(installed / package):
            texts = [text for node in ast.walk(tree) if isinstance(node, OWNERS) and (text := ast.get_docstring(node))]
            keep(root / "documentation", file.relative_to(installed), "\n\n".join(texts))
    library = Path(sysconfig.get_paths()["stdlib"])
    for file, tree, lines in parsed(library):
        for node in ast.walk(tree):
            if isinstance(node, OWNERS) and ast.get_docstring(node):
                said = node.body[0]
                lines[said.lineno - 1 : said.end_lineno] = [""] * ((said.end_lineno or said.lineno) - said.lineno + 1)
        keep(root / "code", file.relative_to(library), re.sub(r"\n{3,}", "\n\n", "\n".join(lines)))


def parsed(root: Path) -> Iterator[tuple[Path, ast.Module, list[str]]]:
    """The Python files below a folder, tests and installed packages apart, with their trees and lines."""
    for file in sorted(root.rglob("*.py")):
        if {"site-packages", "test", "tests", "idlelib"} & set(file.relative_to(root).parts):
            continue
        try:
            text = file.read_text(encoding="utf-8")
            yield file, ast.parse(text), text.split("\n")
        except (SyntaxError, UnicodeDecodeError, ValueError):
            continue


def keep(folder: Path, name: Path, text: str) -> None:
    """Write one document, if it is long enough to be one."""
    text = inspect.cleandoc(text)
    if len(text.encode()) >= LEAST:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{'-'.join(name.with_suffix('').parts)}.txt").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    unpack(Path(sys.argv[1]))
    domains()
