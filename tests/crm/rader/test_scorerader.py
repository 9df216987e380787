"""Rows of Tomter, the score's part, and what a kommune's lots add up to: as scoring says it, in words for sales."""

from __future__ import annotations

import doctest
from typing import Any

import pytest

from config.base import base_register
from config.kilder import KONTEKSTNAVN, kontekst_themes
from config.konflikt import konflikter
from tasks import contracts
from tasks.crm.rader import scorerader
from tasks.crm.rader.kommunerader import ikke_vurdert_fields
from tasks.crm.rader.rad import Felles, Row, dicts
from tasks.crm.rader.scorerader import KOMMUNAL, POENG, score_fields, total_fields, with_scores
from tasks.crm.sync.verdi import canonical_row
from tasks.tomtekontrakter import FAKTORER, KONTEKSTDEKNING, SCORER, TOMTEFAKTA
from tests.crm.rader.rammer import frame_of, lot, score

TOMTER, KOMMUNER = (base_register().table(navn) for navn in ("Tomter", "Kommuner"))


def scored(*scores: dict[str, Any]) -> Any:
    """Return living lots with these scores."""
    lots = [lot(n) for n in range(1, len(scores) + 1)]
    rows = [score(n, **given) for n, given in enumerate(scores, 1)]
    facts = [{"tomt_id": lots[0]["tomt_id"], "kommunal": "tegn", "kommunal_grunn": "Barneskole på eiendommen"}]
    return with_scores(frame_of(contracts.TOMTER, *lots), frame_of(SCORER, *rows), frame_of(TOMTEFAKTA, *facts))


def fields_of(**given: Any) -> Row:
    (row,) = dicts(scored(given))
    return canonical_row(TOMTER, score_fields(row, Felles()))


def test_the_examples_hold():
    assert doctest.testmod(scorerader).failed == 0


def test_points_range_and_certainty_stand_as_scoring_gave_them():
    row = fields_of(score=62.345, hoyest=78.9, nivaa="B", sikkerhet=0.874, boliger_lav=12.4, boliger=18.6)
    assert (row["Score"], row["Høyest"], row["Usikre poeng"], row["Nivå"]) == (62.3, 78.9, 16.6, "B")
    assert row["Sikkerhet"] == 0.87  # of a percentage Airtable holds the share
    assert (row["Boliger lav"], row["Boliger (anslag)"], row["Boliger høy"]) == (12, 19, None)


def test_a_score_is_never_shown_as_a_level_that_it_does_not_reach():
    row = fields_of(score=79.96, hoyest=79.99, nivaa="B")
    assert (row["Score"], row["Høyest"], row["Usikre poeng"]) == (79.9, 79.9, 0)


def test_the_level_is_that_of_scoring_and_not_of_the_points():
    assert fields_of(score=92.0, nivaa="B")["Nivå"] == "B"
    assert fields_of(score=0.0, nivaa="D", er_stoppet=True, stopp_grunn="Naturvern")["Nivå"] == "D"


def test_every_factor_has_its_field_and_one_that_the_profile_lacks_is_empty():
    assert sorted(POENG.values()) == sorted(f"poeng_{faktor}" for faktor in FAKTORER)
    row = fields_of(**{f"poeng_{faktor}": n + 0.25 for n, faktor in enumerate(FAKTORER) if faktor != "eier"})
    assert [row[felt] for felt in POENG] == [0.2, 1.2, 2.2, 3.2, 4.2, 5.2, None]


def test_a_stopped_lot_says_so_and_why():
    row = fields_of(er_stoppet=True, stopp_grunn="Naturvern\n72 %", verste_tema="naturvern", verste_andel=0.72)
    assert (row["Stoppet"], row["Stoppet fordi"]) == (True, "Naturvern 72 %")
    assert row["Verste konflikt"] == "Naturvern 72 %"
    assert fields_of()["Stoppet"] is None


def test_a_theme_that_nobody_knows_is_named_as_it_came():
    assert fields_of(verste_tema="støv\n", verste_andel=0.5)["Verste konflikt"] == "støv 50 %"
    assert fields_of()["Verste konflikt"] is None


