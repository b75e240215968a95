"""What an attacker can force: linear in what is controlled, a power of how far the input is moved."""

from forerun.laws import Param, amplitude, law
from forerun.units import CONTROLLED, ERROR, FORCED, PERTURBATION


@law(
    "activation-attack",
    source="Fort 2023, arXiv:2312.02780, abstract: as many tokens as are controlled, times a constant",
    status="inferred",
    group="security",
    answers="How many tokens can be forced by whoever controls the activations of some?",
    inputs=dict(controlled=CONTROLLED),
    output=FORCED,
    params=dict(kappa=amplitude("tokens forced for each one controlled", typical=10.0, search=(1e-3, 1e4))),
)
def activation_attack(controlled, *, kappa):
    """Longest continuation that an attacker can choose at will, in tokens: proportional to the tokens controlled."""
    return kappa * controlled


@law(
    "adversarial-error",
    source="Cubuk et al. 2017, arXiv:1711.02846, abstract: a power law; recalled: of exponent near one",
    status="inferred",
    group="security",
    answers="How many answers does a small perturbation of the input turn wrong?",
    caution="holds for perturbations so small that few answers change",
    inputs=dict(perturbation=PERTURBATION),
    output=ERROR,
    params=dict(
        A=amplitude("share of wrong answers at a perturbation of one", typical=10.0),
        B=Param((-2.0, 6.0), "linear", (0.1, 3.0), 1.0, "power of the perturbation", role="exponent"),
    ),
)
def adversarial_error(perturbation, *, A, B):
    """Share of answers that a perturbation of the input makes wrong, above those that were wrong before."""
    return A * perturbation**B
