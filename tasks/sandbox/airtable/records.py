"""Reading and writing records as the Web API words it: fields by name or id, batches of ten, upserts."""

from __future__ import annotations

from typing import Any

from tasks.sandbox.airtable.errors import ApiError, invalid, not_found
from tasks.sandbox.airtable.ids import is_id
from tasks.sandbox.airtable.query import field_map, plain, primary_text, unknown_field
from tasks.sandbox.airtable.schema import Table
from tasks.sandbox.airtable.store import Base, Cells, Record, Store
from tasks.sandbox.airtable.values import clean, refuse

BATCH = 10


def show(table: Table, record: Record, *, by_id: bool, fields: list[str] | None = None) -> dict[str, Any]:
    """Return a record as the API answers it, of all fields or of these (names or ids)."""
    known = field_map(table)
    if fields is not None and (missing := [n for n in fields if n not in known]):
        raise unknown_field(missing[0])
    wanted = None if fields is None else {known[n]["id"] for n in fields}
    cells = {
        f["id"] if by_id else f["name"]: record.cells[f["id"]]
        for f in table["fields"]
        if f["id"] in record.cells and (wanted is None or f["id"] in wanted)
    }
    return {"id": record.id, "createdTime": record.created, "fields": cells}


def read_cells(base: Base, store: Store, table: Table, fields: Any, *, typecast: bool) -> Cells:
    """Return checked cells by field id from the `fields` of a request.

    Raises
    ------
    ApiError
        422 for an unknown field or a value that its type does not take.
    """
    if not isinstance(fields, dict):
        raise ApiError(422, "INVALID_REQUEST_MISSING_FIELDS", 'Could not find field "fields" in the request body')
    known = field_map(table)
    cells: Cells = {}
    for name, value in fields.items():
        field = known.get(name)
        if field is None:
            raise unknown_field(name)
        cells[field["id"]] = clean(field, value, typecast=typecast)
        if field["type"] == "multipleRecordLinks" and cells[field["id"]]:
            cells[field["id"]] = _linked(base, store, field, cells[field["id"]], typecast=typecast)
        if field["type"] == "multipleAttachments" and cells[field["id"]]:
            cells[field["id"]] = _attached(base, table, field, cells[field["id"]])
    return cells


def _linked(base: Base, store: Store, field: dict[str, Any], ids: list[str], *, typecast: bool) -> list[str]:
    other = base.table(field["options"]["linkedTableId"])
    assert other is not None  # noqa: S101  # a link field cannot be made without its table
    rows = base.records[other["id"]]
    result = []
    for value in ids:
        if value in rows:
            result.append(value)
        elif typecast and not is_id(value, "rec"):
            found = next((r.id for r in rows.values() if primary_text(base, other, r) == value), None)
            result.append(found or store.create(base, other, {other["primaryFieldId"]: value}).id)
        elif is_id(value, "rec"):
            raise ApiError(422, "ROW_DOES_NOT_EXIST", f"Record ID {value} does not exist in this table")
        else:
            raise refuse(field)
    return result


