"""The canonical form of values: worked examples, and what its digest tells apart."""

from __future__ import annotations

from config.base import base_register
from tasks.crm.sync.verdi import canonical, digests

TOMTER = base_register().table("Tomter")


def test_shares_and_amounts_are_compared_as_they_are_shown():
    shares, amounts = TOMTER.field("Sikkerhet"), TOMTER.field("Selvkost lav kr")
    assert [canonical(shares, v) for v in (0.874, 0.8749, 1, float("nan"), float("inf"))] == [0.87, 0.87, 1, None, None]
    assert [canonical(amounts, v) for v in (1_234_567.4, -0.2)] == [1_234_567, 0]


def test_canonical_rounds_to_what_is_shown():
    assert canonical(TOMTER.field("Score"), 79.96) == 80.0
    assert canonical(TOMTER.field("Areal m²"), 1000.49) == 1000
    assert canonical(TOMTER.field("Score"), float("nan")) is None


def test_the_same_number_with_more_decimals_is_the_same():
    assert digests({"a": 1000.0}) == digests({"a": 1000})
    assert digests({"a": 1000.5}) != digests({"a": 1000})


def test_half_a_character_is_replaced_and_whole_ones_are_kept():
    felt = TOMTER.field("Begrunnelse")
    assert canonical(felt, "vei \udfff nr 1") == "vei \ufffd nr 1"
    assert canonical(felt, "hus 🏠 \ud83c\udfe0") == "hus 🏠 🏠"
