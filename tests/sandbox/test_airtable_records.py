"""Records: what is written is read, what does not fit is refused, and a refused batch leaves nothing."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sandbox.conftest import LINES, NOTAT, answer, connect, names, refusal

COMMON = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def test_a_value_is_answered_as_sent(tomter, subtests):
    for field, value in [
        ("Navn", "Åsen ved Sjøen"),
        ("Tall", 12.5),
        ("Tall", 0),
        ("Klar", True),
        ("Klasse", "bolig"),
        ("Merker", ["A"]),
        ("Dato", "2026-02-28"),
        ("Tid", "2026-02-28T12:00:00.000Z"),
        (NOTAT, "to\nlinjer"),
        ("Lenke", "https://norgeskart.no"),
    ]:
        with subtests.test(repr((field, value))[:80]):
            made = tomter.create({field: value})
            assert made["fields"] == {field: value}
            assert tomter.get(made["id"]) == made


@pytest.mark.parametrize(
    ("field", "value", "kept"),
    [
        ("Tall", 3.0, "3"),
        ("Tall", -0.0, "0"),
        ("Tall", 2**53 + 1, "9007199254740992"),
        ("Tall", 1e300, "1e+300"),
        ("Tid", "2026-02-28T12:00:00+01:00", '"2026-02-28T11:00:00.000Z"'),
    ],
)
def test_numbers_and_times_are_answered_as_a_double_and_utc(web, base, field, value, kept):
    response = web.post(f"/v0/{base.id}/Tomter", json={"fields": {field: value}})
    assert f'"fields":{{"{field}":{kept}}}' in response.text


@pytest.mark.parametrize(
    ("field", "value"), [("Navn", ""), ("Navn", None), ("Klar", False), ("Merker", []), ("Område", [])]
)
def test_empty_cells_are_left_out(tomter, field, value):
    assert tomter.create({field: value})["fields"] == {}


def test_a_value_of_the_wrong_type_is_refused(tomter, subtests):
    for field, value in [
        ("Navn", 12),
        ("Navn", True),
        ("Navn", ["a"]),
        ("Navn", {"a": 1}),
        ("Tall", "12"),
        ("Tall", True),
        ("Tall", 10**400),
        ("Tall", [1]),
        ("Klar", "true"),
        ("Klar", 1),
        ("Klasse", 1),
        ("Klasse", ["bolig"]),
        ("Merker", "A"),
        ("Merker", [1]),
        ("Dato", "28.02.2026"),
        ("Dato", "2026-02-30"),
        ("Dato", "20260228"),
        ("Dato", "2026-W09-1"),
        ("Dato", ""),
        ("Dato", 20260228),
        ("Tid", "i går"),
        ("Tid", "0001-01-01T00:00:00+23:59"),
        ("Tid", ""),
        ("Område", "rec00000000000001"),
        ("Område", [1]),
        ("Lenke", {}),
    ]:
        with subtests.test(repr((field, value))[:80]):
            wanted = (422, "INVALID_VALUE_FOR_COLUMN", f'Field "{field}" cannot accept the provided value')
            assert refusal(partial(tomter.create, {field: value})) == wanted
            assert tomter.all() == []


@pytest.mark.parametrize("value", ["ukjent", "", "Bolig"])
def test_an_unknown_option_is_refused(tomter, value):
    status, kind, message = refusal(lambda: tomter.create({"Klasse": value}))
    assert (status, kind) == (422, "INVALID_MULTIPLE_CHOICE_OPTIONS")
    assert message == f'Insufficient permissions to create new select option ""{value}""'


def test_an_unknown_field_is_refused(tomter):
    wanted = (422, "UNKNOWN_FIELD_NAME", 'Unknown field name: "Ukjent"')
    assert refusal(lambda: tomter.create({"Ukjent": 1})) == wanted
    assert refusal(lambda: tomter.all(fields=["Ukjent"])) == wanted
    assert refusal(lambda: tomter.all(sort=["Ukjent"])) == wanted


def test_typecast_converts(tomter, subtests):
    for field, value, kept in [
        ("Navn", 3.0, "3"),
        ("Navn", True, "true"),
        ("Tall", "1 234,567", 1234567),
        ("Tall", "-1.5", -1.5),
        ("Tall", "mange", None),
        ("Tall", "nan", None),
        ("Tall", "", None),
        ("Klar", "true", True),
        ("Klasse", "ny", "ny"),
        ("Klasse", "", None),
        ("Merker", "A, ny", ["A", "ny"]),
        ("Dato", "2026-02-28T10:00:00Z", "2026-02-28"),
        ("Dato", "28.02.2026", "2026-02-28"),
        ("Dato", "28/2/2026", "2026-02-28"),
        ("Tid", "28.2.2026 12:00", "2026-02-28T11:00:00.000Z"),
    ]:
        with subtests.test(repr((field, value, kept))[:80]):
            assert tomter.create({field: value}, typecast=True)["fields"].get(field) == kept


KARI = {"id": "usr00000000000001", "email": "kari@example.no", "name": "Kari"}
TYPES = {
    "email": (None, "a@example.no", None),
    "phoneNumber": (None, "+47 22 00 00 00", None),
    "singleCollaborator": (None, KARI, "usr00000000000001"),
    "multipleCollaborators": (None, [KARI], "usr00000000000001, usr00000000000002"),
    "multipleSelects": ({"choices": [{"name": "A"}, {"name": "B"}]}, ["B", "A"], "A, C"),
    "currency": ({"precision": 0, "symbol": "kr"}, 1234567, "kr 1 234"),
    "percent": ({"precision": 1}, 0.125, "12,5 %"),
    "rating": ({"icon": "star", "color": "yellowBright", "max": 5}, 4, "3"),
    "duration": ({"durationFormat": "h:mm"}, 3600, "1:30"),
    "barcode": (None, {"text": "k-1"}, "k-2"),
    "richText": (None, "**a**", 5),
}
CAST = {
    "singleCollaborator": {"id": "usr00000000000001"},
    "multipleCollaborators": [{"id": "usr00000000000001"}, {"id": "usr00000000000002"}],
    "multipleSelects": ["A", "C"],
    "currency": 1234,
    "percent": 1.25,  # a comma stands between thousands, as the real one reads it
    "rating": 3,
    "duration": 5400,
    "barcode": {"text": "k-2"},
    "richText": "5",
}


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_takes_its_value_is_cast_and_found(tomter, kind):
    options, value, text = TYPES[kind]
    tomter.create_field("Nytt", kind, options=options)
    rec = tomter.create({"Nytt": value})["id"]
    tomter.create({})
    assert tomter.get(rec)["fields"] == {"Nytt": value}
    assert [r["id"] for r in tomter.all(formula="{Nytt}=BLANK()")] == [tomter.all()[1]["id"]]
    if text is not None:
        assert refusal(lambda: tomter.update(rec, {"Nytt": text}))[0] == 422
        assert tomter.update(rec, {"Nytt": text}, typecast=True)["fields"] == {"Nytt": CAST[kind]}
    assert tomter.update(rec, {"Nytt": None})["fields"] == {}


def test_every_type_refuses_what_it_does_not_take(tomter, subtests):
    for kind, value in [
        ("email", 5),
        ("phoneNumber", {}),
        ("singleCollaborator", {"name": "Kari"}),
        ("singleCollaborator", "usr00000000000001"),
        ("singleCollaborator", {"id": "", "email": ""}),
        ("currency", "12"),
        ("percent", "12 %"),
        ("rating", 6),
        ("rating", 2.5),
        ("multipleSelects", ["C"]),
    ]:
        with subtests.test(repr((kind, value))[:80]):
            field = tomter.create_field(f"{kind} {value}", kind, options=TYPES[kind][0])
            assert refusal(partial(tomter.create, {field.id: value}))[0] == 422


def test_a_person_given_by_address_has_one_id_in_every_answer(tomter):
    tomter.create_field("Ansvarlig", "singleCollaborator")
    one, two = (tomter.create({"Ansvarlig": {"email": e}})["fields"]["Ansvarlig"] for e in ("a@b.no", "A@b.no"))
    assert one["id"] == two["id"] != tomter.create({"Ansvarlig": {"email": "c@b.no"}})["fields"]["Ansvarlig"]["id"]
    assert (one["email"], len(one["id"]), one["id"][:3]) == ("a@b.no", 17, "usr")


def test_typecast_adds_the_option_to_the_schema_and_a_refused_batch_does_not(base, tomter):
    def options():
        return [c.name for c in base.schema(force=True).table("Tomter").field("Klasse").options.choices]

    assert refusal(lambda: tomter.batch_create([{"Klasse": "ny"}, {"Tall": []}], typecast=True))[0] == 422
    assert options() == ["bolig", "annet"]
    tomter.create({"Klasse": "ny"}, typecast=True)
    assert options() == ["bolig", "annet", "ny"]


def test_typecast_finds_or_makes_the_linked_record(tomter, omraader):
    there = omraader.create({"Navn": "Nes"})["id"]
    made = tomter.create({"Område": ["Nes", "Ås"]}, typecast=True)["fields"]["Område"]
    assert made[0] == there
    assert names(omraader.all()) == ["Nes", "Ås"]


def test_a_batch_of_ten_with_one_wrong_leaves_nothing(tomter):
    kept = tomter.create({"Navn": "før"})
    assert refusal(lambda: tomter.batch_create([{"Navn": str(n)} for n in range(9)] + [{"Tall": "x"}]))[0] == 422
    changes = [{"id": kept["id"], "fields": {"Navn": "etter"}}, {"id": "rec00000000000000", "fields": {}}]
    message = "Record ID rec00000000000000 does not exist in this table"
    assert refusal(lambda: tomter.batch_update(changes)) == (422, "ROW_DOES_NOT_EXIST", message)
    assert tomter.all() == [kept]


def test_eleven_records_are_refused(web, base):
    url = f"/v0/{base.id}/Tomter"
    eleven = [{"fields": {"Navn": str(n)}} for n in range(11)]
    message = "A maximum of 10 records can be created per request but you have provided 11."
    assert answer(web.post(url, json={"records": eleven})) == (422, "INVALID_REQUEST_UNKNOWN", message)
    with_ids = [{**r, "id": f"rec{n:014}"} for n, r in enumerate(eleven)]
    assert answer(web.patch(url, json={"records": with_ids}))[1] == "INVALID_RECORDS"
    upsert = {"records": eleven, "performUpsert": {"fieldsToMergeOn": ["Navn"]}}
    assert answer(web.patch(url, json=upsert))[1] == "INVALID_RECORDS"
    gone = web.delete(url, params={"records[]": [r["id"] for r in with_ids]})
    assert answer(gone)[:2] == (422, "INVALID_REQUEST_UNKNOWN")


def test_a_malformed_batch_is_refused(web, base, subtests):
    for method, body, kind in [
        ("POST", {}, "INVALID_REQUEST_MISSING_FIELDS"),
        ("POST", {"records": []}, "INVALID_REQUEST_UNKNOWN"),
        ("POST", {"records": [{}]}, "INVALID_REQUEST_MISSING_FIELDS"),
        ("POST", {"records": [{"Navn": "a"}]}, "INVALID_REQUEST_MISSING_FIELDS"),
        ("POST", {"records": ["a"]}, "INVALID_REQUEST_UNKNOWN"),
        ("POST", {"records": 5}, "INVALID_REQUEST_UNKNOWN"),
        ("POST", {"fields": None}, "INVALID_REQUEST_MISSING_FIELDS"),
        ("POST", {"fields": {}, "typecast": "ja"}, "INVALID_REQUEST_UNKNOWN"),
        ("POST", {"fields": {}, "typcast": True}, "INVALID_REQUEST_UNKNOWN"),
        ("PATCH", {}, "INVALID_REQUEST_MISSING_FIELDS"),
        ("PATCH", {"records": []}, "INVALID_RECORDS"),
        ("PATCH", {"records": [{"fields": {}}]}, "INVALID_RECORDS"),
        ("PATCH", {"records": [{"id": [], "fields": {}}]}, "INVALID_RECORDS"),
        ("PATCH", {"records": [{"id": "rec00000000000000", "fields": []}]}, "INVALID_RECORDS"),
        ("PATCH", {"records": {"a": 1}}, "INVALID_RECORDS"),
    ]:
        with subtests.test(repr((method, body, kind))[:80]):
            assert answer(web.request(method, f"/v0/{base.id}/Tomter", json=body))[:2] == (422, kind)


def test_update_keeps_and_replace_clears_the_other_cells(tomter):
    rec = tomter.create({"Navn": "a", "Tall": 1})["id"]
    assert tomter.update(rec, {"Tall": 2})["fields"] == {"Navn": "a", "Tall": 2}
    assert tomter.update(rec, {"Navn": None})["fields"] == {"Tall": 2}
    assert tomter.update(rec, {"Navn": "b"}, replace=True)["fields"] == {"Navn": "b"}
    replaced = tomter.batch_update([{"id": rec, "fields": {"Tall": 5}}], replace=True)
    assert replaced[0]["fields"] == {"Tall": 5}


def test_the_same_record_twice_in_a_batch_is_refused(tomter):
    rec = tomter.create({"Navn": "a"})["id"]
    status, kind, message = refusal(lambda: tomter.batch_update([{"id": rec, "fields": {"Tall": n}} for n in (1, 2)]))
    assert (status, kind) == (422, "INVALID_RECORDS")
    assert message == "You cannot update the same record multiple times in a single request."


def test_a_missing_record_is_answered_404(tomter):
    gone = "rec00000000000000"
    assert refusal(lambda: tomter.get(gone)) == (404, "NOT_FOUND", "")
    assert refusal(lambda: tomter.update(gone, {})) == (404, "NOT_FOUND", "")
    assert refusal(lambda: tomter.delete(gone)) == (404, "MODEL_ID_NOT_FOUND", "Record not found")
    assert refusal(lambda: tomter.get("rec-feil")) == (404, "NOT_FOUND", "")


def test_delete_one_and_many_and_a_refused_delete_keeps_the_order(tomter):
    ids = [r["id"] for r in tomter.batch_create([{"Navn": n} for n in "abcd"])]
    assert refusal(lambda: tomter.batch_delete([ids[0], "rec00000000000000"]))[0] == 404
    assert names(tomter.all()) == list("abcd")
    assert tomter.delete(ids[1]) == {"id": ids[1], "deleted": True}
    assert tomter.batch_delete([ids[0], ids[3]]) == [{"id": i, "deleted": True} for i in (ids[0], ids[3])]
    assert names(tomter.all()) == ["c"]


def test_fields_by_id_or_by_name(base, tomter):
    table = base.schema().table("Tomter")
    navn = table.field("Navn").id
    by_id = base.table(table.id)
    made = by_id.create({navn: "a"}, use_field_ids=True)
    assert made["fields"] == {navn: "a"}
    assert by_id.all(fields=[navn]) == tomter.all(fields=["Navn"]) == [{**made, "fields": {"Navn": "a"}}]
    assert tomter.first(use_field_ids=True)["fields"] == {navn: "a"}
    assert tomter.get(made["id"], use_field_ids=True)["fields"] == {navn: "a"}
    assert tomter.update(made["id"], {navn: "b"}, use_field_ids=True)["fields"] == {navn: "b"}


# --- any value ---


@COMMON
@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_text_round_trips(shared_table, text):
    made = shared_table.create({"Navn": text})
    assert made["fields"] == {"Navn": text}
    assert shared_table.get(made["id"])["fields"] == {"Navn": text}


@COMMON
@given(number=st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**53), 2**53)))
def test_any_number_round_trips(shared_table, number):
    assert shared_table.create({"Tall": number})["fields"]["Tall"] == number


@pytest.fixture(scope="module")
def shared_table(api):
    number = {"name": "Tall", "type": "number", "options": {"precision": 8}}
    base = api.create_base("wspTest", "Felles", [{"name": "T", "fields": [LINES, number]}])
    return base.table("T")


def test_field_ids_everywhere(airtable, base, tomter, omraader):
    by_id = connect(airtable.url)
    by_id.use_field_ids = True
    table, f = by_id.table(base.id, tomter.id), {x.name: x.id for x in base.schema().table("Tomter").fields}
    made = table.create({f["Navn"]: "a", f["Tall"]: 1})
    assert made["fields"] == {f["Navn"]: "a", f["Tall"]: 1}
    assert table.update(made["id"], {f["Tall"]: 2})["fields"] == table.get(made["id"])["fields"]
    assert table.batch_update([{"id": made["id"], "fields": {f["Klar"]: True}}])[0]["fields"][f["Klar"]] is True
    rows = [{"fields": {f["Navn"]: n, f["Klasse"]: "bolig"}} for n in "ab"]
    assert [set(r["fields"]) & {"Navn"} for r in table.batch_upsert(rows, [f["Navn"]])["records"]] == [set(), set()]
    seen = table.all(fields=[f["Navn"]], sort=["-" + f["Navn"]], formula=f"{{{f['Klasse']}}}='bolig'")
    assert [r["fields"] for r in seen] == [{f["Navn"]: "b"}, {f["Navn"]: "a"}]
    long = "OR({Navn}='a'" + f",{{{f['Navn']}}}='x'" * 600 + ")"
    assert [set(r["fields"]) for r in table.all(formula=long, fields=["Navn"])] == [{f["Navn"]}]  # by POST
    assert "Navn" in tomter.first()["fields"]
    by_id.session.close()
