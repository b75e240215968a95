"""Where a public table is: in your folder, in the cache, on a mirror, or where it was published. Always verified.

Downloads use urllib: a table is a few hundred kilobytes, so it is held in memory, verified there, and written once. A
download library would bring its own cache, errors and dependencies, and still need all of what is below.
"""

from __future__ import annotations

import os
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

from forerun.datasets.registry import Dataset, get
from forerun.note import DataError
from forerun.runs import Runs, read_runs

PUBLISHED = "https://raw.githubusercontent.com"
SHIPPED = Path(__file__).with_name("shipped")  # tables that we trained ourselves
SECONDS = 30.0  # without a byte before a server is given up
HAVE_IT = "Set FORERUN_DATA_DIR to a folder that has the file, or FORERUN_MIRROR to the address of one"


def path(name: str) -> Path:
    """A file of this machine with the table, verified by its SHA-256.

    Tables of our own come with forerun. Others are looked for in the folder ``FORERUN_DATA_DIR``, then in the cache (``FORERUN_CACHE_DIR``, else ``forerun`` in
    the user's cache folder). If it is in neither, it is fetched into the cache: from ``FORERUN_MIRROR`` (the address of
    a folder with the files), then, where a converter is registered, from where it was published (from
    ``FORERUN_UPSTREAM`` in place of raw.githubusercontent.com if that is set). A file with another SHA-256 is refused
    wherever it comes from, and nothing of it is kept.

    It can take the time of a download, and never says so: look with `forerun datasets show NAME` what is here.

    >>> path("chinchila_epoch245")
    Traceback (most recent call last):
    ...
    forerun.note.DataError: there is no public table 'chinchila_epoch245'. Nearest: chinchilla_epoch245; see them all with `forerun datasets list`
    """
    dataset = get(name)
    source, found = place(dataset)
    if found is None:
        return _keep(dataset, _fetch(dataset))
    try:
        content = found.read_bytes()
    except OSError as error:
        raise DataError(
            "unreadable", f"cannot read {found}: {error.strerror}", advice="Check its permissions"
        ) from None
    if source != "cached":
        advice = "Install forerun again" if source == "shipped" else "Replace the file, or unset FORERUN_DATA_DIR"
        _verify(content, dataset.sha256, str(found), advice)
        return found
    try:
        _verify(content, dataset.sha256, str(found), "It was removed from the cache; ask again")
    except DataError:
        found.unlink(missing_ok=True)
        raise
    return found


def read(name: str, **settings: Any) -> Runs:
    """The table as checked runs, with the roles and conditions that are registered for its law.

    Keywords are those of :func:`forerun.read_runs` and win over the registered ones: ``where=()`` reads all rows,
    ``loss="loss_openlm"`` takes another column; ``final=False`` keeps the checkpoints where only the last row of each
    run is registered. Other conditions can make another table of it: ``get(name).caution`` says what to mind.

    >>> read("chinchila_epoch245")
    Traceback (most recent call last):
    ...
    forerun.note.DataError: there is no public table 'chinchila_epoch245'. Nearest: chinchilla_epoch245; see them all with `forerun datasets list`
    """
    dataset = get(name)
    final = settings.pop("final", dataset.final)
    runs = read_runs(path(name), **{**dataset.settings(), **settings})
    return runs.final() if final else runs


def place(dataset: Dataset) -> tuple[str, Path | None]:
    """``"shipped"``, ``"local"``, ``"cached"`` or ``"absent"``, and the file. Nothing is verified or fetched."""
    if (file := SHIPPED / dataset.file).is_file():
        return "shipped", file
    folder = os.environ.get("FORERUN_DATA_DIR")
    if folder and (file := Path(folder) / dataset.file).is_file():
        return "local", file
    return ("cached", file) if (file := cache_folder() / dataset.file).is_file() else ("absent", None)


def cache_folder() -> Path:
    """``FORERUN_CACHE_DIR``, else ``forerun`` in the cache folder of this platform."""
    if folder := os.environ.get("FORERUN_CACHE_DIR"):
        return Path(folder)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "forerun"
    usual = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    return (Path(usual) if usual else Path.home() / ".cache") / "forerun"


def _fetch(dataset: Dataset) -> bytes:
    """The verified bytes of the table, from the first source that can be reached."""
    mirror, failed = os.environ.get("FORERUN_MIRROR"), ""
    if mirror:
        address = f"{mirror.rstrip('/')}/{dataset.file}"
        try:
            return _verify(_download(address), dataset.sha256, address, "Ask who keeps the mirror")
        except ConnectionError as error:
            failed = str(error)
    if dataset.converter and dataset.upstream:
        try:
            return _from_upstream(dataset)
        except ConnectionError as error:
            failed = f"{failed}; {error}" if failed else str(error)
    if failed:
        raise DataError("unreachable", f"cannot fetch {dataset.name}: {failed}", advice=HAVE_IT)
    raise DataError("no-data", f"{dataset.file} is not on this machine and cannot be fetched alone", advice=HAVE_IT)


def _from_upstream(dataset: Dataset) -> bytes:
    """The published file, verified, turned into the table, and verified again."""
    from urllib.parse import quote

    from forerun.datasets.upstream import CONVERTERS

    assert dataset.upstream is not None
    base = (os.environ.get("FORERUN_UPSTREAM") or PUBLISHED).rstrip("/")
    address = f"{base}/{dataset.repository}/{dataset.commit}/{quote(dataset.upstream.path)}"
    content = _verify(_download(address), dataset.upstream.sha256, address, HAVE_IT)
    what = f"what the converter {dataset.converter} makes of {address}"
    try:
        table = CONVERTERS[dataset.converter](content)
    except (ValueError, LookupError) as error:
        message = f"the converter {dataset.converter} cannot read {address}: {type(error).__name__} {error}"
        raise DataError("not-converted", message, advice=HAVE_IT) from None
    return _verify(table, dataset.sha256, what, HAVE_IT)


def _download(address: str) -> bytes:
    """All bytes at an address; ``ConnectionError`` with one plain line when they cannot be had."""
    from http.client import HTTPException, IncompleteRead
    from urllib.error import HTTPError, URLError
    from urllib.request import urlopen

    try:
        with urlopen(address, timeout=SECONDS) as answer:
            content: bytes = answer.read()
            return content
    except HTTPError as error:
        error.close()
        reason = f"the server answered {error.code} {error.reason}"
    except IncompleteRead as error:
        reason = f"the download broke off after {len(error.partial)} bytes"
    except URLError as error:
        reason = getattr(error.reason, "strerror", None) or str(error.reason)
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
    raise ConnectionError(f"{address}: {reason}")


def _verify(content: bytes, expected: str, source: str, advice: str) -> bytes:
    """``content`` if its SHA-256 is the expected one, else ``DataError``."""
    if (received := sha256(content).hexdigest()) != expected:
        message = f"{source} is not what is registered: expected SHA-256 {expected}, received {received}"
        raise DataError("wrong-hash", message, advice=advice)
    return content


def _keep(dataset: Dataset, content: bytes) -> Path:
    """Write beside the target and rename, so that no half-written table is ever in the cache."""
    target = cache_folder() / dataset.file
    draft = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            draft.write_bytes(content)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        message = f"cannot write {target}: {error.strerror}"
        raise DataError("cannot-write", message, advice="Set FORERUN_CACHE_DIR to a folder you may write to") from None
    return target
