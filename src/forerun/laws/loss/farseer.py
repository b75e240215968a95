"""Farseer: at each size a power law in data, whose floor, size and exponent change with the size."""

from forerun.laws import Param, amplitude, coefficient, exponent, law
from forerun.units import LOSS, PARAMETERS, TOKENS

BILLION = 1e9
# Gauss's rule for a mean over 0 to 1, five points: places and weights
NEAR, FAR = ((5 - sign * 2 * (10 / 7) ** 0.5) ** 0.5 / 6 for sign in (1, -1))
HEAVY, LIGHT = ((322 + sign * 13 * 70**0.5) / 1800 for sign in (1, -1))
NODES = ((0.5, 64 / 225), (0.5 - NEAR, HEAVY), (0.5 + NEAR, HEAVY), (0.5 - FAR, LIGHT), (0.5 + FAR, LIGHT))


def bent(n, level, power, bend):
    """A level at a billion parameters times a power of n = N / 1e9, where the power itself may change with n.

    The logarithm grows with (n**bend - 1) / bend. That is log n times the mean of n**(u bend) over u from 0 to 1, which
    stays smooth where the bend is zero and a plain power is left.
    """
    return level * n ** (power * sum(weight * n ** (u * bend) for u, weight in NODES))


def change(of, typical):
    """The power with which a part goes with N."""
    return coefficient(f"power of N in {of}, at a billion parameters", typical=typical, search=(-1.0, 0.3))


def bend(of, typical):
    """How that power changes with N."""
    return Param((-0.5, 0.5), "linear", (-0.2, 0.2), typical, f"how that power in {of} changes with N; 0 keeps it")


@law(
    "farseer",
    source="Farseer, 2025, arXiv:2506.10972; the same curves in other coordinates",
    status="stated",
    group="pretraining",
    answers="Does the best ratio of data to size change with compute?",
    inputs=dict(N=PARAMETERS, D=TOKENS),
    output=LOSS,
    params=dict(
        E=amplitude("loss on unlimited data at a billion parameters", typical=2.2, search=(0.1, 10.0)),
        E_power=change("that loss", -0.08),
        gamma=bend("that loss", 0.1),
        B=amplitude("size of the data part at a billion parameters", typical=9800.0),
        B_power=change("the data part", -0.6),
        beta=bend("the data part", 0.12),
        p=exponent("how fast the data part falls with D at a billion parameters", typical=0.37, bounds=(1e-3, 6.0)),
        p_power=change("that exponent", -0.05),
        alpha=bend("that exponent", 0.1),
    ),
)
def farseer(N, D, *, E, E_power, gamma, B, B_power, beta, p, p_power, alpha):
    """Loss that at each N is a power law in D with a floor; floor, size and exponent change with N, each in its own way.

    Each is bent: level exp(power (n**bend - 1) / bend), which is level n**power without a bend. The source writes
    exp(a3 N**gamma + b3) for the floor, and so on: a3 = E_power / (gamma m) and b3 = log E - E_power / gamma with
    m = 1e9**gamma. Its a and b can only move together and have no limit at gamma = 0; the level and the power at a billion
    parameters are told by the runs. No coefficients were found, the typical ones are ours. Nine parameters need a full
    grid of N and D.
    """
    n = N / BILLION
    return bent(n, E, E_power, gamma) + bent(n, B, B_power, beta) * D ** -bent(n, p, p_power, alpha)
