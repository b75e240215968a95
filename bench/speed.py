"""W1 and W2: CPU of one global fit and of 4,000 bootstrap refits, against SciPy by hand on the same objective."""

from __future__ import annotations

import numpy as np

import forerun as fr
from bench import machine, peer
from bench.cpu import cpu_seconds, repeated
from bench.record import Measure, Record, single, summarise
from bench.reference import exponential_weights, reference_runs, solved
from forerun.fitting.refit import refit

QUESTION = "How much less CPU than SciPy by hand does a global fit (W1) take, and how much less 4,000 refits (W2)?"
SEED = 0
REFITS = 4_000
PEER_REFITS = 200  # of them, by SciPy, scaled up
QUICK_STARTS, QUICK_REFITS = 150, 50
SAME = 1e-6  # relative difference of objectives of one optimum
WORSE = 1e-8
PEERS = {"scipy.special.logsumexp": peer.Standard, "log-sum-exp written out": peer.Lean}
JUDGED = "scipy.special.logsumexp"  # how such fits are written; the other shows how far hand tuning gets


def measure(*, quick: bool) -> Record:
    """W1, W2, laws off the fast path, and the machine itself."""
    runs, data = reference_runs()
    ours = repeated(lambda: fr.fit("chinchilla", runs, uncertainty="none"), 5 if quick else 21)
    w1 = float(np.median(ours))
    details: dict[str, object] = {}
    measures = [
        *_machine(runs, w1),
        summarise("W1: one global fit, forerun", ours, "CPU s"),
        *_peer_global(runs, w1, details, quick=quick),
        *_refits(runs, details, quick=quick),
        *_other_laws(w1, details, quick=quick),
    ]
    return Record("speed", QUESTION, data, [SEED], measures, details)


def _machine(runs: fr.Runs, w1: float) -> list[Measure]:
    params = np.array([1.81722, np.log(477.826), 0.34731, np.log(2143.42), 0.367172])  # near the optimum
    columns = (runs["N"], runs["D"], runs["loss"], params)
    found = []
    for name, values in (
        ("NumPy", machine.microseconds_by_numpy(*columns, 9)),
        ("C", machine.microseconds_by_c(*columns, 9)),
    ):
        if values is not None:
            note = f"W1 costs {1e6 * w1 / np.median(values):.0f} of them"
            found.append(
                summarise(f"the machine: one value, gradient and Hessian, {name}", values, "CPU us", note=note)
            )
    return found


def _peer_global(runs: fr.Runs, w1: float, details: dict[str, object], *, quick: bool) -> list[Measure]:
    starts = peer.starts()
    count = len(starts)
    which = f"all {count} starts"
    if quick:
        starts = np.random.default_rng(SEED).permutation(starts)[:QUICK_STARTS]
        which = f"a random {len(starts)} of the {count} starts, scaled up"
    best = fr.fit("chinchilla", runs, uncertainty="none").objective_value
    found = []
    for name, kind in PEERS.items():
        objective = _objective(kind, runs, np.ones(len(runs)))
        seconds, reached = cpu_seconds(lambda objective=objective: peer.global_fit(objective, starts))
        seconds *= count / len(starts)
        share = float((reached <= best * (1 + SAME)).mean())
        details[f"W1 against {name}"] = {
            "objective forerun": best, "objective scipy, best start": float(np.nanmin(reached)),
            "objective scipy, median start": float(np.nanmedian(reached)), "starts run": len(starts),
            "share of starts that reach the best objective": share,
        }  # fmt: skip
        note = f"L-BFGS-B with default settings, {which}; {share:.0%} of them reach the best objective"
        found.append(
            single(f"W1: the same by SciPy, {name}", seconds, len(starts), "CPU s", ratio=seconds / w1,
                   ratio_to="times forerun's CPU", required=">= 300" if name == JUDGED else "", note=note)
        )  # fmt: skip
    return found


