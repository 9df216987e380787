"""Rows of Sammenslåinger: what stands in them, and which lots they link to."""

from __future__ import annotations

from typing import Any

from config.base import base_register
from tasks.crm.rader.rad import Row
from tasks.crm.rader.sammenslaaingsrader import GRUNNLAG, published, sammenslaaing_rows
from tasks.crm.sync.diff import canonical_row
from tasks.tomtekontrakter import SAMMENSLAAINGER
from tests.crm.rader.rammer import assembly, frame_of

TABELL = base_register().table("Sammenslåinger")
ONE, TWO = "3207-000001", "3207-000002"


def row_of(**more: Any) -> Row:
    (row,) = sammenslaaing_rows(frame_of(SAMMENSLAAINGER, assembly(**more))).values()
    return row


def test_a_row_says_what_is_won_and_where():
    row = canonical_row(TABELL, row_of(tomt_ider=[TWO, ONE], areal_m2=2400.4, beste_tomt_score=58.26, boliger=21.0))
    assert row["Sammenslåing"] == "3207-S000001"
    assert (row["Score"], row["Nivå"], row["Beste tomt alene"], row["Areal m²"]) == (71.5, "B", 58.3, 2400)
    assert (row["Tomter"], row["Alle tomter"]) == ([ONE, TWO], f"{TWO}\n{ONE}")
    assert "lat=6640011&lon=250010&" in row["Kart"]
    assert (row["Grunnlag"], row["Tilstand"]) == ("Samme område", "Aktiv")
    assert set(GRUNNLAG.values()) == set(TABELL.field("Grunnlag").valg)


def test_one_of_an_owner_across_omraader_links_to_none():
    assert row_of(grunnlag="eier", omraade_id=None)["Område"] == []


def test_it_is_published_with_the_first_of_its_lots_and_links_to_those_in_the_base_alone():
    rows = sammenslaaing_rows(
        frame_of(SAMMENSLAAINGER, assembly(1, tomt_ider=[ONE, TWO]), assembly(2, tomt_ider=["3207-000009"]))
    )
    kept = published(rows, tomter={TWO, "3207-000008"}, omraader=())
    assert list(kept) == ["3207-S000001"]
    assert (kept["3207-S000001"]["Tomter"], kept["3207-S000001"]["Område"]) == ([TWO], [])
    assert kept["3207-S000001"]["Alle tomter"] == f"{ONE}\n{TWO}"
    assert published(rows, tomter={ONE}, omraader={"3207-O00001"})["3207-S000001"]["Område"] == ["3207-O00001"]


def test_one_that_is_gone_is_told_of_whatever_became_of_its_lots():
    rows = sammenslaaing_rows(frame_of(SAMMENSLAAINGER, assembly(tilstand="borte")))
    assert published(rows, tomter=(), omraader=())["3207-S000001"]["Tilstand"] == "Borte"
