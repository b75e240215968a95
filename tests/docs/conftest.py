from __future__ import annotations

import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="session")
def law_pages():
    """The script that writes docs/laws, as a module."""
    sys.path.insert(0, str(DOCS))
    import make_laws

    return make_laws
