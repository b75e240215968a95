"""True reward against divergence: it turns, and the best divergence comes with an interval."""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr
from forerun.laws.transfer.reward import divergence_of_best
from forerun.predict import turning_point

# SYNTHETIC throughout: the papers show their coefficients in figures only; these are of the size seen there.
TRUTH = {
    "reward-best-of-n": (dict(alpha=1.0, beta=0.2), divergence_of_best(np.geomspace(2, 6e4, 30)), 6.25),
    "reward-reinforcement": (dict(alpha=1.0, beta=0.35), np.geomspace(0.5, 200, 30), np.exp(2 * (1 / 0.35 - 1))),
}


def curve(law, scatter=0.02, seed=0):
    """Synthetic rewards with additive scatter: beyond the turn they may fall below zero, where a factor makes no sense."""
    params, kl, _ = TRUTH[law]
    reward = fr.laws.get(law)(kl, **params) + scatter * np.random.default_rng(seed).standard_normal(len(kl))
    return fr.read_runs({"kl": kl, "reward": reward}, kl="kl", reward="reward")


@pytest.mark.capability("reward-model-laws")
@pytest.mark.parametrize("law", TRUTH)
def test_the_best_divergence_of_synthetic_rewards_is_returned_with_an_interval(law):
    fits = [fr.fit(law, curve(law, seed=seed), objective="squared", draws=200) for seed in range(10)]
    limits = [turning_point(fit, "kl", highest=True).limits for fit in fits]
    # Of ten 90 % intervals fewer than six hold the truth once in six hundred times.
    assert sum(low <= TRUTH[law][2] <= high for low, high in limits) >= 6
    assert max(high / low for low, high in limits) < 1.5
    fit, (low, high) = fits[0], limits[0]
    best = turning_point(fit, "kl", highest=True)
    assert best.share == 1.0
    assert best.outcome > fit.predict({"kl": np.array([low / 2, 2 * high])}).max()


@pytest.mark.capability("reward-model-laws")
def test_synthetic_rewards_before_the_turn_tell_of_it_and_say_that_no_run_lies_beyond():
    """Up to 100 samples, a divergence of 3.6, the reward still rises; the law places the turn at 6.25 and says so."""
    runs = curve("reward-best-of-n", scatter=0.005).where("kl < 3.7")
    fit = fr.fit("reward-best-of-n", runs, objective="squared", draws=200)
    best = turning_point(fit, "kl", highest=True)
    assert best.at > runs["kl"].max()
    assert best.at == pytest.approx(6.25, rel=0.1)
    assert best.limits[0] < best.at < best.limits[1]
    assert "turn-outside-runs" in [note.code for note in best.notes]


@pytest.mark.parametrize(("law", "best"), [("reward-best-of-n", 5.0**2), ("reward-reinforcement", np.exp(9.0) ** 2)])
def test_the_turn_is_where_the_papers_formula_puts_it(law, best):
    """alpha 1, beta 0.1: at a root of 5 nats, and at a root of exp(9) nats."""
    runs = fr.simulate(law, params=dict(alpha=1.0, beta=0.1), noise=0.0)
    fit = fr.fit(law, runs, objective="squared", uncertainty="none")
    found = turning_point(fit, "kl", highest=True, between=(0.1, 1e10))
    assert found.at == pytest.approx(best, rel=2e-3)
    assert found.limits is None


def test_synthetic_win_rates_of_direct_alignment_are_told_twice_as_well_as_by_a_parabola():
    """The paper: the root mean square error of the parabola is about double."""
    kl, rng = np.geomspace(0.5, 300, 24), np.random.default_rng(5)
    rates = fr.laws.get("reward-reinforcement")(kl, alpha=0.25, beta=0.08) + 0.005 * rng.standard_normal(24)
    runs = fr.read_runs({"kl": kl, "score": rates}, kl="kl", score="score")
    laws = [fr.laws.get(n).along(reward="score") for n in ("reward-reinforcement", "reward-best-of-n")]
    miss = [
        np.sqrt((fr.fit(law, runs, objective="squared", uncertainty="none").residuals(runs) ** 2).mean())
        for law in laws
    ]
    assert 2 * miss[0] < miss[1]


def test_one_round_is_the_law_of_reinforcement_and_more_rounds_put_the_turn_off_by_their_square():
    once, often = fr.laws.get("reward-reinforcement"), fr.laws.get("reward-iterated")
    values = dict(alpha=1.0, beta=0.35)
    kl = np.geomspace(1, 1e4, 2001)
    np.testing.assert_allclose(often(kl, 1.0, **values), once(kl, **values), rtol=1e-12)
    turns = [kl[often(kl, rounds, **values).argmax()] for rounds in (1.0, 3.0)]
    assert turns[1] / turns[0] == pytest.approx(9.0, rel=0.02)


def test_the_divergence_of_the_best_of_n_is_that_of_the_density_of_a_maximum():
    """Of n uniform numbers the largest has density n u**(n - 1): its divergence, integrated."""
    u = (np.arange(2_000_000) + 0.5) / 2_000_000
    for n in (2, 16, 100):
        density = n * u ** (n - 1)
        assert divergence_of_best(n) == pytest.approx((density * (np.log(n) + (n - 1) * np.log(u))).mean(), abs=1e-4)
