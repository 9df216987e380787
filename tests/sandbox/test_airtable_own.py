"""The server's own set-up calls: what people make by hand, made over HTTP, and read by pyairtable as Airtable's own."""

from __future__ import annotations

import httpx
import pytest

from tests.sandbox.conftest import answer, refusal
from tests.waiting import PATIENCE_S


@pytest.fixture
def own(web, base):
    def call(path, body, *, table="Tomter", method="POST"):
        return web.request(method, f"/own/bases/{base.id}/tables/{table}{path}", json=body)

    return call


def test_a_formula_is_declared_computed_and_read(own, base, tomter):
    body = {"name": "Lang", "type": "formula", "options": {"formula": "{Navn} & '-' & {Tall}"}}
    made = own("/fields", body).json()
    assert (made["name"], made["type"], made["options"]["isValid"]) == ("Lang", "formula", True)
    rec = tomter.create({"Navn": "a", "Tall": 2})
    assert tomter.get(rec["id"])["fields"]["Lang"] == "a-2"
    assert [r["id"] for r in tomter.all(formula="{Lang}='a-2'")] == [rec["id"]]
    assert base.schema(force=True).table("Tomter").field("Lang").options.is_valid
    seen = tomter.get(rec["id"], cell_format="string", time_zone="utc", user_locale="nb")["fields"]
    assert seen["Lang"] == "a-2"
    wrong = refusal(lambda: tomter.update(rec["id"], {"Lang": "x"}))
    assert wrong[:2] == (422, "INVALID_VALUE_FOR_COLUMN")


def test_computed_values_filter_a_view_and_may_come_first(own, base, tomter):
    body = {"name": "Dobbelt", "type": "formula", "options": {"formula": "{Tall} * 2"}}
    made = own("/fields", body).json()
    condition = {"fieldId": made["id"], "operator": "≥", "value": 4}
    how = {"conjunction": "and", "filterSet": [condition]}
    view = own("/views", {"name": "Store", "filter": how, "sorts": [{"fieldId": made["id"], "direction": "desc"}]})
    assert view.json()["filter"] == how
    tomter.batch_create([{"Tall": n} for n in (1, 2, 3)])
    assert [r["fields"]["Dobbelt"] for r in tomter.all(view="Store")] == [6, 4]
    table = own("", {"primaryFieldId": made["id"]}, method="PATCH").json()
    assert (table["primaryFieldId"], table["fields"][0]["id"]) == (made["id"], made["id"])
    assert base.schema(force=True).table("Tomter").primary_field_id == made["id"]


def test_what_airtable_would_refuse_is_refused(own, base, subtests):
    fields = {f.name: f.id for f in base.schema().table("Tomter").fields}
    formula = {"type": "formula", "options": {"formula": "1"}}
    for path, body, method in [
        ("/fields", {"name": "navn", **formula}, "POST"),
        ("/fields", {"name": "", **formula}, "POST"),
        ("/fields", {"name": "Ny", "type": "formula", "options": {"formula": "{Ukjent}"}}, "POST"),
        ("/fields", {"name": "Ny", "type": "formula", "options": {"formula": "1 +"}}, "POST"),
        ("/fields", {"name": "Ny", "type": "rollup", "options": {}}, "POST"),
        ("/views", {"name": "grid view"}, "POST"),
        ("", {"primaryFieldId": fields["Område"]}, "PATCH"),
        ("", {"primaryFieldId": "fld00000000000000"}, "PATCH"),
        ("", {"primaryFieldId": None}, "PATCH"),
        ("", {"name": "Ny"}, "PATCH"),
    ]:
        with subtests.test(repr(body)[:80]):
            assert answer(own(path, body, method=method))[0] == 422
    assert answer(own("/fields", {}, table="Ukjent"))[0] == 403
    assert answer(own("/unknown", {}))[:2] == (404, "NOT_FOUND")
    assert base.schema(force=True).table("Tomter").primary_field_id == fields["Navn"]


def test_they_need_the_token(airtable, base):
    url = f"{airtable.url}/own/bases/{base.id}/tables/Tomter/views"
    assert httpx.post(url, json={"name": "Ny"}, timeout=PATIENCE_S).status_code == 401
