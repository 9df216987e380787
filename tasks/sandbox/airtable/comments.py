"""Comments on records: who wrote what when, whom it mentions, and which comment it answers.

The key is the comment's id; a record's comments are answered newest first. A comment is its author's alone to change or
delete. Reactions and attachments of comments are not kept.

Source: Airtable's Web API, “Create comment” and “Update comment” (airtable.com/developers/web/api, 2025).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from tasks.sandbox.airtable.actor import API_USER, Actor
from tasks.sandbox.airtable.errors import invalid, no_cursor, not_found, not_yours
from tasks.sandbox.airtable.formula.value import iso
from tasks.sandbox.airtable.ids import new_id
from tasks.sandbox.airtable.schema import Table
from tasks.sandbox.airtable.sidefile import Row, beside
from tasks.sandbox.airtable.store import Base, RecordChange, Store
from tasks.sandbox.airtable.values import COLLABORATORS

JSON = dict[str, Any]
MAX_TEXT = 10_000
"""Characters of a comment; ours, Airtable does not say."""
MENTION = re.compile(r"@\[(usr[A-Za-z0-9]{14})\]")
COLUMNS = "id, author, text, created, updated, parent"
SOME = 500
"""Ids in one query."""
OFFSET = re.compile(r"(rec[A-Za-z0-9]{14})/([0-9]{1,18})")
"""The record whose comments are listed, and the place below which to go on."""
MOST_PLACES = 2**63 - 1


def add(
    store: Store,
    base: Base,
    table: Table,
    record_id: str,
    text: Any,
    *,
    by: Actor = API_USER,
    parent: Any = None,
) -> JSON:
    """Add a comment to a record, and return it as the Web API answers it.

    Parameters
    ----------
    by
        The author.
    parent
        The comment of the same record that it answers, or None.

    Raises
    ------
    ApiError
        404 when the record is not there, 422 for an empty or too long text, or an unknown parent.
    """
    _refuse_wrong(text)
    with store.lock:
        _there(base, table, record_id)
        file = beside(store)
        if parent is not None and not file.rows(
            "SELECT 1 FROM comment WHERE id = ? AND record = ?", str(parent), record_id
        ):
            raise invalid.saying("parentCommentId names no comment of this record.")
        comment_id = new_id("com")
        author = json.dumps(by.as_cell(), ensure_ascii=False)
        file.write(
            "INSERT INTO comment (id, base, record, author, text, created, parent) VALUES (?,?,?,?,?,?,?)",
            *(comment_id, base.id, record_id, author, text, iso(store.now()), parent),
        )
        return _one(store, base, record_id, comment_id)


def of_record(store: Store, base: Base, record_id: str, *, most: int | None = None) -> list[JSON]:
    """Return the comments of a record, newest first; the newest `most` of them, or all."""
    return _shown(store, base, [row[1:] for row in _newest(store, base, record_id, most=-1 if most is None else most)])


def page(store: Store, base: Base, record_id: str, *, offset: str | None, size: int) -> tuple[list[JSON], str | None]:
    """Return a page of the comments of a record, newest first, and the offset of the next if there is one.

    What is written or deleted between two pages moves none of the others.

    Parameters
    ----------
    offset
        What came with the page before, None for the first.

    Raises
    ------
    ApiError
        422 for an offset of another record, or none at all.
    """
    below = MOST_PLACES
    if offset is not None:
        match = OFFSET.fullmatch(offset)
        if match is None or match[1] != record_id:
            raise no_cursor()
        below = int(match[2])
    rows = _newest(store, base, record_id, below=below, most=size + 1)
    following = f"{record_id}/{rows[size - 1][0]}" if len(rows) > size else None
    return _shown(store, base, [row[1:] for row in rows[:size]]), following


def _newest(store: Store, base: Base, record_id: str, *, most: int, below: int = MOST_PLACES) -> list[Row]:
    """Return the newest comments before a place, each after its place; −1 for all."""
    return beside(store).rows(
        f"SELECT place, {COLUMNS} FROM comment WHERE base = ? AND record = ? AND place < ? "  # noqa: S608
        "ORDER BY place DESC LIMIT ?",
        *(base.id, record_id, below, most),
    )


def edit(store: Store, base: Base, table: Table, record_id: str, comment_id: str, *, text: Any, by: Actor) -> JSON:
    """Change the text of a comment, and return it.

    Raises
    ------
    ApiError
        404 when it is not there, 403 when another wrote it, 422 for an empty or too long text.
    """
    with store.lock:
        _own(store, base, table, record_id, comment_id, by=by)
        _refuse_wrong(text)
        beside(store).write("UPDATE comment SET text = ?, updated = ? WHERE id = ?", text, iso(store.now()), comment_id)
        return _one(store, base, record_id, comment_id)


def remove(store: Store, base: Base, table: Table, record_id: str, comment_id: str, *, by: Actor) -> JSON:
    """Delete a comment; what answers it stays.

    Raises
    ------
    ApiError
        404 when it is not there, 403 when another wrote it.
    """
    with store.lock:
        _own(store, base, table, record_id, comment_id, by=by)
        beside(store).write("DELETE FROM comment WHERE id = ?", comment_id)
        return {"id": comment_id, "deleted": True}


def counts(store: Store, record_ids: Sequence[str]) -> dict[str, int]:
    """Return how many comments each of these records has, without those that have none."""
    found: dict[str, int] = {}
    for start in range(0, len(record_ids), SOME):
        some = record_ids[start : start + SOME]
        marks = ",".join("?" * len(some))
        found |= dict(
            beside(store).rows(
                f"SELECT record, count(*) FROM comment WHERE record IN ({marks}) GROUP BY record",  # noqa: S608
                *some,
            )
        )
    return found


def forget_deleted(store: Store, changes: Iterable[RecordChange]) -> None:
    """Delete the comments of records that were deleted."""
    gone = [(c.record_id,) for c in changes if c.after is None]
    if gone:
        with beside(store).change() as file:
            file.write_many("DELETE FROM comment WHERE record = ?", gone)


def forget_strays(store: Store) -> None:
    """Delete the comments of records that are not there: a stop may come between a deletion and its comments'."""
    tables = [rows for base in store.bases.values() for rows in base.records.values()]
    commented = beside(store).rows("SELECT DISTINCT record FROM comment")
    strays = [(record,) for (record,) in commented if not any(record in rows for rows in tables)]
    if strays:
        with beside(store).change() as file:
            file.write_many("DELETE FROM comment WHERE record = ?", strays)