def _refits(runs: fr.Runs, details: dict[str, object], *, quick: bool) -> list[Measure]:
    engine = solved(runs)
    weights = exponential_weights(REFITS, len(runs), SEED)
    ours = repeated(lambda: refit(engine.problem, engine.starts, weights, SEED), 3 if quick else 11)
    found = refit(engine.problem, engine.starts, weights, SEED)
    chosen = np.random.default_rng(SEED).choice(REFITS, QUICK_REFITS if quick else PEER_REFITS, replace=False)
    names = list(engine.problem.names)
    start = peer.from_natural(engine.problem.natural(engine.optimum.z[[engine.best]]), names)[0]
    own = peer.from_natural(engine.problem.natural(found.z[chosen]), names)
    measures = [summarise(f"W2: {REFITS} bootstrap refits, forerun", ours, "CPU s")]
    for name, kind in PEERS.items():
        objectives = [_objective(kind, runs, weights[i]) for i in chosen]
        seconds, ended = cpu_seconds(lambda objectives=objectives: [peer.refit_one(o, start) for o in objectives])
        seconds *= REFITS / len(chosen)
        theirs = np.array([e.fun for e in ended])
        mine = np.array([objective(x)[0] for objective, x in zip(objectives, own)])
        details[f"W2 against {name}"] = _difference(mine, theirs)
        worse, better = ((a > b * (1 + WORSE)).mean() for a, b in ((theirs, mine), (mine, theirs)))
        note = f"BFGS from the optimum to gtol 1e-10, a random {len(chosen)} of the {REFITS}, scaled up; its objective is higher in {worse:.1%}, lower in {better:.1%}"
        measures.append(
            single(f"W2: the same by SciPy, {name}", seconds, len(chosen), "CPU s", ratio=seconds / float(np.median(ours)),
                   ratio_to="times forerun's CPU", required=">= 100" if name == JUDGED else "", note=note)
        )  # fmt: skip
    details["W2 refits not finished"] = int((~found.finished).sum())
    whole = repeated(lambda: fr.fit("chinchilla", runs, draws=REFITS, seed=SEED), 3)
    return [*measures, summarise(f"fr.fit with {REFITS} draws, all of it", whole, "CPU s")]


def _difference(mine: np.ndarray, theirs: np.ndarray) -> dict[str, float]:
    """How the objectives of the same resamples differ; both are computed by the peer's own function."""
    return {
        "resamples": len(mine), "objective forerun, median": float(np.median(mine) * peer.DELTA),
        "objective scipy, median": float(np.median(theirs) * peer.DELTA),
        "share scipy worse by more than 1e-8": float((theirs > mine * (1 + WORSE)).mean()),
        "share forerun worse by more than 1e-8": float((mine > theirs * (1 + WORSE)).mean()),
        "largest relative excess scipy": float((theirs / mine - 1).max()),
        "largest relative excess forerun": float((mine / theirs - 1).max()),
    }  # fmt: skip


def _other_laws(w1: float, details: dict[str, object], *, quick: bool) -> list[Measure]:
    truth = {"e": 0.05, "e0": 1.0, "a": 0.7, "b": 40.0, "c": 0.4}
    curve = fr.simulate("m4", noise=0.01, seed=SEED, params=truth, inputs={"x": np.geomspace(1e2, 1e8, 240)})
    table = fr.simulate("chinchilla", n=240, noise=0.01, seed=SEED)
    found = []
    for name, law, runs in (
        ("m4, implicit, without linear parameters", "m4", curve),
        ("a user's law with np.where, by differences", _with_where(), table),
    ):
        values = repeated(lambda law=law, runs=runs: fr.fit(law, runs, uncertainty="none"), 3 if quick else 9)
        fit = fr.fit(law, runs, uncertainty="none")
        details[name] = {"outcome": fit.outcome, "derivatives": fit.derivatives, "objective": fit.objective_value,
                         "agreeing": f"{fit.solution.agreeing} of {fit.solution.starts}", "params": dict(fit.params)}  # fmt: skip
        note = f"240 synthetic points; derivatives {fit.derivatives}, outcome {fit.outcome}"
        ratio = float(np.median(values)) / w1
        found.append(
            summarise(
                f"global fit of {name}", values, "CPU s", ratio=ratio, ratio_to="times W1", required="<= 10", note=note
            )
        )
    return found


def _with_where() -> fr.Law:
    @fr.law(
        "masked-chinchilla", inputs=dict(N=fr.units.PARAMETERS, D=fr.units.TOKENS), output=fr.units.LOSS,
        params=dict(E=fr.floor(), A=fr.amplitude(), alpha=fr.exponent(), B=fr.amplitude(), beta=fr.exponent()),
    )  # fmt: skip
    def masked(N, D, *, E, A, alpha, B, beta):
        """The chinchilla law through a function that has no derivative rule."""
        return E + A * N**-alpha + np.where(D > 0, B * D**-beta, 0.0)

    return masked


def _objective(kind: type[peer.Standard], runs: fr.Runs, weights: np.ndarray) -> peer.Standard:
    return kind(np.log(runs["N"]), np.log(runs["D"]), np.log(runs["loss"]), weights)
