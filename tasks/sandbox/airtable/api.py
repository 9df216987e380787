"""What the Web API can be asked: one method per request of a client, each a whole transaction."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from tasks.sandbox.airtable import attachments, cellformat, comments, loopback, query, views
from tasks.sandbox.airtable.actor import API_USER
from tasks.sandbox.airtable.errors import invalid, missing_fields, no_model, not_found, record_gone, unauthorized
from tasks.sandbox.airtable.faults import Faults
from tasks.sandbox.airtable.ids import is_id
from tasks.sandbox.airtable.limit import RateLimit
from tasks.sandbox.airtable.listings import Listings
from tasks.sandbox.airtable.records import BATCH, View, Writer, flag, named_records, new_records, only, refuse_locked
from tasks.sandbox.airtable.schema import Table
from tasks.sandbox.airtable.schemas import Schemas
from tasks.sandbox.airtable.store import Base, Store
from tasks.sandbox.airtable.webhooks import Webhooks

JSON = dict[str, Any]
MOST_FETCHED = 50
"""Files that one request may name by address; ours."""
WHOAMI: JSON = {
    "id": API_USER.id,
    "scopes": [
        "data.records:read",
        "data.records:write",
        "data.recordComments:read",
        "data.recordComments:write",
        "schema.bases:read",
        "schema.bases:write",
        "webhook:manage",
    ],
}
WRITE_OPTIONS = ("typecast", "returnFieldsByFieldId")
TEXT_OPTIONS = ("cellFormat", "timeZone", "userLocale", "recordMetadata")
"""Of a listing, beside those that say which records."""
log = logging.getLogger("tomt.airtable")


class Api:
    """One store behind one token.

    Its methods are called with `store.lock` held, so that what a request reads and writes belongs together.

    Parameters
    ----------
    locked_fields
        Fields that the token may not write, as ids or ``Table.Field``.
    """

    def __init__(
        self,
        store: Store,
        *,
        token: str,
        limit: RateLimit,
        listings: Listings,
        faults: Faults,
        locked_fields: Collection[str] = (),
    ) -> None:
        self.store, self.limit, self.faults = store, limit, faults
        self._listings = listings
        self._locked = frozenset(locked_fields)
        self._token = token.encode()
        self.webhooks = Webhooks(store)
        self.schemas = Schemas(store, listings, self.webhooks)

    def authorize(self, header: str) -> None:
        """Raise 401 unless the Authorization header carries the token."""
        scheme, _, given = header.partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), self._token):
            raise unauthorized()

    def base(self, base_id: str) -> Base:
        """Return a base, or raise 403."""
        base = self.store.bases.get(base_id)
        if base is None:
            raise no_model()
        return base

    def table(self, base: Base, id_or_name: str) -> Table:
        """Return a table, or raise 403."""
        table = base.table(id_or_name)
        if table is None:
            raise no_model()
        return table

    # --- records ---

    def list_records(self, table: Table, base: Base, given: JSON, *, address: str) -> JSON:
        """List records, a page at a time."""
        options = query.read_options(table, {k: v for k, v in given.items() if k not in TEXT_OPTIONS})
        metadata = given.get("recordMetadata") or []
        if metadata not in ([], ["commentCount"]):
            raise invalid()
        style = _style(given, address)
        view = View.of(base, table, by_id=options.by_id, address=address, only=options.fields, style=style)
        if options.offset:
            ids, following = self._listings.page(table["id"], options.offset, options.size)
        else:
            ids, following = self._listings.begin(table["id"], self._select(base, table, given, options), options.size)
        rows = base.records[table["id"]]
        shown = [view.show(rows[i]) for i in ids if i in rows]  # deleted since the listing began
        if metadata:
            counts = comments.counts(self.store, [record["id"] for record in shown])
            shown = [{**record, "commentCount": counts.get(record["id"], 0)} for record in shown]
        return {"records": shown, **({"offset": following} if following else {})}

    def _select(self, base: Base, table: Table, given: JSON, options: query.Options) -> list[str]:
        """Return the records that a listing asks for; those of a view in its order, unless it is sorted otherwise."""
        if not given.get("view"):
            return query.select(base, table, formula=options.formula, sort=options.sort, most=options.most)
        view = views.find(table, given["view"])
        ids = views.record_ids(base, table, view, today=self.store.now().date())
        rows = base.records[table["id"]]
        inside = frozenset(ids) if options.sort else frozenset()
        chosen = [r for r in rows if r.id in inside] if options.sort else [rows[i] for i in ids]
        return query.select(base, table, formula=options.formula, sort=options.sort, most=options.most, rows=chosen)

    def get(self, table: Table, base: Base, rec: str, given: JSON, *, address: str) -> JSON:
        """Read one record."""
        if "fields" in given:
            raise invalid()
        record = base.records[table["id"]].get(rec)
        if record is None:
            raise not_found()
        by_id = query.wants_ids(given)
        return View.of(base, table, by_id=by_id, address=address, style=_style(given, address)).show(record)

    def create(self, table: Table, base: Base, body: JSON, *, address: str, arrived: JSON) -> JSON:
        """Create one record, bare, or several."""
        if "records" not in body and "fields" not in body:
            raise missing_fields()
        view = View.of(base, table, by_id=flag(body, "returnFieldsByFieldId"), address=address)
        one = "fields" in body
        only(body, "fields" if one else "records", *WRITE_OPTIONS)
        items = [{"fields": body["fields"]}] if one else new_records(body)
        with self.store.change(base):
            writer = self._writer(base, table, body, arrived)
            ids = [writer.create(item["fields"]) for item in items]
        self._take(arrived, base, table, ids)
        shown = [view.show(base.records[table["id"]][i]) for i in ids]
        return shown[0] if one else {"records": shown}

    def update(self, table: Table, base: Base, body: JSON, *, replace: bool, address: str, arrived: JSON) -> JSON:
        """Update, replace or upsert several records."""
        if "records" not in body:
            raise missing_fields()
        only(body, "records", "performUpsert", *WRITE_OPTIONS)
        view = View.of(base, table, by_id=flag(body, "returnFieldsByFieldId"), address=address)
        items = named_records(body, ids="performUpsert" not in body)
        extra: JSON = {}
        with self.store.change(base):
            writer = self._writer(base, table, body, arrived)
            if "performUpsert" in body:
                ids, created, updated = writer.upsert(items, body["performUpsert"], replace=replace)
                extra = {"createdRecords": created, "updatedRecords": updated}
            else:
                ids = writer.update_many(items, replace=replace)
        self._take(arrived, base, table, ids)
        return {"records": [view.show(base.records[table["id"]][i]) for i in ids], **extra}

    def update_one(
        self, table: Table, base: Base, rec: str, body: JSON, *, replace: bool, address: str, arrived: JSON
    ) -> JSON:
        """Update or replace one record."""
        if "fields" not in body:
            raise missing_fields()
        only(body, "fields", *WRITE_OPTIONS)
        if rec not in base.records[table["id"]]:
            raise not_found()
        view = View.of(base, table, by_id=flag(body, "returnFieldsByFieldId"), address=address)
        with self.store.change(base):
            writer = self._writer(base, table, body, arrived)
            writer.update(rec, body["fields"], replace=replace)
        self._take(arrived, base, table, [rec])
        return view.show(base.records[table["id"]][rec])

    def _writer(self, base: Base, table: Table, body: JSON, arrived: JSON) -> Writer:
        typecast = flag(body, "typecast")
        return Writer(self.store, base, table, typecast=typecast, locked=self._locked, arrived=arrived)

    def _take(self, arrived: JSON, base: Base, table: Table, ids: Iterable[str]) -> None:
        """Take from what arrived the files that the cells of these records hold now."""
        rows = base.records[table["id"]]
        for rec in ids:
            for attachment_id in attachments.ids_in(rows[rec].cells):
                arrived.pop(attachment_id, None)

    @contextmanager
    def fetched(self, method: str, parts: list[str], body: JSON) -> Iterator[JSON]:
        """Fetch the files that a write names by address, and name them by id in its body; give them by id.

        To be entered without the lock: the address may be this server's own, and others are not to wait for it. What
        is still among the given after the block is held by no cell, and goes.

        Raises
        ------
        ApiError
            422 when one cannot be fetched.
        """
        arrived: JSON = {}
        until = loopback.deadline()
        try:
            for given in self._to_fetch(method, parts, body):
                attachment = attachments.fetch(self.store.folder, given, until=until)
                arrived[attachment["id"]] = attachment
                given.clear()
                given["id"] = attachment["id"]
            yield arrived
        finally:
            try:
                for attachment_id in arrived:
                    attachments.drop(self.store.folder, attachment_id)
            except OSError:  # what the request has done stands; the next start drops the file
                log.exception("A file that no cell holds could not be deleted.")

    def _to_fetch(self, method: str, parts: list[str], body: JSON) -> list[JSON]:
        """Return the parts of a body that name a file by its address."""
        is_batch = len(parts) == 2 and method in ("POST", "PATCH", "PUT")
        is_one = len(parts) == 3 and method in ("PATCH", "PUT") and is_id(parts[2], "rec")
        if not (is_batch or is_one) or parts[0] in ("meta", "bases"):
            return []
        items = body["records"] if isinstance(body.get("records"), list) else [body]
        cells = [i["fields"] for i in items if isinstance(i, dict) and isinstance(i.get("fields"), dict)]
        lists = [(k, v) for cell in cells for k, v in cell.items() if isinstance(v, list)]
        named = [(k, a) for k, v in lists for a in v if isinstance(a, dict) and "url" in a and "id" not in a]
        if not named:
            return []
        with self.store.lock:
            base = self.store.bases.get(parts[0])
            table = base.table(parts[1]) if base else None
            fields = [f for f in table["fields"] if f["type"] == "multipleAttachments"] if table else []
            keys = {f["id"] for f in fields} | {f["name"] for f in fields}
        found = [attachment for key, attachment in named if key in keys]
        if len(found) > MOST_FETCHED:
            raise invalid()
        return found

    # --- comments ---

    def list_comments(self, base: Base, table: Table, rec: str, given: JSON) -> JSON:
        """List the comments of a record, newest first, a page at a time."""
        if rec not in base.records[table["id"]]:
            raise not_found()
        size = query.read_options(table, {"pageSize": given.get("pageSize")}).size
        told, following = comments.page(self.store, base, rec, offset=given.get("offset") or None, size=size)
        return {"comments": told, "offset": following}

    def add_comment(self, base: Base, table: Table, rec: str, body: JSON) -> JSON:
        """Add a comment to a record."""
        only(body, "text", "parentCommentId")
        return comments.add(self.store, base, table, rec, body.get("text"), parent=body.get("parentCommentId"))

    def edit_comment(self, base: Base, table: Table, rec: str, comment_id: str, body: JSON) -> JSON:
        """Change a comment of the token's user."""
        only(body, "text")
        return comments.edit(self.store, base, table, rec, comment_id, text=body.get("text"), by=API_USER)

    def remove_comment(self, base: Base, table: Table, rec: str, comment_id: str) -> JSON:
        """Delete a comment of the token's user."""
        return comments.remove(self.store, base, table, rec, comment_id, by=API_USER)

    # --- what takes records away, or files in ---

    def delete(self, table: Table, base: Base, ids: list[str]) -> list[JSON]:
        """Delete up to ten records."""
        if not 1 <= len(ids) <= BATCH or len(set(ids)) < len(ids):
            raise invalid()
        if any(rec not in base.records[table["id"]] for rec in ids):
            raise record_gone()
        with self.store.change(base):
            for rec in ids:
                self.store.delete(base, table, rec)
        return [{"id": rec, "deleted": True} for rec in ids]

    def upload(self, base: Base, rec: str, field_key: str, body: JSON, *, address: str) -> JSON:
        """Add a file to a record; the answer has all files of the field, by field id."""
        table = next((t for t in base.tables if rec in base.records[t["id"]]), None)
        if table is None:
            raise not_found()
        view = View.of(base, table, by_id=True, address=address, only=[field_key])
        field = view.fields[0][1]
        if field["type"] != "multipleAttachments":
            raise invalid.saying(f'Field "{field["name"]}" does not take attachments.')
        refuse_locked(table, field, self._locked)
        attachment = attachments.keep(self.store.folder, body)
        with self.store.change(base):
            there = base.records[table["id"]][rec].cells.get(field["id"], [])
            record = self.store.update(base, table, rec, {field["id"]: [*there, attachment]})
        return view.show(record)


def _style(given: JSON, address: str) -> cellformat.Style | None:
    """Return how cells are written; a zone and a locale are texts also where they are not needed."""
    if not all(isinstance(given.get(key), str | None) for key in ("timeZone", "userLocale")):
        raise invalid()
    return cellformat.style(given, address=address, path_of=attachments.path_of)
