"""What the numbers mean: stated, stored, never mixed in silence."""

from __future__ import annotations

import pytest

import forerun as fr
from forerun.runs import Conventions

TABLE = {"N": [1e8, 2e8, 4e8], "D": [2e9, 4e9, 8e9], "loss": [3.4, 3.1, 2.9]}


def made(**stated) -> fr.Runs:
    chinchilla = fr.simulate("chinchilla", n=12)
    return fr.read_runs({r: chinchilla[r] for r in ("N", "D", "loss")}, **stated)


def test_what_nobody_stated_is_assumed_and_listed():
    conventions = fr.read_runs(TABLE).conventions
    assert conventions == Conventions("total", "6ND", "nats/token", None, ("N_counts", "flop_rule", "loss_unit"))


def test_what_is_stated_is_stored():
    stated = dict(N_counts="non-embedding", flop_rule="exact", loss_unit="bits/byte", tokenizer="gpt2")
    conventions = fr.read_runs(TABLE, **stated).conventions
    assert conventions == Conventions(**stated)
    assert conventions.assumed == ()
    assert not conventions.per_token


def test_a_convention_may_stand_in_a_column_that_says_it_for_every_row():
    counted = {**TABLE, "counted": ["active"] * 3, "tokenizer": ["neox"] * 3, "loss_unit": ["bits/token"] * 3}
    conventions = fr.read_runs(counted, N_counts="counted").conventions
    assert (conventions.N_counts, conventions.tokenizer, conventions.loss_unit) == ("active", "neox", "bits/token")


@pytest.mark.parametrize("column", ["N_counts", "flop_rule", "loss_unit", "tokenizer"])
def test_a_table_that_mixes_two_is_refused_with_the_first_row_of_the_second(column):
    with pytest.raises(fr.DataError, match=f"mixes {column}") as caught:
        fr.read_runs({**TABLE, column: ["one", "one", "two"]})
    assert (caught.value.code, caught.value.row, caught.value.column) == ("conventions-mixed", 3, column)


def test_a_mixed_table_can_be_fitted_apart_as_advised():
    words = ["gpt2", "gpt2", "neox"]
    assert fr.read_runs({**TABLE, "tokenizer": words}, where="tokenizer == gpt2").conventions.tokenizer == "gpt2"


def test_losses_per_byte_may_come_from_several_tokenizers():
    runs = fr.read_runs({**TABLE, "tokenizer": ["gpt2", "gpt2", "neox"]}, loss_unit="bits/byte")
    assert runs.conventions.tokenizer is None


@pytest.mark.parametrize("stated", [{"N_counts": "all"}, {"flop_rule": "7ND"}, {"loss_unit": "nats"}])
def test_a_convention_that_is_not_known_is_refused_with_those_that_are(stated):
    with pytest.raises(fr.DataError, match="Use one of") as caught:
        fr.read_runs(TABLE, **stated)
    assert caught.value.code == "unknown-convention"


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ({"N_counts": "total"}, {"N_counts": "non-embedding"}),
        ({"loss_unit": "nats/token"}, {"loss_unit": "bits/byte"}),
        ({"flop_rule": "6ND"}, {"flop_rule": "exact"}),
        ({"tokenizer": "gpt2"}, {"tokenizer": "neox"}),
    ],
)
def test_residuals_of_runs_under_other_conventions_are_refused(one, two):
    fit = fr.fit("chinchilla", made(**one), uncertainty="none")
    assert fit.residuals(made(**one)).shape == (12,)
    with pytest.raises(fr.DataError) as caught:
        fit.residuals(made(**two))
    assert caught.value.code == "conventions-differ"


def test_an_unknown_tokenizer_and_tokenizers_of_losses_per_byte_are_no_reason_to_refuse():
    Conventions(tokenizer="gpt2").require_same(Conventions())
    Conventions(loss_unit="bits/byte", tokenizer="a").require_same(Conventions(loss_unit="bits/byte", tokenizer="b"))
    with pytest.raises(fr.DataError, match="bits/byte first"):
        Conventions(tokenizer="a").require_same(Conventions(tokenizer="b"))


def test_conventions_survive_the_way_through_json():
    conventions = Conventions("active", "exact", "bits/byte", "gpt2", ("flop_rule",))
    assert Conventions.from_dict(conventions.to_dict()) == conventions


@pytest.mark.parametrize(
    ("factors", "code", "severity"),
    [((1.0, 1.1, 0.9), None, None), ((1.5, 1.5, 1.6), "flop-rule", "warning"), ((0.5, 0.5, 0.6), "flop-rule", "warning"),
     ((1.0, 1.0, 3.0), "conventions-mixed", "warning")],
)  # fmt: skip
def test_compute_that_is_not_six_n_d_is_noted(factors, code, severity):
    flops = [6 * n * d * f for n, d, f in zip(TABLE["N"], TABLE["D"], factors)]
    notes = {n.code: n.severity for n in fr.read_runs({**TABLE, "C": flops}).notes if n.code != "columns-guessed"}
    assert notes == ({} if code is None else {code: severity})
