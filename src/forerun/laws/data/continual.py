"""Que et al. 2024 (D-CPT): loss on one corpus when training goes on with a mixture of a domain and general text."""

from forerun.laws import amplitude, exponent, floor, law, term
from forerun.units import DOMAIN_SHARE, INITIAL_LOSS, LEARNABILITY, LOSS, LOSS_DECLINE, PARAMETERS, TOKENS

SOURCE = "Que et al. 2024, arXiv:2406.01375"
INPUTS = dict(N=PARAMETERS, D=TOKENS, domain_share=DOMAIN_SHARE)
TOGETHER = "at the noise of real losses E, C, gamma and eps trade off, and fits end in several basins; the curves agree"
PARAMS = dict(
    E=floor(typical=1.2),
    A=amplitude("size of the finite-model part", typical=400.0),
    alpha=exponent("how fast the finite-model part falls with N", typical=0.34),
    B=amplitude("size of the finite-data part at a share of 1", typical=600.0),
    eta=exponent("how the finite-data part grows with the share", typical=0.5, search=(0.05, 2.0)),
    beta=exponent("how fast the finite-data part falls with D", typical=0.32),
    C=amplitude("size of the part that the share reduces", typical=0.3, search=(1e-3, 10.0)),
    gamma=exponent("how fast the loss falls with the share", typical=0.4, search=(0.05, 2.0)),
    eps=amplitude("share that keeps the loss finite where there is none", typical=0.1, search=(1e-3, 1.0)),
)


@law(
    "d-cpt",
    source=SOURCE,
    status="stated",
    group="data",
    answers="How much of a domain should continued training mix into general text?",
    unidentified=TOGETHER,
    inputs=INPUTS,
    output=LOSS,
    params=PARAMS,
)
def d_cpt(N, D, domain_share, *, E, A, alpha, B, eta, beta, C, gamma, eps):
    """Loss on the corpus that has this share of the training data: the domain, or general text with the other share.

    Each corpus has its own fit. Many shares and sizes are needed: nine parameters follow each other closely.
    """
    return E + A * N**-alpha + B * domain_share**eta * D**-beta + C * (domain_share + eps) ** -gamma


@law(
    "d-cpt-cross-domain",
    source=SOURCE,
    status="stated",
    group="data",
    answers="How much of a domain that was never trained on should be mixed into general text?",
    unidentified=TOGETHER,
    inputs=dict(**INPUTS, learnability=LEARNABILITY),
    output=LOSS,
    params=dict(
        **PARAMS,
        F=amplitude("size of the part that learnability reduces", typical=0.5, search=(1e-3, 10.0)),
        mu=exponent("how fast the loss falls with learnability", typical=0.5, search=(0.05, 2.0)),
    ),
)
def d_cpt_cross_domain(N, D, domain_share, learnability, *, E, A, alpha, B, eta, beta, C, gamma, eps, F, mu):
    """The same for several domains at once, which differ by how readily they are learnt: K of the paper.

    ``.where(learnability=domain-learnability)`` takes it from a short run on each domain.
    """
    size, data = A * N**-alpha, B * domain_share**eta * D**-beta
    return E + size + data + C * (domain_share + eps) ** -gamma + F * learnability**-mu


@term(
    "domain-learnability",
    source=SOURCE,
    status="stated",
    inputs=dict(initial_loss=INITIAL_LOSS, decline=LOSS_DECLINE),
    output=LEARNABILITY,
    params=dict(w=amplitude("weight of the decline against the inverse loss", typical=5.0, search=(0.1, 100.0))),
)
def domain_learnability(initial_loss, decline, *, w):
    """How readily a domain is learnt, from its loss before training and how fast that falls at first.

    The first of the two weights of the paper is one here: the size F of the law takes it up.
    """
    return 1 / initial_loss + w * decline
