"""The critical batch: on the released sweep of Step Law, from the noise of gradients, and what it costs to pass it."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import forerun as fr
from forerun.ladder.monitor import Monitor
from forerun.predict import critical_batches, noise_scale
from forerun.predict.cells import cells

LAWS = {"N": "critical-batch-size", "D": "critical-batch-data", "loss": "kaplan-bcrit"}


WINDOWS = (0.03, 0.05, 0.08)
WASTES = (0.1, 0.2, 0.4)


@cache
def sweep(path):
    """The critical batches by window of the smoothed cells and share of tokens that may be wasted."""
    runs = fr.read_runs(
        path, N="params_non_embedding", D="tokens", lr="lr", batch="batch_tokens", loss="loss_smooth",
        loss_unit="nats/token",
    )  # fmt: skip
    found = {window: cells(runs, window=window, draws=5) for window in WINDOWS}
    return {(w, x): critical_batches(found[w], extra=x) for w in WINDOWS for x in WASTES}


@pytest.mark.capability("critical-batch-law")
def test_on_the_released_sweep_data_tell_the_critical_batch_and_neither_size_nor_loss_does(table):
    """In all nine ways to define it (windows of 3, 5 and 8 %, wastes of 10, 20 and 40 %) data leave least over.

    What they leave is at most a fifth of what loss leaves. Their power is 0.36 to 0.53 by the definition: 0.44 (90 %: 0.40
    to 0.49) at 20 % and the window of 3 %. The published 0.47 is of other runs and lies in five of the nine intervals;
    14 to 17 of the 17 cells have a critical batch inside the sweep, and those that do not are the longest runs.
    """
    for how, runs in sweep(table("steplaw_dense")).items():
        fits = {role: fr.fit(law, runs, objective="squared-log", draws=100) for role, law in LAWS.items()}
        left = {role: fit.objective_value for role, fit in fits.items()}
        assert 14 <= len(runs) <= 17
        assert ("beyond-the-sweep" in [n.code for n in runs.notes]) == (len(runs) < 17)
        assert left["D"] < 0.25 * left["loss"], how
        assert left["D"] < 0.25 * left["N"], how
        low, high = fits["D"].intervals["e"]
        assert 0.3 < low < high < 0.7, how


@fr.law(
    "critical-batch-of-both",
    inputs=dict(N=fr.units.PARAMETERS, D=fr.units.TOKENS),
    output=fr.units.BATCH,
    params=dict(
        c=fr.amplitude("critical batch at 1B parameters and 10B tokens", typical=1e6, search=(1e4, 1e8)),
        e_N=fr.coefficient("power of the size", typical=0.0, search=(-1.0, 1.0)),
        e_D=fr.coefficient("power of the tokens", typical=0.5, search=(-1.0, 1.0)),
    ),
)
def both(N, D, *, c, e_N, e_D):
    """Critical batch as a power of size and of tokens."""
    return c * (N / 1e9) ** e_N * (D / 1e10) ** e_D


@pytest.mark.capability("critical-batch-law")
def test_size_and_data_together_leave_the_power_to_the_data(table):
    """D^0.47 and N^-0.16 at 20 % and the window of 3 %; over the nine ways D^0.37 to 0.56 and N^-0.26 to -0.04."""
    for how, runs in sweep(table("steplaw_dense")).items():
        fit = fr.fit(both, runs, objective="squared-log", draws=100)
        size, data = fit.intervals["e_N"], fit.intervals["e_D"]
        assert 0.3 < data[0] < data[1] < 0.7, how
        assert size[1] < 0.05, how
        assert fit.params["e_D"] > 2 * abs(fit.params["e_N"]), how


# -- from the noise of gradients ----------------------------------------------------------------------------------


def squares(batch, *, width=400, noise=8.0, draws=4000, seed=0):
    """Mean squared norm of gradients of that many samples: a true one of norm 1, noise of covariance noise / width."""
    rng = np.random.default_rng(seed)
    truth = np.full(width, width**-0.5)
    drawn = truth + np.sqrt(noise / width / batch) * rng.standard_normal((draws, width))
    return float((drawn**2).sum(axis=1).mean())


def test_the_noise_scale_of_known_gradients_is_their_noise_over_their_square():
    found = noise_scale(small=4, large=32, small_square=squares(4), large_square=squares(32, seed=1))
    assert found == pytest.approx(8.0, rel=0.02)


def test_the_noise_scale_of_a_ladder_is_counted_by_the_same_rule():
    monitor = Monitor()
    monitor.compare(5.0, 3.0)
    assert monitor.point(64)["noise_scale"] == noise_scale(small=32, large=64, small_square=5.0, large_square=3.0)


def test_gradients_that_drown_or_have_no_noise_have_no_finite_noise_scale():
    assert noise_scale(small=32, large=64, small_square=2.0, large_square=1.0) == float("inf")
    assert noise_scale(small=32, large=64, small_square=1.0, large_square=1.0) == 0.0
    with pytest.raises(fr.DataError, match="two different batches, received 64 and 64"):
        noise_scale(small=64, large=64, small_square=2.0, large_square=1.0)


N, SECONDS = 1e9, 0.5  # parameters, and seconds a step takes at any batch if devices are added with it
BATCHES = np.geomspace(2e4, 2e7, 31)


@pytest.mark.capability("critical-batch-law")
def test_a_noise_scale_and_one_run_draw_steps_against_batch_and_time_against_compute():
    """SYNTHETIC gradients whose noise scale is 8 samples of 100k tokens; one run of 40,000 steps at 400k tokens a step.

    At the critical batch a run takes twice the fewest steps and twice the fewest tokens (McCandlish et al. 2018).
    """
    noise = 1e5 * noise_scale(small=4, large=32, small_square=squares(4), large_square=squares(32, seed=1))
    law, run = fr.laws.get("mccandlish-steps"), (4e5, 4e4)
    fewest_steps = run[1] / (1 + noise / run[0])

    def steps_at(batch):
        return law(batch, S_min=fewest_steps, B_crit=noise)

    steps = steps_at(BATCHES)
    compute, seconds = 6 * N * steps * BATCHES, steps * SECONDS
    fewest = fewest_steps * noise * 6 * N
    assert steps_at(run[0]) == pytest.approx(run[1])
    assert steps_at(noise) == pytest.approx(2 * fewest_steps)
    np.testing.assert_allclose((seconds / SECONDS / fewest_steps - 1) * (compute / fewest - 1), 1, rtol=1e-9)

    against_batch = fr.front({"batch": BATCHES, "steps": steps}, costs="batch", score="steps", lowest=True)
    trade = fr.front(
        {"compute": compute, "seconds": seconds, "batch": BATCHES}, costs="compute", score="seconds", lowest=True
    )
    for found in (against_batch, trade):  # every batch has its use: none is beaten by another
        assert len(found) == len(BATCHES)
        figure = found.plot()
        drawn = figure.axes[0].lines[1]
        assert drawn.get_xdata().tolist() == found[found.costs[0]].tolist()
        assert drawn.get_ydata().tolist() == found[found.score].tolist()
    cheap, quick = trade.best(compute=1.2 * fewest), trade.best(compute=6 * fewest)
    assert cheap["batch"] < noise < quick["batch"]
    assert quick["seconds"] < 0.25 * cheap["seconds"]
