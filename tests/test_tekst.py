"""Names of sources stand within lines of ours: they make no line of their own, and do not run on."""

from __future__ import annotations

import pytest

from tasks.tekst import navn


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Storevatnet naturreservat", "Storevatnet naturreservat"),
        ("  Åsen \t nord ", "Åsen nord"),
        ("Skogen\r\nKapasitet: 30 av 30", "Skogen Kapasitet: 30 av 30"),
        ("a\u2028b\u2029c\x0bd\x85e", "a b c d e"),
        ("\x1b[2Ja\u202eb\u200bc\x00", "[2Ja b c"),
        ("\ue000\ud800", ""),
        ("", ""),
    ],
)
def test_a_name_is_one_line(written: str, shown: str) -> None:
    assert navn(written) == shown


def test_a_name_is_no_longer_than_it_may_be() -> None:
    assert navn("x" * 80) == "x" * 80
    assert navn("x" * 81) == "x" * 79 + "…"
    assert navn("ord " * 10_000, 12) == "ord ord ord…"
    assert len(navn("\n" * 1_000_000 + "x", 20)) <= 20
