"""Few bits: the critical number of tokens, the best precision, and what quantisation does to a trained model.

No table of runs in few bits is public; the runs are drawn from published coefficients, as the names of the tests say.
"""

from __future__ import annotations

import numpy as np
import pytest

import forerun as fr
from forerun.predict import best_inputs

FORMATS = np.array([(e, m) for e in range(1, 9) for m in range(9)], float)
SHARE = 6 / 16  # FLOP for each parameter, token and bit: six at 16 bits, as in section 4.4 of arXiv:2501.02423


@pytest.fixture(scope="module")
def floats():
    law = fr.laws.get("sun-floating-point")
    return fr.fit(law, fr.simulate(law, n=358, noise=0.002, seed=1), draws=100)


def cells(flops):
    """Every size and format that spends a budget, which pays for bits too."""
    size = np.geomspace(1e7, 1e19, 240)
    N, place = (x.ravel() for x in np.meshgrid(size, np.arange(len(FORMATS)), indexing="ij"))
    e, m = FORMATS[place.astype(int)].T
    return {"N": N, "D": flops / (SHARE * N * (e + m + 1)), "exponent_bits": e, "mantissa_bits": m, "block": 128.0}


@pytest.mark.capability("precision-training-law")
@pytest.mark.parametrize(("e", "m", "published"), [(8, 7, 1730e12), (4, 3, 27e12), (2, 1, 0.4e12)])
def test_synthetic_runs_from_published_constants_give_the_critical_tokens_of_a_format(floats, e, m, published):
    tokens = np.geomspace(1e10, 1e17, 7000)
    best = best_inputs(floats, dict(N=1e9, D=tokens, exponent_bits=e, mantissa_bits=m, block=128.0))
    low, high = best.limits["D"]
    assert low < published < high
    assert best.inputs["D"] == pytest.approx(published, rel=0.15)
    ask = dict(N=1e9, exponent_bits=e, mantissa_bits=m, block=128.0)
    assert floats.forecast(D=best.inputs["D"], **ask).value < floats.forecast(D=4 * best.inputs["D"], **ask).value


@pytest.mark.capability("precision-training-law")
@pytest.mark.parametrize(("flops", "bits"), [(1e21, 4), (1e26, 6), (1e31, 8)])
def test_synthetic_runs_from_published_constants_have_their_best_precision_at_4_to_8_bits(floats, flops, bits):
    """Published: between 4 and 8 bits from 1e21 to 1e31 FLOP."""
    best = best_inputs(floats, cells(flops))
    assert 1 + best.inputs["exponent_bits"] + best.inputs["mantissa_bits"] == bits
    assert not {"N", "exponent_bits", "mantissa_bits"} & set(best.edges)


@pytest.mark.parametrize(("total", "layout"), [(4, (2, 1)), (8, (4, 3)), (16, (8, 7))])
def test_the_published_constants_prefer_the_usual_layouts(total, layout):
    law = fr.laws.get("sun-floating-point")
    loss = {(e, total - 1 - e): law(1e9, 1e12, e, total - 1 - e, 128, **law.typical()) for e in range(total)}
    assert min(loss, key=loss.get) == layout


def test_a_term_for_few_bits_makes_the_law_of_the_paper():
    law = fr.laws.get("kumar-precision")
    values = law.typical()
    made = fr.laws.get("chinchilla").where(N=fr.laws.terms()["low-precision-parameters"])
    given = dict(N=1e9, D=2e10, weight_bits=4.0, activation_bits=8.0, cache_bits=6.0)
    expected = law(*(given[n] for n in law.inputs), **values)
    assert made(*(given[n] for n in made.inputs), **values) == pytest.approx(expected, rel=1e-14)
    full = dict(given, weight_bits=60.0, activation_bits=60.0, cache_bits=60.0)
    plain = fr.laws.get("chinchilla")(1e9, 2e10, **{k: values[k] for k in ("E", "A", "alpha", "B", "beta")})
    assert made(*(full[n] for n in made.inputs), **values) == pytest.approx(plain, rel=1e-9)


@pytest.mark.parametrize("name", ["kumar-quantisation", "ouyang-quantisation"])
def test_a_trained_model_loses_more_by_quantisation_the_longer_it_was_trained_and_the_fewer_bits_it_keeps(name):
    law = fr.laws.get(name)
    rise = [[float(law(1e9, D, bits, **law.published[0].values)) for D in (2e10, 2e11, 2e12)] for bits in (2, 3, 4)]
    assert (np.diff(rise, axis=1) > 0).all()
    assert (np.diff(rise, axis=0) < 0).all()


