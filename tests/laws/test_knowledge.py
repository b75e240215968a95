"""Bits of knowledge that a model holds, and the size at which it seldom recalls them wrongly."""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr


@pytest.mark.capability("knowledge-and-hallucination-laws")
def test_seven_billion_parameters_hold_14_billion_bits_under_the_stated_conditions():
    law = fr.laws.get("knowledge-capacity")
    stated = next(s for s in law.published if s.name == "1000 exposures")
    assert law(7e9, **stated.values) == 14e9
    assert "seen 1000 times" in stated.fitted_on


@pytest.mark.capability("knowledge-and-hallucination-laws")
def test_one_wrong_fact_in_twenty_asks_for_ten_times_the_chinchilla_size_as_one_study_has_it():
    law = fr.laws.get("hallucination-size")
    stated = next(iter(law.published))
    assert law(1.4e12, **stated.values) == pytest.approx(10 * 70e9)
    assert "one study" in stated.fitted_on
    assert not stated.verified
    fit = fr.fit(law, fr.simulate(law, params=dict(stated.values), noise=0.1, seed=1))
    assert any("extrapolated from one study" in note.message for note in fit.notes)
    assert fit.forecast(D=1.4e12).value == pytest.approx(700e9, rel=0.1)


def test_synthetic_measurements_give_the_bits_a_parameter_and_carry_the_conditions_along():
    law = fr.laws.get("knowledge-capacity")
    runs = fr.simulate(law, params={"c": 2.0}, inputs={"N": np.geomspace(1e6, 3e8, 12)}, noise=0.05, seed=4)
    fit = fr.fit(law, runs)
    answer = fit.forecast(N=7e9)
    assert answer.low < 14e9 < answer.high
    assert any("1000 times" in note.message for note in fit.notes)
    assert "far-extrapolation" in {note.code for note in answer.notes}
    assert fit.params["c"] == pytest.approx(2.0, rel=0.05)
