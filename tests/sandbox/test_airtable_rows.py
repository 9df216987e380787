"""The records of a table: their ids in order, and listings that others write beside."""

from __future__ import annotations

from tasks.sandbox.airtable.rows import Record, Rows


def rows_of(*ids: str) -> Rows:
    rows = Rows()
    for number, rec in enumerate(ids, 1):
        rows.put(Record(rec, number, "", {}))
    return rows


def test_ids_stay_in_order_of_making_whatever_is_made_deleted_or_undone():
    rows = rows_of("a", "b", "c")
    first = rows.ids()
    rows.put(Record("d", 4, "", {}))
    assert rows.ids() is first  # 50,000 ids are not gone through for each page that is asked for
    assert first == ["a", "b", "c", "d"]
    gone = rows["b"]
    rows.remove("b")
    assert rows.ids() == ["a", "c", "d"]
    rows.undo("b", gone)
    assert rows.ids() == ["a", "b", "c", "d"]
    rows.undo("d", None)
    assert rows.ids() == ["a", "b", "c"]
    rows.put(Record("a", 1, "", {"f": 1}))
    assert rows.ids() == ["a", "b", "c"]
    assert first == ["a", "b", "c", "d"]  # a listing that began then goes by it


def test_a_listing_under_way_does_not_see_what_is_made_later(base):
    areas = base.table("Områder/felt")
    areas.batch_create([{"Navn": str(n)} for n in range(5)])
    pages = areas.iterate(page_size=2)
    assert [r["fields"]["Navn"] for r in next(pages)] == ["0", "1"]
    areas.batch_create([{"Navn": "ny"}, {"Navn": "nyere"}])
    assert [[r["fields"]["Navn"] for r in page] for page in pages] == [["2", "3"], ["4"]]
    assert len(areas.all()) == 7
