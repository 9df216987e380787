"""Columns by their headings: which are read, and which are only named."""

from __future__ import annotations

import pytest

from tasks.crm.liste.kolonner import PERSONAL, UNKNOWN, find_columns, has_unit, letters, plain, recognised


def read(*headings: str, rows: list[list[object]] | None = None) -> dict[str, str]:
    """Return heading → field of a list with these headings."""
    found = find_columns([list(headings), *(rows or [])])
    return {} if found is None else {k.overskrift: k.felt for k in found.lest}


def unread(*headings: str) -> dict[str, str]:
    found = find_columns([list(headings)])
    assert found is not None
    return dict(found.ikke_lest)


@pytest.mark.parametrize(
    ("heading", "felt"),
    [
        ("KOMMUNE", "Kommune (egen)"),
        ("Kommunenr.", "Kommune (egen)"),
        ("Gårdsnr", "Gnr (egen)"),
        (" gnr. ", "Gnr (egen)"),
        ("Bruksnr", "Bnr (egen)"),
        ("Gnr./Bnr.", "Matrikkel"),
        ("GNR / BNR", "Matrikkel"),
        ("Matrikkelnummer", "Matrikkel"),
        ("Areal (m²)", "Areal (egen) m²"),
        ("Areal daa", "Areal (egen) m²"),
        ("Tomteareal i mål", "Areal (egen) m²"),
        ("daa", "Areal (egen) m²"),
        ("Merknad", "Notat"),
        ("Status", "Fase"),
        ("Frist", "Neste steg dato"),
        ("Sist kontaktet", "Sist kontaktet"),
        ("Tomt", "Navn"),
        ("A\u030adresse", None),  # a letter of two parts is another letter
        ("Ga\u030ardsnr", "Gnr (egen)"),
        ("Grunneier", None),
        ("Eiers telefon", None),
        ("E-post", None),
        ("Kontakt", None),
        ("Areal BRA", None),
        ("Eiendom", "Navn"),
        (46, None),
        (None, None),
    ],
)
def test_headings_are_recognised_however_they_are_written(heading, felt):
    assert recognised(heading) == felt


def test_the_unit_of_an_area_stands_in_its_heading():
    found = find_columns([["Tomt", "Areal daa"]])
    (column,) = found.of("Areal (egen) m²")
    assert (column.m2_each, has_unit(column)) == (1000, True)
    (column,) = find_columns([["Tomt", "Areal"]]).of("Areal (egen) m²")
    assert (column.m2_each, has_unit(column)) == (1, False)


def test_owners_and_contacts_are_named_and_not_read():
    headings = ("Gnr", "Bnr", "Hjemmelshaver", "Adresse eier", "Mobil", "Fødselsnr", "Kontaktperson", "Vei")
    assert set(read(*headings)) == {"Gnr", "Bnr"}
    assert unread(*headings) == dict.fromkeys(headings[2:7], PERSONAL) | {"Vei": UNKNOWN}


def test_a_bare_name_is_read_only_where_it_can_be_no_persons():
    assert read("Navn", "Gnr", "Bnr")["Navn"] == "Navn"
    assert "Navn" not in read("Navn", "Gnr", "Bnr", "Telefon")
    assert "Navn" not in read("Navn", "Tomt")
    assert "Tomt" in unread("Navn", "Gnr", "Bnr", "E-post")["Navn"]


def test_two_columns_of_one_field_are_one_and_the_notes_are_joined():
    assert read("Tomt", "Areal daa", "Areal m2", "Notat", "Kommentar", "Kommune", "Kommunenr") == {
        "Tomt": "Navn",
        "Areal m2": "Areal (egen) m²",
        "Notat": "Notat",
        "Kommentar": "Notat",
        "Kommune": "Kommune (egen)",
        "Kommunenr": "Kommune (egen)",
    }
    found = find_columns([["Tomt", "Kommune", "Kommunenr"]])
    assert [k.overskrift for k in found.of("Kommune (egen)")] == ["Kommunenr", "Kommune"]
    assert "Areal m2" in unread("Tomt", "Areal daa", "Areal m2")["Areal daa"]


def test_the_headings_may_stand_below_a_title():
    rows = [["Tomter 2026"], [], ["Tomt", "Gnr", "Bnr"], ["Åsen", 46, 1]]
    assert find_columns(rows).hode == 2


def test_without_a_heading_that_tells_land_there_are_none():
    assert find_columns([["Kommune", "Notat"], ["3207", "x"]]) is None
    assert find_columns([["Gnr", "Notat"]]) is None
    assert find_columns([]) is None


def test_a_column_without_heading_is_named_by_its_letter_when_something_stands_in_it():
    found = find_columns([["Tomt", None, ""], ["Åsen", None, "x"]])
    assert found.ikke_lest == (("column C", "it has no heading"),)
    assert [letters(n) for n in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]


def test_plain_is_stable():
    assert plain(plain("Gnr. / Bnr.")) == plain("Gnr. / Bnr.") == "gnr/bnr"
