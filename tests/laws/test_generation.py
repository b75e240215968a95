"""Image generation: loss at a far budget, and the map from loss to FID."""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr
from forerun.units import LOSS, Y


@fr.law(
    "own-fid",
    inputs=dict(loss=LOSS),
    output=Y,
    params=dict(
        A=fr.amplitude("FID at a loss of one"),
        power=fr.exponent("how fast FID follows the loss", typical=8.0, bounds=(0.0, 40.0), search=(1.0, 20.0)),
    ),
)
def own_fid(loss, *, A, power):
    """FID of a diffusion model at a loss."""
    return A * loss**power


def published(name):
    return next(one.values for one in fr.laws.get("power-law").published if one.name == name)


def trained(seed, noise=2e-4):
    """SYNTHETIC: losses and FIDs of the best diffusion transformers from the coefficients of a note on the paper."""
    C, law = np.geomspace(1e17, 6e18, 16), fr.laws.get("power-law")
    rng = np.random.default_rng(seed)
    loss = law(C, **published("diffusion transformers, loss")) * np.exp(noise * rng.standard_normal(16))
    fid = law(C, **published("diffusion transformers, FID")) * np.exp(0.02 * rng.standard_normal(16))
    return C, loss, fid


@pytest.mark.capability("visual-generation-laws")
@pytest.mark.parametrize("what", ["loss", "FID"])
def test_synthetic_runs_of_1e17_to_6e18_flop_tell_1_5e21_within_the_interval(what):
    C, loss, fid = trained(seed=1)
    y = loss if what == "loss" else fid
    fit = fr.fit("power-law", fr.read_runs({"x": C, "y": y}), draws=200)
    found = fit.forecast(x=1.5e21)
    truth = fr.laws.get("power-law")(1.5e21, **published(f"diffusion transformers, {what}"))
    assert found.low <= truth <= found.high
    assert (found.high - found.low) / truth < (0.01 if what == "loss" else 0.3)


@pytest.mark.capability("visual-generation-laws")
def test_the_map_from_loss_to_fid_is_fitted_by_itself_on_synthetic_runs():
    """Its power is the ratio of the published ones, 8.6; published for another model, a correlation of -0.998."""
    C, loss, fid = trained(seed=2)
    fit = fr.fit(own_fid, fr.read_runs({"loss": loss, "y": fid}), draws=200)
    low, high = fit.intervals["power"]
    power = published("diffusion transformers, FID")["alpha"] / published("diffusion transformers, loss")["alpha"]
    assert low <= power <= high
    assert high - low < 2.0
    assert np.corrcoef(np.log(C), np.log(loss))[0, 1] < -0.998
    past = fit.predict(
        {"loss": fr.laws.get("power-law")(np.array([1.5e21]), **published("diffusion transformers, loss"))}
    )
    assert past[0] == pytest.approx(25.0, rel=0.1)


def test_the_printed_law_gives_the_printed_size_and_counts_6nd():
    N, D = (
        next(one.values for one in fr.laws.get(law).published if one.name == "diffusion transformers")
        for law in ("optimal-parameters", "optimal-tokens")
    )
    size = fr.laws.get("optimal-parameters")(1.5e21, **N)
    assert size == pytest.approx(958.3e6, rel=0.01)
    assert 6 * size * fr.laws.get("optimal-tokens")(1.5e21, **D) / 1.5e21 == pytest.approx(1.0, abs=0.01)