def _attached(base: Base, table: Table, field: dict[str, Any], given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the attachments kept already that these ids name; sending fewer removes the rest."""
    there = {a["id"]: a for r in base.records[table["id"]].values() for a in r.cells.get(field["id"], [])}
    if any(a["id"] not in there for a in given):
        raise ApiError(422, "INVALID_ATTACHMENT_OBJECT", "Unknown attachment id")
    return [there[a["id"]] for a in given]


def find(base: Base, table: Table, rec: str) -> Record:
    """Return a record of a table.

    Raises
    ------
    ApiError
        404 for none.
    """
    record = base.records[table["id"]].get(rec)
    if record is None:
        raise not_found()
    return record


def write_one(base: Base, store: Store, table: Table, record: Record, body: dict[str, Any], *, replace: bool) -> Record:
    """Update a record, or replace all its cells."""
    cells = read_cells(base, store, table, body.get("fields"), typecast=flag(body, "typecast"))
    if replace:
        cells = {f["id"]: None for f in table["fields"] if f["id"] in record.cells} | cells
    current = base.records[table["id"]][record.id]  # a link of the same batch may have changed it
    return store.update(base, table, current, cells)


def batch(body: dict[str, Any], *, with_ids: bool) -> list[dict[str, Any]]:
    """Return the `records` of a request: one to ten objects with fields, and ids where they are wanted."""
    records = body.get("records")
    if not isinstance(records, list) or not records or not all(isinstance(r, dict) for r in records):
        raise _bad_batch() if with_ids else invalid()
    if len(records) > BATCH:
        if with_ids:
            raise _bad_batch()
        raise invalid(f"A maximum of 10 records can be created per request but you have provided {len(records)}.")
    if with_ids and not all(is_id(r.get("id"), "rec") for r in records):
        raise _bad_batch()
    return records


def _bad_batch() -> ApiError:
    return ApiError(
        422,
        "INVALID_RECORDS",
        "You must provide an array of up to 10 record objects, each with an 'id' ID field and a 'fields' object for "
        "cell values.",
    )


def update_many(base: Base, store: Store, table: Table, body: dict[str, Any], *, replace: bool) -> list[Record]:
    """Update up to ten records by id."""
    done = []
    for item in batch(body, with_ids=True):
        record = base.records[table["id"]].get(item["id"])
        if record is None:
            raise ApiError(422, "ROW_DOES_NOT_EXIST", f"Record ID {item['id']} does not exist in this table")
        done.append(write_one(base, store, table, record, {**item, "typecast": body.get("typecast")}, replace=replace))
    return [base.records[table["id"]][r.id] for r in done]


def create_many(base: Base, store: Store, table: Table, body: dict[str, Any]) -> list[Record]:
    """Create up to ten records."""
    typecast = flag(body, "typecast")
    made = [
        store.create(base, table, read_cells(base, store, table, item.get("fields"), typecast=typecast))
        for item in batch(body, with_ids=False)
    ]
    return [base.records[table["id"]][r.id] for r in made]


def upsert(
    base: Base, store: Store, table: Table, body: dict[str, Any], *, replace: bool
) -> tuple[list[Record], list[str], list[str]]:
    """Update the records that match on the merge fields, create the rest; two matches refuse the whole request.

    Returns
    -------
    records, created ids, updated ids
    """
    merge = body["performUpsert"].get("fieldsToMergeOn") if isinstance(body["performUpsert"], dict) else None
    known = field_map(table)
    if not isinstance(merge, list) or not 1 <= len(merge) <= 3:
        raise invalid()
    if any(name not in known for name in merge):
        raise unknown_field(next(str(n) for n in merge if n not in known))
    keys = [known[name] for name in merge]
    there: dict[tuple[str, ...], list[str]] = {}
    for record in base.records[table["id"]].values():
        there.setdefault(tuple(plain(base, f, record) for f in keys), []).append(record.id)
    records, created, updated = [], [], []
    for item in batch(body, with_ids=False):
        cells = read_cells(base, store, table, item.get("fields"), typecast=flag(body, "typecast"))
        found = [item["id"]] if "id" in item else there.get(_key(base, keys, cells), [])
        if len(found) > 1:
            raise invalid(f"Cannot update more than one record: {len(found)} match {merge}.")
        if found:
            there_now = base.records[table["id"]].get(found[0])
            if there_now is None:
                raise ApiError(422, "ROW_DOES_NOT_EXIST", f"Record ID {found[0]} does not exist in this table")
            write = {"fields": item["fields"], "typecast": body.get("typecast")}
            records.append(write_one(base, store, table, there_now, write, replace=replace))
            updated.append(there_now.id)
        else:
            record = store.create(base, table, cells)
            there.setdefault(_key(base, keys, cells), []).append(record.id)
            records.append(record)
            created.append(record.id)
    return [base.records[table["id"]][r.id] for r in records], created, updated


def _key(base: Base, keys: list[dict[str, Any]], cells: Cells) -> tuple[str, ...]:
    values = tuple(plain(base, f, Record("", "", {k: v for k, v in cells.items() if v is not None})) for f in keys)
    if not any(values):
        raise invalid("A record to upsert has no value in the fields to merge on.")
    return values


def flag(body: dict[str, Any], name: str) -> bool:
    """Return a true-or-false option of a body."""
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise invalid()
    return bool(value)
