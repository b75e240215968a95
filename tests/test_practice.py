"""The study of checkpoints and borrowed exponents: what its parts take and leave, and what two public tables say."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench import families  # noqa: E402
from bench.practice import (  # noqa: E402
    CHECKPOINTS,
    FINAL,
    FIVE,
    METHODS,
    exponents,
    law_of_finals,
    median_exponents,
    predict_one,
    sign_test,
    targets,
)

TRUE = {"alpha": 0.35, "beta": 0.37}


def made(lengths=(1.0,), sizes=6, rows=100):
    """A family without noise: each size trained to some multiples of twenty tokens per parameter."""
    parts = []
    for n in np.geomspace(1e7, 1e9, sizes):
        for length in lengths:
            d = 20 * 1e8 * length * np.arange(1, rows + 1) / rows
            loss = 1.8 + 480 * n ** -TRUE["alpha"] + 2100 * d ** -TRUE["beta"]
            parts.append((np.full(rows, n), d, loss, np.full(rows, f"{n:.3g} {length}", object)))
    return families.Family("made", *(np.concatenate(column) for column in zip(*parts)))


def test_a_family_is_cut_as_it_says():
    family = made()
    assert len(family.finals().loss) == 6
    assert family.finals().progress.tolist() == [2e9] * 6
    late = family.after(0.7)
    assert late.progress.min() == pytest.approx(0.71 * 2e9)
    assert len(late.loss) == 6 * 30
    thinned = family.after(0.1)
    assert len(thinned.loss) == 6 * families.CURVE
    assert thinned.finals().loss.tolist() == family.finals().loss.tolist()
    assert thinned.progress.min() == pytest.approx(0.11 * 2e9)
    averaged = family.averaged(0.05)
    assert averaged.progress.tolist() == [2e9] * 6
    assert (averaged.loss > family.finals().loss).all()
    assert averaged.loss[0] == pytest.approx(family.loss[94:100].mean())


def test_final_points_are_fitted_with_what_they_can_carry():
    assert law_of_finals(made().finals()).name == "power-law-floor"
    assert law_of_finals(made(sizes=3).finals()).name == "power-law"
    assert law_of_finals(made(lengths=(1.0, 2.0, 5.0)).finals()).name == "chinchilla"


def test_every_method_finds_the_truth_where_there_is_no_noise():
    """Six digits are what exact losses of three to five sizes leave of the law; one length carries no law of N and D."""
    one = made()
    assert targets(one) == one.sizes[3:]
    errors = predict_one(one, one.sizes[-1], TRUE)
    assert list(errors) == list(METHODS)
    assert errors.pop(FIVE) is None
    assert errors.pop("final points, averaged over the last 5 %") < 0.01
    assert max(errors.values()) < 1e-6
    several = made(lengths=(1.0, 2.0, 5.0))
    assert predict_one(several, several.sizes[-1], TRUE)[FIVE] < 1e-6
    assert exponents(one) == pytest.approx(TRUE, rel=1e-5)


def test_the_sign_test_is_the_binomial_one():
    assert sign_test(9, 9) == sign_test(0, 9) == pytest.approx(2 / 512)
    assert sign_test(8, 9) == pytest.approx(20 / 512)
    assert sign_test(5, 10) == 1.0
    assert median_exponents([{"alpha": a, "beta": 2 * a} for a in (0.1, 0.2, 0.9)]) == {"alpha": 0.2, "beta": 0.4}


@pytest.fixture
def read(table):
    def of(name, file):
        table(file)
        return families.READERS[name](name)

    return of


@pytest.mark.capability("estimation-best-practice")
def test_checkpoints_lower_the_error_on_a_table_of_the_paper_and_not_on_every_table(read):
    """Choshen et al. 2024 say that intermediate checkpoints lower the error of extrapolating to larger models.

    It holds for GPT-3, whose curves are among theirs: each size from 1.3B on is predicted from the smaller ones. On the
    OLMo ladder, where runs of six lengths tell size from data without them, checkpoints of the whole run raise it. Over all
    families that could be had neither is decided (``bench/records``).
    """
    gpt, ladder = read("GPT-3", "public_pretraining_curves"), read("OLMo ladder", "olmo_ladder_tasks")
    others = [read("OPT", "public_pretraining_curves"), read("Gemstones", "gemstones_width_depth"), ladder]
    borrowed = median_exponents([exponents(f) for f in others])
    rows = [predict_one(gpt, size, borrowed) for size in targets(gpt)]
    median = {method: float(np.median([row[method] for row in rows if row[method] is not None])) for method in METHODS}
    assert len(rows) == 5
    assert all(median[method] < median[FINAL] for method in CHECKPOINTS)
    assert all(0.0 < error < 0.05 for error in median.values())
    largest = predict_one(ladder, ladder.sizes[-1], median_exponents([exponents(gpt)]))
    assert largest["all but the first 10 %"] > largest[FINAL]
