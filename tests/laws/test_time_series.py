"""Time-series models on series like and unlike those of training."""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr

GROUPS = ("OOD-LSF", "OOD-Monash", "ID")
RANGES = {"N": (1e3, 1e9), "D": (1e7, 1.6e10), "C": (1e-8, 1e-1)}
NOISE = 0.003
SEEDS = range(6)


def published(arch, group, axis):
    return next(
        one.values for one in fr.laws.get("power-law").published if one.name == f"time series, {arch}, {group}, {axis}"
    )


def losses(arch, axis, seed=0):
    """SYNTHETIC: losses of three groups of series, from the exponents and factors of the figure legends."""
    rng = np.random.default_rng(seed)
    x = np.geomspace(*RANGES[axis], 12)
    law = fr.laws.get("power-law")
    columns = {"x": np.tile(x, 3), "family": np.repeat(GROUPS, 12)}
    y = np.concatenate([law(x, **published(arch, group, axis)) for group in GROUPS])
    return fr.read_runs(columns | {"y": y * np.exp(NOISE * rng.standard_normal(36))}, x="x", y="y")


def spread(fit, runs):
    return np.std(fit.residuals(runs)) / NOISE


@pytest.mark.capability("time-series-laws")
@pytest.mark.parametrize("axis", RANGES)
@pytest.mark.parametrize("arch", ["encoder", "decoder"])
def test_groups_of_synthetic_series_give_their_published_exponents_back(arch, axis):
    inside, widths = [], []
    for seed in SEEDS:
        runs = losses(arch, axis, seed)
        for group in GROUPS:
            low, high = fr.fit("power-law", runs.where(f"family == {group}"), draws=200).intervals["alpha"]
            inside.append(low <= published(arch, group, axis)["alpha"] <= high)
            widths.append(high - low)
    assert np.mean(inside) > 0.7
    assert np.mean(widths) < 0.002


@pytest.mark.capability("time-series-laws")
@pytest.mark.parametrize("arch", ["encoder", "decoder"])
def test_one_exponent_with_group_factors_fits_size_but_not_data_of_synthetic_series(arch):
    """Over parameters the groups differ by a factor; over data, series like those of training gain three times faster."""
    law = fr.laws.get("power-law").share("alpha", across="family")
    size, data = (losses(arch, axis) for axis in "ND")
    shared = [fr.fit(law, runs, uncertainty="none") for runs in (size, data)]
    assert set(shared[0].params) == {"alpha", *(f"A[{group}]" for group in GROUPS)}
    assert 0.014 < shared[0].params["alpha"] < 0.03
    assert spread(shared[0], size) < 5
    assert spread(shared[1], data) > 10


def test_the_encoder_of_300m_parameters_has_the_loss_of_the_figure():
    assert fr.laws.get("power-law")(3e8, **published("encoder", "ID", "N")) == pytest.approx(1.70, rel=0.02)
