"""Unpack the prose behind the shipped tables, one file a document: `build/recipe` to choose the recipe on, `build/books` to measure on.

python bench/ladders/texts.py CORPUS_FOLDER    # with books64.txt.xz and TITLES.csv in it
"""

import csv
import hashlib
import lzma
import re
import sys
from pathlib import Path

SHA256 = "0591eb43068990c50ad3e13439ccb4a1593741c6990c5fa73393e97559025b30"
BUILD = Path(__file__).parents[2] / "build"


def unpack(source: Path) -> None:
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


if __name__ == "__main__":
    unpack(Path(sys.argv[1]))
