"""Percentiles against NumPy's own, and where NumPy's would be not a number."""

import numpy as np
import pytest

from forerun.fitting.percentile import percentiles

SHARES = [0.0, 0.05, 0.37, 0.5, 0.95, 1.0]


@pytest.mark.parametrize("shape", [(1,), (2,), (21,), (100, 3), (7, 2, 2)])
def test_agrees_with_numpy(shape):
    samples = np.random.default_rng(0).normal(size=shape)
    np.testing.assert_allclose(percentiles(samples, SHARES), np.quantile(samples, SHARES, axis=0), rtol=1e-13)


def test_a_share_that_reaches_infinity_is_infinite():
    samples = np.array([-np.inf, -np.inf, 1.0, 2.0, np.inf])
    assert percentiles(samples, [0.1, 0.3, 0.5, 0.8, 1.0]).tolist() == [-np.inf, -np.inf, 1.0, np.inf, np.inf]


def test_nan_among_the_samples_is_not_hidden():
    assert np.isnan(percentiles(np.array([1.0, np.nan, 2.0]), [0.0, 0.5])).all()
