"""Loss of replicas that train apart, in how rarely they synchronise."""

from forerun.laws import amplitude, coefficient, exponent, law
from forerun.units import LOSS, PARAMETERS, REPLICAS, SYNC_INTERVAL


@law(
    "diloco-interval",
    source="form of Charles et al. 2025, arXiv:2503.09799, with a factor for the interval that no paper states",
    status="inferred",
    group="distributed",
    answers="How rarely may replicas synchronise?",
    inputs=dict(N=PARAMETERS, replicas=REPLICAS, sync_interval=SYNC_INTERVAL),
    output=LOSS,
    params=dict(
        A=amplitude("loss of one parameter, one replica and one step", typical=19.0),
        alpha=exponent("how fast the loss falls with N at one number of tokens per parameter", typical=0.1),
        beta=coefficient("how fast it rises with replicas", typical=0.012, bounds=(-4.0, 4.0), role="exponent"),
        delta=coefficient("how fast it rises with the interval", typical=0.005, bounds=(-4.0, 4.0), role="exponent"),
    ),
)
def diloco_interval(N, replicas, sync_interval, *, A, alpha, beta, delta):
    """Loss by size, replicas and steps between synchronisations: a power of each, as far as anybody has looked (10 to 1000).

    The factor of the interval is ours, by analogy with that of the replicas. Fix ``beta`` where all runs have one number
    of replicas.
    """
    return A * N**-alpha * replicas**beta * sync_interval**delta