PYTHIA = np.array([85e6, 302e6, 805e6, 1.2e9, 2.5e9, 6.4e9, 11.3e9])  # parameters without embeddings, 160M to 12B


@pytest.fixture(scope="module")
def checkpoints():
    """SYNTHETIC: seven sizes at ten token counts in 2, 3 and 4 bits, from the published constants of GPTQ on Pythia."""
    law = fr.laws.get("ouyang-quantisation")
    N, D, bits = (x.ravel() for x in np.meshgrid(PYTHIA, np.geomspace(2e9, 3e11, 10), [2.0, 3.0, 4.0]))
    truth = dict(law.published[0].values)
    return fr.simulate(law, params=truth, inputs={"N": N, "D": D, "bits": bits}, noise=0.05, seed=3), truth


@pytest.fixture(scope="module")
def degradation(checkpoints):
    return fr.fit("ouyang-quantisation", checkpoints[0], draws=200, level=0.95)


@pytest.mark.capability("quantization-laws")
def test_in_synthetic_checkpoints_degradation_rises_with_tokens_per_parameter_and_falls_with_bits(
    checkpoints, degradation
):
    """At one size it grows as the tokens per parameter to the power 0.53 (95 %: 0.52 to 0.53)."""
    runs, truth = checkpoints
    for name, value in truth.items():
        low, high = degradation.intervals[name]
        assert low < value < high
    assert degradation.intervals["beta"][0] > 0.5
    assert degradation.intervals["gamma"][0] > 5
    for N in (PYTHIA[0], PYTHIA[-1]):
        same = np.full(3, N)
        rising = degradation.sample({"N": same, "D": N * np.array([20.0, 60.0, 180.0]), "bits": np.full(3, 4.0)})
        falling = degradation.sample({"N": same, "D": 20 * same, "bits": np.array([2.0, 3.0, 4.0])})
        assert (np.diff(rising, axis=1) > 0).all()
        assert (np.diff(falling, axis=1) < 0).all()
    many, few = (np.mean(runs["degradation"][part]) for part in (runs["M"] > 100, runs["M"] < 100))
    assert many > 2 * few


@pytest.mark.capability("quantization-laws")
def test_quality_against_total_bits_is_drawn_and_four_bits_are_best(degradation):
    """SYNTHETIC, 300B tokens: Chinchilla's loss (refitted constants) and the degradation that the fit above gives.

    All weights at 16 bits stand for no degradation. Among 2, 3, 4 and 16 bits 4 are best at every total that has a model
    of each; published for other models and rounding: 4 are nearly always best (arXiv:2212.09720, from memory).
    """
    sizes, precision = (x.ravel() for x in np.meshgrid(np.geomspace(1e8, 1e11, 31), [2.0, 3.0, 4.0, 16.0]))
    chinchilla = fr.laws.get("chinchilla")
    values = next(s.values for s in chinchilla.published if s.name == "besiroglu")
    loss = chinchilla(sizes, 3e11, **values)
    loss = loss + np.where(precision < 16, degradation.predict({"N": sizes, "D": 3e11, "bits": precision}), 0.0)
    runs = fr.read_runs({"N": sizes, "D": 0 * sizes + 3e11, "bits": precision, "loss": loss}, bits="bits")
    np.testing.assert_allclose(runs["total_bits"], sizes * precision)
    names = [f"{b:g} bits" for b in precision]
    table = {"precision": names, "total_bits": runs["total_bits"], "loss": loss}
    found = fr.front(table, costs="total_bits", score="loss", lowest=True)
    within = (found["total_bits"] >= 4e8) & (found["total_bits"] <= 4e11)  # where every number of bits has a model
    assert (found["precision"][within] == "4 bits").all()
    assert found.best(total_bits=1e10)["precision"] == "4 bits"
    figure = found.plot()
    assert figure.axes[0].get_xlabel() == "bits of all weights total_bits"
    every = figure.axes[0].lines[0]
    np.testing.assert_allclose(np.sort(every.get_xdata()), np.sort(runs["total_bits"]))
    np.testing.assert_allclose(np.sort(every.get_ydata()), np.sort(loss))
