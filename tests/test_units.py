"""Quantities as people write them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forerun.units import COLUMNS, derive_scale, format_quantity, parse_devices, parse_duration, parse_quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [("70B", 7e10), ("70b", 7e10), ("70G", 7e10), ("1.4T", 1.4e12), ("5.76e23", 5.76e23), ("350_000", 350000.0),
     ("12k", 12e3), ("12K", 12e3), ("410m", 4.1e8), ("2P", 2e15), (" 7 B ", 7e9), (".5B", 5e8), ("-3", -3.0), ("1e-3", 1e-3)],
)  # fmt: skip
def test_quantities_are_read(text, value):
    assert parse_quantity(text) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    "text", ["", "B", "70 BB", "7e", "1,000", "seven", "0x10", "1..2", "nan", "inf", "70B params", "--7"]
)
def test_what_is_no_quantity_is_refused_with_what_was_received(text):
    with pytest.raises(ValueError, match="expected a number") as caught:
        parse_quantity(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("15m", 900), ("6h", 21600), ("3d", 259200), ("2w", 1209600), ("1.5h", 5400)])  # fmt: skip
def test_durations_are_read(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["3", "d", "-3d", "3 months", ""])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="expected a duration"):
        parse_duration(text)


def test_devices_are_read():
    assert parse_devices("8xH100") == (8, "H100")
    assert parse_devices(" 1024 x A100-80GB ") == (1024, "A100-80GB")


@pytest.mark.parametrize("text", ["H100", "0xH100", "8x", "-8xH100"])
def test_what_is_no_device_is_refused(text):
    with pytest.raises(ValueError, match="expected devices"):
        parse_devices(text)


@settings(derandomize=True)
@given(st.floats(1e-30, 1e30))
def test_what_is_written_can_be_read_again(value):
    assert parse_quantity(format_quantity(value, 17)) == pytest.approx(value, rel=1e-14)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_what_is_not_finite_is_written_as_such(value):
    assert format_quantity(value) == str(value)


@settings(derandomize=True)
@given(st.floats(1e3, 1e14), st.floats(1e3, 1e15))
def test_any_two_of_the_sizes_give_the_same_four(N, D):
    whole = derive_scale({"N": N, "D": D})
    for one, two in ("ND", "NC", "DC", "NM", "DM", "CM"):
        assert derive_scale({one: whole[one], two: whole[two]}) == pytest.approx(whole, rel=1e-12)


def test_nothing_follows_from_one_size_and_nothing_else_is_touched():
    assert derive_scale({"N": 7e9, "lr": 3e-4, "run": "a"}) == {"N": 7e9, "lr": 3e-4, "run": "a"}


def test_integers_become_floating_point_before_they_are_multiplied():
    for kind in (np.int32, np.int64):
        known = derive_scale({"N": np.array([2_000_000_000], kind), "D": np.array([2_000_000_000], kind)})
        assert known["C"].tolist() == [2.4e19]


def test_columns_are_listed_under_their_role_and_no_synonym_means_two_things():
    assert all(role == column.role for role, column in COLUMNS.items())
    synonyms = [s.lower() for c in COLUMNS.values() for s in c.synonyms if len(s) > 1]
    assert len(synonyms) == len(set(synonyms))
