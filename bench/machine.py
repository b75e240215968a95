"""What the machine can do: one value, gradient and Hessian over the rows, written by hand in NumPy and in C."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from bench.cpu import repeated

Array = np.ndarray
FLAGS = ("-O3", "-march=native", "-ffast-math", "-shared", "-fPIC")
DELTA = 1e-3
NUMPY_PASSES, C_PASSES = 2_000, 20_000


def microseconds_by_numpy(size: Array, tokens: Array, loss: Array, params: Array, repeats: int) -> list[float]:
    """CPU microseconds of one pass in NumPy; ``params`` are E, a, alpha, b, beta."""
    u, v, log_loss = np.log(size), np.log(tokens), np.log(loss)

    def run() -> None:
        for _ in range(NUMPY_PASSES):
            numpy_pass(u, v, log_loss, params)

    return [1e6 * s / NUMPY_PASSES for s in repeated(run, repeats)]


def microseconds_by_c(size: Array, tokens: Array, loss: Array, params: Array, repeats: int) -> list[float] | None:
    """CPU microseconds of one pass in C; None without a compiler. The result is checked against NumPy's."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    columns = [np.ascontiguousarray(np.log(x)) for x in (size, tokens, loss)]
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "one_pass.so"
        source = Path(__file__).with_name("one_pass.c")
        subprocess.run([compiler, *FLAGS, str(source), "-o", str(library), "-lm"], check=True)
        passes = ctypes.CDLL(str(library)).passes
        out = np.empty(21)
        pointers = [x.ctypes.data_as(ctypes.c_void_p) for x in (*columns, params, out)]
        passes(1, len(size), *pointers)
        value, gradient, hessian = numpy_pass(*columns, params)
        expected = np.concatenate([[value], gradient, hessian[np.triu_indices(5)]])
        if not np.allclose(out, expected, rtol=1e-6, atol=1e-9 * np.abs(expected).max()):
            raise RuntimeError("one_pass.c and NumPy disagree")
        return [1e6 * s / C_PASSES for s in repeated(lambda: passes(C_PASSES, len(size), *pointers), repeats)]


def numpy_pass(u: Array, v: Array, log_loss: Array, params: Array) -> tuple[float, Array, Array]:
    """Value, gradient and Hessian of the summed Huber objective at E, a, alpha, b, beta."""
    e, a, alpha, b, beta = params
    first, second = np.exp(a - alpha * u), np.exp(b - beta * v)
    f = e + first + second
    residual = np.log(f) - log_loss
    clipped = np.minimum(np.maximum(residual, -DELTA), DELTA)
    inverse = 1.0 / f
    slope = clipped * inverse
    bend = ((clipped == residual) - clipped) * inverse * inverse
    g = np.empty((5, len(u)))
    g[0], g[1], g[2], g[3], g[4] = 1.0, first, -first * u, second, -second * v
    gradient = g @ slope
    hessian = (g * bend) @ g.T
    for k, x in ((1, u), (3, v)):
        hessian[k, k] += gradient[k]
        hessian[k, k + 1] += gradient[k + 1]
        hessian[k + 1, k] += gradient[k + 1]
        hessian[k + 1, k + 1] -= (g[k + 1] * x) @ slope
    return float(clipped @ (residual - 0.5 * clipped)), gradient, hessian
