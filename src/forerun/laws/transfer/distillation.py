"""Distillation: loss of a student against its teacher, and the size of the best teacher."""

from dataclasses import replace

import numpy as np

from forerun.laws import amplitude, coefficient, exponent, floor, law
from forerun.units import LOSS, PARAMETERS, SUPERVISED_LOSS, TEACHER_LOSS, TEACHER_PARAMETERS, TOKENS

STUDENT = replace(PARAMETERS, meaning="parameters of the student")
LESSON = replace(TOKENS, meaning="tokens of distillation")
GAP = "Zhang et al. 2023, arXiv:2311.07052, abstract: the best teacher grows linearly with the student"
RATIO = amplitude("parameters of the best teacher over those of the student", typical=3.0, search=(1.0, 30.0))


@law(
    "distillation",
    source="Busbridge et al. 2025, arXiv:2502.08606, equation 8, read in notes that print it",
    status="stated",
    group="distillation",
    answers="Which teacher is best for a student, and how long should it be distilled?",
    unidentified="c1, f1 and d1 trade off where no teacher is weaker than d1 times the student; the curves they draw do not",
    inputs=dict(N=STUDENT, D=LESSON, teacher_loss=TEACHER_LOSS, supervised_loss=SUPERVISED_LOSS),
    output=LOSS,
    params=dict(
        c0=exponent("how a better teacher is harder to follow", typical=2.5, search=(0.2, 5.0)),
        d1=amplitude("ratio of losses of too weak a teacher", typical=1.3, search=(0.5, 3.0), bounds=(0.2, 5.0)),
        c1=amplitude("power of that ratio in the gap far beyond it", typical=400.0, search=(1.0, 2e3)),
        f1=amplitude("how gradual the change is", typical=0.1, search=(0.03, 1.0)),
        A=amplitude("size of the finite-model part", typical=2000.0),
        alpha=exponent("how fast the finite-model part falls with N", typical=0.3, search=(0.05, 1.0)),
        B=amplitude("size of the finite-data part", typical=3000.0),
        beta=exponent("how fast the finite-data part falls with D", typical=0.4, search=(0.05, 1.0)),
        gamma=exponent("power of both together", typical=0.8, search=(0.2, 2.0)),
    ),
)
def distillation(N, D, teacher_loss, supervised_loss, *, c0, d1, c1, f1, A, alpha, B, beta, gamma):
    """Loss of a student of N parameters distilled on D tokens: that of its teacher and a gap, lowest for some teacher.

    The teacher counts by its loss alone. ``supervised_loss`` is what the student would reach on the same tokens of text.
    """
    bend = np.exp(-c1 * f1 * np.log1p((teacher_loss / (supervised_loss * d1)) ** (1 / f1)))
    return teacher_loss + teacher_loss**-c0 * bend * (A * N**-alpha + B * D**-beta) ** gamma


@law(
    "capacity-gap",
    source=GAP,
    status="inferred",
    group="distillation",
    answers="How large should the teacher be?",
    inputs=dict(N=STUDENT),
    output=TEACHER_PARAMETERS,
    params=dict(g=RATIO),
)
def capacity_gap(N, *, g):
    """Size of the best teacher of a student of N parameters: a constant ratio."""
    return g * N


@law(
    "capacity-gap-student",
    source=f"{GAP}; the rest is ours: a parabola in the logarithm, as for IsoFLOP curves",
    status="inferred",
    group="distillation",
    answers="Which teacher do these students learn most from?",
    caution="is a parabola about the best teacher: right near it and for no teacher far from it",
    inputs=dict(N=STUDENT, N_teacher=TEACHER_PARAMETERS),
    output=LOSS,
    params=dict(
        E=floor(),
        A=amplitude("size of the finite-student part"),
        alpha=exponent("how fast it falls with the student"),
        k=coefficient("loss of a teacher e-fold off the best", typical=0.01, bounds=(-10.0, 10.0), search=(0.0, 0.2)),
        g=RATIO,
    ),
)
def capacity_gap_student(N, N_teacher, *, E, A, alpha, k, g):
    """Loss of a student of N parameters by the size of its teacher."""
    return E + A * N**-alpha + k * np.log(N_teacher / (g * N)) ** 2
