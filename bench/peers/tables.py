"""Rows of the comparison from what the tasks found; every objective is computed by the one function here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from bench.record import Measure, single, summarise, unmeasured

BEST_KNOWN = 0.00101827402  # the lowest objective of the reference problem that any solver has found, all its digits
DELTA = 1e-3
SAME = 1e-6  # relative excess below which the optimum counts as reached
FLOORS = {"W1": (0.005, 0.041), "W2": (0.04, 0.5)}  # CPU s of C with SIMD and of the prototype: shared/FITTING.md
Array = np.ndarray
Found = dict[str, Any]
Result = tuple[str, str, Found, Found]  # name of the row, work, what forerun found, what the peer found


def objective(params: Mapping[str, float], log_size: Array, log_tokens: Array, log_loss: Array) -> float:
    """Sum of Huber (delta 1e-3) of the log residuals at E, A, B, alpha, beta."""
    first, second = (
        np.exp(np.log(params[a]) - params[x] * u) for a, x, u in (("A", "alpha", log_size), ("B", "beta", log_tokens))
    )
    residual = np.log(params["E"] + first + second) - log_loss
    clipped = np.clip(residual, -DELTA, DELTA)
    return float(clipped @ (residual - 0.5 * clipped))


def work_of(task: str) -> str:
    """The work that forerun does beside a task: `W1`, `W2`, `W3` or `W3 bootstrap`."""
    return task if task == "W3 bootstrap" else task.split()[0]


def import_rows(imports: Mapping[str, Sequence[Mapping[str, float]]], missing: Mapping[str, str],
                installed: Mapping[str, str]) -> list[Measure]:  # fmt: skip
    """CPU of an import as a ratio to that of numpy in the same round, peak memory in the note."""
    rows = []
    base = imports.get("numpy", [])
    for name, used in imports.items():
        cpu, peak = (np.array([u[key] for u in used]) for key in ("cpu", "peak_kib"))
        cpu0, peak0 = (np.array([u[key] for u in base]) for key in ("cpu", "peak_kib"))
        note = f"peak {np.median(peak) / 1024:.0f} MiB, {np.median(peak / peak0):.3g} times numpy's"
        if name == "numpy":
            note = f"peak {np.median(peak) / 1024:.0f} MiB; Python {installed['python']}, NumPy {installed.get('numpy')} for all"
        rows.append(summarise(f"import: {name}", cpu.tolist(), "CPU s", ratio=float(np.median(cpu / cpu0)),
                              ratio_to="times import numpy", note=note))  # fmt: skip
    return rows + [unmeasured(f"import: {name}", f"not to be had: {why}") for name, why in missing.items()]


def work_rows(work: str, results: Sequence[Result], judge: Callable[[Found], float], known: float) -> list[Measure]:
    """forerun's row, then a row for each peer with its cost against forerun's right before it."""
    chosen = [r for r in results if r[1] == work]
    rows = [_own_row(work, [own for _, _, own, _ in chosen], lambda f: _reached(f, judge, known))]
    for name, _, own, found in chosen:
        rows.append(_peer_row(f"{work}: {name}", own, found, _reached(found, judge, known)))
    if work == "W1" and "params" in chosen[0][2]:
        excess = judge(chosen[0][2]["params"]) / known - 1.0
        rows.insert(1, single("W1: forerun's objective above the lowest known", excess, 1, "relative", required=f"<= {SAME}",
                              note=f"the lowest known is {known:.9g}"))  # fmt: skip
    return rows


def isoflop_rows(results: Sequence[Result]) -> list[Measure]:
    """W3: the exponents once, and with 4,000 bootstrap tables."""
    rows = []
    for work in ("W3", "W3 bootstrap"):
        chosen = [r for r in results if r[1] == work]
        rows.append(_own_row(work, [own for _, _, own, _ in chosen], _exponents))
        rows += [_peer_row(f"{work}: {name}", own, found, _exponents(found)) for name, _, own, found in chosen]
    return rows


def floor_rows(
    results: Sequence[Result], passes: Mapping[str, Mapping[str, float]], seconds: Sequence[float] | None
) -> list[Measure]:
    """What forerun's W1 and W2 cost as a multiple of as many passes over the rows in C."""
    if seconds is None or not passes:
        return [unmeasured("floor", "no C compiler" if seconds is None else "the passes could not be counted")]
    rows = [
        summarise(
            "floor: one value, gradient and Hessian in C", [1e6 * s for s in seconds], "CPU us", note="FITTING.md: 1.13"
        )
    ]
    for work, counted in passes.items():
        own = [f["cpu"] for _, w, f, _ in results if w == work and "cpu" in f]
        total = sum(counted.values())
        floor = total * float(np.median(seconds))
        known, prototype = FLOORS[work]
        parts = ", ".join(f"{n:.0f} {name}" for name, n in counted.items())
        note = f"{total:.0f} passes over all rows ({parts}), each at the price of the C loop; FITTING.md: floor {known} s, prototype {prototype} s"
        rows.append(single(f"{work}: its floor in C", floor, len(own), "CPU s", ratio=float(np.median(own)) / floor,
                           ratio_to="times the floor is what forerun takes", note=note))  # fmt: skip
    return rows


