"""Synthetic data lose the tail: generations are simulated here, and their law is fitted to what came out."""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr

SOURCES = (1e4, 1e5)  # samples that the generators learn from
EDGES = np.concatenate([np.arange(0.5, 3e5 + 1), np.geomspace(3e5 + 0.5, 1e14, 1000)[1:]])  # single words, then bins
SINGLE = len(EDGES) - 1000  # of them
WORDS = 2.0 * (EDGES[:-1] ** -0.5 - EDGES[1:] ** -0.5)  # Zipf's law with exponent 1.5: its integral over the bins
WORDS[:SINGLE] = np.arange(1.0, SINGLE + 1) ** -1.5
WORDS /= WORDS.sum()
RARE = WORDS / np.diff(EDGES)  # the probability of a single word


def missing(D, synthetic, said):
    """The expected probability of words that are neither in the real samples nor in the synthetic ones."""
    return float((WORDS * np.exp(-D * ((1 - synthetic) * RARE + synthetic * said))).sum())


def sources(D, generations, rng):
    """What the generator of each generation says: the frequencies of the samples that it learnt from."""
    said = WORDS
    for _ in range(generations):
        counts = rng.poisson(said * D).astype(float)
        counts[SINGLE:] = 0.0  # words so rare that hardly one is said
        said = counts / counts.sum()
        yield said


def simulation(seed):
    """Models that know the words they saw: real and synthetic samples, up to five generations."""
    rng, rows = np.random.default_rng(seed), []
    cases = [(0.0, 1), (0.5, 1), (0.9, 1), (0.99, 1), *((1.0, n) for n in range(1, 6))]
    for source in SOURCES:
        said = list(sources(source, 5, rng))
        for share, n in cases:
            for D in np.geomspace(1e3, 1e8, 11):
                y = missing(D, share, said[n - 1])
                rows.append(dict(D=D, D_source=source, synthetic=share, generations=n, y=y))
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return fr.read_runs(columns, **{name: name for name in columns})


@pytest.fixture(scope="module")
def simulated():
    return simulation(0)


def fitted(runs, draws=60):
    """The fit to runs of up to a million samples; no floor, because real samples reach every word in the end."""
    return fr.fit(fr.laws.get("model-collapse").fix(E=0.0), runs.where("D <= 1e6"), draws=draws)


@pytest.fixture(scope="module")
def fit(simulated):
    return fitted(simulated)


def asked(D, share, n=1):
    return {"D": [D], "D_source": [1e5], "synthetic": [share], "generations": [n]}


@pytest.mark.capability("model-collapse-law")
def test_simulated_generations_end_at_a_plateau_that_rises_while_any_real_share_goes_on_falling(simulated, fit):
    """Fitted up to a million samples, the law tells what a hundred million do, at every share and generation."""
    errors = []
    for seed in range(5):
        runs = simulation(seed)
        errors.append(np.abs(fitted(runs, draws=2).residuals(runs.where("D > 1e6"))))
    assert np.median(errors) < 0.03
    assert np.max(errors) < 0.1
    last = (simulated["synthetic"] == 1) & (simulated["D"] > 9e7) & (simulated["D_source"] == 1e5)
    seen = {n: simulated["y"][last & (simulated["generations"] == n)].item() for n in (1, 5)}
    told = {n: fit.predict(asked(1e8, 1.0, n))[0] for n in (1, 5)}
    assert seen[5] > 1.3 * seen[1]
    assert told[5] / told[1] == pytest.approx(seen[5] / seen[1], rel=0.05)
    shares = [fit.predict(asked(1e8, share))[0] for share in (0.0, 0.5, 0.9, 0.99, 1.0)]
    assert (np.diff(shares) > 0).all()


@pytest.mark.capability("model-collapse-law")
def test_the_scale_up_to_which_synthetic_data_help_is_told_and_no_more_is_promised(fit):
    """The samples that bring the error within a tenth of the plateau, and a plain refusal below it."""
    plateau = fit.predict(asked(1e12, 1.0))[0]
    usable = fit.invert(y=1.1 * plateau, D_source=1e5, synthetic=1.0, generations=1)
    # (1 + u)**-c < u**-c, so that the missing tenth is u**-c - (1 + u)**-c = 0.1 in samples per sample of the source
    u = np.geomspace(1.0, 1e3, 200_001)
    c = 1.0 / 3.0
    exact = 1e5 * u[np.argmin(np.abs(u**-c - (1 + u) ** -c - 0.1))]
    assert usable.value == pytest.approx(exact, rel=0.15)
    assert usable.low < usable.value < usable.high
    with pytest.raises(fr.DataError, match="reach"):
        fit.invert(y=0.9 * plateau, D_source=1e5, synthetic=1.0, generations=1)


def test_the_exponent_of_real_data_is_that_of_zipfs_law_and_generations_add_less_than_a_plateau_each(fit):
    """c = (beta - 1) / beta = 1/3. As recalled, n generations lose n times the tail; simulated ones lose far less."""
    low, high = fit.intervals["c"]
    assert fit.params["c"] == pytest.approx(1 / 3, abs=0.01)
    assert high - low < 0.05
    assert 0.4 < fit.params["h"] < 1.0
    assert fit.intervals["h"][1] < 1.0


def test_the_law_without_synthetic_data_is_the_power_law_of_real_data():
    law = fr.laws.get("model-collapse")
    D = np.geomspace(1e3, 1e8, 7)
    made = law(D, 1e5, 0.0, 3.0, E=0.1, A=2.0, c=0.4, h=0.7)
    np.testing.assert_allclose(made, 0.1 + 2.0 * D**-0.4, rtol=1e-12)
    assert law(1e30, 1e5, 1.0, 1.0, E=0.1, A=2.0, c=0.4, h=0.7) == pytest.approx(0.1 + 2.0 * 1e5**-0.4)


def test_words_that_are_never_said_leave_a_floor_of_their_probability():
    """Words of rank above 1000 cut off: 0.0242 remains, as the integral of the tail says."""
    said = np.where(np.arange(len(WORDS)) < 1000, RARE, 0.0)
    D = np.geomspace(1e2, 1e7, 20)
    y = np.array([missing(one, 1.0, said) for one in D])
    fit = fr.fit("power-law-floor", fr.read_runs({"x": D, "y": y}, x="x", y="y"), uncertainty="none")
    assert y[-1] == pytest.approx(0.0242, rel=0.005)
    assert fit.params["E"] == pytest.approx(y[-1], rel=0.2)
