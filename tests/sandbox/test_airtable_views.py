"""Views: declared by the server's own call, listed through pyairtable in their order; every operator of every kind."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from config.haandsjekk import OPERATORS
from tasks.sandbox.airtable import AirtableServer, days, filters
from tests.sandbox.conftest import LINES, answer, connect, names, refusal

TODAY = datetime(2026, 3, 18, 12, tzinfo=UTC)  # a Wednesday
ISO = {"dateFormat": {"name": "iso"}}
FIELDS = [
    LINES,
    {"name": "Tall", "type": "number", "options": {"precision": 0}},
    {"name": "Hake", "type": "checkbox", "options": {"icon": "check", "color": "greenBright"}},
    {"name": "Fase", "type": "singleSelect", "options": {"choices": [{"name": "A"}, {"name": "B"}, {"name": "C"}]}},
    {"name": "Merker", "type": "multipleSelects", "options": {"choices": [{"name": "x"}, {"name": "y"}]}},
    {"name": "Dato", "type": "date", "options": ISO},
    {
        "name": "Tid",
        "type": "dateTime",
        "options": {**ISO, "timeFormat": {"name": "24hour"}, "timeZone": "Europe/Oslo"},
    },
    {"name": "Hvem", "type": "singleCollaborator"},
    {"name": "Filer", "type": "multipleAttachments"},
]
ROWS = [
    {
        "Navn": "en",
        "Tall": 1,
        "Hake": True,
        "Fase": "A",
        "Merker": ["x"],
        "Dato": "2026-03-18",
        "Tid": "2026-03-17T23:30:00Z",  # the 18th in Oslo
        "Hvem": {"email": "kari@example.com", "name": "Kari"},
    },
    {
        "Navn": "To en",
        "Tall": 2,
        "Fase": "B",
        "Merker": ["x", "y"],
        "Dato": "2026-03-11",
        "Tid": "2026-03-11T12:00:00Z",
    },
    {"Navn": "tre", "Tall": 3, "Fase": "C", "Merker": ["y"], "Dato": "2026-04-02"},
    {},
]
ALL = ["en", "To en", "tre", None]


class Ground:
    """A server whose day stands still, and a table that a view can be declared on."""

    def __init__(self, server, api):
        self.server, self.api = server, api
        base = api.create_base("wsp1", "B", [{"name": "T", "fields": FIELDS}])
        self.table, self.base = base.table("T"), base
        made = self.table.batch_create(ROWS)
        tables = base.create_table(
            "Andre",
            [LINES, {"name": "Til", "type": "multipleRecordLinks", "options": {"linkedTableId": self.table.id}}],
        )
        self.ids = [r["id"] for r in made]
        for name, to in (("p", self.ids[:1]), ("q", self.ids[:2])):
            tables.create({"Navn": name, "Til": to})
        self.fields = {f.name: f.id for f in base.schema(force=True).table("T").fields}
        self.count = 0

    def declare(self, web, **view):
        self.count += 1
        body = {"name": f"V{self.count}", "type": "grid", **view}
        return web.post(f"{self.server.url}/own/bases/{self.base.id}/tables/T/views", json=body)

    def condition(self, field, operator, value=None):
        given = {"fieldId": self.fields[field], "operator": operator}
        return given if value is None else {**given, "value": value}

    def seen(self, web, *conditions, conjunction="and", **options):
        body = {"conjunction": conjunction, "filterSet": list(conditions)}
        made = self.declare(web, filter=body)
        assert made.status_code == 200, made.text
        return names(self.table.all(view=made.json()["id"], **options))


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    folder = tmp_path_factory.mktemp("views")
    with AirtableServer(folder, token="pat-for-tests", rate_limit_per_s=0, now=lambda: TODAY) as server:
        api = connect(server.url)
        yield Ground(server, api)
        api.session.close()


SEEN = [
    ("Navn", "contains", "EN", ["en", "To en"]),
    ("Navn", "does not contain", "en", ["tre", None]),
    ("Navn", "is", "en", ["en"]),
    ("Navn", "is not", "en", ["To en", "tre", None]),
    ("Navn", "is empty", None, [None]),
    ("Navn", "is not empty", None, ALL[:3]),
    ("Tall", "=", 2, ["To en"]),
    ("Tall", "≠", 2, ["en", "tre", None]),
    ("Tall", "<", 2, ["en"]),
    ("Tall", ">", 2, ["tre"]),
    ("Tall", "≤", 2, ["en", "To en"]),
    ("Tall", "≥", 2, ["To en", "tre"]),
    ("Tall", "is empty", None, [None]),
    ("Tall", "is not empty", None, ALL[:3]),
    ("Hake", "is", "checked", ["en"]),
    ("Hake", "is", "unchecked", ["To en", "tre", None]),
    ("Fase", "is", "B", ["To en"]),
    ("Fase", "is not", "B", ["en", "tre", None]),
    ("Fase", "is any of", ["A", "C"], ["en", "tre"]),
    ("Fase", "is none of", ["A", "C"], ["To en", None]),
    ("Fase", "is empty", None, [None]),
    ("Fase", "is not empty", None, ALL[:3]),
    ("Merker", "has any of", ["x"], ["en", "To en"]),
    ("Merker", "has all of", ["x", "y"], ["To en"]),
    ("Merker", "is exactly", ["x"], ["en"]),
    ("Merker", "has none of", ["y"], ["en", None]),
    ("Merker", "is empty", None, [None]),
    ("Merker", "is not empty", None, ALL[:3]),
    ("Dato", "is", "today", ["en"]),
    ("Dato", "is not", "today", ["To en", "tre", None]),
    ("Dato", "is", "one week ago", ["To en"]),
    ("Dato", "is within", "the past week", ["en", "To en"]),
    ("Dato", "is within", "the past 6 days", ["en"]),
    ("Dato", "is within", "the next month", ["en", "tre"]),
    ("Dato", "is within", "this calendar week", ["en"]),
    ("Dato", "is before", "2026-03-18", ["To en"]),
    ("Dato", "is after", "today", ["tre"]),
    ("Dato", "is on or before", "today", ["en", "To en"]),
    ("Dato", "is on or after", "7 days ago", ALL[:3]),
    ("Dato", "is empty", None, [None]),
    ("Dato", "is not empty", None, ALL[:3]),
    ("Tid", "is", "today", ["en"]),
    ("Tid", "is before", "yesterday", ["To en"]),
    ("Hvem", "is", "kari@example.com", ["en"]),
    ("Hvem", "is not", "Kari", ["To en", "tre", None]),
    ("Hvem", "is any of", ["Kari", "Ola"], ["en"]),
    ("Hvem", "is none of", ["Kari"], ["To en", "tre", None]),
    ("Hvem", "is", "Current user", []),
    ("Hvem", "is empty", None, ["To en", "tre", None]),
    ("Hvem", "is not empty", None, ["en"]),
    ("Andre", "contains", "Q", ["en", "To en"]),
    ("Andre", "does not contain", "p", ["To en", "tre", None]),
    ("Andre", "has any of", ["p"], ["en"]),
    ("Andre", "has all of", ["p", "q"], ["en"]),
    ("Andre", "is exactly", ["q"], ["To en"]),
    ("Andre", "has none of", ["q"], ["tre", None]),
    ("Andre", "is empty", None, ["tre", None]),
    ("Andre", "is not empty", None, ["en", "To en"]),
    ("Filer", "is empty", None, ALL),
    ("Filer", "is not empty", None, []),
    ("Filer", "filename contains", "kart", []),
    ("Filer", "has file type", "image", []),
]


def test_every_operator_answers_the_records_that_pass(ground, subtests):
    store = ground.server.hand._store
    base = store.bases[ground.base.id]
    table = base.table("T")
    for field, operator, value, wanted in SEEN:
        with subtests.test(f"{field} {operator} {value}"):
            given = {"conjunction": "and", "filterSet": [ground.condition(field, operator, value)]}
            filters.check(given, base, table)
            passes = filters.compile(given, base, table, today=TODAY.date())
            found = [r for r in base.records[table["id"]] if passes(r)]
            assert [r.cells.get(ground.fields["Navn"]) for r in found] == wanted


def test_no_operator_is_left_out():
    kinds = {
        **dict.fromkeys(("Dato", "Tid"), "date"),
        "Navn": "text",
        "Tall": "number",
        "Hake": "checkbox",
        "Fase": "select",
        "Merker": "selects",
        "Hvem": "person",
        "Andre": "link",
        "Filer": "files",
    }
    tried = {(kinds[field], operator) for field, operator, *_ in SEEN}
    assert {(k, o) for k, operators in OPERATORS.items() for o in operators if k != "list"} == tried


@pytest.mark.parametrize(
    ("value", "first", "last"),
    [
        ("the past month", "2026-02-18", "2026-03-18"),
        ("the next week", "2026-03-18", "2026-03-25"),
        ("the past year", "2025-03-18", "2026-03-18"),
        ("the next 14 days", "2026-03-18", "2026-04-01"),
        ("the past 99999999999 days", "0001-01-01", "2026-03-18"),
        ("this calendar week", "2026-03-16", "2026-03-22"),
        ("this calendar month", "2026-03-01", "2026-03-31"),
        ("this calendar year", "2026-01-01", "2026-12-31"),
    ],
)
def test_spans_of_days(value, first, last):
    assert [d.isoformat() for d in days.span(value, TODAY.date())] == [first, last]


def test_a_month_on_from_the_last_of_january_is_the_last_of_february():
    assert days.months_from(datetime(2026, 1, 31, tzinfo=UTC).date(), 1).isoformat() == "2026-02-28"


def test_groups_of_conditions_and_what_a_listing_adds(ground, web):
    one, three = ground.condition("Tall", "=", 1), ground.condition("Tall", "=", 3)
    either = {"conjunction": "or", "filterSet": [one, three]}
    assert ground.seen(web, either, ground.condition("Hake", "is", "unchecked")) == ["tre"]
    assert ground.seen(web, one, three, conjunction="or") == ["en", "tre"]
    assert ground.seen(web, either, formula="{Tall}>1") == ["tre"]
    assert ground.seen(web, either, sort=["-Tall"]) == ["tre", "en"]
    assert ground.seen(web, either, sort=["-Tall"], max_records=1) == ["tre"]
    assert ground.seen(web, either, page_size=1, fields=["Navn"]) == ["en", "tre"]


def test_a_view_has_an_order_of_its_own_unless_the_listing_has_one(ground, web):
    f = ground.fields
    made = ground.declare(
        web,
        groups=[{"fieldId": f["Hake"], "direction": "desc"}],
        sorts=[{"fieldId": f["Tall"], "direction": "desc"}],
        visibleFieldIds=[f["Tall"], f["Fase"]],
    ).json()
    assert names(ground.table.all(view=made["name"])) == ["en", "tre", "To en", None]
    assert names(ground.table.all(view=made["id"], sort=["Tall"])) == [None, "en", "To en", "tre"]
    assert names(ground.table.all(view=made["id"], max_records=2)) == ["en", "tre"]
    schema = ground.base.schema(force=True).table("T")
    assert schema.view(made["id"]).visible_field_ids == [f["Navn"], f["Tall"], f["Fase"]]
    assert schema.view("Grid view").visible_field_ids == [x.id for x in schema.fields]
    shown = web.get(f"{ground.server.url}/v0/meta/bases/{ground.base.id}/tables").json()["tables"][0]["views"]
    assert all(set(v) == {"id", "name", "type"} for v in shown)


def test_kanbans_and_calendars_name_their_field(ground, web):
    f = ground.fields
    assert ground.declare(web, type="kanban", stackFieldId=f["Fase"]).json()["stackFieldId"] == f["Fase"]
    assert ground.declare(web, type="calendar", dateFieldId=f["Tid"]).json()["type"] == "calendar"
    for wrong in (
        {"type": "kanban"},
        {"type": "kanban", "stackFieldId": f["Tall"]},
        {"type": "calendar", "dateFieldId": f["Fase"]},
        {"stackFieldId": f["Fase"]},
        {"type": "form"},
    ):
        assert answer(ground.declare(web, **wrong))[0] == 422


def test_a_wrong_view_is_refused_when_it_is_declared(ground, web, subtests):
    f = ground.fields
    conditions = [
        ("Tall", "contains", "1"),
        ("Tall", "=", "1"),
        ("Tall", "=", True),
        ("Tall", "=", None),
        ("Tall", "is empty", 1),
        ("Hake", "is", True),
        ("Fase", "is", "D"),
        ("Fase", "is any of", "A"),
        ("Fase", "is any of", []),
        ("Dato", "is", "someday"),
        ("Dato", "is", "2026-02-30"),
        ("Dato", "is", "99999999999999999999 days ago"),
        ("Dato", "is within", "today"),
        ("Navn", "is", ["en"]),
        ("Navn", {}, "en"),
    ]
    nested = {"conjunction": "and", "filterSet": []}
    for _ in range(5):
        nested = {"conjunction": "and", "filterSet": [nested]}
    many = {"conjunction": "or", "filterSet": [ground.condition("Tall", "=", 1)] * 101}
    wrong = [{"filter": {"conjunction": "and", "filterSet": [ground.condition(*c)]}} for c in conditions]
    wrong += [
        {"filter": nested},
        {"filter": many},
        {"filter": []},
        {"filter": {"filterSet": []}},
        {"filter": {"conjunction": "xor", "filterSet": []}},
        {"filter": {"conjunction": "and", "filterSet": [{"fieldId": "fld00000000000000", "operator": "is empty"}]}},
        {"sorts": [{"fieldId": "Tall?"}]},
        {"sorts": [{"fieldId": f["Tall"], "direction": "up"}]},
        {"groups": [{"fieldId": f["Tall"]}] * 4},
        {"visibleFieldIds": [f["Tall"], f["Tall"]]},
        {"visibleFieldIds": []},
        {"name": ""},
        {"name": "GRID VIEW"},
        {"unknown": 1},
    ]
    for body in wrong:
        with subtests.test(repr(body)[:80]):
            assert answer(ground.declare(web, **body))[0] == 422


def test_a_view_can_be_deleted_but_not_the_last(ground, web, api):
    base = ground.api.base(ground.base.id)
    table = base.create_table("Tom", [LINES])
    made = web.post(f"{ground.server.url}/own/bases/{base.id}/tables/Tom/views", json={"name": "Ny"}).json()
    view = base.schema(force=True).table("Tom").view("Ny")
    view.delete()
    assert refusal(lambda: table.all(view=made["id"]))[1] == "VIEW_NAME_NOT_FOUND"
    assert refusal(base.schema(force=True).table("Tom").view("Grid view").delete)[0] == 422


def test_a_condition_goes_with_its_field(ground, web):
    base = ground.api.base(ground.base.id)
    base.create_table("Kort", [LINES, FIELDS[1]]).batch_create([{"Navn": "a", "Tall": 1}, {"Navn": "b"}])
    tall = base.schema(force=True).table("Kort").field("Tall").id
    how = {
        "filter": {"conjunction": "and", "filterSet": [{"fieldId": tall, "operator": "is not empty"}]},
        "sorts": [{"fieldId": tall}],
        "visibleFieldIds": [tall],
    }
    ground.server.hand.add_view(base.id, "Kort", "Ny", **how)
    assert names(base.table("Kort").all(view="Ny")) == ["a"]
    ground.server.hand.delete_field(base.id, "Kort", "Tall")
    assert names(base.table("Kort").all(view="Ny")) == ["a", "b"]
    assert len(base.schema(force=True).table("Kort").view("Ny").visible_field_ids) == 1
