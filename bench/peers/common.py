"""What the scripts of the peers share. Each runs as `python by_NAME.py TASK problem.json` and prints one JSON object.

The problem holds the rows (N, D, loss), the table of IsoFLOP runs, how many draws are asked for, and whether to be quick.
A task is a function of it that returns what it did, its CPU seconds and what it found.
"""

import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
ENOUGH = 0.5  # CPU seconds after which a call is not repeated any more
MOST = 25  # repetitions of a short call
HOFFMANN = {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28}  # arXiv:2203.15556, a start that users know

Found = dict[str, Any]


def cpu() -> float:
    """CPU seconds of this process and of those it has waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def timed(call: Callable[[], Any]) -> tuple[Found, Any]:
    """CPU seconds of a call, and what it returned: the first call, or the median of repeated ones where it is short.

    ``process`` is what the process has cost up to the end of the first call, imports included.
    """
    start = cpu()
    result = call()
    process = cpu()
    first = process - start
    seconds = [] if first > ENOUGH else [first]
    while seconds and sum(seconds) < ENOUGH and len(seconds) <= MOST:
        start = cpu()
        call()
        seconds.append(cpu() - start)
    again = seconds[1:]
    found = {"cpu": statistics.median(again) if again else first, "cpu_first": first, "calls": max(len(again), 1)}
    return found | {"process": process}, result


def scaled(found: Found, done: int, asked: int) -> Found:
    """The same cost as if all of ``asked`` had been done; says how many were."""
    return found | {"cpu": found["cpu"] * asked / done, "done": done, "asked": asked}


def peak_mib() -> float:
    """Peak memory of this program alone: unlike ru_maxrss it does not count the process that started it."""
    with open("/proc/self/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def main(tasks: dict[str, Callable[[Found], Found]]) -> None:
    """Run the task that the command line names, on one core, and print what it found."""
    if CORES:
        os.sched_setaffinity(0, {CORES[os.getpid() % len(CORES)]})
    with open(sys.argv[2], encoding="utf-8") as file:
        problem = json.load(file)
    out = sys.stdout
    sys.stdout = sys.stderr  # whatever the peer prints stays out of the answer
    found = tasks[sys.argv[1]](problem)
    print(json.dumps({"process": cpu()} | found | {"peak_mib": peak_mib()}), file=out)
