"""Webhooks: who wants to be told of which changes to a base, and what there is to tell, by number.

A hook lives for seven days from when it was made, refreshed or its payloads were listed; for seven more it is disabled
and can still be read; then it is gone. Payloads are numbered from 1 and kept for seven days, the newest `MOST_PAYLOADS`
of each hook.

Who is in a view is found out once; from then on it is the records that a change wrote that are tried against its
filter. One that comes or goes by what another record says, or as days pass, is told of when it is written next.

Sources: Airtable's Web API, “Create a webhook”, “List webhook payloads”, “Webhooks specification”; recorded answers.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tasks.sandbox.airtable import filters
from tasks.sandbox.airtable.actor import Actor
from tasks.sandbox.airtable.errors import bad_hook_url, invalid, not_found, too_many_hooks
from tasks.sandbox.airtable.formula.value import iso
from tasks.sandbox.airtable.hookspec import check_specification, is_address
from tasks.sandbox.airtable.ids import new_id
from tasks.sandbox.airtable.payloads import Shape, Teller, shape_of
from tasks.sandbox.airtable.pings import Pings
from tasks.sandbox.airtable.rows import Record
from tasks.sandbox.airtable.schema import Table
from tasks.sandbox.airtable.sidefile import Row, beside
from tasks.sandbox.airtable.store import Base, RecordChange, Store

JSON = dict[str, Any]
LIFE = timedelta(days=7)
MOST_HOOKS = 10
"""Of one base (Airtable)."""
MOST_LISTED = 50
"""Payloads in one answer (Airtable)."""
MOST_PAYLOADS = 10_000
"""Kept for one hook; ours."""
COLUMNS = "id, url, spec, pings, expires, succeeded, result, next"


@dataclass
class _Members:
    """The records of a view, and the fields that the table had when they were found."""

    ids: set[str]
    fields: frozenset[str]


class Webhooks:
    """The webhooks of all bases of a store; its methods are called with `store.lock` held."""

    def __init__(self, store: Store) -> None:
        self._store, self._file = store, beside(store)
        self._pings = Pings(self._file, self._moment)
        self._shapes: dict[str, Shape] = {}
        self._inside: dict[str, _Members] = {}
        for hook_id, base_id, spec in self._file.rows("SELECT id, base, spec FROM hook"):
            if (base := store.bases.get(base_id)) is not None:
                self._watch(hook_id, base, json.loads(spec)["options"])

    def close(self) -> None:
        """End the pings."""
        self._pings.close()

    # --- what a client asks for ---

    def create(self, base: Base, body: JSON) -> JSON:
        """Make a webhook; its address is pinged at once, as Airtable does.

        Raises
        ------
        ApiError
            422 for a specification or an address that cannot be, or one hook too many.
        """
        if set(body) - {"notificationUrl", "specification"}:
            raise invalid()
        url = body.get("notificationUrl")
        spec = check_specification(body.get("specification"), base)
        if url is not None and not is_address(url):
            raise bad_hook_url()
        self._sweep()
        if len(self._file.rows("SELECT 1 FROM hook WHERE base = ?", base.id)) >= MOST_HOOKS:
            raise too_many_hooks(MOST_HOOKS)
        hook_id, secret = new_id("ach"), base64.b64encode(secrets.token_bytes(32)).decode()
        expires = iso(self._store.now() + LIFE)
        self._file.write(
            "INSERT INTO hook (id, base, url, secret, spec, pings, expires) VALUES (?,?,?,?,?,1,?)",
            *(hook_id, base.id, url, secret, json.dumps(spec, ensure_ascii=False), expires),
        )
        self._watch(hook_id, base, spec["options"])
        if url:
            self._pings.send(hook_id)
        return {"id": hook_id, "macSecretBase64": secret, "expirationTime": expires}

    def listed(self, base: Base) -> JSON:
        """List the webhooks of a base."""
        self._sweep()
        rows = self._file.rows(f"SELECT {COLUMNS} FROM hook WHERE base = ? ORDER BY place", base.id)  # noqa: S608
        return {"webhooks": [self._show(row) for row in rows]}

    def delete(self, base: Base, hook_id: str) -> None:
        """Delete a webhook and its payloads."""
        self._row(base, hook_id)
        self._forget([hook_id])

    def enable(self, base: Base, hook_id: str, body: JSON) -> None:
        """Turn the pings of a webhook on or off."""
        self._row(base, hook_id)
        if set(body) != {"enable"} or not isinstance(body["enable"], bool):
            raise invalid()
        self._file.write("UPDATE hook SET pings = ? WHERE id = ?", int(body["enable"]), hook_id)

    def refresh(self, base: Base, hook_id: str) -> JSON:
        """Let a webhook live for seven days from now; one that has expired stays so."""
        row = self._row(base, hook_id)
        return {"expirationTime": self._prolong(row)}

    def payloads(self, base: Base, hook_id: str, given: JSON, *, address: str) -> JSON:
        """List payloads from a cursor on; this prolongs the life of the webhook too.

        Raises
        ------
        ApiError
            404 for a hook that is not there, 422 for a cursor or a limit that cannot be.
        """
        row = self._row(base, hook_id)
        cursor, limit = _whole(given.get("cursor"), 1), _whole(given.get("limit"), MOST_LISTED)
        if limit > MOST_LISTED:
            raise invalid()
        self._prolong(row)
        found = self._file.rows(
            "SELECT number, body FROM payload WHERE hook = ? AND number >= ? AND made >= ? ORDER BY number LIMIT ?",
            *(hook_id, cursor, iso(self._store.now() - LIFE), limit),
        )
        following = found[-1][0] + 1 if found else cursor
        return {
            "cursor": following,
            "mightHaveMore": following < row[7] and bool(found),
            "payloads": [_at(address, json.loads(body)) for _, body in found],
        }

    def forget_base(self, base_id: str) -> None:
        """Delete the webhooks of a base."""
        self._forget([hook_id for (hook_id,) in self._file.rows("SELECT id FROM hook WHERE base = ?", base_id)])
        self._shapes.pop(base_id, None)

    # --- what happens to a base ---

    def has_hooks(self, base: Base) -> bool:
        """Return whether any webhook wants to know of a base."""
        return bool(self._file.rows("SELECT 1 FROM hook WHERE base = ? LIMIT 1", base.id))

    def heard(self, base: Base, by: Actor, changes: Sequence[RecordChange]) -> None:
        """Keep a payload for each webhook that wants to know of a change, and ping it."""
        hooks = self._file.rows(
            "SELECT id, spec, next FROM hook WHERE base = ? AND expires > ?", *(base.id, self._now())
        )
        before, after = self._shapes.get(base.id, {}), shape_of(base) if base.id in self._shapes else {}
        if after:
            self._shapes[base.id] = after
        if not hooks:
            return
        told = []
        number = self._count(base)
        for hook_id, spec, cursor in hooks:
            body = self._body(base, by, changes, spec=json.loads(spec)["options"], hook=hook_id, shapes=(before, after))
            if body:
                told.append((hook_id, cursor, self._payload(by, number, body)))
        if told:
            self._store.settle()  # a ping goes out for what a power cut cannot take back
            self._keep(told)

    def _body(
        self,
        base: Base,
        by: Actor,
        changes: Sequence[RecordChange],
        *,
        spec: JSON,
        hook: str,
        shapes: tuple[Shape, Shape],
    ) -> JSON:
        """Return what a hook is told of a change; empty for nothing."""
        asked, teller = spec["filters"], Teller(base, spec)
        sources = asked.get("fromSources")
        if (table := _table_of_view(base, asked.get("recordChangeScope"))) is not None:
            told = self._told_of_view(
                base, table, changes, teller=teller, view_id=asked["recordChangeScope"], hook=hook
            )
        else:
            told = teller.records(changes)
        if sources and by.source not in sources:
            return {}
        changed, created = teller.schema(*shapes)
        for table_id, more in changed.items():
            told[table_id] = told.get(table_id, {}) | more
        return ({"changedTablesById": told} if told else {}) | ({"createdTablesById": created} if created else {})

    def _told_of_view(
        self, base: Base, table: Table, changes: Sequence[RecordChange], *, teller: Teller, view_id: str, hook: str
    ) -> JSON:
        inside = self._inside[hook]
        of_table = [c for c in changes if c.table_id == table["id"]]
        touched = {c.record_id for c in of_table}
        passes, rows = self._filter(base, table, view_id), base.records[table["id"]]
        if inside.fields == _field_ids(table):
            now = {rec for rec in touched if rec in rows and passes(rows[rec])}
            came, left = now - inside.ids, (touched - now) & inside.ids
            inside.ids.difference_update(left)
            inside.ids.update(came)
        else:  # a condition goes with its field
            before = inside.ids
            inside = self._inside[hook] = self._members(base, table, view_id)
            came, left = inside.ids - before, before - inside.ids
        here = [c for c in of_table if c.record_id in inside.ids or c.record_id in left]
        return teller.view(table, here, came=came, left=left)

    def _payload(self, by: Actor, number: int, body: JSON) -> str:
        user = {**by.as_cell(), "permissionLevel": "create"}
        payload = {
            "timestamp": self._now(),
            "baseTransactionNumber": number,
            "payloadFormat": "v0",
            "actionMetadata": {"source": by.source, "sourceMetadata": {"user": user}},
            **body,
        }
        return json.dumps(payload, ensure_ascii=False, separators=(",", ":"))

    def _keep(self, told: list[tuple[str, int, str]]) -> None:
        moment, oldest = self._now(), iso(self._store.now() - LIFE)
        with self._file.change() as file:
            for hook_id, number, body in told:
                file.write("INSERT INTO payload VALUES (?,?,?,?)", hook_id, number, moment, body)
                file.write("UPDATE hook SET next = ? WHERE id = ?", number + 1, hook_id)
                file.write(
                    "DELETE FROM payload WHERE hook = ? AND (number <= ? OR made < ?)",
                    *(hook_id, number - MOST_PAYLOADS, oldest),
                )
        for hook_id, _, _ in told:
            self._pings.send(hook_id)

    def _count(self, base: Base) -> int:
        """Count a transaction of a base, and return its number."""
        moment = self._now()  # the store's lock is never waited for with the file's held
        with self._file.change() as file:
            file.write("INSERT OR IGNORE INTO about VALUES (?, '', ?, 0)", base.id, moment)
            file.write("UPDATE about SET transactions = transactions + 1 WHERE base = ?", base.id)
            return int(file.rows("SELECT transactions FROM about WHERE base = ?", base.id)[0][0])

    # --- the hooks themselves ---

    def _watch(self, hook_id: str, base: Base, spec: JSON) -> None:
        """Remember what a hook's changes are told against: the tables, or who is in its view."""
        if set(spec["filters"]["dataTypes"]) & {"tableFields", "tableMetadata"}:
            self._shapes.setdefault(base.id, shape_of(base))
        scope = spec["filters"].get("recordChangeScope")
        if (table := _table_of_view(base, scope)) is not None:
            self._inside[hook_id] = self._members(base, table, scope)

    def _members(self, base: Base, table: Table, view_id: str) -> _Members:
        passes = self._filter(base, table, view_id)
        return _Members({r.id for r in base.records[table["id"]] if passes(r)}, _field_ids(table))

    def _filter(self, base: Base, table: Table, view_id: str) -> Callable[[Record], bool]:
        view = next(v for v in table["views"] if v["id"] == view_id)
        if not view.get("filter"):
            return lambda record: True
        return filters.compile(view["filter"], base, table, today=self._store.now().date())

    def _row(self, base: Base, hook_id: str) -> Row:
        self._sweep()
        rows = self._file.rows(f"SELECT {COLUMNS} FROM hook WHERE base = ? AND id = ?", base.id, hook_id)  # noqa: S608
        if not rows:
            raise not_found()
        return rows[0]

    def _show(self, row: Row) -> JSON:
        hook_id, url, spec, pings, expires, succeeded, result, cursor = row
        return {
            "id": hook_id,
            "areNotificationsEnabled": bool(pings),
            "cursorForNextPayload": cursor,
            "isHookEnabled": expires > self._now(),
            "lastSuccessfulNotificationTime": succeeded,
            "notificationUrl": url,
            "lastNotificationResult": json.loads(result) if result else None,
            "expirationTime": expires,
            "specification": json.loads(spec),
        }

    def _prolong(self, row: Row) -> str:
        hook_id, expires = row[0], str(row[4])
        if expires > self._now():
            expires = iso(self._store.now() + LIFE)
            self._file.write("UPDATE hook SET expires = ? WHERE id = ?", expires, hook_id)
        return expires

    def _sweep(self) -> None:
        """Forget the hooks that expired seven days ago."""
        old = self._file.rows("SELECT id FROM hook WHERE expires <= ?", iso(self._store.now() - LIFE))
        self._forget([hook_id for (hook_id,) in old])

    def _forget(self, hook_ids: list[str]) -> None:
        if not hook_ids:
            return
        with self._file.change() as file:
            file.write_many("DELETE FROM hook WHERE id = ?", [(i,) for i in hook_ids])
            file.write_many("DELETE FROM payload WHERE hook = ?", [(i,) for i in hook_ids])
        for hook_id in hook_ids:
            self._inside.pop(hook_id, None)

    def _now(self) -> str:
        return iso(self._moment())

    def _moment(self) -> datetime:
        return self._store.now()


def _table_of_view(base: Base, view_id: str | None) -> Table | None:
    return next((t for t in base.tables for v in t["views"] if v["id"] == view_id), None)


def _field_ids(table: Table) -> frozenset[str]:
    return frozenset(f["id"] for f in table["fields"])


def _whole(value: Any, default: int) -> int:
    if value in (None, ""):
        return default
    if not str(value).isascii() or not str(value).isdigit() or not int(str(value)[:12]) >= 1:
        raise invalid()
    return int(str(value)[:12])


def _at(address: str, told: Any) -> Any:
    """Return a payload with the server's address before the paths of its attachments."""
    if isinstance(told, list):
        return [_at(address, one) for one in told]
    if not isinstance(told, dict):
        return told
    if {"filename", "size", "url"} <= set(told):
        return {**told, "url": address + told["url"]}
    return {key: _at(address, one) for key, one in told.items()}
