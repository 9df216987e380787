"""Bases, tables, fields and views as the Web API makes, shows and changes them; each method is a whole transaction."""

from __future__ import annotations

from typing import Any

from tasks.sandbox.airtable import attachments, schema, views
from tasks.sandbox.airtable.actor import API_USER
from tasks.sandbox.airtable.errors import invalid, not_found
from tasks.sandbox.airtable.formula.value import iso
from tasks.sandbox.airtable.listings import Listings
from tasks.sandbox.airtable.records import only
from tasks.sandbox.airtable.schema import Table
from tasks.sandbox.airtable.sidefile import beside
from tasks.sandbox.airtable.store import Base, Store
from tasks.sandbox.airtable.webhooks import Webhooks

JSON = dict[str, Any]
BASES_PAGE = 1000
NO_WORKSPACE = "wspSandkasse00000"
"""Whose a base is that was made before that was kept."""


class Schemas:
    """The schemas of a store's bases; its methods are called with `store.lock` held."""

    def __init__(self, store: Store, listings: Listings, webhooks: Webhooks) -> None:
        self.store, self._listings, self._webhooks = store, listings, webhooks

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
        self._about(base, body["workspaceId"])
        return {"id": base.id, "tables": base.tables}

    def delete_base(self, base: Base) -> JSON:
        """Delete a base with all that it has; Airtable lets those on its Enterprise plan."""
        files = [a for rows in base.records.values() for record in rows for a in attachments.ids_in(record.cells)]
        self.store.delete_base(base)
        self.store.settle()  # a power cut may not bring a base back without its files
        self._webhooks.forget_base(base.id)
        with beside(self.store).change() as file:
            for table in ("about", "comment"):
                file.write(f"DELETE FROM {table} WHERE base = ?", base.id)  # noqa: S608
        for attachment_id in files:
            attachments.drop(self.store.folder, attachment_id)
        return {"id": base.id, "deleted": True}

    def _about(self, base: Base, workspace: str = "") -> tuple[str, str]:
        """Return whose a base is and when it was made; kept the first time."""
        file, now = beside(self.store), iso(self.store.now())
        file.write("INSERT OR IGNORE INTO about (base, workspace, created) VALUES (?,?,?)", base.id, workspace, now)
        ((kept, created),) = file.rows("SELECT workspace, created FROM about WHERE base = ?", base.id)
        return kept or NO_WORKSPACE, created

    def collaborators(self, base: Base) -> JSON:
        """Return who may do what in a base: the token's user alone, as owner of the workspace."""
        workspace, created = self._about(base)
        user = {
            "createdTime": created,
            "email": API_USER.email,
            "grantedByUserId": API_USER.id,
            "permissionLevel": "owner",
            "userId": API_USER.id,
        }
        people: JSON = {"baseCollaborators": [], "workspaceCollaborators": [user]}
        return {
            "id": base.id,
            "name": base.name,
            "createdTime": created,
            "permissionLevel": "create",
            "workspaceId": workspace,
            "interfaces": {},
            "groupCollaborators": {"baseCollaborators": [], "workspaceCollaborators": []},
            "individualCollaborators": people,
            "inviteLinks": {"baseInviteLinks": [], "workspaceInviteLinks": []},
            "packageInstallations": [],
        }

    def tables(self, base: Base, given: JSON) -> JSON:
        """Return the tables of a base, on request with the fields that its grids show."""
        with_fields = "visibleFieldIds" in given.get("include", [])
        return {"tables": [views.shown_table(t, with_fields=with_fields) for t in base.tables]}

    def views(self, base: Base) -> JSON:
        """List the views of a base."""
        return {"views": [views.shown(v, t, with_fields=True) for t in base.tables for v in t["views"]]}

    def view(self, base: Base, view_id: str) -> JSON:
        """Return a view, or raise 404."""
        table = self._table_of(base, view_id)
        return views.shown(views.find(table, view_id), table, with_fields=True)

    def delete_view(self, base: Base, view_id: str) -> JSON:
        """Delete a view; a table keeps its last one. Airtable lets those on its Enterprise plan."""
        table = self._table_of(base, view_id)
        if len(table["views"]) == 1:
            raise invalid.saying("A table keeps at least one view.")
        with self.store.change(base):
            self.store.keep_schema(base)
            table["views"] = [v for v in table["views"] if v["id"] != view_id]
        return {"id": view_id, "deleted": True}

    def _table_of(self, base: Base, view_id: str) -> Table:
        table = next((t for t in base.tables for v in t["views"] if v["id"] == view_id), None)
        if table is None:
            raise not_found()
        return table

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

    def change_table(self, base: Base, table: Table, body: JSON) -> JSON:
        """Change name or description of a table, or how its dates depend on each other."""
        settings = {}
        if "dateDependencySettings" in body:
            settings["dateDependencySettings"] = schema.date_dependency(body["dateDependencySettings"], table)
        rest = {key: value for key, value in body.items() if key not in settings}
        if settings and not rest:
            rest = {"name": table["name"]}
        return views.shown_table(self._rename(base, table, rest, siblings=base.tables, more=settings))

    def change_field(self, base: Base, table: Table, field_id: str, body: JSON) -> JSON:
        """Change name or description of a field; Airtable changes the formula of a field so too, this does not."""
        field = next((f for f in table["fields"] if f["id"] == field_id), None)
        if field is None:
            raise not_found()
        return self._rename(base, field, body, siblings=table["fields"])

    def _rename(self, base: Base, thing: JSON, body: JSON, *, siblings: list[JSON], more: JSON | None = None) -> JSON:
        only(body, "name", "description")
        description = body.get("description", "")
        if not body or not isinstance(description, str) or len(description) > schema.MAX_DESCRIPTION:
            raise invalid()
        if "name" in body:
            schema.free_name(body["name"], [s for s in siblings if s is not thing])
        with self.store.change(base):
            self.store.keep_schema(base)
            thing.update(body | (more or {}))
        return thing
