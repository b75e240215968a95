"""`choose_mixture`: the shares of domains with the lowest predicted loss, among those that the data allow."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from forerun.data_value.choice import MixtureChoice, Range
from forerun.data_value.simplex import ROUNDING, Simplex
from forerun.data_value.target import OWN, Target, target_of
from forerun.fitting import Fit, Forecast
from forerun.fitting.asking import distances
from forerun.fitting.forecast import distance_notes, interval
from forerun.note import DataError, Note, worst
from forerun.units import WEIGHT

Array = np.ndarray
DRAWN = 512  # mixtures that are looked at before the solver starts
STARTS = 4  # of them that it starts from
MOST_DRAWS = 100  # that are optimised one by one
BINDS = 1e-6  # distance in shares from a limit that counts as none
OUTSIDE = 0.01  # share beyond the trained ones that is worth a note


def choose_mixture(
    fits: Fit | Mapping[str, Fit],
    *,
    importance: Mapping[str, float] | None = None,
    available: Mapping[str, float] | None = None,
    repetitions: float = 1.0,
    tolerance: float = 0.005,
    beyond_runs: bool = False,
    seed: int = 0,
    force: bool = False,
    **at: float,
) -> MixtureChoice:
    """The shares of domains with the lowest predicted loss, how flat the optimum is, and what the doubt about it costs.

    ``fits`` is the fit of a mixing law, or one for each validation set by name; their losses are averaged with the
    weights ``importance`` (default: equal). Laws of all shares (``data-mixing``) and of one (``bimix``, ``d-cpt``: the fit
    has the name of its domain) may stand side by side. ``at`` are their other inputs, such as ``N`` and ``D``.
    ``available`` has the tokens of domains that are finite: none gets a share above ``repetitions`` times those over D.
    No share lies outside those of the fitted runs unless ``beyond_runs``: there laws of mixtures are guesses.
    ``tolerance`` is the relative excess of the loss that counts as near-optimal. Up to 100 draws are optimised one by
    one for the regret; fits of one table with one seed share their draws, so that common noise cancels.

    Refuses (``DataError``) fits with error notes unless ``force``, and data that do not suffice for D. It misleads where the
    best mixture lies at the edge of the runs or beyond, which a note says, and where tokens repeat: a law without
    repetition counts a token that is seen again as new.
    Needs SciPy (``forerun[mixtures]``).

    >>> import forerun as fr
    >>> fit = fr.fit("data-mixing", fr.simulate("data-mixing", n=40), draws=50)
    >>> choice = choose_mixture(fit, available={"b": 30e9}, D=100e9)
    >>> round(choice.weights["b"], 2), choice.binding
    (0.3, ('b',))
    """
    if not 0.0 < tolerance < 1.0:
        message = f"tolerance is a share of the loss, received {tolerance:g}"
        raise DataError("bad-value", message, advice="Write 0.5 % as 0.005")
    target = target_of(fits, importance, at)
    _sound(target, force)
    data = _limits(target, available, repetitions)
    trained = _trained(target)
    region = _region(data, trained, beyond_runs)
    looked = region.draw(DRAWN, seed)
    ranked = np.argsort(target.predict(looked), kind="stable")
    best, lowest = region.lowest(target.predict, looked[ranked[:STARTS]])
    regret, spread = _over_draws(target, region, best, looked)
    near = {}
    for i, domain in enumerate(target.domains):
        low, high = (region.extent(target.predict, best, lowest * (1.0 + tolerance), i, sign) for sign in (-1, 1))
        near[domain] = low, high
    binding = tuple(d for d, w, m in zip(target.domains, best, data) if m < 1.0 and w > m - BINDS)
    forecast = _forecast(target, best)
    return MixtureChoice(
        weights=_by_domain(target, best),
        forecast=forecast,
        interval=spread,
        regret=regret,
        near_optimal=near,
        tolerance=tolerance,
        limits=_by_domain(target, data),
        binding=binding,
        notes=(*forecast.notes, *_edges(target, best, trained, binding)),
    )


def _sound(target: Target, force: bool) -> None:
    for name, fit in target.fits.items():
        if worst(fit.notes) == "error" and not force:
            note = next(n for n in fit.notes if n.severity == "error")
            message = f"the fit of {name} is not fit to choose with: {note.message}"
            raise DataError("fit-refused", message, advice=f"{note.advice} Use force=True to choose all the same")


def _limits(target: Target, available: Mapping[str, float] | None, repetitions: float) -> Array:
    """The largest share of each domain, (domains,): one where its data do not end."""
    most = np.ones(len(target.domains))
    if not available:
        return most
    if unknown := sorted(set(available) - set(target.domains)):
        advice = f"Known: {', '.join(target.domains)}"
        raise DataError("unknown-domain", f"there is no domain {unknown[0]!r}", advice=advice)
    if "D" not in target.at:
        raise DataError("missing-input", "the data are finite, but not how many tokens are trained on", advice="Give D")
    for name, value in (("repetitions", repetitions), *available.items()):
        if not (np.isfinite(value) and value >= 0):
            raise DataError("bad-value", f"{name} must be a number of zero or above, received {value!r}")
    for i, domain in enumerate(target.domains):
        if domain in available:
            most[i] = min(1.0, repetitions * available[domain] / float(target.at["D"]))
    return most


def _region(data: Array, trained: tuple[Array, Array], beyond_runs: bool) -> Simplex:
    """The mixtures that the data allow, and of these those within the shares that were trained."""
    everything = Simplex(np.zeros(len(data)), data)
    if beyond_runs:
        return everything
    least, most = (np.minimum(side, data) for side in trained)
    if most.sum() < 1.0 - ROUNDING:
        message = f"within the shares that were trained, the data give {most.sum():.3g} of the tokens"
        raise DataError("outside-runs", message, advice="Train runs with other shares, or go beyond_runs=True")
    return Simplex(least, most)


def _over_draws(
    target: Target, region: Simplex, best: Array, looked: Array
) -> tuple[dict[str, float] | None, dict[str, Range] | None]:
    """The loss that the choice gives up against the optimum of each draw, and where these optima lie."""
    if not target.draws:
        return None, None
    draws = np.unique(np.linspace(0, target.draws - 1, min(MOST_DRAWS, target.draws)).astype(int))
    first = looked[np.nanargmin(target.sample(looked), axis=1)]
    optima, lost = np.empty((len(draws), len(best))), np.empty(len(draws))
    for k, i in enumerate(draws.tolist()):
        one = slice(i, i + 1)

        def loss(shares: Array, one: slice = one) -> Array:
            return target.sample(shares, one)[0]

        optima[k], lowest = region.lowest(loss, np.stack([best, first[i]]))
        lost[k] = max(float(loss(best[None])[0]) - lowest, 0.0)
    low, high = interval(optima, target.level)
    regret = {"mean": float(lost.mean()), "median": float(np.median(lost)), "p95": float(np.quantile(lost, 0.95))}
    return regret, {d: (float(low[i]), float(high[i])) for i, d in enumerate(target.domains)}


def _forecast(target: Target, best: Array) -> Forecast:
    fit = next(iter(target.fits.values()))
    low = high = samples = None
    if target.draws:
        samples = target.sample(best[None])[:, 0]
        low, high = (float(x) for x in interval(samples, target.level))
    decades = max(
        float(np.max(distances({k: v for k, v in f.runs.ranges.items() if k in f.law.inputs}, target.at)))
        for f in target.fits.values()
    )
    notes = [n for f in target.fits.values() for n in f.carried_notes]
    return Forecast(
        inputs={**{f"{WEIGHT.role}[{d}]": w for d, w in _by_domain(target, best).items()}, **target.at},
        value=float(target.predict(best[None])[0]),
        low=low,
        high=high,
        level=target.level,
        target="mean",
        layers=fit.layers if target.draws else (),
        decades_outside=decades,
        quantity=fit.law.output.role,
        unit=fit.runs.conventions.loss_unit if fit.law.output.role == "loss" else fit.law.output.unit,
        notes=(*{(n.code, n.message): n for n in notes}.values(), *distance_notes(decades)),
        samples=samples,
    )


def _trained(target: Target) -> tuple[Array, Array]:
    """The smallest and the largest share of each domain in the fitted runs, (domains,) each."""
    spans = []
    for domain in target.domains:
        known = [fit.runs.ranges[role] for name, fit in target.fits.items() for role in fit.law.inputs
                 if role == f"{WEIGHT.role}[{domain}]" or (role == OWN and name == domain)]  # fmt: skip
        spans.append((min(span[0] for span in known), max(span[1] for span in known)))
    low, high = np.array(spans).T
    return low, high


def _edges(target: Target, best: Array, trained: tuple[Array, Array], binding: tuple[str, ...]) -> tuple[Note, ...]:
    """Notes where the choice has a share beyond every run, or as extreme as any, so that the best may lie beyond."""
    low, high = trained
    shares = dict(zip(target.domains, best.tolist()))
    beyond = {d: s for d, s, a, b in zip(shares, best, low, high) if s < a - OUTSIDE or s > b + OUTSIDE}
    edge = {d: s for d, s, a, b in zip(shares, best, low, high)
            if d not in beyond and d not in binding and (b - BINDS < s < 1.0 - BINDS or BINDS < s < a + BINDS)}  # fmt: skip
    notes = []
    if beyond:
        message = f"no run that was fitted has as extreme a share as {_told(beyond)}"
        notes.append(
            Note("mixture-outside", "warning", message, beyond, "Train a small run there before you rely on it.")
        )
    if edge:
        message = f"no run that was fitted has more extreme shares than {_told(edge)}, and the best may lie beyond"
        notes.append(Note("edge-mixture", "warning", message, edge, "Train small runs with more extreme shares."))
    return tuple(notes)


def _told(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{share:.3f} of {domain}" for domain, share in shares.items())


def _by_domain(target: Target, shares: Array) -> dict[str, float]:
    return dict(zip(target.domains, (float(s) for s in shares)))
