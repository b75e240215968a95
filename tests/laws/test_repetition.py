"""Repeated tokens and excess parameters: what they are worth, on released runs and as their paper has it."""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr
from forerun.laws.data.repetition import PER_UNIQUE_TOKEN

LAW = fr.laws.get("data-constrained")
TERMS = fr.laws.terms()


@pytest.fixture
def contours(table):
    return fr.read_runs(table("datablations_contours"))


@pytest.mark.capability("repeated-data-law")
def test_a_law_in_which_repeats_count_for_less_fits_the_released_runs_better(contours):
    chinchilla = fr.laws.get("chinchilla")
    worn = chinchilla.where(N=TERMS["excess-parameters"], D=TERMS["repeated-data"])
    plain, term = (fr.fit(law, contours, uncertainty="none") for law in (chinchilla, worn))
    error = [float(np.median(np.abs(fit.residuals(contours)))) for fit in (plain, term)]
    assert error[1] < 0.75 * error[0]
    assert term.objective_value < 0.75 * plain.objective_value
    fresh, repeated = (term.predict(dict(N=1e9, D=4e10, U=U))[0] for U in (4e10, 1e9))
    assert fresh < repeated


@pytest.mark.capability("repeated-data-law")
def test_in_synthetic_runs_much_repeated_data_make_800m_act_like_400m():
    """Published: 0.1 % of the data seen 100 times. The runs are drawn from the law of the clean runs with that damage."""
    law = fr.laws.get("chinchilla").where(N=TERMS["repetition-damage"])
    truth = {**fr.laws.get("chinchilla").typical(), "f": 0.5}
    size = np.geomspace(1e7, 2e9, 12)
    inputs = dict(N=np.tile(size, 4), D=np.repeat([2e10, 1e11], 24), repeated=np.tile(np.repeat([0.0, 1.0], 12), 2))
    tables = [fr.simulate(law, params=truth, inputs=inputs, noise=0.003, seed=seed) for seed in range(10)]
    fits = [fr.fit(law, table, draws=200) for table in tables]
    limits = [fit.intervals["f"] for fit in fits]
    # Of ten 90 % intervals fewer than six hold the truth once in six hundred times.
    assert sum(low < 0.5 < high for low, high in limits) >= 6
    assert np.median([high - low for low, high in limits]) < 0.15
    fit = fits[0]
    damaged, half = (fit.predict(dict(N=N, D=1e11, repeated=r))[0] for N, r in ((8e8, 1.0), (4e8, 0.0)))
    assert damaged == pytest.approx(half, rel=0.01)


def test_the_published_constants_miss_the_released_table_as_an_independent_program_found(contours):
    """8 to 9 % at the median; R2 0.37 on all runs and 0.78 up to 20 epochs."""
    r2 = []
    for runs in (contours, contours.where("epochs <= 20")):
        y = runs["loss"]
        made = LAW(runs["N"], runs["D"], runs["U"], **LAW.typical())
        assert 0.08 < np.median(np.abs(made / y - 1)) < 0.095
        r2.append(1 - ((made - y) ** 2).sum() / ((y - y.mean()) ** 2).sum())
    assert r2 == pytest.approx([0.37, 0.78], abs=0.006)


@pytest.mark.capability("repeated-data-law")
def test_how_many_repeats_wear_a_token_out_hangs_on_the_weight_of_runs_that_overfit(contours):
    """Published: R_D 15.4 and R_N 5.3, without such runs. Free fits to all of them do not agree on R_D, or with it."""
    robust, squares = (fr.fit("data-constrained", contours, objective=o, draws=60) for o in ("huber", "squared-log"))
    (low, _), (least, most) = (fit.intervals["R_D"] for fit in (robust, squares))
    assert least < squares.params["R_D"] < most < 15.387756 < low < robust.params["R_D"]
    fewer = fr.fit("data-constrained", contours.where("epochs <= 100"), objective="squared-log", draws=60)
    assert fewer.intervals["R_D"][0] < 15.387756 < fewer.intervals["R_D"][1]
    assert all(fit.intervals["R_N"][0] > 5.309743 for fit in (robust, squares, fewer))


def test_the_runs_up_to_twenty_epochs_do_not_tell_after_how_many_repeats_a_token_wears_out(contours):
    fit = fr.fit("data-constrained", contours.where("epochs <= 20"), uncertainty="none")
    assert fit.outcome != "converged" or fit.params["R_D"] > 100


def test_terms_for_both_inputs_are_the_law_of_the_paper():
    values = LAW.typical()
    law = fr.laws.get("chinchilla").where(N=TERMS["excess-parameters"], D=TERMS["repeated-data"]).tie(beta="alpha")
    given = dict(N=np.array([1e8, 6.34e9, 3e10]), D=np.array([4e10, 2.42e11, 1e11]), U=np.array([4e10, 2.5e10, 1e9]))
    made = law(*(given[n] for n in law.inputs), **values)
    assert made == pytest.approx(LAW(given["N"], given["D"], given["U"], **values), rel=2e-4)
    assert (values["A"] / values["B"]) ** (1 / values["alpha"]) == pytest.approx(PER_UNIQUE_TOKEN, rel=1e-3)


def test_data_seen_once_and_sizes_they_can_use_count_in_full():
    data, size = TERMS["repeated-data"], TERMS["excess-parameters"]
    assert data(1e10, 1e10, R_D=15.4) == pytest.approx(1e10, rel=1e-12)
    assert data(1e9, 1e10, R_D=15.4) == pytest.approx(1e9, rel=1e-12)
    assert data(1e15, 1e10, R_D=15.4) == pytest.approx(16.4e10, rel=1e-9)
    assert size(1e8, 1e10, R_N=5.3) == pytest.approx(1e8, rel=1e-12)
    assert size(1e15, 1e10, R_N=5.3) == pytest.approx(6.3 * 0.051 * 1e10, rel=1e-9)


@pytest.mark.parametrize(
    ("flops", "unique", "N", "D"), [(1e22, 25e9, 7.02e9, 237.3e9), (5.76e23, 1e13, 69.96e9, 1.3722e12)]
)
def test_the_published_constants_give_the_published_optimum_of_a_budget(flops, unique, N, D):
    size = np.geomspace(1e9, 1e12, 200_000)
    tokens = flops / 6 / size
    best = int(LAW(size, tokens, unique, **LAW.typical()).argmin())
    assert size[best] == pytest.approx(N, rel=2e-3)
    assert tokens[best] == pytest.approx(D, rel=2e-3)
