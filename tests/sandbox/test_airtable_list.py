"""Listing: pages, filters, order, and the offset that leads from one page to the next."""

from __future__ import annotations

import pytest

from tests.sandbox.conftest import answer, names, refusal


@pytest.fixture
def many(tomter):
    tomter.batch_create([{"Navn": f"n{n:03}", "Tall": n % 7} for n in range(253)])
    return tomter


def test_paging_answers_every_record_once_in_order(many, web, base):
    wanted = [f"n{n:03}" for n in range(253)]
    assert [len(page) for page in many.iterate()] == [100, 100, 53]
    assert names(many.all(page_size=37)) == wanted
    assert names(many.all(max_records=120)) == wanted[:120]
    got, offset = [], None
    while True:
        body = {"pageSize": 100, **({"offset": offset} if offset else {})}
        page = web.post(f"/v0/{base.id}/Tomter/listRecords", json=body).json()
        got += names(page["records"])
        offset = page.get("offset")
        if not offset:
            break
    assert got == wanted


def test_a_long_filter_goes_by_post(many):
    long = "OR(" + ",".join(f"{{Navn}}='n{n:03}'" for n in range(0, 1000, 2)) + ")"
    assert len(long) < 17_000
    found = many.all(formula=long + " " * (16_500 - len(long)), fields=["Navn"], sort=["-Navn"], page_size=50)
    assert names(found) == [f"n{n:03}" for n in range(252, -1, -2)]


def test_an_address_of_16_000_characters_is_taken_and_none_that_is_longer(web, airtable, base):
    address = f"{airtable.url}/v0/{base.id}/Tomter?filterByFormula="
    for more, status in ((0, 200), (1, 414)):
        assert web.get(address + "1" * (16_000 - len(address) + more)).status_code == status


def test_a_listing_under_way_skips_what_is_deleted_and_not_what_follows(many):
    pages = many.iterate()
    first = next(pages)
    everything = many.all()
    many.batch_delete([r["id"] for r in (*first[:10], *everything[100:110])])
    rest = [r for page in pages for r in page]
    assert names(rest) == [f"n{n:03}" for n in range(110, 253)]


def test_an_unknown_or_foreign_offset_is_refused(many, web, base):
    url = f"/v0/{base.id}/Tomter"
    offset = web.get(url).json()["offset"]
    gone = (422, "LIST_RECORDS_ITERATOR_NOT_AVAILABLE", "")
    for wrong in ("itrXXXXXXXXXXXXXX/rec00000000000000", "x", offset.split("/")[0]):
        assert answer(web.get(url, params={"offset": wrong})) == gone
    assert answer(web.get(f"/v0/{base.id}/Omr%C3%A5der%2Ffelt", params={"offset": offset})) == gone
    for _ in range(2):
        assert len(web.get(url, params={"offset": offset}).json()["records"]) == 100


def test_sort_is_stable_both_ways_and_puts_empty_first(tomter):
    tomter.batch_create(
        [
            {"Navn": "b", "Tall": 1, "Klasse": "annet"},
            {"Navn": "A", "Tall": 10, "Klasse": "bolig"},
            {"Navn": "c", "Tall": 1},
            {"Tall": 2, "Klasse": "annet"},
        ]
    )
    assert names(tomter.all(sort=["Navn"])) == [None, "A", "b", "c"]
    assert names(tomter.all(sort=["-Navn"])) == ["c", "b", "A", None]
    assert names(tomter.all(sort=["Tall"])) == ["b", "c", None, "A"]
    assert names(tomter.all(sort=["-Tall"])) == ["A", None, "b", "c"]
    assert names(tomter.all(sort=["Klasse", "-Navn"])) == ["c", "A", "b", None]
    assert names(tomter.all(sort=["Tall", "-Navn"], max_records=2)) == ["c", "b"]


def test_sort_by_links_dates_and_checks(tomter, omraader):
    ids = [omraader.create({"Navn": n})["id"] for n in "zy"]
    tomter.batch_create(
        [{"Navn": "1", "Område": ids[:1], "Dato": "2026-02-01", "Klar": True}, {"Navn": "2", "Område": ids[1:]}]
    )
    assert names(tomter.all(sort=["Område"])) == ["2", "1"]
    assert names(tomter.all(sort=["Dato"])) == ["2", "1"]
    assert names(tomter.all(sort=["-Klar"])) == ["1", "2"]


def test_a_malformed_listing_is_refused(web, base, subtests):
    for options in [
        {"pageSize": 101},
        {"pageSize": 0},
        {"pageSize": "mange"},
        {"pageSize": True},
        {"pageSize": 2.5},
        {"maxRecords": -1},
        {"maxRecords": []},
        {"fields": "Navn"},
        {"fields": [1]},
        {"sort": "Navn"},
        {"sort": ["Navn"]},
        {"sort": [{"field": ["Navn"]}]},
        {"sort": [{"field": "Navn", "direction": "ned"}]},
        {"sort": [{"field": "Navn", "direction": []}]},
        {"filterByFormula": 5},
        {"offset": {}},
        {"view": []},
        {"cellFormat": "string"},
        {"sort": [{"field": "Navn"}] * 11},
        {"sort": [{"field": "Navn", "mer": 1}]},
        {"returnFieldsByFieldId": "ja"},
        {"returnFieldsByFieldId": 1},
        {"returnFieldsByFieldId": []},
        {"timeZone": 5},
        {"userLocale": []},
        {"ukjent": None},
    ]:
        with subtests.test(repr(options)[:80]):
            response = web.post(f"/v0/{base.id}/Tomter/listRecords", json=options)
            assert answer(response)[:2] == (422, "INVALID_REQUEST_UNKNOWN")


def test_a_malformed_query_is_refused_and_what_clients_send_is_taken(web, base, tomter, subtests):
    rec, url = tomter.create({"Navn": "a", "Tall": 1})["id"], f"/v0/{base.id}/Tomter"
    for query in (
        "sort[field]=Navn",
        "sort[0][foo]=1",
        "sort[0][field]=Navn&sort[0][foo]=1",
        "fields=Navn",
        "fields=Navn&fields[]=Tall",
        "returnFieldsByFieldId=ja",
        "ukjent=1",
        "&".join(f"sort[{n}][field]=Navn" for n in range(11)),
    ):
        with subtests.test(query[:80]):
            assert answer(web.get(f"{url}?{query}"))[:2] == (422, "INVALID_REQUEST_UNKNOWN")
    assert answer(web.get(f"{url}/{rec}?returnFieldsByFieldId=ja"))[:2] == (422, "INVALID_REQUEST_UNKNOWN")
    for query in ("fields[]=Navn&fields[]=Tall&returnFieldsByFieldId=0", "fields[0]=Navn&fields[1]=Tall", "timeZone=x"):
        (record,) = web.get(f"{url}?{query}").json()["records"]
        assert record["fields"] == {"Navn": "a", "Tall": 1}


def test_listing_by_the_default_view_and_fields_on_one_record(web, base, tomter):
    tomter.create({"Navn": "a"})
    view = base.schema().table("Tomter").views[0]
    assert tomter.all(view=view.name) == tomter.all(view=view.id) == tomter.all()
    assert refusal(lambda: tomter.all(view="Ukjent"))[:2] == (422, "VIEW_NAME_NOT_FOUND")
    rec = tomter.first()["id"]
    response = web.get(f"/v0/{base.id}/Tomter/{rec}", params={"fields[]": "Navn"})
    assert answer(response)[:2] == (422, "INVALID_REQUEST_UNKNOWN")
