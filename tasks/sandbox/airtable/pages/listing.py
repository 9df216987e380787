"""A table through one of its views: which rows, in which order, laid out as a grid, columns of cards, days or cards."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from tasks.sandbox.airtable import views
from tasks.sandbox.airtable.attachments import PICTURES, path_of
from tasks.sandbox.airtable.pages.cells import RIGHT_ALIGNED, Cell, cell, name_of, shape, text_of
from tasks.sandbox.airtable.pages.norsk import local, long_day
from tasks.sandbox.airtable.query import field_map
from tasks.sandbox.airtable.rows import Record
from tasks.sandbox.airtable.schema import Table
from tasks.sandbox.airtable.store import Base
from tasks.sandbox.airtable.values import Field

ROWS = 50
CARDS = 50
"""Of one column of a kanban; the rest is a count."""
MAX_SEARCH = 200
NONE = "Uten verdi"
LAYOUTS = frozenset({"kanban", "calendar", "gallery"})
"""Types of view that are laid out in their own way; any other is a grid."""
View = dict[str, Any]


@dataclass(frozen=True)
class Card:
    """A record on a card: its id and name, a picture when it has one, and what else the view shows of it."""

    id: str
    name: str
    picture: str
    lines: list[tuple[str, Cell]]


@dataclass(frozen=True)
class Heading:
    """A group begins: how deep, what it is called, how many rows it has in all."""

    level: int
    text: str
    count: int


class Listing:
    """What one request sees of a table.

    Parameters
    ----------
    asked
        ``view``, ``q``, ``sort``, ``desc`` and ``page`` of the address; what does not fit is not heeded.
    today
        The day that filters reckon from.
    """

    def __init__(self, base: Base, table: Table, asked: QueryParams, *, today: date) -> None:
        self._base, self._table = base, table
        self._rows = base.records[table["id"]]
        self._known = field_map(table)
        wanted = asked.get("view", "")
        self.view: View = next((v for v in table["views"] if wanted in (v["id"], v["name"])), _first(table))
        self.text = asked.get("q", "")[:MAX_SEARCH].strip()
        self.sort = self._known[asked["sort"]]["id"] if asked.get("sort") in self._known else ""
        self.descending = asked.get("desc") == "1"
        self.fields = self._shown()
        self.groups = [self._known[g["fieldId"]] for g in self.view.get("groups", ()) if g["fieldId"] in self._known]
        self.ids = self._found(today)
        self.everything = len(self._rows)
        self.pages = max(1, math.ceil(len(self.ids) / ROWS))
        self.page = min(max(1, _whole(asked.get("page"))), self.pages)

    @property
    def layout(self) -> str:
        """``grid``, ``kanban``, ``calendar`` or ``gallery``."""
        kind = str(self.view.get("type"))
        if (kind == "kanban" and self._stack is None) or (kind == "calendar" and self._date is None):
            return "grid"
        return kind if kind in LAYOUTS else "grid"

    @property
    def _stack(self) -> Field | None:
        return self._known.get(self.view.get("stackFieldId") or "")

    @property
    def _date(self) -> Field | None:
        return self._known.get(self.view.get("dateFieldId") or "")

    def link(self, **changes: object) -> str:
        """Return this address with something else in it."""
        now: dict[str, object] = {
            "view": "" if self.view is _first(self._table) else self.view["id"],
            "q": self.text,
            "sort": self.sort,
            "desc": int(self.descending),
            "page": self.page,
        }
        return "?" + urlencode({k: v for k, v in {**now, **changes}.items() if v not in ("", 0)})

    def right(self, field: Field) -> bool:
        """Return True for a column of numbers."""
        return shape(field)["type"] in RIGHT_ALIGNED

    # --- layouts ---

    def grid(self) -> Iterator[tuple[str, Any]]:
        """Yield ``("heading", Heading)`` and ``("row", (id, cells))`` of this page."""
        paths = {i: self._path(i) for i in self.ids} if self.groups else {}
        counts = Counter(path[: n + 1] for path in paths.values() for n in range(len(path)))
        before: tuple[str, ...] = ()
        for rec in self._this_page():
            path = paths.get(rec, ())
            same = next((n for n, (a, b) in enumerate(zip(before, path, strict=False)) if a != b), len(before))
            for level in range(same, len(path)):
                yield "heading", Heading(level, path[level], counts[path[: level + 1]])
            before = path
            yield "row", (rec, [(f, cell(self._base, f, self._rows[rec])) for f in self.fields])

    def columns(self) -> list[tuple[str, int, list[Card]]]:
        """Return the columns of a kanban: name, how many cards, the first of them."""
        stack = self._stack
        if stack is None:
            return []
        names = [c["name"] for c in (stack.get("options") or {}).get("choices", [])]
        stacks: dict[str, list[str]] = {NONE: [], **{name: [] for name in names}}
        for rec in self.ids:
            stacks.setdefault(text_of(self._base, stack, self._rows[rec]) or NONE, []).append(rec)
        return [
            (name, len(ids), [self.card(i, without=stack["id"]) for i in ids[:CARDS]])
            for name, ids in stacks.items()
            if ids or name != NONE
        ]

    def days(self) -> list[tuple[str, list[Card]]]:
        """Return the days of a calendar that have something on this page, in order, and what they have."""
        found: dict[str, list[Card]] = {}
        for rec in self._this_page():
            day = self._day(rec)
            found.setdefault(long_day(day) if day else "Uten dato", []).append(self.card(rec))
        return list(found.items())

    def cards(self) -> list[Card]:
        """Return the cards of a gallery's page."""
        return [self.card(rec) for rec in self._this_page()]

    def card(self, rec: str, *, without: str = "") -> Card:
        """Return a record on a card, but for one field."""
        record = self._rows[rec]
        lines = [
            (f["name"], shown)
            for f in self.fields[1:]
            if f["id"] != without and (shown := cell(self._base, f, record))["kind"] not in ("empty", "files")
        ]
        return Card(rec, name_of(self._base, self._table, record), self._picture(record), lines)

    def _picture(self, record: Record) -> str:
        for field in self.fields:
            if field["type"] == "multipleAttachments":
                found = next((a for a in self._base.value(field, record) or [] if a["type"] in PICTURES), None)
                if found is not None:
                    return path_of(found)
        return ""

    # --- rows ---

    def _found(self, today: date) -> list[str]:
        """Return the ids of all rows that are seen, in order."""
        direction = "desc" if self.descending else "asc"
        own = {"sorts": [{"fieldId": self.sort, "direction": direction}]} if self.sort else {}
        ids = views.record_ids(self._base, self._table, {**self.view, **own}, today=today)
        if self.text:
            wanted = self.text.casefold()
            ids = [i for i in ids if self._holds(self._rows[i], wanted)]
        if self.layout == "calendar":
            ids.sort(key=lambda i: self._day(i) or "~")
        return ids

    def _shown(self) -> list[Field]:
        """Return the fields that the view shows, the primary one first."""
        primary = self._table["primaryFieldId"]
        ids = [f for f in views.visible_ids(self._table, self.view) if f != primary]
        return [self._known[f] for f in (primary, *ids)]

    def _holds(self, record: Record, text: str) -> bool:
        return any(text in text_of(self._base, f, record).casefold() for f in self._table["fields"])

    def _path(self, rec: str) -> tuple[str, ...]:
        return tuple(text_of(self._base, g, self._rows[rec]) or NONE for g in self.groups)

    def _day(self, rec: str) -> str:
        """Return the day of a row on the calendar as 2026-12-24, "" for none."""
        if self._date is None:
            return ""
        field = shape(self._date)
        value = self._base.value(self._date, self._rows[rec])
        if not isinstance(value, str):
            return ""
        if len(value) <= 10:
            return value
        moment = local(value, (field.get("options") or {}).get("timeZone", "client"))
        return moment.date().isoformat() if moment is not None else ""

    def _this_page(self) -> Sequence[str]:
        return self.ids[(self.page - 1) * ROWS : self.page * ROWS]


def _first(table: Table) -> View:
    views: list[View] = table["views"]
    return views[0] if views else {"id": "", "name": "", "type": "grid"}


def _whole(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 9 else 1
