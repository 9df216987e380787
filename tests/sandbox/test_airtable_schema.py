"""Bases, tables and fields: what can be created, what pyairtable reads back, and what is refused."""

from __future__ import annotations

from functools import partial

import pytest

from tasks.sandbox.airtable import attachments, schemas
from tasks.sandbox.airtable.sidefile import beside
from tests.sandbox.conftest import LINES, TALL, answer, connect, refusal

CHOICES = {"choices": [{"name": "a", "color": "redLight2"}, {"name": "b"}]}
ISO = {"dateFormat": {"name": "iso"}}
CREATABLE = {
    "singleLineText": None,
    "multilineText": None,
    "richText": None,
    "email": None,
    "url": None,
    "phoneNumber": None,
    "barcode": None,
    "singleCollaborator": None,
    "multipleCollaborators": None,
    "multipleAttachments": None,
    "number": {"precision": 0},
    "percent": {"precision": 8},
    "currency": {"precision": 2, "symbol": "kr"},
    "checkbox": {"icon": "check", "color": "greenBright"},
    "rating": {"icon": "star", "color": "yellowBright", "max": 5},
    "duration": {"durationFormat": "h:mm:ss"},
    "singleSelect": CHOICES,
    "multipleSelects": CHOICES,
    "date": ISO,
    "dateTime": {**ISO, "timeFormat": {"name": "24hour"}, "timeZone": "Europe/Oslo"},
}
COMPUTED = [
    "formula", "rollup", "multipleLookupValues", "count", "autoNumber", "createdTime", "lastModifiedTime", "createdBy",
    "lastModifiedBy", "button", "aiText", "externalSyncSource",
]  # fmt: skip


def test_whoami_and_bases(api, base):
    assert api.whoami()["id"].startswith("usr")
    assert [b.name for b in api.bases(force=True) if b.id == base.id] == ["Prøve"]


def test_bases_come_in_pages(api, base, monkeypatch):
    for n in range(3):
        api.create_base("wspTest", f"Side {n}", [{"name": "T", "fields": [LINES]}])
    everything = [b.id for b in api.bases(force=True)]
    monkeypatch.setattr(schemas, "BASES_PAGE", 2)
    assert [b.id for b in api.bases(force=True)] == everything
    assert len(everything) >= 4


def test_a_base_is_answered_as_it_is_read(api, web):
    table = {"name": "Tomter", "description": "Rader", "fields": [{**LINES, "description": "Hva"}, TALL]}
    body = {"name": "Min base", "workspaceId": "wsp1", "tables": [table, {"name": "Andre", "fields": [LINES]}]}
    made = web.post("/v0/meta/bases", json=body).json()
    assert set(made) == {"id", "tables"}
    assert web.get(f"/v0/meta/bases/{made['id']}/tables").json() == {"tables": made["tables"]}
    first = made["tables"][0]
    assert (first["name"], first["description"]) == ("Tomter", "Rader")
    assert first["primaryFieldId"] == first["fields"][0]["id"]
    assert first["fields"][0] == {"id": first["primaryFieldId"], **LINES, "description": "Hva"}
    assert [v["type"] for v in first["views"]] == ["grid"]


def test_every_creatable_type_is_created_and_read(base, tomter):
    for kind, options in CREATABLE.items():
        made = tomter.create_field(f"Felt {kind}", kind, description="hva", options=options)
        assert (made.type, made.description) == (kind, "hva")
    schema = base.schema(force=True).table("Tomter")
    assert {f.type for f in schema.fields} >= set(CREATABLE)
    assert schema.field("Felt dateTime").options.date_format.format == "YYYY-MM-DD"
    assert [c.color for c in schema.field("Felt singleSelect").options.choices] == ["redLight2", "cyanLight2"]


def test_a_computed_field_cannot_be_created(tomter, subtests):
    for kind in COMPUTED:
        with subtests.test(kind):
            status, code, message = refusal(partial(tomter.create_field, "Ny", kind))
            assert (status, code) == (422, "UNSUPPORTED_FIELD_TYPE_FOR_CREATE")
            assert message == f"Invalid options for Tomter.Ny: Creating {kind} fields is not supported at this time"


