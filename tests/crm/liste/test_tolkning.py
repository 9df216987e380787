"""Rows of a list as rows of Tomter: what is kept, what is refused, and that no cell's content is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.base import base_register
from tasks.crm.liste.celler import Celle, Kommuneoppslag
from tasks.crm.liste.fil import Liste
from tasks.crm.liste.kolonner import FIELDS, find_columns
from tasks.crm.liste.tolkning import MOST_CHARACTERS, NOEKKEL, Tolket, import_key, interpret

OPPSLAG = Kommuneoppslag(sandbox=False)


def read(*rows: tuple[Celle, ...], kommune: str | None = None) -> Tolket:
    columns = find_columns(rows)
    assert columns is not None
    return interpret(Liste(None, (), rows, columns), OPPSLAG, kommune=kommune)


def fields(*rows: tuple[Celle, ...], **how: Any) -> dict[str, Any]:
    """Return the fields of the only lot, without its key."""
    (lot,) = read(*rows, **how).rader
    return {name: value for name, value in lot.felt.items() if name != NOEKKEL}


def told(tolket: Tolket) -> list[tuple[int, str | None]]:
    return [(m.rad, m.kolonne) for m in tolket.merknader]


def test_a_row_fills_every_field_that_a_list_can_fill():
    row = {
        "Tomt": "Åsen",
        "Kommune": "Nordre Follo",
        "Gnr": 46,
        "Bnr": "1",
        "Festenr": 3,
        "Areal daa": "5,2",
        "Kommentar": "to\nlinjer",
        "Status": "i dialog",
        "Neste steg": "Ring",
        "Frist": "24.12.2026",
        "Sist kontaktet": "2026-11-01",
        "Parkert til": "1. mars 2027",
        "Behold": "ja",
    }
    assert fields(tuple(row), tuple(row.values())) == {
        "Navn": "Åsen",
        "Kommune (egen)": "3207",
        "Gnr (egen)": 46,
        "Bnr (egen)": 1,
        "Fnr (egen)": 3,
        "Areal (egen) m²": 5200,
        "Notat": "to\nlinjer",
        "Fase": "Dialog",
        "Neste steg": "Ring",
        "Neste steg dato": "2026-12-24",
        "Sist kontaktet": "2026-11-01",
        "Parkert til": "2027-03-01",
        "Behold": True,
    }


def test_the_fields_are_those_of_the_base_and_people_own_them():
    tabell = base_register().table("Tomter")
    owners = {name: tabell.field(name).eier for name in FIELDS}
    assert set(owners.values()) == {"sales", "initial"}
    assert [name for name, eier in owners.items() if eier == "initial"] == ["Fase"]
    assert tabell.field(NOEKKEL).eier == "pipeline"


def test_what_is_not_clear_is_kept_in_the_notes_and_told_by_row_and_column():
    head = ("Tomt", "Gnr", "Bnr", "Areal", "Status", "Frist", "Behold", "Notat")
    tolket = read(head, ("Åsen", "46a", 1, "stor", "ukjent", "snart", "kanskje", "Egen"))
    (lot,) = tolket.rader
    assert lot.felt["Notat"] == ("Egen\nGnr: 46a\nAreal: stor\nStatus: ukjent\nFrist: snart\nBehold: kanskje")
    assert lot.felt.keys() == {"Navn", "Bnr (egen)", "Notat", NOEKKEL}
    assert told(tolket) == [(2, c) for c in ("Gnr", None, "Areal", "Status", "Frist", "Behold")]
    assert not any("46a" in m.hva or "stor" in m.hva for m in tolket.merknader)


def test_a_second_address_or_comment_is_kept_in_the_notes():
    head = ("Tomt", "Adresse", "Notat", "Kommentar", "Kommunenr")
    assert fields(head, ("Åsen", "Åsveien 1", "a", "b", 3207))["Notat"] == "a\nKommentar: b\nAdresse: Åsveien 1"
    assert fields(("Adresse", "Gnr"), ("Åsveien 1", 46), kommune="3207")["Navn"] == "Åsveien 1"


def test_the_properties_of_a_row_are_found_wherever_they_stand():
    land = {"Kommune (egen)": "3207", "Gnr (egen)": 46, "Bnr (egen)": 1}
    assert fields(("Matrikkelnummer",), ("3207-46/1",)) == land
    assert fields(("Kommune", "Gnr/Bnr"), ("3207", "46/1")) == land
    assert fields(("Tomt",), ("3207-46/1",)) == land | {"Navn": "3207-46/1"}
    assert fields(("Matrikkel", "Gnr", "Bnr"), ("0213-46/1", None, None)) == land
    assert fields(("Gnr/Bnr/Fnr", "Kommune"), ("46/1/3", 3207)) == land | {"Fnr (egen)": 3}


def test_of_several_properties_the_first_is_taken_and_all_are_kept():
    tolket = read(("Gnr/Bnr", "Kommune"), ("46/1, 46/2", "3207"))
    (lot,) = tolket.rader
    assert (lot.felt["Gnr (egen)"], lot.felt["Bnr (egen)"]) == (46, 1)
    assert lot.felt["Notat"] == "Gnr/Bnr: 46/1, 46/2"
    assert told(tolket) == [(2, "Gnr/Bnr")]


def test_two_columns_that_disagree_of_the_property_are_told():
    tolket = read(("Matrikkel", "Gnr", "Bnr", "Kommune"), ("46/1", 47, 1, 3207), ("46/1", 46, None, 3207))
    first, second = tolket.rader
    assert (first.felt["Gnr (egen)"], first.felt["Notat"]) == (47, "Matrikkel: 46/1")
    assert (second.felt["Gnr (egen)"], second.felt["Bnr (egen)"]) == (46, 1)
    assert told(tolket) == [(2, "Matrikkel")]


def test_the_kommune_is_brought_up_to_date_or_kept_as_it_stands():
    tolket = read(("Tomt", "Kommune"), ("A", "0213"), ("B", "0114"), ("C", "Våler"), ("D", "3207"))
    assert [(r.felt["Kommune (egen)"], r.kommunenummer) for r in tolket.rader] == [
        ("3207", "3207"),
        ("0114", None),
        ("Våler", None),
        ("3207", "3207"),
    ]
    assert told(tolket) == [(n, "Kommune") for n in (2, 3, 4)]


def test_the_number_of_a_kommune_goes_before_its_name():
    (lot,) = read(("Tomt", "Kommune", "Kommunenr"), ("A", "Våler", "3419")).rader
    assert lot.kommunenummer == "3419"
    (lot,) = read(("Tomt", "Kommune", "Kommunenr"), ("A", "Nordre Follo", None)).rader
    assert lot.kommunenummer == "3207"


def test_the_kommune_of_the_command_is_for_rows_that_name_none():
    tolket = read(("Tomt", "Kommune"), ("A", None), ("B", "3218"), kommune="3207")
    assert [r.kommunenummer for r in tolket.rader] == ["3207", "3218"]
    assert told(tolket) == []
    assert told(read(("Tomt",), ("A",))) == [(2, None)]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (("Tomt", "Gnr", "Bnr", "Areal"), "repeats the headings"),
        (("TOMT", None, None, "areal"), "repeats the headings"),
        (("Sum", None, None, 5200), "total"),
        ((None, None, None, 5200), "tells no land"),
        ((None, 46, None, 5200), "tells no land"),
        (("Totalt: 12 tomter", None, None, None), "total"),
        (("x" * (MOST_CHARACTERS + 1), 46, 1, None), "characters"),
    ],
)
def test_rows_that_are_no_lots_are_refused_with_their_number(row, why):
    tolket = read(("Tomt", "Gnr", "Bnr", "Areal"), (), ("Åsen", 46, 1, 5000), (None, " "), row)
    assert [lot.nummer for lot in tolket.rader] == [3]
    ((number, said),) = [(m.rad, m.hva) for m in tolket.avvist]
    assert number == 5
    assert why in said


def test_the_only_heading_repeated_is_no_lot():
    assert [m.hva for m in read(("Tomt",), ("Åsen",), ("tomt",)).avvist] == ["repeats the headings"]


def test_a_lot_whose_name_begins_like_a_total_is_a_lot():
    assert len(read(("Tomt",), ("Summerbakken",), ("Total renovering øst",)).rader) == 2


def test_a_number_of_a_person_is_kept_nowhere():
    tolket = read(("Tomt", "Gnr", "Bnr", "Fnr", "Frist"), ("Åsen", 46, 1, "0101011234", "010101 12345"))
    assert "1234" not in str(tolket)
    assert told(tolket) == [(2, "Fnr"), (2, None), (2, "Frist")]
    notat = "01.01.90 12345, 41 01 90-123 45 og 01.01.1990 12345; ringt 01.01.26 900 12 345"
    (lot,) = read(("Tomt", "Kommune", "Notat", "Areal"), ("010190 12345", "01 01 90 12345", notat, 10**400)).rader
    assert (lot.felt["Navn"], lot.felt["Kommune (egen)"]) == ("(personnummer utelatt)",) * 2
    left = "(personnummer utelatt), (personnummer utelatt) og (personnummer utelatt); ringt 01.01.26 900 12 345"
    assert lot.felt["Notat"].startswith(f"{left}\nAreal: 1000")
    row = read(("Tomt", "Notat", "Neste steg", "Kommune"), ("Å", "Eier 410101-12345.", "tlf 4712345678901", 3207))
    assert row.rader[0].felt["Notat"] == "Eier (personnummer utelatt)."
    assert row.rader[0].felt["Neste steg"] == "tlf 4712345678901"  # of another length
    assert [m.hva for m in row.merknader] == ["held a number of a person; left out"]


def test_a_small_area_without_unit_is_told():
    assert told(read(("Tomt", "Areal", "Kommune"), ("A", 5.2, 3207), ("B", 5200, 3207))) == [(2, "Areal")]
    assert told(read(("Tomt", "Areal daa", "Kommune"), ("A", 0.05, 3207))) == []


def test_equal_rows_have_keys_of_their_own_that_do_not_change():
    head = ("Tomt", "Kommune", "Gnr", "Notat")
    once = read(head, ("Åsen ", "3207", 46, "a"), ("Lia", "3207", 46, ""), ("åsen", "Nordre Follo", 46.0, "b"))
    again = read(head, ("ÅSEN", 3207, "46", "c"), ("Åsen", "0213", 46, ""), ("Lia", "3207", 46, ""))
    keys = [lot.noekkel for lot in once.rader]
    assert keys[2] == f"{keys[0]}-2"
    assert len(set(keys)) == 3
    assert {lot.noekkel for lot in again.rader} == set(keys)
    assert told(once) == [(4, None)]
    assert all(lot.felt[NOEKKEL] == lot.noekkel for lot in once.rader)


def test_the_key_is_of_the_land_and_the_name_alone():
    key = import_key({"Navn": "Åsen", "Gnr (egen)": 46, "Bnr (egen)": 1, "Notat": "x"})
    assert key == import_key({"Navn": "a\u030asen", "Gnr (egen)": 46, "Bnr (egen)": 1})
    assert key != import_key({"Navn": "Åsen", "Gnr (egen)": 4, "Bnr (egen)": 61})
    assert "sen" not in key
    # A key that changes would make every list a second time.
    assert key == "liste-87ef57062c9d8893a0f2"


def test_formulas_and_marks_are_text():
    row = fields(("Tomt", "Notat", "Kommune"), ("=HYPERLINK(1)", "<b>{x}'\"\x07\u202e", 3207))
    assert (row["Navn"], row["Notat"]) == ("=HYPERLINK(1)", "<b>{x}'\"")


CELLS = st.one_of(st.none(), st.text(max_size=20), st.integers(), st.floats(), st.booleans(), st.dates())


@given(st.lists(st.tuples(*[CELLS] * 13), max_size=4))
@settings(max_examples=40)
def test_any_rows_become_lots_refusals_or_nothing(rows):
    head = (
        "Tomt",
        "Kommune",
        "Gnr/Bnr",
        "Gnr",
        "Bnr",
        "Fnr",
        "Areal",
        "Status",
        "Frist",
        "Behold",
        "Notat",
        "Info",
        "X",
    )
    tolket = read(head, *rows)
    numbers = [lot.nummer for lot in tolket.rader] + [m.rad for m in tolket.avvist]
    assert len(set(numbers)) == len(numbers) <= len(rows)
    assert len({lot.noekkel for lot in tolket.rader}) == len(tolket.rader)
    for lot in tolket.rader:
        assert lot.felt.keys() <= {*FIELDS, NOEKKEL}
        assert lot.felt.get("Navn") or {"Gnr (egen)", "Bnr (egen)"} <= lot.felt.keys()


def test_no_message_has_the_text_of_a_cell():
    words = Path(__file__).stem  # a text that stands nowhere else
    head = ("Tomt", "Kommune", "Gnr", "Bnr", "Gnr/Bnr", "Areal", "Status", "Frist", "Behold")
    tolket = read(head, (words,) * 9, *[(None,) * n + (words,) for n in range(9)])
    assert tolket.merknader
    assert tolket.avvist
    assert not any(words in m.hva for m in (*tolket.merknader, *tolket.avvist))
