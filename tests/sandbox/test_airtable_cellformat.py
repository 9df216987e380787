"""`cellFormat=string` through pyairtable: each type as the text a person sees, in the zone and locale asked for."""

from __future__ import annotations

import pytest

from tests.sandbox.conftest import answer

ISO = {"dateFormat": {"name": "iso"}}
NORWEGIAN = {"cell_format": "string", "time_zone": "Europe/Oslo", "user_locale": "nb"}


def moment(name, date_format, time_format):
    options = {"dateFormat": {"name": date_format}, "timeFormat": {"name": time_format}, "timeZone": "utc"}
    return {"name": name, "type": "dateTime", "options": options}


FIELDS = [
    {"name": "Prosent", "type": "percent", "options": {"precision": 1}},
    {"name": "Kroner", "type": "currency", "options": {"precision": 2, "symbol": "kr"}},
    {"name": "Varighet", "type": "duration", "options": {"durationFormat": "h:mm:ss.SS"}},
    {"name": "Kort", "type": "duration", "options": {"durationFormat": "h:mm"}},
    {"name": "Karakter", "type": "rating", "options": {"icon": "star", "color": "yellowBright", "max": 5}},
    {"name": "Lokal", "type": "date", "options": {"dateFormat": {"name": "local"}}},
    {"name": "Vennlig", "type": "date", "options": {"dateFormat": {"name": "friendly"}}},
    {"name": "Amerikansk", "type": "date", "options": {"dateFormat": {"name": "us"}}},
    moment("Lokaltid", "local", "12hour"),
    {"name": "Hvem", "type": "singleCollaborator"},
    {"name": "Flere", "type": "multipleCollaborators"},
    {"name": "Kode", "type": "barcode"},
]
CELLS = {
    "Navn": "a",
    "Tall": 1234.5,
    "Klar": True,
    "Klasse": "bolig",
    "Merker": ["A"],
    "Dato": "2026-03-01",
    "Tid": "2026-02-28T23:30:00Z",
    "Prosent": 0.1234,
    "Kroner": -1234567.5,
    "Varighet": 3661.255,
    "Kort": 5400,
    "Karakter": 4,
    "Lokal": "2026-03-01",
    "Vennlig": "2026-03-01",
    "Amerikansk": "2026-03-01",
    "Lokaltid": "2026-02-28T23:05:00Z",
    "Hvem": {"email": "kari@example.com", "name": "Kari"},
    "Flere": [{"email": "kari@example.com", "name": "Kari"}, {"email": "ola@example.com"}],
    "Kode": {"text": "123"},
}
WANTED = {
    "Navn": "a",
    "Tall": "1234.5",
    "Klar": "checked",
    "Klasse": "bolig",
    "Merker": "A",
    "Dato": "2026-03-01",
    "Tid": "2026-03-01 00:30",
    "Prosent": "12.3%",
    "Kroner": "-kr1,234,567.50",
    "Varighet": "1:01:01.26",
    "Kort": "1:30",
    "Karakter": "4",
    "Lokal": "1.3.2026",
    "Vennlig": "1. mars 2026",
    "Amerikansk": "3/1/2026",
    "Lokaltid": "1.3.2026 12:05am",
    "Hvem": "Kari",
    "Flere": "Kari, ola@example.com",
    "Kode": "123",
}


@pytest.fixture
def rec(tomter):
    for field in FIELDS:
        tomter.create_field(field["name"], field["type"], options=field.get("options"))
    return tomter.create(CELLS)["id"]


def test_each_type_is_the_text_that_a_person_sees(tomter, rec):
    wanted = {**WANTED, "Varighet": tomter.get(rec, **NORWEGIAN)["fields"]["Varighet"]}
    assert wanted["Varighet"] in ("1:01:01.25", "1:01:01.26")  # a double lies on either side of the half
    assert tomter.get(rec, **NORWEGIAN)["fields"] == wanted
    assert tomter.all(**NORWEGIAN)[0]["fields"] == wanted
    assert tomter.get(rec)["fields"]["Tall"] == 1234.5
    # A listing too long for an address goes by POST, with zone and locale still in the address.
    by_post = tomter.all(formula="OR({Navn}='a'" + ",{Navn}='x'" * 1500 + ")", **NORWEGIAN)
    assert by_post[0]["fields"] == wanted


@pytest.mark.parametrize(
    ("locale", "local", "friendly"),
    [
        ("en-us", "3/1/2026", "March 1, 2026"),
        ("en_GB", "1/3/2026", "1 March 2026"),
        ("no", "1.3.2026", "1. mars 2026"),
        ("ja", "3/1/2026", "March 1, 2026"),
    ],
)
def test_the_locale_decides_how_days_are_written(tomter, locale, local, friendly):
    for field in (FIELDS[5], FIELDS[6]):
        tomter.create_field(field["name"], field["type"], options=field["options"])
    tomter.create({"Lokal": "2026-03-01", "Vennlig": "2026-03-01"})
    seen = tomter.first(cell_format="string", time_zone="utc", user_locale=locale)["fields"]
    assert seen == {"Lokal": local, "Vennlig": friendly}


def test_links_are_names_and_files_have_an_address(web, base, tomter, omraader):
    ids = [omraader.create({"Navn": n})["id"] for n in ("Nes", "Vest, øvre", 'Øst "x"')]
    rec = tomter.create({"Område": ids})["id"]
    body = {"contentType": "text/plain", "filename": "notat.txt", "file": "SGVp"}
    made = web.post(f"/v0/{base.id}/{rec}/Bilder/uploadAttachment", json=body).json()
    (files,) = made["fields"].values()
    seen = tomter.get(rec, **NORWEGIAN)["fields"]
    assert seen == {"Område": 'Nes, "Vest, øvre", Øst "x"', "Bilder": f"notat.txt ({files[0]['url']})"}
    field = base.schema().table("Tomter").field("Område").id
    assert tomter.get(rec, use_field_ids=True, **NORWEGIAN)["fields"][field] == seen["Område"]


@pytest.mark.parametrize(
    "options",
    [
        {"cellFormat": "string"},
        {"cellFormat": "string", "timeZone": "Europe/Oslo"},
        {"cellFormat": "string", "userLocale": "nb"},
        {"cellFormat": "string", "timeZone": "Mars/Base", "userLocale": "nb"},
        {"cellFormat": "string", "timeZone": "../../etc/passwd", "userLocale": "nb"},
        {"cellFormat": "string", "timeZone": "utc", "userLocale": "no such"},
        {"cellFormat": "xml", "timeZone": "utc", "userLocale": "nb"},
    ],
)
def test_texts_need_a_zone_and_a_locale(web, base, tomter, options):
    rec = tomter.create({"Navn": "a"})["id"]
    for path in (f"/v0/{base.id}/Tomter", f"/v0/{base.id}/Tomter/{rec}"):
        assert answer(web.get(path, params=options))[:2] == (422, "INVALID_REQUEST_UNKNOWN")
    assert answer(web.post(f"/v0/{base.id}/Tomter/listRecords", json=options))[0] == 422
