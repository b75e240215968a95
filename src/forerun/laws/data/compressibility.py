"""Pandey 2024: every parameter of the law of Chinchilla moves in a straight line with how well the data compress."""

from forerun.laws import coefficient, law
from forerun.units import GZIP_RATIO, LOSS, PARAMETERS, TOKENS


@law(
    "compressible-data",
    source="Pandey 2024, arXiv:2405.16684, equations 4 and 5",
    status="stated",
    group="data",
    answers="Do data that compress badly want more tokens or more parameters?",
    caution="fitted on artificial grammars, with small models that had hardly begun to learn: its table is far from a power law",
    inputs=dict(N=PARAMETERS, D=TOKENS, gzip_ratio=GZIP_RATIO),
    output=LOSS,
    params=dict(
        E_0=coefficient("irreducible part of data that compress to nothing", typical=0.6, search=(-2.0, 4.0)),
        E_H=coefficient("its change from there to data that do not compress", typical=0.9, search=(-4.0, 4.0)),
        A_0=coefficient("the same for the finite-model part", typical=900.0, search=(0.0, 3000.0)),
        A_H=coefficient("its change", typical=-700.0, search=(-3000.0, 3000.0)),
        B_0=coefficient("the same for the finite-data part", typical=2400.0, search=(0.0, 6000.0)),
        B_H=coefficient("its change", typical=-1900.0, search=(-6000.0, 6000.0)),
        alpha_0=coefficient("the same for the power of N", typical=0.45, search=(0.05, 1.5)),
        alpha_H=coefficient("its change", typical=-0.2, search=(-1.0, 1.0)),
        beta_0=coefficient("the same for the power of D", typical=0.5, search=(0.05, 1.5)),
        beta_H=coefficient("its change", typical=-0.4, search=(-1.0, 1.0)),
    ),
)
def compressible_data(N, D, gzip_ratio, *, E_0, E_H, A_0, A_H, B_0, B_H, alpha_0, alpha_H, beta_0, beta_H):
    """Loss of N parameters after D tokens of data that gzip shrinks to ``gzip_ratio`` of their size.

    The compute-optimal share of data grows with the ratio where the power of D falls faster than that of N. The paper
    fits Chinchilla's law at each ratio, and lines through its parameters; here all rows are fitted at once.
    """
    E, A, B = E_0 + E_H * gzip_ratio, A_0 + A_H * gzip_ratio, B_0 + B_H * gzip_ratio
    return E + A * N ** -(alpha_0 + alpha_H * gzip_ratio) + B * D ** -(beta_0 + beta_H * gzip_ratio)
