"""Brain responses and medical images: old verbs, tables of another kind."""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr

SEEDS, ENOUGH = range(10), 6  # of ten 90 % intervals fewer hold the truth once in six hundred times
GAIN = 0.15 / np.log10(30e9 / 125e6)
SETS = (
    ("natural", 19, 0.106),
    ("natural", 26, 0.08),
    ("medical", 18, 0.5),
    ("medical", 28, 0.35),
    ("medical", 22, 0.7),
)
SIZES = (125e6, 350e6, 1.3e9, 2.7e9, 6.7e9, 13e9, 30e9)  # the OPT models


def brains(path, seed):
    """SYNTHETIC: 15 % in all is published, the score of the smallest model, 0.12, is assumed; three subjects."""
    law, rng = fr.laws.get("brain-encoding"), np.random.default_rng(seed)
    lines = ["model_size,subject,correlation"]
    for subject in range(3):
        for size in SIZES:
            score = float(law(size, level=0.12, gain=GAIN)) * np.exp(0.004 * rng.standard_normal())
            lines.append(f"{size / 1e6:g}M,S{subject},{score:.5f}")
    path.write_text("\n".join(lines), encoding="utf-8")
    return fr.read_runs(path, N="model_size", score="correlation")


def images(path, seed):
    """SYNTHETIC: losses from the law of the source at assumed dimensions and label sharpnesses, medical ones sharper."""
    law, rng = fr.laws.get("intrinsic-dimension"), np.random.default_rng(seed)
    lines = ["domain,n_train,dimension,sharpness,loss"]
    for domain, dimension, sharpness in SETS:
        for samples in (500, 750, 1000, 1250, 1500, 1750):
            loss = float(law(samples, dimension, sharpness, a=0.9, k=1.0, s=1.0)) * np.exp(0.02 * rng.standard_normal())
            lines.append(f"{domain},{samples},{dimension},{sharpness},{loss:.5f}")
    path.write_text("\n".join(lines), encoding="utf-8")


@pytest.mark.capability("biomedical-laws")
def test_the_logarithmic_gain_from_125m_to_30b_is_refitted_from_synthetic_tables(tmp_path):
    fits = [
        fr.fit("brain-encoding", brains(tmp_path / "brain.csv", seed), objective="squared", draws=200) for seed in SEEDS
    ]
    limits = [fit.intervals["gain"] for fit in fits]
    assert sum(low <= GAIN <= high for low, high in limits) >= ENOUGH
    assert max(high - low for low, high in limits) < 0.01
    ends = fits[0].predict({"N": [125e6, 30e9]})
    assert ends[1] / ends[0] == pytest.approx(1.15, abs=0.01)


@pytest.mark.capability("biomedical-laws")
def test_synthetic_medical_and_natural_images_load_by_the_same_schema_and_share_one_law(tmp_path):
    path = tmp_path / "images.csv"
    roles = dict(samples="n_train", dimension="dimension", sharpness="sharpness", loss="loss")
    fits = []
    for seed in SEEDS:
        images(path, seed)
        fits.append(fr.fit("intrinsic-dimension", fr.read_runs(path, **roles), draws=200))
    for name in ("k", "s"):
        assert sum(low <= 1.0 <= high for low, high in (fit.intervals[name] for fit in fits)) >= ENOUGH
    medical = fr.read_runs(path, where="domain == medical", **roles)
    assert len(medical) == 18
    assert np.abs(fits[-1].residuals(medical)).mean() < 0.03
