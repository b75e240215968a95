"""Pass rate of a task as a sigmoid in log scale, fitted to counts."""

import numpy as np

from forerun.laws import coefficient, law
from forerun.units import SUCCESSES, TRIALS, X


@law(
    "pass-sigmoid",
    source="Finnveden 2020, 'Extrapolating GPT-N performance'; logistic regression on log scale",
    status="recalled",
    group="downstream",
    answers="At which scale does a task begin to succeed?",
    inputs=dict(x=X),
    output=SUCCESSES,
    trials=TRIALS,
    params=dict(
        m=coefficient("log10 x at which half of the trials succeed", typical=5.0, bounds=(-50, 50), search=(0.0, 26.0)),
        s=coefficient("logits per decade of x", typical=1.2, bounds=(-50.0, 50.0), search=(-6.0, 6.0)),
    ),
)
def pass_sigmoid(x, *, m, s):
    """Probability of success 1 / (1 + exp(-s (log10 x - m))); k successes in n trials are binomial."""
    return 1 / (1 + np.exp(-s * (np.log10(x) - m)))