def _there(base: Base, table: Table, record_id: str) -> None:
    if record_id not in base.records[table["id"]]:
        raise not_found()


def _own(store: Store, base: Base, table: Table, record_id: str, comment_id: str, *, by: Actor) -> None:
    _there(base, table, record_id)
    found = beside(store).rows("SELECT author FROM comment WHERE id = ? AND record = ?", comment_id, record_id)
    if not found:
        raise not_found()
    if json.loads(found[0][0])["id"] != by.id:
        raise not_yours()


def _refuse_wrong(text: Any) -> None:
    if not isinstance(text, str) or not text.strip() or len(text) > MAX_TEXT:
        raise invalid()


def _one(store: Store, base: Base, record_id: str, comment_id: str) -> JSON:
    rows = beside(store).rows(
        f"SELECT {COLUMNS} FROM comment WHERE id = ? AND record = ?",  # noqa: S608
        *(comment_id, record_id),
    )
    return _shown(store, base, rows)[0]


def _shown(store: Store, base: Base, rows: list[Row]) -> list[JSON]:
    people = _people(store, base) if any(MENTION.search(row[2]) for row in rows) else {}
    return [_show(row, people) for row in rows]


def _show(row: Row, people: dict[str, JSON]) -> JSON:
    comment_id, author, text, created, updated, parent = row
    shown = {
        "id": comment_id,
        "author": json.loads(author),
        "text": text,
        "createdTime": created,
        "lastUpdatedTime": updated,
    }
    # Whom nobody has heard of is left out: what Airtable does with an unknown id, it does not say.
    mentioned = {usr: people[usr] for usr in MENTION.findall(text) if usr in people}
    return shown | ({"mentioned": mentioned} if mentioned else {}) | ({"parentCommentId": parent} if parent else {})


def _people(store: Store, base: Base) -> dict[str, JSON]:
    """Return who is known in a base: the token's user, who stands in a cell of collaborators, and who has commented."""
    known: list[JSON] = [API_USER.as_cell()]
    for table in base.tables:
        fields = [f["id"] for f in table["fields"] if f["type"] in COLLABORATORS]
        for record in base.records[table["id"]] if fields else ():
            for cell in map(record.cells.get, fields):
                known += cell if isinstance(cell, list) else [cell] if cell else []
    authors = beside(store).rows("SELECT DISTINCT author FROM comment WHERE base = ?", base.id)
    known += [json.loads(author) for (author,) in authors]
    people: dict[str, JSON] = {}
    for one in known:
        name = one.get("name") or one.get("email") or one["id"]
        people[one["id"]] = {"id": one["id"], "type": "user", "displayName": name} | (
            {"email": one["email"]} if one.get("email") else {}
        )
    return people
