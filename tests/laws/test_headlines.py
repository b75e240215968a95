"""Published numbers that are not a loss at a point: each is found by asking the law, and shown with its relative error."""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr


def published(name, label):
    """A registered law with one of its published sets filled in, and that set."""
    law = fr.laws.get(name)
    values = next(s.values for s in law.published if s.name == label)
    return (lambda *inputs, **changed: law(*inputs, **{**values, **changed})), values


def off(found, told):
    """Relative error of what was found."""
    return float(found) / told - 1


def crossing(x, gap):
    """Where ``gap``, which rises or falls with log x, is zero."""
    order = np.argsort(gap)
    return np.exp(np.interp(0.0, gap[order], np.log(x)[order]))


def test_kaplan_says_how_much_text_keeps_a_model_from_overfitting():
    """Section 4.2: with D = 5e3 N^0.74 tokens the loss is within 2 % of that of endless text; the prefactor has one digit."""
    loss, _ = published("kaplan-nd", "table 2")
    D = np.geomspace(1e8, 1e14, 4000)
    needed = [crossing(D, loss(N, D) / loss(N, 1e30) - 1.02) for N in (1e7, 1e9)]
    power = np.log(needed[1] / needed[0]) / np.log(100)
    assert abs(off(power, 0.74)) < 0.01
    assert abs(off(needed[1] / 1e9**power, 5e3)) < 0.15


def test_the_refit_of_chinchilla_grows_models_with_the_published_power_of_compute():
    law, _ = published("chinchilla", "besiroglu")
    N = np.geomspace(1e8, 1e13, 20_001)
    small, large = (N[law(N, flops / (6 * N)).argmin()] for flops in (1e21, 1e25))
    assert abs(off(np.log10(large / small) / 4, 0.5126)) < 0.001


def test_a_unique_token_can_use_the_published_number_of_parameters():
    """Parameters that count when excess ones are worth nothing: those whose part of the loss is left at endless N."""
    law, values = published("data-constrained", "C4")
    U = 1e9
    left = law(1e30, U, U, R_N=1e-12) - values["E"] - values["B"] * U ** -values["alpha"]
    assert abs(off((left / values["A"]) ** (-1 / values["alpha"]) / U, 0.051)) < 0.001


def test_routing_stops_helping_at_the_published_size():
    """Published 937B; the coefficients of the copy, of one and three digits, give 1.0T."""
    law, _ = published("routed", "S-BASE")
    N = np.geomspace(1e10, 1e14, 4000)
    assert abs(off(crossing(N, np.log(law(N, 64) / law(N, 2))), 937e9)) < 0.1


@pytest.mark.parametrize(("experts", "m", "n", "nu"), [(8, 21.833, None, -0.2338), (32, None, 234.6726, None)])
def test_a_mixture_of_experts_is_a_chinchilla_law_with_the_published_coefficients(experts, m, n, nu):
    """Table 4 for each number of experts: L = m N^mu + n D^nu + c, read off the law at three points an axis."""
    law, values = published("joint-moe", "table 3")
    endless, x = 1e300, np.array([1e9, 1e10])
    size, data = (law(x, endless, experts) - values["c"], law(endless, x, experts) - values["c"])
    found = {}
    for part, factor, power in ((size, "m", "mu"), (data, "n", "nu")):
        found[power] = np.log10(part[1] / part[0])
        found[factor] = part[0] / x[0] ** found[power]
    for name, told in (("m", m), ("n", n), ("nu", nu)):
        assert told is None or abs(off(found[name], told)) < 0.002


def test_the_best_number_of_active_and_share_of_shared_experts_are_those_of_the_paper():
    """The paper rounds: about 7 active experts, a share of 0.31 shared."""
    law, _ = published("moe-factors", "paper")
    active, shared = np.linspace(1, 20, 19_001), np.linspace(0, 1, 100_001)
    assert abs(off(active[law(1e10, 1e9, 1e11, active, 0.3).argmin()], 7)) < 0.05
    assert abs(off(shared[law(1e10, 1e9, 1e11, 7.0, shared).argmin()], 0.31)) < 0.02
