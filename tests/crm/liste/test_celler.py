"""What people write in cells: numbers, areas, properties, municipalities, stages, dates."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.crm.liste.celler import (
    FASER,
    Kommuneoppslag,
    Matrikkel,
    any_said,
    area,
    day,
    line,
    matrikler,
    stage,
    text,
    whole,
    yes,
)


def excel(*parts: int) -> datetime:
    """Return a time as Excel has it, without time zone."""
    return datetime(*parts)  # noqa: DTZ001


OPPSLAG = Kommuneoppslag(sandbox=True)
CELLS = st.one_of(
    st.none(), st.text(max_size=30), st.integers(), st.floats(), st.booleans(), st.dates(), st.datetimes()
)


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (None, ""),
        (float("nan"), ""),
        (46.0, "46"),
        (True, "ja"),
        (excel(2026, 12, 24), "24.12.2026"),
        ("a_x000D_\nb\x00\x07\u202e", "a\nb"),
        ("=HYPERLINK(1)", "=HYPERLINK(1)"),
    ],
)
def test_text_is_what_a_person_sees(cell, said):
    assert text(cell) == said


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        (46, 46),
        (46.0, 46),
        (" 46 ", 46),
        ("46,0", 46),
        ("1\u00a0234", 1234),
        ("0046", 46),
        (46.5, None),
        ("46/1", None),
        (0, None),
        (-3, None),
        (123456, None),
        (True, None),
        ("٤٦", None),
        ("1 2", None),
        (date(1946, 1, 1), None),
    ],
)
def test_a_number_of_a_property_has_one_to_five_digits(cell, number):
    assert whole(cell) == number


@pytest.mark.parametrize(
    ("cell", "each", "m2"),
    [
        ("5 200", 1, 5200),
        ("5\u202f200,4", 1, 5200),
        ("5.200", 1, 5200),
        ("1.250.000", 1, 1_250_000),
        ("5,200.50", 1, 5200),  # read as English writes it: the last sign is the decimal one
        ("5.200,50", 1, 5200),
        ("5,2", 1000, 5200),
        ("5.2", 1000, 5200),
        ("5.200", 1000, 5200),
        (5.2, 1000, 5200),
        ("ca. 5,2 daa", 1, 5200),
        ("3 mål", 1, 3000),
        ("5 200 m²", 1000, 5200),  # the cell's own unit counts
        ("1,5 ha", 1, 15_000),
        (0, 1, None),
        (-5, 1, None),
        ("stor", 1, None),
        ("5-6 daa", 1, None),
        ("2 rom", 1, None),
        ("1.2.3", 1, None),
        (1e300, 1, None),
        pytest.param(10**400, 1, None, id="400 digits"),
        (float("inf"), 1, None),
        (date(2026, 1, 1), 1, None),
    ],
)
def test_areas_become_square_metres(cell, each, m2):
    assert area(cell, m2_each=each) == m2


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("46/1", [Matrikkel(None, 46, 1, None)]),
        ("46 / 1", [Matrikkel(None, 46, 1, None)]),
        ("3207-46/1", [Matrikkel("3207", 46, 1, None)]),
        ("3207 - 46/1/3/0", [Matrikkel("3207", 46, 1, 3)]),
        ("3207/46/1", [Matrikkel("3207", 46, 1, None)]),
        ("46/1/3", [Matrikkel(None, 46, 1, 3)]),
        ("Gnr. 46, bnr. 1", [Matrikkel(None, 46, 1, None)]),
        ("gnr 46 bnr 1 fnr 2", [Matrikkel(None, 46, 1, 2)]),
        ("46/1, 46/2 og 47/1", [Matrikkel(None, 46, n, None) for n in (1, 2)] + [Matrikkel(None, 47, 1, None)]),
        ("46/1 (nord)", []),
        ("46/1, ukjent", []),
        ("46/0", []),
        ("46", []),
        ("46-1", []),  # may be anything
        ("3207-46", []),
        ("123456/1", []),
        pytest.param("gnr. 46" + "," * 9_990 + "bnr. 1", [], id="too long for one"),  # and seconds to look at
        pytest.param("46/1" + "\n " * 4_000 + "46/2", [Matrikkel(None, 46, n, None) for n in (1, 2)], id="far apart"),
        (46.1, []),
        (excel(1946, 1, 1), []),  # what a spreadsheet makes of 46/1 or 1/46
    ],
)
def test_properties_are_read_in_the_forms_people_write(cell, found):
    assert matrikler(cell, OPPSLAG) == found


@pytest.mark.parametrize(
    ("cell", "value", "number"),
    [
        (3207, "3207", "3207"),
        ("3207 Nordre Follo", "3207", "3207"),
        ("nordre follo kommune", "3207", "3207"),
        (301, "0301", "0301"),  # a spreadsheet takes the zero away
        ("Tråante", "5001", "5001"),
        ("Våler (Innlandet)", "3419", "3419"),
        ("0213", "3207", "3207"),
        ("Våler", "Våler", None),
        ("0114", "0114", None),
        ("9999", "9999", None),
        ("Utlandet", "Utlandet", None),
        ("0099", "0099", "0099"),
    ],
)
def test_a_kommune_is_found_by_number_name_or_number_of_before(cell, value, number):
    found = OPPSLAG.look_up(cell)
    assert (found.verdi, found.nummer) == (value, number)
    assert (found.merknad is None) == (number is not None and cell != "0213")


def test_the_invented_kommuner_are_known_in_the_sandbox_alone():
    assert Kommuneoppslag(sandbox=False).look_up("0099").nummer is None


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("Kontaktet", "Kontaktet"),
        ("3. Dialog", "Dialog"),
        ("I dialog (venter)", "Dialog"),
        ("IKKE KONTAKTET", "Identifisert"),
        ("Ikke aktuell", "Ikke aktuell"),
        ("LOI signert", "LOI"),
        ("på vent", "Parkert"),
        ("ikke dialog", None),
        ("Dialog eller LOI", None),
        ("Ring Ola", None),
        ("dialogmøte", None),
    ],
)
def test_a_stage_is_named_by_whole_words(cell, expected):
    assert stage(cell) == expected


def test_the_stages_are_those_of_the_base():
    from config.base import base_register

    assert tuple(FASER) == base_register().table("Tomter").field("Fase").valg
    assert all(stage(phrase) == name for name, phrases in FASER.items() for phrase in phrases)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (excel(2026, 12, 24, 13, 0), "2026-12-24"),
        (date(2026, 12, 24), "2026-12-24"),
        (46380, "2026-12-24"),  # the same day, its cell without the format of a date
        ("24.12.2026", "2026-12-24"),
        ("24.12.26", "2026-12-24"),
        ("24/12-2026", "2026-12-24"),
        ("2026-12-24T10:00:00Z", "2026-12-24"),
        ("24. desember 2026", "2026-12-24"),
        ("31.02.2026", None),
        ("uke 12", None),
        ("1.1.1901", None),
        (12, None),
        pytest.param(10**400, None, id="400 digits"),
        (True, None),
        (float("nan"), None),
    ],
)
def test_dates_are_read_in_the_forms_people_write(cell, expected):
    assert day(cell) == expected


@pytest.mark.parametrize(
    ("cell", "expected"), [("Ja", True), (True, True), ("x", True), ("", False), ("kanskje", None)]
)
def test_yes_and_no(cell, expected):
    assert yes(cell) is expected


@given(CELLS)
@settings(max_examples=60)
def test_any_cell_is_understood_or_not_and_never_stops_the_reading(cell):
    assert "\x00" not in text(cell)
    assert any_said([cell]) == bool(line(cell))
    number, m2 = whole(cell), area(cell)
    assert number is None or 1 <= number <= 99_999
    assert m2 is None or m2 > 0
    stage(cell), day(cell), yes(cell), matrikler(cell, OPPSLAG), OPPSLAG.look_up(cell)
