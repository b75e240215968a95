"""Which rows of a family's smaller models predict its largest best: final points, checkpoints, or other families' exponents?

After Choshen et al. 2024, A Hitchhiker's Guide to Scaling Law Estimation, arXiv:2410.11840, whose table of 485 models is
not to be had; the curves of GPT-3, OPT and T5-Pile are a part of it. Families and methods were chosen before anything was
fitted, but for the five-parameter law on final points (the paper's way), which was added after a first look, as was the rule
that says what counts as decided.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor

import numpy as np

import forerun as fr
from bench.families import Family, families
from bench.record import Measure, Record, single, unmeasured

QUESTION = (
    "Do intermediate checkpoints, or exponents borrowed from other families, lower the error of predicting the final loss "
    "of a family's largest models from its smaller ones?"
)
SMALLER = 3  # sizes from which the next one is predicted
END = 0.05  # of a run that final points are averaged over, where they are
LATE, EARLY = 0.7, 0.1  # shares of each run that are left out
LEVEL, DRAWS = 0.9, 200
RESAMPLES = 10_000
SEED = 0
PROCESSES = 2
FINAL = "final points"
FIVE = "final points, all five parameters"  # the law of N and D, also where it is hardly identified: the paper's way
METHODS = (
    FINAL, FIVE, "final points, averaged over the last 5 %", "the last 30 % of each run", "all but the first 10 %",
    "all checkpoints", "final points, exponents borrowed", "all but the first 10 %, exponents borrowed",
)  # fmt: skip
CHECKPOINTS = METHODS[3:5]
SHARED = "all but the first 10 %, exponents shared"  # one fit of all families, for the largest size of each
Exponents = Mapping[str, float]


def measure(*, quick: bool) -> Record:
    """Errors of each method by family, and what follows over the families; with ``quick``, largest sizes only."""
    found = [f for f in families() if isinstance(f, Family)]
    left_out = [f for f in families() if isinstance(f, str)]
    if len(found) < 2:
        return Record("practice", QUESTION, "none", [SEED], [unmeasured("all methods", "; ".join(left_out))])
    own = {f.name: exponents(f) for f in found}
    borrowed = {f.name: median_exponents([own[g.name] for g in found if g is not f]) for f in found}
    jobs = [(f, size, borrowed[f.name]) for f in found for size in targets(f)[-1 if quick else 0 :]]
    with ProcessPoolExecutor(PROCESSES) as pool:
        rows = list(pool.map(predict_one, *zip(*jobs)))
        held = [] if quick else list(pool.map(cover_one, *zip(*[job[:2] for job in jobs])))
        shared = [] if quick else list(pool.map(predict_shared, [found] * len(found), range(len(found))))
    errors = [{"family": f.name, "size": size, **row} for (f, size, _), row in zip(jobs, rows)]
    for f, error in zip(found, shared):
        next(e for e in reversed(errors) if e["family"] == f.name)[SHARED] = error
    measures = [
        *(_against(method, FINAL, errors, found, largest) for method in METHODS[1:] for largest in (True, False)),
        _against(SHARED, FINAL, errors, found, True),
        *(_against(method, FIVE, errors, found, largest) for method in CHECKPOINTS for largest in (True, False)),
        *_coverage(held),
        *(m for method in (*METHODS, SHARED) for m in _errors(method, errors, found)),
    ]
    details = {
        "exponents of each family": own, "borrowed by each family": borrowed, "errors": errors, "left out": left_out,
        "covered (by row, by run)": [{"family": f.name, "size": size, "covered": h} for (f, size, _), h in zip(jobs, held)],
    }  # fmt: skip
    return Record("practice", QUESTION, "; ".join(f.name for f in found), [SEED], measures, details)


def targets(family: Family) -> list[float]:
    """The sizes that are predicted: each that has at least three smaller ones."""
    return family.sizes[SMALLER:]


def predict_one(family: Family, size: float, borrowed: Exponents) -> dict[str, float | None]:
    """The mean relative error of each method on the final losses of the models of one size; None where it cannot be fitted."""
    below, finals = family.part(family.parameters < size), family.finals()
    target = finals.part(finals.parameters == size)
    by_size, by_both = law_of_finals(below.finals()), fr.laws.get("chinchilla").fix(**borrowed)
    fixed = by_both if by_size.name == "chinchilla" else fr.laws.get("power-law-floor").fix(alpha=borrowed["alpha"])
    whole = fr.laws.get("chinchilla")
    rows: Sequence[tuple[Callable[[], Family], fr.Law]] = (
        (below.finals, by_size), (below.finals, whole), (lambda: below.averaged(END), by_size), (lambda: below.after(LATE), whole),
        (lambda: below.after(EARLY), whole), (lambda: below.after(0.0), whole), (below.finals, fixed),
        (lambda: below.after(EARLY), by_both),
    )  # fmt: skip
    print(f"{family.name} at {size:.3g}", file=sys.stderr, flush=True)
    return {method: _error(law, part(), target) for method, (part, law) in zip(METHODS, rows, strict=True)}


def law_of_finals(finals: Family) -> fr.Law:
    """What final points can carry: N and D where sizes were trained to several lengths, else N alone.

    At one length for each size the part of the data cannot be told from the floor; three sizes leave no floor either.
    """
    lengths = [
        len({round(math.log(d), 1) for d in finals.progress[finals.parameters == n].tolist()}) for n in finals.sizes
    ]
    if np.median(lengths) > 1:
        return fr.laws.get("chinchilla")
    return fr.laws.get("power-law-floor" if len(finals.sizes) > SMALLER else "power-law")


def exponents(family: Family) -> dict[str, float]:
    """alpha and beta of the family as a whole, from all but the first tenth of each run."""
    params = fr.fit("chinchilla", _runs(family.after(EARLY)), uncertainty="none").params
    return {name: params[name] for name in ("alpha", "beta")}


def median_exponents(others: Sequence[Exponents]) -> dict[str, float]:
    """The median of each exponent over other families."""
    return {name: float(np.median([o[name] for o in others])) for name in ("alpha", "beta")}


def predict_shared(found: Sequence[Family], k: int) -> float | None:
    """The error on the largest size of one family from a fit of all, in which only the exponents are common.

    The other families are there as a whole; every family weighs the same, however many rows it has.
    """
    family = found[k]
    largest, finals = family.sizes[-1], family.finals()
    parts = [(family.part(family.parameters < largest) if f is family else f).after(EARLY) for f in found]
    names = np.concatenate([np.full(len(p.parameters), p.name, object) for p in parts])
    weight = np.concatenate([np.full(len(p.parameters), 1000.0 / len(p.parameters)) for p in parts])
    columns = {key: np.concatenate([getattr(p, key) for p in parts]) for key in ("parameters", "progress", "loss")}
    runs = fr.read_runs({**columns, "family": names, "weight": weight}, N="parameters", D="progress")
    law = fr.laws.get("chinchilla").share("alpha", "beta", across="family")
    target = finals.part(finals.parameters == largest)
    fit = fr.fit(law, runs, uncertainty="none")
    answer = fit.forecast(N=target.parameters, D=target.progress, family=family.name).value
    print(f"{family.name}, exponents shared", file=sys.stderr, flush=True)
    return float(np.abs(answer / target.loss - 1.0).mean())


def cover_one(family: Family, size: float) -> list[float | None]:
    """The share of final losses of one size inside the interval for a new run, with rows and with whole runs resampled."""
    finals = family.finals()
    target, held = finals.part(finals.parameters == size), []
    runs = _runs(family.part(family.parameters < size).after(EARLY))
    for unit in ("row", "run"):
        fit = fr.fit("chinchilla", runs, draws=DRAWS, unit=unit, level=LEVEL, seed=SEED)
        _, low, high = fit.predict_runs(_runs(target))
        held.append(None if low is None else float(((low <= target.loss) & (target.loss <= high)).mean()))
    return held


def _runs(family: Family) -> fr.Runs:
    return fr.read_runs({"N": family.parameters, "D": family.progress, "loss": family.loss, "run": family.run})


def _error(law: fr.Law, part: Family, target: Family) -> float | None:
    x = "x" in law.inputs
    runs = fr.read_runs({"x": part.parameters, "y": part.loss}) if x else _runs(part)
    try:
        fit = fr.fit(law, runs, uncertainty="none")
    except fr.DataError:
        return None
    value = fit.predict({"x": target.parameters} if x else {"N": target.parameters, "D": target.progress})
    return float(np.abs(value / target.loss - 1.0).mean())


def _errors(method: str, errors: Sequence[Mapping], found: Sequence[Family]) -> list[Measure]:
    """One row for each family: the error on its largest size, and in the note the median over all of its sizes."""
    rows = []
    for f in found:
        own = [e.get(method) for e in errors if e["family"] == f.name]
        known = [e for e in own if e is not None]
        name = f"{f.name}: {method}"
        note = f"median over {len(known)} sizes {100 * np.median(known):.3g} %" if len(known) > 1 else ""
        if own[-1] is not None:
            rows.append(single(name, 100.0 * own[-1], 1, "% error on the largest size", note=note))
        elif method != SHARED:  # of which there is one fit, and none with --quick
            rows.append(unmeasured(name, "its rows do not carry the law"))
    return rows


def _against(method: str, other: str, errors: Sequence[Mapping], found: Sequence[Family], largest: bool) -> Measure:
    """The geometric mean over families of the error of one method by that of another, its interval, and a sign test.

    It counts as decided if the interval leaves out one and the sign test gives less than one in ten.
    """
    name = f"{method}, against {other}: {'largest size' if largest else 'median over sizes'}"
    both = {f.name: [(e[method], e[other]) for e in errors if e["family"] == f.name and None not in (e.get(method), e.get(other))]
            for f in found}  # fmt: skip
    last = {e["family"]: (e.get(method), e.get(other)) for e in errors}
    pairs = [last[f.name] if largest else np.median(both[f.name], axis=0).tolist() for f in found if both[f.name]]
    logs = np.log([one / two for one, two in (pair for pair in pairs if None not in pair)])
    if len(logs) < 2:
        return unmeasured(name, "not measured for more than one family")
    picks = np.random.default_rng(SEED).integers(len(logs), size=(RESAMPLES, len(logs)))
    low, high = np.exp(np.quantile(logs[picks].mean(1), [0.05, 0.95]))
    better = int((logs < 0).sum())
    chance = sign_test(better, len(logs))
    decided = "not decided" if low <= 1.0 <= high or chance >= 0.1 else "lower" if high < 1.0 else "higher"
    note = f"{decided}: 90 % interval over families {low:.2f} to {high:.2f}; lower in {better} of {len(logs)}, sign test p = {chance:.2g}"
    if not largest:
        every = [pair for pairs_of_one in both.values() for pair in pairs_of_one]
        note += f"; lower at {sum(one < two for one, two in every)} of {len(every)} sizes"
    return single(name, float(np.exp(logs.mean())), len(logs), "times the error", note=note)


def sign_test(better: int, of: int) -> float:
    """Two-sided probability of a count at least as far from one half, were both equally good."""
    fewer = min(better, of - better)
    return min(1.0, 2.0 * sum(math.comb(of, k) for k in range(fewer + 1)) / 2.0**of)


def _coverage(held: Sequence[Sequence[float | None]]) -> list[Measure]:
    """How many final losses the 90 % interval for a new run held, on the fits that have enough runs for both."""
    both = [pair for pair in held if None not in pair]
    few = f"{len(held) - len(both)} fits of too few runs left out"
    return [
        single(f"final losses inside 90 % intervals, checkpoints resampled by {unit}", 100.0 * float(np.mean([pair[k] for pair in both])),
               len(both), "% covered", note=few)
        for k, unit in enumerate(("row", "run")) if both
    ]  # fmt: skip