def test_wrong_options_are_refused(base, web, subtests):
    table, tables = base.schema().table("Tomter"), f"/v0/meta/bases/{base.id}/tables"
    before = web.get(tables).json()
    for kind, options in [
        ("number", None),
        ("number", {"precision": 9}),
        ("number", {"precision": True}),
        ("number", {"precision": 0, "unit": "m"}),
        ("number", []),
        ("currency", {"precision": 2}),
        ("checkbox", None),
        ("checkbox", {"icon": "ukjent", "color": "greenBright"}),
        ("checkbox", {"icon": [], "color": "greenBright"}),
        ("rating", {"icon": "star", "color": "yellowBright", "max": 11}),
        ("singleSelect", None),
        ("singleSelect", {"choices": ["a"]}),
        ("singleSelect", {"choices": [{"name": "a"}, {"name": "a"}]}),
        ("singleSelect", {"choices": [{"name": ""}]}),
        ("singleSelect", {"choices": [{"name": "a", "color": "rød"}]}),
        ("date", None),
        ("date", {"dateFormat": {"name": "norsk"}}),
        ("date", {"dateFormat": {"name": {}}}),
        ("date", {"dateFormat": {"name": "iso", "format": "D"}}),
        ("dateTime", ISO),
        ("dateTime", {**ISO, "timeFormat": {"name": "24hour"}, "timeZone": "Mars/Base"}),
        ("duration", {"durationFormat": "timer"}),
        ("singleLineText", {"precision": 0}),
        ("multipleAttachments", {"max": 5}),
        ("multipleRecordLinks", None),
        ("multipleRecordLinks", {"linkedTableId": "tbl00000000000000"}),
        ("multipleRecordLinks", {"linkedTableId": "", "prefersSingleRecordLink": True}),
    ]:
        with subtests.test(repr((kind, options))[:80]):
            body = {"name": "Ny", "type": kind, **({"options": options} if options is not None else {})}
            status, code, message = answer(web.post(f"{tables}/{table.id}/fields", json=body))
            assert (status, code) == (422, "INVALID_FIELD_TYPE_OPTIONS_FOR_CREATE")
            assert message.startswith("Invalid options for Tomter.Ny")
            assert web.get(tables).json() == before


def test_a_malformed_field_is_refused(base, web, subtests):
    for body, code in [
        ({"name": "Ny", "type": "trylleri"}, "INVALID_FIELD_TYPE"),
        ({"name": "", "type": "url"}, "INVALID_REQUEST_UNKNOWN"),
        ({"name": "x" * 256, "type": "url"}, "INVALID_REQUEST_UNKNOWN"),
        ({"name": 5, "type": "url"}, "INVALID_REQUEST_UNKNOWN"),
        ({"name": "Ny"}, "INVALID_REQUEST_UNKNOWN"),
        ({"name": "Ny", "type": ["url"]}, "INVALID_REQUEST_UNKNOWN"),
        ({"name": "Ny", "type": "url", "ukjent": 1}, "INVALID_REQUEST_UNKNOWN"),
        ({"name": "Ny", "type": "url", "description": 5}, "INVALID_REQUEST_UNKNOWN"),
        ({"name": "navn", "type": "url"}, "DUPLICATE_OR_EMPTY_FIELD_NAME"),
    ]:
        with subtests.test(repr((body, code))[:80]):
            url = f"/v0/meta/bases/{base.id}/tables/{base.schema().table('Tomter').id}/fields"
            assert answer(web.post(url, json=body))[:2] == (422, code)


