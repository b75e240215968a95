"""Parallel streams: what they are worth in parameters, and what they save in memory and time beside more parameters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import forerun as fr
from forerun.cost import Decoder, decoding_cost, parameters

# config.json of ParScale/ParScale-1.8B-P1-Pile; with its norms and biases it has the parameters of the table.
MODEL = Decoder(layers=36, width=1536, heads=16, kv_heads=2, feed_forward=8320, vocabulary=151936, gated=True, tied=True,
                gains=2, final_gains=1)  # fmt: skip
BIASES = 36 * (1536 + 2 * 192)
PREFIX = 48  # parscale_n_tokens
A100 = {"bandwidth": 2.039e12, "peak": 312e12}


def measured(table, corpus):
    return fr.read_runs(
        table("parscale_losses"),
        where=f"corpus == {corpus}",
        N="params_non_embedding",
        streams="n_streams",
        loss="loss",
    )


def test_the_shape_of_the_released_model_has_the_parameters_of_the_table(table):
    sizes = measured(table, "pile").where("streams == 1")["N"]
    assert parameters(MODEL, embeddings=False) + BIASES in sizes.tolist()


def increases(table, corpus, *, context, streams=8, batch=1):
    """What more memory and time 8 streams cost, and what a model costs that is as good without streams, by factors.

    The model without streams has more layers: the multiplier of the fit to the table, of the same width.
    """
    runs = measured(table, corpus)
    fit = fr.fit("parallel-streams", runs, uncertainty="none")
    of_streams = {n: runs.where(f"streams == {n}")["N"] for n in (1, streams)}
    place = of_streams[1].tolist().index(parameters(MODEL, embeddings=False) + BIASES)
    worth = fr.laws.terms()["stream-parameters"](1.0, streams, k=fit.params["k"])
    larger = replace(MODEL, layers=round(MODEL.layers * worth))
    how = {"context": context, "batch": batch, **A100}
    one = decoding_cost(MODEL, **how)
    parallel = decoding_cost(
        MODEL, streams=streams, prefix=PREFIX, extra_parameters=of_streams[streams][place] - of_streams[1][place], **how
    )
    dense = decoding_cost(larger, **how)
    return {
        "memory": (dense.memory - one.memory) / (parallel.memory - one.memory),
        "time": (dense.seconds - one.seconds) / (parallel.seconds - one.seconds),
    }


@pytest.mark.capability("parallel-stream-law")
@pytest.mark.parametrize(("corpus", "worth"), [("stack_v2_python", 1.818), ("pile", 1.695)])
def test_streams_of_the_public_table_become_a_multiplier_of_parameters_that_grows_with_their_logarithm(
    table, corpus, worth
):
    fit = fr.fit("parallel-streams", measured(table, corpus), draws=200)
    size = fr.laws.terms()["stream-parameters"]
    streams = np.array([1.0, 2.0, 4.0, 8.0])
    worths = size(1.0, streams, k=fit.params["k"])
    assert worths[0] == 1.0
    np.testing.assert_allclose(np.diff(worths), fit.params["k"] * np.log(2), rtol=1e-12)
    assert worths[3] == pytest.approx(worth, abs=0.001)
    low, high = (size(1.0, 8.0, k=k) for k in fit.intervals["k"])
    assert 1.6 < low < worth < high < 2.0
    np.testing.assert_allclose(
        fit.predict({"N": 1e9 * worths, "streams": np.ones(4)}), fit.predict({"N": np.full(4, 1e9), "streams": streams})
    )


@pytest.mark.capability("parallel-stream-law")
@pytest.mark.parametrize(("context", "memory"), [(128, 30), (256, 23), (512, 16)])
def test_eight_streams_take_some_22_times_less_memory_than_the_parameters_they_stand_for(table, context, memory):
    """Published: up to 22 times less memory and 6 times less time, of 1.6B at batch 1; the context was not read.

    The roofline gives 16 to 30 for memory, by the context, and 14 to 26 with the fit to the Pile; as much for time, for both
    are bytes that are read. It knows of no launches or activations, so the measured 6 is not expected of it: it bounds it
    from above.
    """
    found = increases(table, "stack_v2_python", context=context)
    assert found["memory"] == pytest.approx(memory, rel=0.05)
    assert found["time"] > 6


@pytest.mark.capability("parallel-stream-law")
def test_streams_cost_more_time_than_parameters_once_the_batch_is_large(table):
    assert increases(table, "stack_v2_python", context=256, batch=1)["time"] > 6
    assert increases(table, "stack_v2_python", context=256, batch=128)["time"] < 1