@pytest.mark.parametrize("kommunal", ["eier", "tegn", "nei", "ukjent"])
def test_municipal_land_is_an_option_of_the_base(kommunal):
    assert fields_of(kommunal=kommunal)["Kommunal grunn"] in TOMTER.field("Kommunal grunn").valg
    assert fields_of(kommunal=kommunal)["Kommunal grunn fordi"] == "Barneskole på eiendommen"
    assert KOMMUNAL.keys() == {"eier", "tegn", "nei", "ukjent"}


def test_the_card_keeps_its_lines_and_a_price_is_as_exact_as_it_is():
    row = fields_of(hvorfor="Kapasitet 10 av 22\r\nFlom 3 av 5\x00", selvkost_lav_kr=1_234_567.8)
    assert row["Hvorfor"] == "Kapasitet 10 av 22\nFlom 3 av 5"
    assert (row["Selvkost lav kr"], row["Selvkost høy kr"]) == (1_200_000, None)
    assert fields_of(selvkost_hoy_kr=float("inf"))["Selvkost høy kr"] is None


def test_lots_and_dwellings_add_up_by_level_and_stopped_ones_apart():
    dwellings = {"boliger_lav": 4.0, "boliger": 10.0, "boliger_hoy": 20.0}
    lots = scored(
        {"nivaa": "A", **dwellings},
        {"nivaa": "C", **dwellings},
        {"nivaa": "C", "boliger": float("nan")},
        {"nivaa": "D", **dwellings},
        {"nivaa": "D", "er_stoppet": True, **dwellings},
    )
    row = canonical_row(KOMMUNER, total_fields(lots))
    assert [row[f"Tomter nivå {level}"] for level in "ABCD"] == [1, 0, 2, 1]
    assert row["Stoppede tomter"] == 1
    assert (row["Boliger lav"], row["Boliger (anslag)"], row["Boliger høy"]) == (12, 30, 60)
    assert row["Boliger per nivå"].splitlines() == [
        "A: 1 tomt, 10 boliger (4–20)",
        "C: 2 tomter, 10 boliger (4–20)",
        "D: 1 tomt, 10 boliger (4–20)",
    ]


def test_one_dwelling_is_told_as_one():
    lots = scored({"nivaa": "A", "boliger_lav": 1.0, "boliger": 1.0, "boliger_hoy": 2.0})
    assert total_fields(lots)["Boliger per nivå"] == "A: 1 tomt, 1 bolig (1–2)"


def test_a_kommune_without_lots_adds_up_to_nothing():
    lots = with_scores(contracts.TOMTER.empty(), SCORER.empty(), TOMTEFAKTA.empty())
    assert set(canonical_row(KOMMUNER, total_fields(lots)).values()) == {0, None}


def known(**answers: str) -> Any:
    """Return coverage of every layer, known but for those that are given."""
    rows = [
        {"lag": lag, "svar": answers.get(lag, "tom"), "er_kjent": lag not in answers, "kilde": "x", "alder_dager": 1.0}
        for lag in kontekst_themes()
    ]
    return frame_of(KONTEKSTDEKNING, *(row for row in rows if row["svar"] != "aldri"))


def test_what_lots_were_not_assessed_for_is_told_by_theme():
    answers = {
        "stoy_fly": "ikke_dekket",
        "steinsprang_aktsomhet": "feilet",
        "holdeplass": "aldri",
        "flom_faresone": "feilet",  # tells more than the theme needs
    }
    said = ikke_vurdert_fields(known(**answers))["Ikke vurdert"]
    assert said.splitlines() == [
        "Skred: kilden svarte ikke som den skal",
        "Støy fra fly: kilden dekker ikke kommunen",
        "Holdeplasser i bruk: ikke hentet",
    ]
    assert ikke_vurdert_fields(known())["Ikke vurdert"] is None
    assert ikke_vurdert_fields(KONTEKSTDEKNING.empty()) == {}
    assert KONTEKSTNAVN.keys() == set(kontekst_themes()) - konflikter().lag.keys() | {"bygning"}


def test_what_buildings_would_have_told_is_told_where_they_are_not_known():
    layers = [*kontekst_themes(), "bygning"]
    rows = [{"lag": lag, "svar": "tom", "er_kjent": True, "kilde": "x"} for lag in layers[:-1]]
    silent = frame_of(KONTEKSTDEKNING, *rows, {"lag": "bygning", "svar": "feilet", "er_kjent": False, "kilde": "x"})
    said = ikke_vurdert_fields(silent)["Ikke vurdert"]
    assert said == "Skoler, barnehager og butikker: kilden svarte ikke som den skal"