def test_a_malformed_table_is_refused_and_leaves_nothing(base, web, subtests):
    for body, code in [
        ({"name": "Ny", "fields": []}, "INVALID_REQUEST_MISSING_FIELDS"),
        ({"name": "Ny"}, "INVALID_REQUEST_MISSING_FIELDS"),
        ({"name": "tomter", "fields": [LINES]}, "DUPLICATE_TABLE_NAME"),
        ({"name": "Ny", "fields": [LINES, LINES]}, "DUPLICATE_OR_EMPTY_FIELD_NAME"),
        ({"name": "Ny", "fields": [LINES], "views": []}, "INVALID_REQUEST_UNKNOWN"),
        ({"name": "Ny", "fields": [5]}, "INVALID_REQUEST_UNKNOWN"),
        ({"name": "Ny", "fields": [{"name": "a", "type": "multipleAttachments"}]}, "INVALID_PRIMARY_FIELD_TYPE"),
        ({"name": " ", "fields": [LINES]}, "INVALID_REQUEST_UNKNOWN"),
    ]:
        with subtests.test(repr((body, code))[:80]):
            assert answer(web.post(f"/v0/meta/bases/{base.id}/tables", json=body))[:2] == (422, code)
            assert [t.name for t in base.schema(force=True).tables] == ["Områder/felt", "Tomter"]


@pytest.mark.parametrize(
    "change", [{"tables": []}, {"tables": None}, {"name": 5}, {"workspaceId": None}, {"ukjent": 1}, {"tables": [[]]}]
)
def test_a_malformed_base_is_refused(web, change):
    body = {"name": "B", "workspaceId": "wsp1", "tables": [{"name": "T", "fields": [LINES]}], **change}
    assert answer(web.post("/v0/meta/bases", json=body))[0] == 422


def test_links_have_two_sides_in_the_schema(base):
    schema = base.schema()
    link = schema.table("Tomter").field("Område").options
    back = schema.table("Områder/felt").field("Tomter")
    assert (link.linked_table_id, link.inverse_link_field_id) == (schema.table("Områder/felt").id, back.id)
    assert back.options.inverse_link_field_id == schema.table("Tomter").field("Område").id
    assert (link.is_reversed, link.prefers_single_record_link) == (False, False)


def test_two_links_to_one_table_in_one_request_get_names_of_their_own(base):
    to = {"type": "multipleRecordLinks", "options": {"linkedTableId": base.schema().table("Tomter").id}}
    base.create_table("Planer", [LINES, {"name": "En", **to}, {"name": "To", **to}])
    assert [f.name for f in base.schema(force=True).table("Tomter").fields][-2:] == ["Planer", "Planer 2"]


def test_renaming_keeps_ids_and_records(base, tomter, omraader):
    tomter.create({"Navn": "a"})
    field = base.schema(force=True).table("Tomter").field("Navn")
    field.name, field.description = "Tittel", "Nytt"
    field.save()
    assert tomter.first()["fields"] == {"Tittel": "a"}
    again = base.schema(force=True).table("Tomter").field(field.id)
    assert (again.name, again.description) == ("Tittel", "Nytt")
    table = base.schema(force=True).table("Tomter")
    table.name = "Lodd"
    table.save()
    assert base.table("Lodd").first()["fields"] == {"Tittel": "a"}
    assert refusal(tomter.first)[0] == 403


def test_a_wrong_change_of_a_field_is_refused(base, web, subtests):
    for change in [
        {},
        {"name": ""},
        {"name": "tall"},
        {"name": None},
        {"description": 5},
        {"options": CHOICES},
        {"type": "url"},
    ]:
        with subtests.test(repr(change)[:80]):
            table = base.schema().table("Tomter")
            url = f"/v0/meta/bases/{base.id}/tables/{table.id}/fields/{table.field('Navn').id}"
            assert answer(web.patch(url, json=change))[0] == 422
            assert base.schema(force=True).table("Tomter").model_dump() == table.model_dump()


