"""What the Web API can be asked: one method per request of a client, each a whole transaction."""

from __future__ import annotations

import hmac
from collections.abc import Collection
from typing import Any

from tasks.sandbox.airtable import attachments, query, schema
from tasks.sandbox.airtable.errors import invalid, missing_fields, no_model, not_found, record_gone, unauthorized
from tasks.sandbox.airtable.faults import Faults
from tasks.sandbox.airtable.limit import RateLimit
from tasks.sandbox.airtable.listings import Listings
from tasks.sandbox.airtable.records import BATCH, View, Writer, flag, named_records, new_records, only, refuse_locked
from tasks.sandbox.airtable.schema import Table
from tasks.sandbox.airtable.store import Base, Store

JSON = dict[str, Any]
BASES_PAGE = 1000
WHOAMI: JSON = {
    "id": "usrSandkasse00000",
    "scopes": ["data.records:read", "data.records:write", "schema.bases:read", "schema.bases:write"],
}
WRITE_OPTIONS = ("typecast", "returnFieldsByFieldId")


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

    # --- schema ---

    def bases(self, offset: str | None) -> JSON:
        """List the bases, a page at a time."""
        if offset:
            ids, following = self._listings.page("bases", offset, BASES_PAGE)
        else:
            ids, following = self._listings.begin("bases", list(self.store.bases), BASES_PAGE)
        shown = [{"id": i, "name": self.store.bases[i].name, "permissionLevel": "create"} for i in ids]
        return {"bases": shown, **({"offset": following} if following else {})}

    def create_base(self, body: JSON) -> JSON:
        """Make a base with its tables."""
        only(body, "name", "workspaceId", "tables")
        specs = body.get("tables")
        if not schema.is_name(body.get("name")) or not schema.is_name(body.get("workspaceId")):
            raise invalid()
        if not isinstance(specs, list) or not specs:
            raise invalid()
        tables: list[Table] = []
        for spec in specs:
            table, _ = schema.make_table(spec, tables=tables)  # ids are not known yet, so nothing links to another
            tables.append(table)
        base = self.store.create_base(body["name"], tables)
        return {"id": base.id, "tables": base.tables}

    def create_table(self, base: Base, body: JSON) -> JSON:
        """Make a table."""
        with self.store.change(base):
            table, reciprocal = schema.make_table(body, tables=base.tables)
            self.store.add_table(base, table, reciprocal)
        return table

    def create_field(self, base: Base, table: Table, body: JSON) -> JSON:
        """Make a field."""
        with self.store.change(base):
            field, reciprocal = schema.make_field(body, table=table, tables=base.tables)
            self.store.add_fields(base, [(table, field), *reciprocal])
        return field

    def rename(self, base: Base, thing: JSON, body: JSON, *, siblings: list[JSON]) -> JSON:
        """Change name or description of a table or field, and nothing else."""
        only(body, "name", "description")
        description = body.get("description", "")
        if not body or not isinstance(description, str) or len(description) > schema.MAX_DESCRIPTION:
            raise invalid()
        if "name" in body:
            schema.free_name(body["name"], [s for s in siblings if s is not thing])
        with self.store.change(base):
            self.store.keep_schema(base)
            thing.update(body)
        return thing

    # --- records ---

    def list_records(self, table: Table, base: Base, given: JSON, *, address: str) -> JSON:
        """List records, a page at a time."""
        options = query.read_options(table, given)
        view = View.of(base, table, by_id=options.by_id, address=address, only=options.fields)
        if options.offset:
            ids, following = self._listings.page(table["id"], options.offset, options.size)
        else:
            found = query.select(base, table, formula=options.formula, sort=options.sort, most=options.most)
            ids, following = self._listings.begin(table["id"], found, options.size)
        rows = base.records[table["id"]]
        shown = [view.show(rows[i]) for i in ids if i in rows]  # deleted since the listing began
        return {"records": shown, **({"offset": following} if following else {})}

    def get(self, table: Table, base: Base, rec: str, given: JSON, *, address: str) -> JSON:
        """Read one record."""
        if "fields" in given:
            raise invalid()
        record = base.records[table["id"]].get(rec)
        if record is None:
            raise not_found()
        by_id = given.get("returnFieldsByFieldId") in ("1", "true")
        return View.of(base, table, by_id=by_id, address=address).show(record)

    def create(self, table: Table, base: Base, body: JSON, *, address: str) -> JSON:
        """Create one record, bare, or several."""
        if "records" not in body and "fields" not in body:
            raise missing_fields()
        view = View.of(base, table, by_id=flag(body, "returnFieldsByFieldId"), address=address)
        one = "fields" in body
        only(body, "fields" if one else "records", *WRITE_OPTIONS)
        items = [{"fields": body["fields"]}] if one else new_records(body)
        with self.store.change(base):
            writer = Writer(self.store, base, table, typecast=flag(body, "typecast"), locked=self._locked)
            ids = [writer.create(item["fields"]) for item in items]
        shown = [view.show(base.records[table["id"]][i]) for i in ids]
        return shown[0] if one else {"records": shown}

    def update(self, table: Table, base: Base, body: JSON, *, replace: bool, address: str) -> JSON:
        """Update, replace or upsert several records."""
        if "records" not in body:
            raise missing_fields()
        only(body, "records", "performUpsert", *WRITE_OPTIONS)
        view = View.of(base, table, by_id=flag(body, "returnFieldsByFieldId"), address=address)
        items = named_records(body, ids="performUpsert" not in body)
        extra: JSON = {}
        with self.store.change(base):
            writer = Writer(self.store, base, table, typecast=flag(body, "typecast"), locked=self._locked)
            if "performUpsert" in body:
                ids, created, updated = writer.upsert(items, body["performUpsert"], replace=replace)
                extra = {"createdRecords": created, "updatedRecords": updated}
            else:
                ids = writer.update_many(items, replace=replace)
        return {"records": [view.show(base.records[table["id"]][i]) for i in ids], **extra}

    def update_one(self, table: Table, base: Base, rec: str, body: JSON, *, replace: bool, address: str) -> JSON:
        """Update or replace one record."""
        if "fields" not in body:
            raise missing_fields()
        only(body, "fields", *WRITE_OPTIONS)
        if rec not in base.records[table["id"]]:
            raise not_found()
        view = View.of(base, table, by_id=flag(body, "returnFieldsByFieldId"), address=address)
        with self.store.change(base):
            writer = Writer(self.store, base, table, typecast=flag(body, "typecast"), locked=self._locked)
            writer.update(rec, body["fields"], replace=replace)
        return view.show(base.records[table["id"]][rec])

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