def _own_row(work: str, found: Sequence[Found], describe: Callable[[Found], str]) -> Measure:
    done = [f for f in found if "cpu" in f]
    if not done:
        return unmeasured(f"{work}: forerun", found[0]["failed"] if found else "not asked")
    return summarise(f"{work}: forerun", [f["cpu"] for f in done], "CPU s", ratio=1.0, ratio_to="times forerun's CPU",
                     note=_note(done[-1], describe(done[-1])))  # fmt: skip


def _peer_row(name: str, own: Found, found: Found, described: str) -> Measure:
    if "failed" in found:
        absent = "No module named" in found["failed"]
        return unmeasured(name, ("not to be had: " if absent else "failed: ") + found["failed"])
    ratio = found["cpu"] / own["cpu"] if own.get("cpu") else None
    return single(name, found["cpu"], found.get("done", found["calls"]), "CPU s", ratio=ratio,
                  ratio_to="times forerun's CPU" if ratio else "", note=_note(found, described))  # fmt: skip


def _note(found: Found, described: str) -> str:
    """What was reached, what of it was done, what the whole process cost, and the call."""
    parts = [described] if described else []
    if found.get("done", 0) != found.get("asked", 0):
        parts.append(f"{found['done']} of {found['asked']} run, scaled up; peak {found['peak_mib']:.0f} MiB")
    else:
        parts.append(f"whole process {found['process']:.3g} CPU s, peak {found['peak_mib']:.0f} MiB")
    if found.get("se"):
        parts.append("standard errors " + ", ".join(f"{k} {v:.3g}" for k, v in found["se"].items()))
    if "ess" in found:
        parts.append(f"smallest effective sample size {found['ess']:.0f}")
    if found["cpu_first"] > 1.5 * found["cpu"] and found["calls"] > 1:
        parts.append(f"first call {found['cpu_first']:.3g} s")
    return "; ".join([*parts, found["did"]])


def _reached(found: Found, judge: Callable[[Found], float], known: float) -> str:
    if "params" not in found:
        return ""
    value = judge(found["params"])
    excess = value / known - 1.0
    verdict = (
        "the optimum"
        if excess < SAME
        else f"{100 * excess:+.2g} %"
        if excess < 1
        else f"{value / known:.3g} times the lowest"
    )
    params = ", ".join(f"{k} {found['params'][k]:.6g}" for k in ("E", "A", "B", "alpha", "beta"))
    return f"F {value:.9g}, {verdict}; {params}"


def _exponents(found: Found) -> str:
    if "exponents" not in found:
        return ""
    low_high = " ({:.3f} to {:.3f})".format(*found["interval"]) if "interval" in found else ""
    return f"N* as C^{found['exponents']['N']:.4f}{low_high}, D* as C^{found['exponents']['D']:.4f}"