def test_dates_of_a_table_may_depend_on_each_other(base, web):
    day = {"type": "date", "options": ISO}
    minutes = {"name": "Varighet", "type": "number", "options": {"precision": 0}}
    made = base.create_table("Planer", [LINES, {"name": "Fra", **day}, {"name": "Til", **day}, minutes])
    schema = made.schema(force=True)
    schema.set_date_dependency("Fra", "Til", "Varighet", "flexible", holidays=["2026-12-25"])
    schema.save()
    again = made.schema(force=True)
    assert again.name == "Planer"
    assert again.date_dependency.start_date_field_id == again.field("Fra").id
    assert again.date_dependency.holidays == ["2026-12-25"]
    url = f"/v0/meta/bases/{base.id}/tables/{again.id}"
    fine = again.date_dependency.model_dump(by_alias=True, exclude_none=True)
    for wrong in [
        None,
        {},
        {**fine, "isEnabled": "ja"},
        {**fine, "startDateFieldId": again.field("Navn").id},
        {**fine, "durationFieldId": "fld00000000000000"},
        {**fine, "reschedulingMode": "sometimes"},
        {**fine, "holidays": ["1. mai"]},
        {**fine, "predecessorFieldId": again.field("Fra").id},
        {**fine, "more": 1},
    ]:
        assert answer(web.patch(url, json={"dateDependencySettings": wrong}))[0] == 422
    assert made.schema(force=True).date_dependency == again.date_dependency


def test_a_base_is_deleted_with_all_that_it_has(airtable, api, base, tomter, omraader):
    there = omraader.create({"Navn": "o"})["id"]
    rec = tomter.create({"Navn": "a", "Område": [there]})["id"]
    tomter.add_comment(rec, "Hei")
    base.add_webhook(None, {"options": {"filters": {"dataTypes": ["tableData"]}}})
    store = airtable.hand._store
    attachment = attachments.keep(store.folder, {"contentType": "text/plain", "filename": "a", "file": "SGVp"})
    kept, field = store.bases[base.id], base.schema().table("Tomter").field("Bilder").id
    with store.change(kept):
        store.update(kept, kept.table("Tomter"), rec, {field: [attachment]})
    other = api.create_base("wspTest", "Blir", [{"name": "T", "fields": [LINES]}])
    other.table("T").create({"Navn": "b"})
    base.delete()
    assert base.id not in {b.id for b in api.bases(force=True)}
    assert refusal(tomter.first)[:2] == (403, "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND")
    assert attachments.find(store.folder, attachment["id"]) is None
    for table in ("about", "comment", "hook"):
        assert beside(store).rows(f"SELECT 1 FROM {table} WHERE base = ?", base.id) == []
    assert other.table("T").first()["fields"] == {"Navn": "b"}


def test_who_may_do_what_in_a_base(api, base):
    said = base.collaborators()
    assert (said.id, said.name, said.workspace_id, said.permission_level) == (base.id, "Prøve", "wspTest", "create")
    (owner,) = said.individual_collaborators.via_workspace
    assert (owner.user_id, owner.permission_level) == (api.whoami()["id"], "owner")
    assert said.created_time == owner.created_time


def test_what_needs_an_enterprise_plan_is_not_found(api, base):
    workspace = api.workspace("wspTest")
    said = base.collaborators()
    for call in (
        base.shares,
        workspace.collaborators,
        workspace.bases,
        workspace.delete,
        partial(workspace.move_base, base, "wspAnnen"),
        partial(said.add_user, "usrKari0000000000", "edit"),
        partial(said.update, "usrKari0000000000", "read"),
        partial(said.remove, "usrKari0000000000"),
        api.enterprise("entTest").info,
    ):
        assert refusal(call) == (404, "NOT_FOUND", "")


def test_unknown_bases_tables_and_fields(api, base, web):
    hidden = "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND"
    assert refusal(lambda: api.base("app00000000000000").schema())[:2] == (403, hidden)
    assert refusal(lambda: api.base("app00000000000000").table("T").first())[:2] == (403, hidden)
    status, kind, message = refusal(lambda: base.table("Ukjent").first())
    assert (status, kind) == (403, hidden)
    assert message.startswith("Invalid permissions, or the requested model was not found. Check that both your user")
    url = f"/v0/meta/bases/{base.id}/tables/{base.schema().table('Tomter').id}/fields/fld00000000000000"
    assert answer(web.patch(url, json={"name": "a"})) == (404, "NOT_FOUND", "")


def test_the_schema_needs_the_token(airtable):
    other = connect(airtable.url, "feil")
    assert refusal(other.whoami) == (401, "AUTHENTICATION_REQUIRED", "Authentication required")
    other.session.close()
