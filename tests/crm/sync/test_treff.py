"""Own lots and the program's lots on the same property: what is read, what matches, and that nothing raises."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.registers import find_kommune
from tasks.crm.rader.rad import Row, RowsByKey
from tasks.crm.sync.treff import EgenTomt, Treff, egne_tomter, find_treff, whole_number

NORDRE_FOLLO = find_kommune("3207", sandbox=False)
RECORD = "recKOMMUNE00000001"


def read(fields: Row) -> EgenTomt:
    (egen,) = egne_tomter([("recA", fields)], kommune=NORDRE_FOLLO, kommune_record_id=RECORD)
    return egen


def own(gnr: int | None = 46, bnr: int | None = 1, fnr: int | None = None, nummer: str | None = "3207") -> EgenTomt:
    return EgenTomt("recA", "Åsen", nummer, gnr, bnr, fnr)


def lots(**enheter: list[str]) -> RowsByKey:
    return {key: {"Eiendommer": keys, "Tilstand": "Aktiv"} for key, keys in enheter.items()}


def test_records_with_a_key_and_those_that_are_answered_are_not_peoples_own_to_match():
    records = [
        ("recB", {"Navn": "Vår", "Tomt-id": "  "}),
        ("recA", {"Adresse": "Storgata 2"}),
        ("recC", {"Tomt-id": "3207-000001", "Gnr (egen)": 46}),
        ("recD", {"Navn": "Svart", "Fase": "Ikke aktuell"}),
    ]
    found = egne_tomter(records, kommune=NORDRE_FOLLO, kommune_record_id=None)
    assert [(e.record_id, e.navn) for e in found] == [("recA", "Storgata 2"), ("recB", "Vår")]


@pytest.mark.parametrize(
    ("fields", "nummer"),
    [
        ({"Kommune (egen)": "3207"}, "3207"),
        ({"Kommune (egen)": " nordre follo KOMMUNE "}, "3207"),
        ({"Kommune (egen)": "3207 Nordre Follo"}, "3207"),
        ({"Kommune (egen)": "3020"}, "3207"),  # the number until 2024
        ({"Kommune (egen)": "301"}, "0301"),
        ({"Kommune (egen)": 3207.0}, "3207"),
        ({"Kommune (egen)": "3218", "Kommune": [RECORD]}, "3218"),
        ({"Kommune (egen)": "Nordre Folo", "Kommunenummer": "3207"}, "3207"),
        ({"Kommunenummer": "3207"}, "3207"),
        ({"Kommune": [RECORD]}, "3207"),
        ({"Kommune": ["recANNEN"]}, None),
        ({"Kommune (egen)": "32070"}, None),
        ({"Kommune (egen)": "Ås"}, None),
        ({"Kommune (egen)": float("nan")}, None),
        ({"Kommune (egen)": ["3207"], "Kommunenummer": {"a": 1}, "Kommune": "rec"}, None),
        ({}, None),
    ],
)
def test_the_kommune_of_an_own_lot(fields, nummer):
    assert read(fields).kommunenummer == nummer


def test_a_link_to_nothing_is_no_kommune():
    (egen,) = egne_tomter([("recA", {"Kommune": [None]})], kommune=NORDRE_FOLLO, kommune_record_id=None)
    assert egen.kommunenummer is None


def test_either_name_of_a_kommune_will_do_and_one_that_two_have_will_not():
    snaasa, heroey = find_kommune("5041", sandbox=False), find_kommune("1818", sandbox=False)
    for kommune, name, number in ((snaasa, "Snåsa", "5041"), (snaasa, "snåase", "5041"), (heroey, "Herøy", None)):
        (egen,) = egne_tomter([("r", {"Kommune (egen)": name})], kommune=kommune, kommune_record_id=None)
        assert egen.kommunenummer == number


def test_numbers_that_are_missing_negative_or_absurd_are_none():
    egen = read({"Gnr (egen)": 46, "Bnr (egen)": 1.0, "Fnr (egen)": 0})
    assert (egen.gnr, egen.bnr, egen.fnr) == (46, 1, 0)
    egen = read({"Gnr (egen)": 0, "Bnr (egen)": -1, "Fnr (egen)": 1e300})
    assert (egen.gnr, egen.bnr, egen.fnr) == (None, None, None)
    assert [whole_number(v) for v in (True, 4.6, 100_000, "46", "46/1", "४६")] == [None, None, None, 46, None, None]


def test_a_match_lists_every_living_lot_on_the_property_once():
    tomter = lots(b=["3207-46/1/0/0"], a=["3207-46/1/0/0", "3207-46/1/5/0"], c=["3207-46/2/0/0"], d=["3218-46/1/0/0"])
    tomter["e"] = {"Eiendommer": ["3207-46/1/0/0"], "Tilstand": "Borte"}
    assert find_treff([own()], tomter) == [Treff(own(), ("a", "b"))]


def test_the_fnr_counts_where_it_is_given():
    tomter = lots(a=["3207-46/1/0/0"], b=["3207-46/1/5/0"])
    assert [t.tomt_ider for t in find_treff([own(), own(fnr=5), own(fnr=0), own(fnr=7)], tomter)] == [
        ("a", "b"),
        ("b",),
        ("a",),
    ]


@pytest.mark.parametrize("egen", [own(gnr=None), own(bnr=None), own(nummer=None), own(nummer="3218"), own(bnr=2)])
def test_half_a_number_or_another_one_is_no_match(egen):
    assert find_treff([egen], lots(a=["3207-46/1/0/0"])) == []


def test_a_lot_of_the_neighbours_property_matches_by_the_number_itself():
    assert find_treff([own(nummer="3218")], lots(a=["3218-46/1/0/0"])) == [Treff(own(nummer="3218"), ("a",))]


def test_rows_without_properties_or_with_strange_ones_are_passed_over():
    tomter: RowsByKey = {"a": {"Tilstand": "Aktiv"}, "b": {"Tilstand": "Aktiv", "Eiendommer": None}}
    tomter |= lots(c=["tull", "3207-46/1"])
    assert [t.tomt_ider for t in find_treff([own()], tomter)] == [("c",)]


SMALL = st.integers(min_value=0, max_value=2)


@settings(max_examples=60, deadline=None)
@given(
    egne=st.lists(st.tuples(st.sampled_from(["3207", "3218", None]), SMALL, SMALL, st.none() | SMALL), max_size=6),
    enheter=st.lists(
        st.lists(st.tuples(st.sampled_from(["3207", "3218"]), SMALL, SMALL, SMALL), max_size=3), max_size=6
    ),
)
def test_a_match_is_exactly_where_the_numbers_are_the_same(egne, enheter):
    mine = [EgenTomt(f"rec{n}", "", k, g or None, b, f) for n, (k, g, b, f) in enumerate(egne)]
    tomter = lots(**{f"t{n}": [f"{k}-{g}/{b}/{f}/0" for k, g, b, f in on] for n, on in enumerate(enheter)})
    found = {(t.egen.record_id, tomt) for t in find_treff(mine, tomter) for tomt in t.tomt_ider}
    wanted = {
        (f"rec{n}", f"t{m}")
        for n, (k, g, b, f) in enumerate(egne)
        for m, on in enumerate(enheter)
        if g and any((k, g, b) == unit[:3] and f in (None, unit[3]) for unit in on)
    }
    assert found == wanted


ANYTHING: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.lists(st.text(max_size=5), max_size=2),
    st.dictionaries(st.text(max_size=3), st.none(), max_size=1),
)
FIELDS = (
    "Tomt-id",
    "Navn",
    "Fase",
    "Kommune (egen)",
    "Kommunenummer",
    "Kommune",
    "Gnr (egen)",
    "Bnr (egen)",
    "Fnr (egen)",
)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), ANYTHING), max_size=4))
def test_whatever_people_fill_in_is_read_without_an_error(fields):
    records = [(f"rec{n}", row) for n, row in enumerate(fields)]
    egne = egne_tomter(records, kommune=NORDRE_FOLLO, kommune_record_id=RECORD)
    for egen in egne:
        assert egen.kommunenummer is None or len(egen.kommunenummer) == 4
        assert all(n is None or 0 <= n <= 99_999 for n in (egen.gnr, egen.bnr, egen.fnr))
    find_treff(egne, lots(a=["3207-46/1/0/0"]))


@given(ANYTHING)
def test_a_whole_number_is_one_or_none(value):
    found = whole_number(value)
    assert found is None or (type(found) is int and 0 <= found <= 99_999)
