"""Composition at depth: several terms in one law, and parameters shared over groups of it. All tables are SYNTHETIC."""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr

TERMS = fr.laws.terms()
CHINCHILLA = {"E": 1.8, "A": 480.0, "alpha": 0.35, "B": 2100.0, "beta": 0.37}
SPARSE_AND_REPEATED = {"share": 0.625, "R_D": 15.0}


def two():
    """Pruned models on repeated data."""
    return fr.laws.get("chinchilla").where(N=TERMS["average-parameters"], D=TERMS["repeated-data"])


def three():
    """The same with parallel streams: a term for an input that a term brought."""
    return two().where(N=TERMS["stream-parameters"])


def settings(n, seed=0):
    """Sizes, tokens, unique tokens, final sparsity and streams of n runs."""
    rng = np.random.default_rng(seed)
    U = 10 ** rng.uniform(8.0, 10.5, n)
    return {
        "N": 10 ** rng.uniform(7.0, 9.5, n),
        "D": U * 10 ** rng.uniform(0.0, 1.8, n),
        "U": U,
        "sparsity": rng.choice([0.0, 0.5, 0.75, 0.9], n),
        "streams": rng.choice([1.0, 2.0, 4.0, 8.0], n),
    }


def runs_of(law, truth, n=120, noise=0.0, seed=0):
    inputs = {role: values for role, values in settings(n, seed).items() if role in law.inputs}
    return fr.simulate(law, params=truth, inputs=inputs, noise=noise, seed=seed)


def test_two_terms_at_once_are_recovered_without_noise_to_six_digits():
    law, truth = two(), {**CHINCHILLA, **SPARSE_AND_REPEATED}
    assert set(law.inputs) == {"N", "D", "U", "sparsity"}
    assert set(law.params) == set(truth)
    fit = fr.fit(law, runs_of(law, truth), uncertainty="none")
    assert fit.derivatives == "exact"
    assert dict(fit.params) == pytest.approx(truth, rel=1e-6)


def test_three_terms_are_recovered_without_noise_to_six_digits():
    law, truth = three(), {**CHINCHILLA, **SPARSE_AND_REPEATED, "k": 0.39}
    assert set(law.inputs) == {"N", "D", "U", "sparsity", "streams"}
    fit = fr.fit(law, runs_of(law, truth), uncertainty="none")
    assert fit.outcome == "converged"
    assert dict(fit.params) == pytest.approx(truth, rel=1e-6)


def test_three_terms_have_the_values_of_their_formulas_put_into_each_other():
    law, truth, at = three(), {**CHINCHILLA, **SPARSE_AND_REPEATED, "k": 0.39}, settings(50)
    streamed = TERMS["stream-parameters"](at["N"], at["streams"], k=0.39)
    size = TERMS["average-parameters"](streamed, at["sparsity"], share=0.625)
    tokens = TERMS["repeated-data"](at["D"], at["U"], R_D=15.0)
    expected = fr.laws.get("chinchilla")(size, tokens, **CHINCHILLA)
    np.testing.assert_allclose(law(*(at[role] for role in law.inputs), **truth), expected, rtol=1e-14)


def test_with_noise_the_intervals_hold_the_parameters_of_three_terms():
    law, truth = three(), {**CHINCHILLA, **SPARSE_AND_REPEATED, "k": 0.39}
    fit = fr.fit(law, runs_of(law, truth, n=200, noise=0.004, seed=3), draws=100, level=0.95)
    for name in ("share", "R_D", "k", "alpha", "beta"):
        low, high = fit.intervals[name]
        assert low < truth[name] < high, (name, low, high)


FAMILIES = {"gpt": (480.0, 2100.0), "llama": (300.0, 1500.0), "olmo": (650.0, 2600.0)}


def grouped(noise, n=80):
    """Runs of three families that differ in A and B, with everything else in common."""
    shared = {k: v for k, v in {**CHINCHILLA, **SPARSE_AND_REPEATED}.items() if k not in ("A", "B")}
    parts = [
        runs_of(two(), {**shared, "A": A, "B": B}, n=n, noise=noise, seed=i)
        for i, (A, B) in enumerate(FAMILIES.values())
    ]
    columns = {role: np.concatenate([p[role] for p in parts]) for role in (*two().inputs, "loss")}
    runs = fr.read_runs({**columns, "family": np.repeat(list(FAMILIES), n)}, sparsity="sparsity", U="U")
    return two().share(*shared, across="family"), runs, shared


def test_parameters_of_terms_can_be_shared_across_families_and_the_rest_differ():
    law, runs, shared = grouped(noise=0.0)
    fit = fr.fit(law, runs, uncertainty="none")
    own = {f"{name}[{f}]": value for f, pair in FAMILIES.items() for name, value in zip("AB", pair)}
    assert dict(fit.params) == pytest.approx({**shared, **own}, rel=1e-6)


def test_what_families_share_is_known_better_than_from_one_of_them():
    law, runs, shared = grouped(noise=0.005)
    together = fr.fit(law, runs, draws=60)
    alone = fr.fit(two(), runs.where(runs["family"] == "gpt"), draws=60)
    for name in ("share", "alpha"):
        low, high = together.intervals[name]
        assert high - low < np.ptp(alone.intervals[name])
        assert abs(together.params[name] - shared[name]) < high - low


def test_a_saved_fit_of_a_composed_and_shared_law_reads_back_the_same():
    law, runs, _ = grouped(noise=0.005, n=40)
    fit = fr.fit(law, runs, draws=10)
    again = fr.Fit.from_json(fit.to_json())
    asked = {"N": 1e9, "D": 1e11, "U": 1e10, "sparsity": 0.5, "family": "olmo"}
    assert again.law.name == law.name
    assert again.forecast(**asked).value == fit.forecast(**asked).value
    assert again.to_json() == fit.to_json()


def test_a_family_without_one_of_the_settings_is_refused_though_others_would_tell_its_shared_effect():
    """A limit of today: a shared parameter needs its input to vary in every family."""
    law, runs, _ = grouped(noise=0.005, n=40)
    dense = np.where(runs["family"] == "olmo", 0.0, runs["sparsity"])
    without = fr.read_runs(
        {**{role: runs[role] for role in (*two().inputs, "loss", "family")}, "sparsity": dense},
        sparsity="sparsity", U="U",
    )  # fmt: skip
    with pytest.raises(fr.DataError, match="all 40 rows of family 'olmo' have sparsity = 0"):
        fr.fit(law, without)


def test_terms_of_which_two_have_a_parameter_of_one_name_are_kept_apart():
    law = fr.laws.get("chinchilla").where(N=TERMS["stream-parameters"]).where(N=TERMS["stream-parameters"])
    assert set(law.params) == {*CHINCHILLA, "k", "N_k"}
