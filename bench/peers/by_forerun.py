"""Forerun: `fr.fit` without draws (W1), with draws (W2), and IsoFLOP parabolas (W3)."""

import common

import forerun as fr


def table(problem: common.Found) -> fr.Runs:
    """The 240 rows as runs."""
    return fr.read_runs({name: problem[name] for name in ("N", "D", "loss")}, N="N", D="D", loss="loss")


def global_fit(problem: common.Found) -> common.Found:
    runs = table(problem)
    found, fit = common.timed(lambda: fr.fit("chinchilla", runs, uncertainty="none"))
    return found | {"params": dict(fit.params), "did": 'fr.fit("chinchilla", runs, uncertainty="none")'}


def refits(problem: common.Found) -> common.Found:
    runs, draws = table(problem), problem["draws"]
    found, fit = common.timed(lambda: fr.fit("chinchilla", runs, draws=draws))
    spread = dict(zip(fit.params, fit.draws.std(0, ddof=1).tolist()))
    return found | {"params": dict(fit.params), "se": spread, "did": f'fr.fit("chinchilla", runs, draws={draws})'}


def isoflop(problem: common.Found, **settings) -> common.Found:
    """The adapter to `fr.isoflop`: what it costs, and the exponents of N* and D*."""
    runs = fr.read_runs(problem["isoflop"], N="N", D="D", C="C", loss="loss")
    found, result = common.timed(lambda: fr.isoflop(runs, method="parabola", **settings))
    growth, did = result.scaling, "".join(f", {name}={value!r}" for name, value in settings.items())
    interval = {"interval": growth["N"].exponent_interval} if growth["N"].exponent_interval else {}
    exponents = {name: float(growth[name].exponent) for name in ("N", "D")}
    return found | interval | {"exponents": exponents, "did": f'fr.isoflop(runs, method="parabola"{did})'}


def passes(problem: common.Found) -> common.Found:
    """How often the engine goes over all rows in W1 and in W2, by what it computes there; counted, not timed."""
    from forerun.fitting import start
    from forerun.fitting.problem import Problem

    runs, counted = table(problem), {}

    def counting(owner, name: str, vectors) -> None:
        whole = getattr(owner, name)

        def call(*arguments, **more):
            counted[name] = counted.get(name, 0.0) + vectors(*arguments)
            return whole(*arguments, **more)

        setattr(owner, name, call)

    for name in ("evaluate", "metric", "values", "against"):
        counting(Problem, name, lambda _, z, *rest: len(z))
    counting(start, "predict", lambda _, inputs, params: len(params) * len(inputs[0]) / len(runs))  # the screen
    found = {}
    for work, settings in (("W1", {"uncertainty": "none"}), ("W2", {"draws": problem["draws"]})):
        counted.clear()
        fr.fit("chinchilla", runs, **settings)
        found[work] = dict(counted)
    return {"passes": found, "cpu": 0.0, "did": "vectors given to Problem's methods and to the screen's predict"}


if __name__ == "__main__":
    common.main({
        "W1": global_fit, "W2": refits, "passes": passes,
        "W3": lambda p: isoflop(p, draws=0), "W3 bootstrap": lambda p: isoflop(p, draws=p["draws"]),
    })  # fmt: skip
