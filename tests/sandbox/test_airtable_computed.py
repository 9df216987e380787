"""Computed fields: declared as people make them by hand, worked out as they would be, through the API and below it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from tasks.sandbox.airtable import computed, query
from tasks.sandbox.airtable.actor import API_USER, Actor
from tasks.sandbox.airtable.errors import ApiError
from tasks.sandbox.airtable.records import Writer
from tasks.sandbox.airtable.schema import make_table
from tasks.sandbox.airtable.store import Store
from tests.sandbox.conftest import LINES, TALL, names, refusal

KARI = Actor("usrKari0000000000", "kari@example.no", "Kari", "client")
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = {"dateFormat": {"name": "iso"}}


class Crm:
    """Kommuner ← Tomter in a folder, with a clock that tests turn."""

    def __init__(self, folder):
        self.moment = START
        self.store = Store(folder)
        self.store.lock.clock = lambda: self.moment
        if not self.store.bases:
            kommuner, _ = make_table({"name": "Kommuner", "fields": [LINES, TALL]}, tables=[])
            base = self.store.create_base("B", [kommuner])
            tomter = {"name": "Tomter", "fields": [LINES, TALL, {"name": "Dato", "type": "date", "options": DAY}]}
            tomter["fields"].append(
                {"name": "Kommune", "type": "multipleRecordLinks", "options": {"linkedTableId": kommuner["id"]}}
            )
            with self.store.change(base):
                self.store.add_table(base, *make_table(tomter, tables=base.tables))
        (self.base,) = self.store.bases.values()

    def declare(self, table, name, kind, **options):
        spec = {"name": name, "type": kind, **({"options": options} if options else {})}
        return computed.declare(self.store, self.base, self.base.table(table), spec)

    def create(self, table, by=API_USER, **cells):
        with self.store.change(self.base, by=by):
            return Writer(self.store, self.base, self.base.table(table), typecast=False).create(cells)

    def update(self, table, rec, by=API_USER, **cells):
        with self.store.change(self.base, by=by):
            Writer(self.store, self.base, self.base.table(table), typecast=False).update(rec, cells, replace=False)

    def delete(self, table, rec):
        with self.store.change(self.base):
            self.store.delete(self.base, self.base.table(table), rec)

    def get(self, table, rec, field):
        there = self.base.table(table)
        with self.store.lock:
            return self.base.value(query.field_map(there)[field], self.base.records[there["id"]][rec])

    def found(self, table, formula, **options):
        with self.store.lock:
            return query.select(self.base, self.base.table(table), formula=formula, **options)

    def id_of(self, table, field):
        return query.field_map(self.base.table(table))[field]["id"]

    def over(self, link="Tomter", field="Tall", table="Kommuner", other="Tomter"):
        return {"recordLinkFieldId": self.id_of(table, link), "fieldIdInLinkedTable": self.id_of(other, field)}


@pytest.fixture
def crm(tmp_path):
    made = Crm(tmp_path)
    yield made
    made.store.close()


def test_what_is_declared_shows_as_airtable_shows_it(crm):
    field = crm.declare("Tomter", "Sum", "formula", formula='{Tall}+IF({Navn}, 1) & ""')
    tall, navn = crm.id_of("Tomter", "Tall"), crm.id_of("Tomter", "Navn")
    assert field["options"] == {
        "isValid": True,
        "formula": f'{{{tall}}}+IF({{{navn}}}, 1) & ""',
        "referencedFieldIds": [tall, navn],
        "result": {"type": "singleLineText"},
    }
    rollup = crm.declare("Kommuner", "Mest", "rollup", **crm.over(), formula="MAX(values)")
    assert rollup["options"]["result"] == {"type": "number", "options": {"precision": 0}}
    assert "formula" not in rollup["options"]
    lookup = crm.declare("Kommuner", "Datoer", "multipleLookupValues", **crm.over(field="Dato"))
    assert lookup["options"]["result"]["type"] == "date"
    assert "options" not in crm.declare("Tomter", "Nr", "autoNumber")


def test_values_follow_what_they_stand_on(crm):
    crm.declare("Tomter", "Dobbelt", "formula", formula="{Tall}*2")
    crm.declare("Kommuner", "Sum", "rollup", **crm.over(field="Dobbelt"), formula="SUM(values)")
    crm.declare("Kommuner", "Navn2", "formula", formula="{Navn}&': '&{Sum}")
    crm.declare("Tomter", "Kommunens", "multipleLookupValues", **crm.over("Kommune", "Navn2", "Tomter", "Kommuner"))
    crm.declare("Tomter", "Tittel", "formula", formula="UPPER({Kommunens})&'/'&{Kommune}")
    crm.declare("Kommuner", "Antall", "count", recordLinkFieldId=crm.id_of("Kommuner", "Tomter"))
    k = crm.create("Kommuner", Navn="Nes")
    a, b = (crm.create("Tomter", Navn=n, Tall=t, Kommune=[k]) for n, t in (("a", 1), ("b", 10)))
    assert (crm.get("Kommuner", k, "Sum"), crm.get("Kommuner", k, "Antall")) == (22, 2)
    assert crm.get("Tomter", a, "Kommunens") == ["Nes: 22"]
    assert crm.get("Tomter", a, "Tittel") == "NES: 22/Nes"
    crm.update("Tomter", b, Tall=5)
    assert crm.get("Tomter", a, "Tittel") == "NES: 12/Nes"
    crm.update("Kommuner", k, Navn="Ås")
    assert crm.get("Tomter", a, "Tittel") == "ÅS: 12/Ås"
    crm.delete("Tomter", b)
    assert crm.get("Tomter", a, "Tittel") == "ÅS: 2/Ås"
    crm.update("Tomter", a, Kommune=[])
    assert (crm.get("Kommuner", k, "Sum"), crm.get("Kommuner", k, "Antall")) == (0, 0)
    assert crm.get("Tomter", a, "Kommunens") is None
    with pytest.raises(ZeroDivisionError):
        fail_half_way(crm, k)
    assert crm.get("Kommuner", k, "Navn2") == "Ås: 0"


def fail_half_way(crm, k):
    """Change a name, look at what is computed from it, and give up."""
    table = crm.base.table("Kommuner")
    with crm.store.change(crm.base):
        crm.store.update(crm.base, table, k, {crm.id_of("Kommuner", "Navn"): "Feil"})
        assert crm.base.value(query.field_map(table)["Navn2"], crm.base.records[table["id"]][k]) == "Feil: 0"
        raise ZeroDivisionError


def test_rollups_over_some_of_the_linked_records(crm):
    few = {"conjunction": "and", "filterSet": [{"fieldId": crm.id_of("Tomter", "Tall"), "operator": ">", "value": 5}]}
    crm.declare("Kommuner", "Store", "rollup", **crm.over(field="Navn"), formula="ARRAYJOIN(values,'+')", filter=few)
    crm.declare("Kommuner", "Antall", "count", recordLinkFieldId=crm.id_of("Kommuner", "Tomter"), filter=few)
    crm.declare("Kommuner", "Alle", "rollup", **crm.over(), formula="IF(AND(values),'ja','nei')")
    crm.declare("Kommuner", "Mest", "rollup", **crm.over(field="Dato"), formula="MAX(values)")
    k = crm.create("Kommuner", Navn="Nes")
    assert [crm.get("Kommuner", k, f) for f in ("Store", "Antall", "Mest")] == [None, 0, None]
    a, *_ = (crm.create("Tomter", Navn=n, Tall=t, Kommune=[k]) for n, t in (("a", 1), ("b", 10), ("c", 20)))
    assert [crm.get("Kommuner", k, f) for f in ("Store", "Antall", "Alle")] == ["b+c", 2, "ja"]
    crm.update("Tomter", a, Tall=6, Dato="2026-02-03")
    assert [crm.get("Kommuner", k, f) for f in ("Store", "Antall", "Mest")] == ["a+b+c", 3, "2026-02-03"]


def test_a_formula_that_may_give_a_text_gives_texts_and_no_zero(crm):
    crm.declare("Tomter", "Blandet", "formula", formula="IF({Tall}>5,{Tall}-10,{Navn})")
    crm.declare("Tomter", "Sann", "formula", formula="{Tall}>5")
    for tall, blandet, sann in ((12, "2", 1), (10, None, 1), (1, "a", 0)):
        rec = crm.create("Tomter", Navn="a", Tall=tall)
        assert (crm.get("Tomter", rec, "Blandet"), crm.get("Tomter", rec, "Sann")) == (blandet, sann)


def test_time_goes_and_stands_still_within_a_request(crm):
    crm.declare("Tomter", "Alder", "formula", formula="DATETIME_DIFF(TODAY(),{Dato},'days')")
    crm.declare("Tomter", "Nå", "formula", formula="DATETIME_FORMAT(NOW(),'HH:mm')")
    crm.declare("Tomter", "Dobbelt", "formula", formula="IF({Dato},{Alder}*2)")
    crm.declare("Tomter", "Feil", "formula", formula="{Alder}&''")
    a, tom = crm.create("Tomter", Dato="2026-02-20"), crm.create("Tomter")
    assert [crm.get("Tomter", a, f) for f in ("Alder", "Dobbelt", "Nå")] == [9, 18, "12:00"]
    crm.moment += timedelta(days=1, minutes=5)
    assert [crm.get("Tomter", a, f) for f in ("Dobbelt", "Nå")] == [20, "12:05"]
    assert crm.get("Tomter", tom, "Alder") == crm.get("Tomter", tom, "Feil") == {"error": "#ERROR!"}
    assert crm.found("Tomter", "{Alder}") == crm.found("Tomter", "{Alder}=10") == [a]
    assert crm.found("Tomter", "NOT(ISERROR({Alder}))") == [a]
    with crm.store.lock:
        before = crm.store.now()
        crm.moment += timedelta(days=1)
        assert crm.store.now() == before


def test_who_and_when(crm):
    for name, kind in (("Laget", "createdTime"), ("Laget av", "createdBy"), ("Nr", "autoNumber")):
        crm.declare("Tomter", name, kind)
    old = crm.create("Tomter", by=KARI, Navn="a", Tall=1)
    crm.declare("Tomter", "Endret", "lastModifiedTime")
    watched = {"referencedFieldIds": [crm.id_of("Tomter", "Tall"), crm.id_of("Tomter", "Kommune")]}
    crm.declare("Tomter", "Tall endret", "lastModifiedTime", **watched)
    crm.declare("Tomter", "Tall endret av", "lastModifiedBy", **watched)
    crm.declare("Tomter", "Sist", "formula", formula="DATETIME_FORMAT(LAST_MODIFIED_TIME({Navn}),'HH:mm')")
    assert crm.get("Tomter", old, "Laget av") == {"id": KARI.id, "email": KARI.email, "name": KARI.name}
    assert crm.get("Tomter", old, "Laget") == crm.get("Tomter", old, "Endret") == "2026-03-01T12:00:00.000Z"
    assert crm.get("Tomter", old, "Tall endret") is None
    assert crm.get("Tomter", old, "Sist") == {"error": "#ERROR!"}
    crm.moment += timedelta(minutes=1)
    crm.update("Tomter", old, Navn="b", Tall=1)
    assert [crm.get("Tomter", old, f) for f in ("Tall endret", "Sist")] == [None, "12:01"]
    assert crm.get("Tomter", old, "Endret") == "2026-03-01T12:01:00.000Z"
    crm.moment += timedelta(minutes=1)
    crm.update("Tomter", old, by=KARI, Tall=2)
    assert crm.get("Tomter", old, "Tall endret") == "2026-03-01T12:02:00.000Z"
    assert crm.get("Tomter", old, "Tall endret av")["name"] == "Kari"
    assert crm.get("Tomter", old, "Sist") == "12:01"
    crm.moment += timedelta(minutes=1)
    k = crm.create("Kommuner", Navn="Nes", Tomter=[old])
    assert crm.get("Tomter", old, "Tall endret") == "2026-03-01T12:03:00.000Z"
    assert crm.found("Tomter", "IS_SAME(LAST_MODIFIED_TIME({Tall}),'2026-03-01T12:02:00Z')") == [old]
    with pytest.raises(ApiError, match="watches it"):
        crm.found("Kommuner", "LAST_MODIFIED_TIME({Tall})")
    assert crm.found("Kommuner", "CREATED_TIME()=LAST_MODIFIED_TIME()") == [k]


def test_what_links_to_a_record_changes_the_link_alone(crm):
    crm.declare("Kommuner", "Tall endret av", "lastModifiedBy", referencedFieldIds=[crm.id_of("Kommuner", "Tall")])
    kommune = crm.create("Kommuner", by=KARI, Navn="Tomtevik", Tall=1)
    crm.create("Tomter", Navn="A", Kommune=[kommune])
    assert crm.get("Kommuner", kommune, "Tall endret av") == KARI.as_cell()


def test_what_was_written_is_there_after_a_restart(tmp_path):
    crm = Crm(tmp_path)
    crm.declare("Tomter", "Nr", "autoNumber")
    crm.declare("Tomter", "Tall endret av", "lastModifiedBy", referencedFieldIds=[crm.id_of("Tomter", "Tall")])
    crm.declare("Kommuner", "Sum", "rollup", **crm.over(), formula="SUM(values)")
    k = crm.create("Kommuner")
    first = crm.create("Tomter", by=KARI, Tall=4, Kommune=[k])
    crm.delete("Tomter", crm.create("Tomter", Navn="borte"))
    crm.store.close()
    crm = Crm(tmp_path)
    third = crm.create("Tomter")
    assert [crm.get("Tomter", r, "Nr") for r in (first, third)] == [1, 3]
    assert crm.get("Tomter", first, "Tall endret av")["name"] == "Kari"
    assert crm.get("Kommuner", k, "Sum") == 4
    crm.store.close()


def test_a_folder_of_an_older_server_opens(tmp_path):
    tables = [{"id": "tbl1", "name": "T", "primaryFieldId": "fld1", "views": [], "fields": [{"id": "fld1", **LINES}]}]
    with closing(sqlite3.connect(tmp_path / "airtable.sqlite")) as db:
        db.execute("CREATE TABLE base (id TEXT PRIMARY KEY, name TEXT NOT NULL, tables TEXT NOT NULL)")
        db.execute("CREATE TABLE record (id TEXT PRIMARY KEY, base TEXT, tbl TEXT, created TEXT, cells TEXT)")
        db.execute("INSERT INTO base VALUES ('app1', 'B', ?)", (json.dumps(tables),))
        rows = [(f"rec{n}", json.dumps({"fld1": str(n)})) for n in (3, 1, 2)]
        db.executemany("INSERT INTO record VALUES (?, 'app1', 'tbl1', '2026-01-02T00:00:00.000Z', ?)", rows)
        db.execute("PRAGMA user_version = 1")
        db.commit()
    for _ in range(2):
        crm = Crm(tmp_path)
        there = crm.base.records["tbl1"]
        assert [(r.id, r.number, r.modified, r.maker) for r in there] == [
            (f"rec{n}", number, "2026-01-02T00:00:00.000Z", API_USER) for number, n in enumerate((3, 1, 2), start=1)
        ]
        crm.store.close()


REFUSED = {
    "itself": ("formula", {"formula": "{Ny}&'a'"}, "stands on itself"),
    "an unknown field": ("formula", {"formula": "{Ukjent}"}, "Ukjent"),
    "an unknown function": ("formula", {"formula": "FOO({Tall})"}, "Invalid formula"),
    "one unknown here": ("formula", {"formula": "FROMNOW({Dato})"}, "FROMNOW is not known"),
    "no formula": ("formula", {"formula": "IF("}, "no formula"),
    "nothing": ("formula", {}, "1 to 17000"),
    "too long": ("formula", {"formula": "'" + "x" * 17_000 + "'"}, "1 to 17000"),
    "a type that people write": ("singleLineText", {}, "no field type"),
    "no link": ("count", {"recordLinkFieldId": "Tall"}, "no link"),
    "a field of another table": ("rollup", {"recordLinkFieldId": "Kommune", "fieldIdInLinkedTable": "Dato"}, "Dato"),
    "a computed field watched": ("lastModifiedTime", {"referencedFieldIds": ["Dobbelt"]}, "people write"),
    "decimals of a text": (
        "formula", {"formula": "{Navn}", "result": {"type": "number", "options": {"precision": 1}}}, "singleLineText",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_computed_is_refused_and_leaves_nothing(crm, name):
    crm.declare("Tomter", "Dobbelt", "formula", formula="{Tall}*2")
    kind, options, why = REFUSED[name]
    before = json.dumps([crm.base.tables, crm.base.specs])
    with pytest.raises(ApiError, match=why) as caught:
        crm.declare("Tomter", "Ny", kind, **options)
    assert caught.value.status == 422
    assert json.dumps([crm.base.tables, crm.base.specs]) == before


def test_a_chain_is_as_long_as_it_may_be(crm):
    before = "Tall"
    for n in range(50):
        before = crm.declare("Tomter", f"F{n}", "formula", formula=f"{{{before}}}+1")["name"]
    assert crm.get("Tomter", crm.create("Tomter", Tall=1), before) == 51
    with pytest.raises(ApiError, match="more than 50"):
        crm.declare("Tomter", "For lang", "formula", formula=f"{{{before}}}+1")


def test_a_deleted_field_leaves_errors_behind(crm):
    crm.declare("Tomter", "Dobbelt", "formula", formula="{Tall}*2")
    crm.declare("Tomter", "Tekst", "formula", formula="{Dobbelt}&''")
    crm.declare("Kommuner", "Sum", "rollup", **crm.over(), formula="SUM(values)")
    crm.declare("Kommuner", "Slått opp", "multipleLookupValues", **crm.over())
    k = crm.create("Kommuner")
    a = crm.create("Tomter", Tall=3, Kommune=[k])
    assert crm.get("Kommuner", k, "Slått opp") == [3]
    tomter = crm.base.table("Tomter")
    with crm.store.change(crm.base):
        crm.store.delete_field(crm.base, tomter, query.field_map(tomter)["Tall"])
    wanted = {"error": "#ERROR!"}
    assert crm.get("Tomter", a, "Dobbelt") == crm.get("Tomter", a, "Tekst") == wanted
    assert crm.get("Kommuner", k, "Sum") == crm.get("Kommuner", k, "Slått opp") == wanted
    valid = [query.field_map(crm.base.table(t))[f]["options"]["isValid"] for t, f in (
        ("Tomter", "Dobbelt"), ("Tomter", "Tekst"), ("Kommuner", "Sum"))]  # fmt: skip
    assert valid == [False, True, False]


def test_links_are_told_only_where_they_are_wanted(crm):
    heard = []
    k = crm.create("Kommuner", Navn="Nes")
    crm.store.listeners.append(lambda base, by, changes: heard.extend(changes))
    crm.store.wants_links = lambda base: False  # a kommune that 50,000 link to is not copied at every write
    crm.create("Tomter", Navn="a", Kommune=[k])
    assert {c.record_id: c.after for c in heard}[k] == {crm.id_of("Kommuner", "Navn"): "Nes"}


def test_listeners_hear_what_was_changed_by_whom(crm):
    heard = []
    k, old = crm.create("Kommuner", Navn="Nes"), crm.create("Tomter", Navn="a")
    crm.store.listeners.append(lambda base, by, changes: heard.append((by, list(changes))))
    crm.update("Tomter", old, by=KARI, Navn="b", Kommune=[k])
    navn, link, back = crm.id_of("Tomter", "Navn"), crm.id_of("Tomter", "Kommune"), crm.id_of("Kommuner", "Tomter")
    ((by, changes),) = heard
    seen = {c.record_id: (c.before, c.after) for c in changes}
    assert by is KARI
    assert seen[old] == ({navn: "a"}, {navn: "b", link: [k]})
    assert seen[k] == ({crm.id_of("Kommuner", "Navn"): "Nes"}, {crm.id_of("Kommuner", "Navn"): "Nes", back: [old]})
    crm.update("Tomter", old, Navn="b")
    crm.declare("Tomter", "Nr", "autoNumber")
    crm.delete("Tomter", old)
    assert [len(changes) for _, changes in heard] == [2, 0, 2]
    assert {c.record_id: c.after for c in heard[-1][1]} == {old: None, k: {crm.id_of("Kommuner", "Navn"): "Nes"}}


# --- over HTTP ---


def test_a_computed_field_is_answered_sorted_by_filtered_by_and_not_written(airtable, base, tomter):
    store = airtable.hand._store
    there = store.bases[base.id]
    table = there.table("Tomter")
    for name, formula in (("Brøk", "12/{Tall}"), ("Tekst", "{Navn}&{Tall}")):
        computed.declare(store, there, table, {"name": name, "type": "formula", "options": {"formula": formula}})
    assert base.schema(force=True).table("Tomter").field("Tekst").options.is_valid
    tomter.batch_create([{"Navn": "a", "Tall": 3}, {"Navn": "b"}, {"Navn": "c", "Tall": 12}])
    assert [r["fields"].get("Brøk") for r in tomter.all()] == [4, {"specialValue": "Infinity"}, 1]
    assert names(tomter.all(sort=["-Tekst"])) == ["c", "b", "a"]
    assert names(tomter.all(formula="{Brøk}=4")) == ["a"]
    assert names(tomter.all(formula="{Brøk}")) == ["a", "c"]
    message = 'Field "Tekst" cannot accept a value because the field is computed'
    assert refusal(lambda: tomter.create({"Tekst": "x"})) == (422, "INVALID_VALUE_FOR_COLUMN", message)
