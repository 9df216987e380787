"""Codes, dates and links in the forms that occur."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.sources import koder
from tasks.sources.koder import (
    blank_is_none,
    cell,
    code,
    coded,
    fold,
    is_unreadable,
    iso_date,
    kommunenummer_of,
    link,
    plan_ident,
)


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(koder).failed == 0


@pytest.mark.parametrize(
    ("written", "iso"),
    [
        ("2011-06-16", "2011-06-16"),
        ("2011-06-16Z", "2011-06-16"),
        ("2011-06-16T00:00:00", "2011-06-16"),
        ("2011-06-15T22:00:00Z", "2011-06-16"),
        ("2011-12-31T23:00:00.000+00:00", "2012-01-01"),
        ("2011-06-16T12:30:00Z", "2011-06-16"),
        ("20100615.0", "2010-06-15"),
        ("20100615", "2010-06-15"),
        ("19820324.0", "1982-03-24"),
        ("16.06.2011", "2011-06-16"),
        ("1276552800000", "2010-06-15"),  # 2010-06-14T22:00Z
        ("1276560000000", "2010-06-15"),
        ("1800-01-01", None),
        ("18000101.0", None),
        ("1899-12-30", None),
        ("2011-13-40", None),
        ("0", None),
        ("ukjent", None),
        ("-", None),
        ("", None),
        (None, None),
    ],
)
def test_dates(written: str | None, iso: str | None) -> None:
    assert iso_date(written) == iso


@given(st.dates(min_value=__import__("datetime").date(1900, 1, 1)))
def test_every_iso_date_stays(day: object) -> None:
    assert iso_date(str(day)) == str(day)
    assert iso_date(f"{day}Z") == str(day)
    assert iso_date(str(day).replace("-", "") + ".0") == str(day)


@pytest.mark.parametrize(
    ("written", "address"),
    [
        (" https://a.no/x ", "https://a.no/x"),
        ("HTTP://a.no", "HTTP://a.no"),
        ("www.oslo.kommune.no/saksinnsyn.", "https://www.oslo.kommune.no/saksinnsyn."),
        ("javascript:alert(1)", None),
        ("java\nscript:alert(1)", None),
        ("file:///etc/passwd", None),
        ("https://a.no/<script>", None),
        ('https://a.no/"onclick', None),
        ("https://bank.no@evil.no/", None),
        ("https://", None),
        ("https://a.no:x/", None),
        ("https://a.no/" + "x" * 3000, None),
        ("//a.no", None),
        ("", None),
        ("-", None),
        (None, None),
    ],
)
def test_links(written: str | None, address: str | None) -> None:
    assert link(written) == address


@given(st.text())
def test_hostile_text_never_raises_and_links_are_http(text: str) -> None:
    found = link(text)
    assert found is None or found.lower().startswith(("http://", "https://"))
    for read in (iso_date, code, coded, cell, plan_ident, kommunenummer_of, blank_is_none, fold):
        read(text)


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("301", "0301"),
        ("301.0", "0301"),
        ("4601", "4601"),
        (" 4601.0", "4601"),
        ("46011", None),
        ("-", None),
        ("٣٠١", None),
    ],
)
def test_kommunenummer(written: str, number: str | None) -> None:
    assert kommunenummer_of(written) == number


@pytest.mark.parametrize(
    "name", ["KpArealformålOmråde", "KPAREALFORMALOMRADE", "kparealformaalomraade", "kp_arealformål_område"]
)
def test_names_fold_to_one(name: str) -> None:
    assert fold(name) == "kparealformalomrade"


def test_names_become_codes_and_others_stay() -> None:
    assert code("Vedtatt", koder.PLANSTATUS) == "3"
    assert code("3.0", koder.PLANSTATUS) == "3"
    assert code("Under behandling", koder.PLANSTATUS) == "Under behandling"
    assert code("Framtidig", koder.AREALSTATUS) == "2"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1110 - Boligbebyggelse", "1110"),
        ("1110: Boligbebyggelse", "1110"),
        ("35 Detaljregulering", "35"),
        ("1110.0", "1110"),
        (" 0 ", None),
        ("0.0", None),
        ("B3", "B3"),
        ("3 B", "3 B"),
        ("1110-1", "1110-1"),
        ("11100 Bolig", "11100 Bolig"),
    ],
)
def test_a_code_may_stand_before_its_name(written: str, read: str | None) -> None:
    assert coded(written, zero_is_none=True) == read


def test_zero_is_a_status_and_no_plan() -> None:
    assert coded("0", koder.PLANSTATUS) == "0"
    assert [plan_ident(v) for v in ("0", "000", "0.0", "0112", "2026/02282", "12 Sentrum")] == [
        *(None,) * 3,
        "0112",
        "2026/02282",
        "12 Sentrum",
    ]


@pytest.mark.parametrize(
    "value", ["[Ljava.lang.Double;@493a67bb", "[D@1f", "java.util.ArrayList@1b2c", "System.Byte[]"]
)
def test_what_was_destroyed_on_its_way(value: str) -> None:
    assert is_unreadable(value)
    assert cell(value) is None


@pytest.mark.parametrize("value", ["System", "post@kommune.no", "[B1]", "B@1", "2026@3", None, 3.0])
def test_what_only_looks_destroyed(value: object) -> None:
    assert not is_unreadable(value)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        *((adopted, "3") for adopted in ("Vedtatt plan", "I kraft", "Gjeldende reguleringsplan", "vedtatt (3)", "03")),
        *((adopted, "3") for adopted in ("Endelig vedtatt arealplan (3)", "3 - Endelig vedtatt", "Vedtatt 2012", "3;")),
        *(
            (adopted, "3")
            for adopted in ("VEDTATT 12.06.2012", "3.0", "Vedtatt plan, i kraft", "Stadfestet", "3 Vedtatt")
        ),
        ("Vedtatt plan med utsatt rettsvirkning", "6"),
        ("Vedtatt plan med utsatt rettsvirkning (6)", "6"),
        ("Endelig vedtatt plan underlagt tidsbegrensning", "7"),
        ("Opphevet 2019", "4"),
        ("Planforslag vedtatt", None),
        ("Forslag til vedtatt plan", None),
        ("Ikke vedtatt", None),
        ("Vedtatt, ikke i kraft", None),
        ("Delvis vedtatt", None),
        ("Vedtatt 2", None),
        ("2 - Vedtatt", None),  # a list of its own
        ("Vedtatt plan (6)", None),
        ("PLAN3", None),
        ("33", None),
        ("2012", None),
        ("Ja", None),
        ("-", None),
        (None, None),
    ],
)
def test_a_status_is_read_in_words_and_never_guessed(written: str | None, read: str | None) -> None:
    assert koder.status(written) == read
    assert koder.status_or_text(written) == (read or koder.blank_is_none(written))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        *((ground, "2") for ground in ("2", "02", "2.0", "VN2", "vn 2", "På grunnen (2)", "Bakkenivå", "Bakken")),
        ("Under grunnen (tunnel)", "1"),
        ("1 - Under grunnen", "1"),
        ("Nivå 3", "3"),
        ("Under grunnen (2)", None),
        ("1+2", None),
        ("1,2", None),
        ("6", None),
        ("0", None),
    ],
)
def test_a_level_is_read_in_words_and_never_guessed(written: str, read: str | None) -> None:
    assert koder.nivaa(written) == read
    assert koder.nivaa_or_text(written) == (read or (None if written == "0" else written))
