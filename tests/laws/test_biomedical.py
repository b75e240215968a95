"""Brain responses and medical images: old verbs, tables of another kind."""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr

SIZES = (125e6, 350e6, 1.3e9, 2.7e9, 6.7e9, 13e9, 30e9)  # the OPT models


@pytest.mark.capability("biomedical-laws")
def test_the_logarithmic_gain_from_125m_to_30b_is_refitted_from_a_synthetic_table(tmp_path):
    """SYNTHETIC: 15 % in all is published, the score of the smallest model, 0.12, is assumed; three subjects."""
    law, rng = fr.laws.get("brain-encoding"), np.random.default_rng(0)
    gain = 0.15 / np.log10(30e9 / 125e6)
    lines = ["model_size,subject,correlation"]
    for subject in range(3):
        for size in SIZES:
            score = float(law(size, level=0.12, gain=gain)) * np.exp(0.004 * rng.standard_normal())
            lines.append(f"{size / 1e6:g}M,S{subject},{score:.5f}")
    path = tmp_path / "brain.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    runs = fr.read_runs(path, N="model_size", score="correlation")
    fit = fr.fit(law, runs, objective="squared", draws=200)
    low, high = fit.intervals["gain"]
    assert low <= gain <= high
    assert high - low < 0.01
    ends = fit.predict({"N": [125e6, 30e9]})
    assert ends[1] / ends[0] == pytest.approx(1.15, abs=0.01)


@pytest.mark.capability("biomedical-laws")
def test_synthetic_medical_and_natural_images_load_by_the_same_schema_and_share_one_law(tmp_path):
    """SYNTHETIC: losses from the law of the source at assumed dimensions and label sharpnesses, medical ones sharper."""
    law, rng = fr.laws.get("intrinsic-dimension"), np.random.default_rng(2)
    sets = (
        ("natural", 19, 0.106),
        ("natural", 26, 0.08),
        ("medical", 18, 0.5),
        ("medical", 28, 0.35),
        ("medical", 22, 0.7),
    )
    lines = ["domain,n_train,dimension,sharpness,loss"]
    for domain, dimension, sharpness in sets:
        for samples in (500, 750, 1000, 1250, 1500, 1750):
            loss = float(law(samples, dimension, sharpness, a=0.9, k=1.0, s=1.0)) * np.exp(0.02 * rng.standard_normal())
            lines.append(f"{domain},{samples},{dimension},{sharpness},{loss:.5f}")
    path = tmp_path / "images.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    roles = dict(samples="n_train", dimension="dimension", sharpness="sharpness", loss="loss")
    runs = fr.read_runs(path, **roles)
    fit = fr.fit(law, runs, draws=200)
    for name in ("k", "s"):
        low, high = fit.intervals[name]
        assert low <= 1.0 <= high
    medical = fr.read_runs(path, where="domain == medical", **roles)
    assert len(medical) == 18
    assert np.abs(fit.residuals(medical)).mean() < 0.03
