"""Questions outside the runs and curves that cross: what is warned of, and where."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import forerun as fr
from tests.predict.methods import fitted, random_runs


def accelerator_hours(low, high, seed, a, b):
    """A synthetic learning curve y = a x^-b over accelerator hours, with 0.5 % noise."""
    x = np.geomspace(low, high, 30)
    y = a * x**-b * np.exp(np.random.default_rng(seed).normal(0, 0.005, len(x)))
    return fr.read_runs({"x": x, "y": y})


def two_curves(low, high):
    """SYNTHETIC, made from two power laws that meet at 50,000 hours: the published GPT and LSTM runs have no table here."""
    meet = 5e4
    slow, fast = (accelerator_hours(low, high, s, 3.0 * meet**b, b) for s, b in ((1, 0.05), (2, 0.12)))
    return [fr.fit("power-law", runs, draws=200) for runs in (slow, fast)]


@pytest.mark.capability("range-and-crossover-warnings")
@pytest.mark.parametrize(("high", "asked", "outside"), [(1e4, 1e6, 2.0), (1e7, 1e6, 0.0), (1e7, 1e5, 0.0)])
def test_curves_that_cross_on_the_way_to_the_question_or_in_the_range_raise_a_warning(high, asked, outside):
    """Synthetic: two power laws that meet at 50,000 accelerator hours, as GPT and LSTM are reported to."""
    slow, fast = two_curves(1e2, high)
    found = fr.compare({"lstm": slow, "gpt": fast}, cuts=0)
    there = found.at(x=asked)
    note = next(n for n in there.notes if n.code == "crossing-curves")
    assert note.severity == "warning"
    assert note.evidence["low"] <= 5e4 <= note.evidence["high"]
    assert note.evidence["at"] == pytest.approx(
        5e4, rel=0.3
    )  # five standard errors of where the fitted lines meet, 1.3 decades out
    assert "lstm is better below, gpt above" in note.message
    assert there.decades_outside == pytest.approx(outside, abs=1e-9)
    assert ("2.00 decades outside the runs" in str(there)) == (outside > 0)
    assert there.winner == "gpt"
    assert (found.winner == "they cross") == (high > 5e4)
    assert ("crossing-curves" in {n.code for n in found.notes}) == (high > 5e4)


@pytest.mark.capability("range-and-crossover-warnings")
def test_a_question_short_of_the_crossing_raises_no_warning():
    found = fr.compare(dict(zip(("lstm", "gpt"), two_curves(1e2, 1e4))), cuts=0)
    assert found.at(x=2e4).notes == ()
    assert found.at(x=1e3).winner == "lstm"


@pytest.mark.capability("range-and-crossover-warnings")
def test_a_fit_asked_outside_its_range_says_by_how_many_decades():
    """Synthetic runs from 2.2e15 FLOPs on, where a published law breaks: below, above, and for each input by itself."""
    compute = np.geomspace(2.2e15, 2.2e19, 30)
    line = fr.fit("power-law", fr.read_runs({"x": compute, "y": 40.0 * compute**-0.05}), draws=50)
    for asked, decades in ((2.2e13, 2.0), (2.2e12, 3.0), (2.2e21, 2.0), (1.1e15, np.log10(2)), (1e17, 0.0)):
        answer = line.forecast(x=asked)
        assert answer.decades_outside == pytest.approx(decades, abs=1e-9)
        assert (f"{decades:.2f} decades outside the fitted runs" in str(answer)) == (decades > 0)
        far = [n.evidence["decades_outside"] for n in answer.notes if n.code == "far-extrapolation"]
        assert far == ([pytest.approx(decades)] if decades > 1 else [])
    runs = random_runs(0)
    fit = fitted(runs)
    for role, other in (("N", "D"), ("D", "N")):
        inside = float(np.median(runs[other]))
        answer = fit.forecast(**{role: 100 * runs[role].max(), other: inside})
        assert answer.decades_outside == pytest.approx(2.0)


def test_draws_that_never_cross_leave_the_interval_open():
    """Two draws: one pair of curves meets at 50,000, the other never does."""
    slow, fast = two_curves(1e2, 1e4)
    best = [np.array(list(f.params.values())) for f in (slow, fast)]
    never = best[1].copy()
    never[list(fast.params).index("alpha")] = best[0][list(slow.params).index("alpha")]
    never[0] = 1.1 * best[0][0]
    draws = [np.stack([best[0]] * 2), np.stack([best[1], never])]
    one, two = (replace(f, draws=d, table=None) for f, d in zip((slow, fast), draws))
    note = next(n for n in fr.compare({"one": one, "two": two}, cuts=0).at(x=1e6).notes if n.code == "crossing-curves")
    assert note.evidence["high"] is None
    assert "to inf" in note.message
