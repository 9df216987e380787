"""Rows of Sammenslåinger: what stands in them, and which lots they link to."""

from __future__ import annotations

import doctest
from typing import Any

from config.base import base_register
from tasks.contracts import ADRESSER
from tasks.crm.rader import sammenslaaingsrader
from tasks.crm.rader.rad import Row
from tasks.crm.rader.sammenslaaingsrader import GRUNNLAG, published, sammenslaaing_rows
from tasks.crm.sync.verdi import canonical_row
from tasks.tomtekontrakter import SAMMENSLAAINGER
from tests.crm.rader.rammer import assembly, frame_of

TABELL = base_register().table("Sammenslåinger")
ONE, TWO = "3207-000001", "3207-000002"
NEAR = frame_of(ADRESSER, {"tomt_id": ONE, "adresse": "Storgata 2\n", "hentet_dato": "2026-11-20"})


def row_of(**more: Any) -> Row:
    (row,) = sammenslaaing_rows(frame_of(SAMMENSLAAINGER, assembly(**more)), adresser=NEAR).values()
    return row


def test_a_row_says_what_is_won_and_where():
    row = canonical_row(TABELL, row_of(tomt_ider=[TWO, ONE], areal_m2=2400.4, beste_tomt_score=58.26, boliger=21.0))
    assert (row["Sammenslåing"], row["Navn"]) == ("3207-S000001", "Storgata 2 m.fl., 2 tomter")
    assert (row["Score"], row["Nivå"], row["Beste tomt alene"], row["Areal m²"]) == (71.5, "B", 58.3, 2400)
    assert (row["Tomter"], row["Alle tomter"]) == ([ONE, TWO], f"{TWO}\n{ONE}")
    assert "lat=6640011&lon=250010&" in row["Kart"]
    assert (row["Grunnlag"], row["Tilstand"]) == ("Samme område", "Aktiv")
    assert set(GRUNNLAG.values()) == set(TABELL.field("Grunnlag").valg)


def test_the_examples_hold():
    assert doctest.testmod(sammenslaaingsrader).failed == 0


def test_a_score_is_never_shown_as_a_level_that_it_does_not_reach():
    row = canonical_row(TABELL, row_of(score=79.96, hoyest=80.0, beste_tomt_score=59.99))
    assert (row["Score"], row["Høyest"], row["Beste tomt alene"]) == (79.9, 80, 59.9)


def test_one_of_an_owner_across_omraader_links_to_none():
    assert row_of(grunnlag="eier", omraade_id=None)["Område"] == []


def test_it_is_published_with_the_first_of_its_lots_and_links_to_those_in_the_base_alone():
    two = assembly(1, tomt_ider=[ONE, TWO]), assembly(2, tomt_ider=["3207-000009"])
    rows = sammenslaaing_rows(frame_of(SAMMENSLAAINGER, *two), adresser=NEAR)
    kept = published(rows, kjente=(), tomter={TWO, "3207-000008"}, omraader=())
    assert list(kept) == ["3207-S000001"]
    assert (kept["3207-S000001"]["Tomter"], kept["3207-S000001"]["Område"]) == ([TWO], [])
    assert kept["3207-S000001"]["Alle tomter"] == f"{ONE}\n{TWO}"
    there = published(rows, kjente=(), tomter={ONE}, omraader={"3207-O00001"})["3207-S000001"]
    assert there["Område"] == ["3207-O00001"]
    assert published(rows, kjente={"3207-S000002"}, tomter=(), omraader=())["3207-S000002"]["Tomter"] == []


def test_one_that_is_gone_is_told_of_whatever_became_of_its_lots():
    rows = sammenslaaing_rows(frame_of(SAMMENSLAAINGER, assembly(tilstand="borte")), adresser=NEAR)
    assert published(rows, kjente=(), tomter=(), omraader=())["3207-S000001"]["Tilstand"] == "Borte"
