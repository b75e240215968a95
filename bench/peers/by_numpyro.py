"""NumPyro: the maximum of the same objective by SVI with an AutoDelta guide, and a posterior by NUTS."""

import common
import jax
import numpyro
from jax import numpy as jnp
from numpyro import distributions as dist
from numpyro.diagnostics import effective_sample_size
from numpyro.infer import MCMC, NUTS, SVI, Trace_ELBO, init_to_value
from numpyro.infer.autoguide import AutoDelta
from numpyro.optim import Adam

DELTA = 1e-3
STEPS, QUICK_STEPS = 20_000, 4_000
CHAINS, WARM, DRAWS = 4, 500, 1_000
QUICK_WARM, QUICK_DRAWS = 50, 50


def prediction(u, v):
    """log L by log-sum-exp; N and D are centred, so that the amplitudes are those at the middle of the table."""
    e = numpyro.sample("e", dist.Normal(0.5, 1.0))
    a, b = (numpyro.sample(name, dist.Normal(-1.0, 2.0)) for name in "ab")
    alpha, beta = (numpyro.sample(name, dist.Uniform(0.0, 2.0)) for name in ("alpha", "beta"))
    return jnp.logaddexp(jnp.logaddexp(e, a - alpha * (u - u.mean())), b - beta * (v - v.mean()))


def huber_model(u, v, log_loss):
    """The objective itself; the priors are masked out."""
    with numpyro.handlers.mask(mask=False):
        r = prediction(u, v) - log_loss
    clipped = jnp.clip(r, -DELTA, DELTA)
    numpyro.factor("huber", -(clipped * (r - 0.5 * clipped)).sum() / DELTA)


def student_model(u, v, log_loss):
    scale = numpyro.sample("scale", dist.HalfNormal(0.1))
    degrees = numpyro.sample("degrees", dist.Gamma(2.0, 0.1))
    numpyro.sample("y", dist.StudentT(degrees, prediction(u, v), scale), obs=log_loss)


def natural(x, u, v):
    return {"E": jnp.exp(x["e"]), "A": jnp.exp(x["a"] + x["alpha"] * u.mean()),
            "B": jnp.exp(x["b"] + x["beta"] * v.mean()), "alpha": x["alpha"], "beta": x["beta"]}  # fmt: skip


def logs(problem: common.Found):
    return tuple(jnp.log(jnp.array(problem[name])) for name in ("N", "D", "loss"))


def maximum(problem: common.Found) -> common.Found:
    data, steps = logs(problem), QUICK_STEPS if problem["quick"] else STEPS
    start = init_to_value(values={"e": 0.5, "a": -1.0, "b": -1.0, "alpha": 0.3, "beta": 0.3})

    def fit():
        svi = SVI(huber_model, AutoDelta(huber_model, init_loc_fn=start), Adam(1e-3), Trace_ELBO())
        return jax.block_until_ready(svi.run(jax.random.PRNGKey(0), steps, *data, progress_bar=False).params)

    found, params = common.timed(fit)
    x = {name.removesuffix("_auto_loc"): value for name, value in params.items()}
    did = f"SVI(the Huber objective as a factor, AutoDelta, Adam(1e-3)).run of {steps} steps, one start, compiling included"
    return found | {"params": {k: float(y) for k, y in natural(x, *data[:2]).items()}, "did": did}


def posterior(problem: common.Found) -> common.Found:
    data = logs(problem)
    warm, draws = (QUICK_WARM, QUICK_DRAWS) if problem["quick"] else (WARM, DRAWS)

    def run():
        sampler = MCMC(NUTS(student_model), num_warmup=warm, num_samples=draws, num_chains=CHAINS,
                       chain_method="vectorized", progress_bar=False)  # fmt: skip
        sampler.run(jax.random.PRNGKey(0), *data)
        return jax.block_until_ready(sampler.get_samples(group_by_chain=True))

    start = common.cpu()
    samples = run()
    seconds = common.cpu() - start
    drawn = natural(samples, *data[:2])
    effective = min(float(effective_sample_size(jax.device_get(x))) for x in drawn.values())
    return {
        "cpu": seconds, "cpu_first": seconds, "calls": 1, "ess": effective,
        "params": {k: float(jnp.median(x)) for k, x in drawn.items()}, "se": {k: float(x.std()) for k, x in drawn.items()},
        "did": f"NUTS, Student-t log residuals, {CHAINS} vectorised chains of {warm} + {draws} draws",
    }  # fmt: skip


if __name__ == "__main__":
    numpyro.enable_x64()
    common.main({"W1": maximum, "W2": posterior})
