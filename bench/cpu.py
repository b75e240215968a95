"""CPU seconds of a call in this process. Wall time says nothing on a machine that others use at the same time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def cpu_seconds(call: Callable[[], T]) -> tuple[float, T]:
    """CPU seconds of one call, and what it returned."""
    start = time.process_time()
    result = call()
    return time.process_time() - start, result


def repeated(call: Callable[[], object], times: int) -> list[float]:
    """CPU seconds of each of ``times`` calls, after one that is not counted."""
    call()
    return [cpu_seconds(call)[0] for _ in range(times)]
