"""How a cell is read: as a text for people, and as a value for formulas."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tasks.sandbox.airtable.formula import Shape, Source
from tasks.sandbox.airtable.formula.kinds import DATE, NUMBER, TEXT, TIME
from tasks.sandbox.airtable.formula.value import moment_of
from tasks.sandbox.airtable.links import LINK
from tasks.sandbox.airtable.rows import Record
from tasks.sandbox.airtable.values import COMPUTED, NUMBER_TYPES, TEXT_TYPES, Field

if TYPE_CHECKING:
    from tasks.sandbox.airtable.schema import Table
    from tasks.sandbox.airtable.store import Base

TEXTS = Shape("list", "text")
_AS_KEPT = {
    **dict.fromkeys(TEXT_TYPES | {"singleSelect"}, TEXT),
    **dict.fromkeys(NUMBER_TYPES | {"rating", "checkbox"}, NUMBER),
}
"""Types whose cells are values of formulas as they are."""
_LABELS = ("filename", "text", "name", "email", "id", "error", "specialValue")


def field_map(table: Table) -> dict[str, Field]:
    """Return name and id → field."""
    return {f["name"]: f for f in table["fields"]} | {f["id"]: f for f in table["fields"]}


def primary_text(base: Base, table: Table, record: Record) -> str:
    """Return what a link to this record shows."""
    primary = next(f for f in table["fields"] if f["id"] == table["primaryFieldId"])
    return plain(base, primary, record)


def plain(base: Base, field: Field, record: Record) -> str:
    """Return a cell as text, as links and pages show it."""
    kind = field["type"]
    if kind == LINK:
        return ", ".join(linked_names(base, field, record))
    if kind == "multipleLookupValues":
        return ", ".join(text for f, r in base.computed.looked_up(field, record) if (text := plain(base, f, r)))
    value = base.value(field, record)
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    return _shown(value)


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return next((str(value[key]) for key in _LABELS if value.get(key)), "")
    return "1" if value is True else str(value)


def linked_names(base: Base, field: Field, record: Record) -> list[str]:
    """Return what a link shows of each record that it leads to."""
    other = base.table(field["options"]["linkedTableId"])
    if other is None:
        return []
    rows = base.records[other["id"]]
    return [primary_text(base, other, rows[r]) for r in base.links.targets(field["id"], record.id) if r in rows]


def source(base: Base, field: Field) -> Source[Record]:
    """Return how formulas read a field of a record."""
    kind, field_id = field["type"], field["id"]
    if kind in COMPUTED:
        made: Source[Record] = base.computed.source(field_id)
        return made
    if kind in {"date", "dateTime"}:
        return Source(_moments(field_id), DATE if kind == "date" else TIME)
    if kind in _AS_KEPT:
        return Source(lambda record: record.cells.get(field_id), _AS_KEPT[kind])
    if kind == LINK:
        return Source(lambda record: linked_names(base, field, record), TEXTS)
    if kind in {"multipleSelects", "multipleAttachments", "multipleCollaborators"}:
        return Source(lambda record: [_shown(v) for v in record.cells.get(field_id, [])], TEXTS)
    return Source(lambda record: plain(base, field, record) or None, TEXT)


def _moments(field_id: str) -> Callable[[Record], Any]:
    def read(record: Record) -> Any:
        text = record.cells.get(field_id)
        return None if text is None else moment_of(text)

    return read


class Sources(Mapping[str, Source[Record]]):
    """The fields of a table as formulas read them, made when they are asked for, each once."""

    def __init__(self, known: Mapping[str, Field], make: Callable[[Field], Source[Record]]) -> None:
        self._known, self._make = known, make
        self._made: dict[str, Source[Record]] = {}

    def __getitem__(self, name: str) -> Source[Record]:
        field = self._known[name]
        if field["id"] not in self._made:
            self._made[field["id"]] = self._make(field)
        return self._made[field["id"]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)
