"""The why-card's lines: label, value on its own side of the limits, unit, year, country, rule, source."""

from __future__ import annotations

import pytest

from tasks.scoring.kommune.poeng import score_factors
from tests.scoring.kommune.haandregnet import FULL, NOTHING, SOCIAL, indicators


def line(measured, faktor, **columns):
    frame = indicators({"0301": measured}).assign(**columns)
    return score_factors(frame, SOCIAL).set_index("faktor").loc[faktor, "hvorfor"]


def test_a_line_says_all_of_it():
    assert line(FULL | {"boutgift": 31.24}, "boligstress", kilde="SSB 06035, 2025", landstall=28.0) == (
        "Boligstress: 15 av 20 poeng. Boutgift av medianinntekten 31,2 % (2025, landet 28,0 %; 70 m², 85 % lån til "
        "5,5 % i 30 år): over 30 % gir 15. Kilde: SSB 06035, 2025."
    )


def test_a_ratio_does_not_say_what_the_country_is_by_definition():
    said = line(FULL, "inntekt", landstall=1.0, kilde=None)
    assert said == "Inntekt: 15 av 15 poeng. Medianinntekt etter skatt (landet = 1) 0,89 (2025): under 0,9 gir 15."


def test_where_no_step_holds_every_limit_is_said():
    assert "gir ikke poeng; poeng gis over 80 og under 120." in line(NOTHING, "prisnivaa")
    said = line(NOTHING, "ledelse")
    assert (
        "gir ikke poeng; poeng gis over 35 %, over 25 %, Venstreblokkens andel av mandatene over 50 % (antatt grense)."
    ) in said
    assert "Aps andel av mandatene 20,0 %" in said
    assert "Venstreblokkens andel av mandatene 40,0 %" in said


def test_an_assumed_limit_is_said_to_be_one():
    assert "under 3,5 gir 10 (antatt grense)" in line(FULL, "stabilitet")
    assert "poeng gis under 3,5, under 4,5, under 5,5; antatte grenser." in line(NOTHING, "stabilitet")


def test_without_year_and_country_there_are_no_brackets():
    assert "Kvadratmeterpris (landet = 100) 100: over 80" in line(FULL, "prisnivaa", aar=float("nan"))


def test_what_is_taken_for_granted_is_said():
    assert "(landet = 1) 0,70 (2025; snitt av 3 år): under 0,8" in line(FULL, "byggetakt")


@pytest.mark.parametrize(
    ("value", "shown"),
    [(25.04, "25,04 %"), (24.96, "24,96 %"), (25.0, "25,0 %"), (25.0004, "25,0004 %"), (26.04, "26,0 %")],
)
def test_a_value_is_shown_on_its_own_side_of_the_limit(value, shown):
    assert f"medianinntekten {shown} (" in line(FULL | {"boutgift": value}, "boligstress")
