"""Computed fields: what they give for a record, worked out when asked for and kept until what they stand on changes.

Each field has a plan, made from its options the first time it is read. A value is kept by field and record. A changed
cell takes away the values that were computed from it, in its own record and over the links; a value that is not kept
has nothing standing on it, so the search ends there. What goes with the day is kept for that day, what goes with the
time is not kept.

A field that names what is gone, or itself by a detour, is #ERROR!.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from tasks.sandbox.airtable.errors import ApiError
from tasks.sandbox.airtable.formula import ERROR, Shape, Source, Value, refuse
from tasks.sandbox.airtable.formula.value import as_text, iso
from tasks.sandbox.airtable.planning import Plan, Planner, last_change, linked_records
from tasks.sandbox.airtable.rows import Record
from tasks.sandbox.airtable.values import Field, as_number

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.sandbox.airtable.schema import Table
    from tasks.sandbox.airtable.store import Base

MOST_KEPT = 60_000
"""Values kept of one field; beyond it all are forgotten, and worked out anew when asked for."""
MOST_CHAINED = 50
"""Computed fields that stand on one another: each is some calls deep in Python."""
NOTHING = object()


class Computed:
    """The computed fields of one base."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self._day: date | None = None
        self.reset()

    def reset(self) -> None:
        """Forget all plans: the schema has changed."""
        self._plans: dict[str, Plan] = {}
        self._begun: list[str] = []
        self._readers: dict[str, dict[tuple[str, str | None], Plan | None]] = {}
        self._fields: dict[str, tuple[Table, Field]] = {}
        self._watched: dict[str, frozenset[str]] = {}

    # --- reading ---

    def value(self, field: Field, record: Record) -> Any:
        """Return a value as the API answers it, None for none."""
        plan = self.plan(field["id"])
        kind = field["type"]
        if kind == "multipleLookupValues":
            return self._looked_up_values(field, record, plan)
        if kind in {"createdBy", "lastModifiedBy"}:
            stamp = (record.created, record.maker) if kind == "createdBy" else last_change(field, record)
            return stamp[1].as_cell() if stamp else None
        return as_answer(self._read(plan, record), plan.shape)

    def source(self, field_id: str) -> Source[Record]:
        """Return how formulas read a computed field."""
        plan = self.plan(field_id)
        if plan.kept is None:
            return Source(plan.compute, plan.shape)
        return Source(lambda record: self._read(plan, record), plan.shape)

    def _read(self, plan: Plan, record: Record) -> Value:
        if plan.kept is None:
            return plan.compute(record)
        if plan.goes_with_day and (today := self._base.clock().date()) != self._day:
            self._forget_all()
            self._day = today
        value = plan.kept.get(record.id, NOTHING)
        if value is NOTHING:
            value = plan.compute(record)
            if len(plan.kept) >= MOST_KEPT:
                self._forget_all()
            plan.kept[record.id] = value
        return value  # type: ignore[return-value]

    def looked_up(self, field: Field, record: Record) -> Iterator[tuple[Field, Record]]:
        """Yield the field and the record that each value of a lookup or rollup is taken from."""
        plan = self.plan(field["id"])
        if plan.is_broken or plan.shape.kind == "blank":
            return
        target = self.field(field["options"]["fieldIdInLinkedTable"])
        for linked in self._linked(field)(record):
            yield target, linked

    def _looked_up_values(self, field: Field, record: Record, plan: Plan) -> Any:
        if plan.is_broken:
            return as_answer(ERROR, plan.shape)
        values: list[Any] = []
        for target, linked in self.looked_up(field, record):
            value = self._base.value(target, linked)
            if isinstance(value, list):
                values += value
            elif value is not None:
                values.append(value)
        return values or None

    def watched(self, table: Table) -> frozenset[str]:
        """Return the fields of a table whose last change some field tells of."""
        if table["id"] not in self._watched:
            asking = (f for f in table["fields"] if _asks_for_changes(f))
            self._watched[table["id"]] = frozenset().union(*(self.plan(f["id"]).watched for f in asking))
        return self._watched[table["id"]]

    # --- forgetting ---

    def forget(self, rec: str, keys: Iterable[str]) -> None:
        """Forget what was computed from these fields of a record; a table id stands for when it was changed."""
        if not self._readers:
            return
        pending = [(key, rec) for key in keys if key in self._readers]
        while pending:
            key, at = pending.pop()
            for (reader, link), plan in self._readers[key].items():
                for there in (at,) if link is None else tuple(self._base.links.places(link, at)):
                    if plan is not None and plan.kept is not None and plan.kept.pop(there, NOTHING) is NOTHING:
                        continue
                    if reader in self._readers:
                        pending.append((reader, there))

    def _forget_all(self) -> None:
        for plan in self._plans.values():
            if plan.kept is not None:
                plan.kept.clear()

    # --- planning ---

    def plan(self, field_id: str) -> Plan:
        """Return the plan of a field; one that cannot be computed has a plan that gives #ERROR!."""
        plan = self._plans.get(field_id)
        if plan is None:
            try:
                plan = self.check(field_id)
            except (ApiError, KeyError):
                plan = Plan(self.field(field_id), compute=lambda _: ERROR, is_broken=True)
            self._plans[field_id] = plan
        return plan

    def check(self, field_id: str) -> Plan:
        """Return a new plan of a field.

        Raises
        ------
        ApiError, KeyError
            When it names what is not there, or stands on itself.
        """
        if field_id in self._begun:
            raise refuse("a field stands on itself.")
        self._begun.append(field_id)
        try:
            table, own = self.table_and_field(field_id)
            plan = Planner(self, self._base, table, own).make()
        finally:
            self._begun.pop()
        if plan.depth > MOST_CHAINED:
            raise refuse(f"more than {MOST_CHAINED} computed fields stand on one another.")
        return plan

    def plan_of(self, field_id: str) -> Plan:
        """Return the plan of a field that another stands on.

        Raises
        ------
        ApiError
            When it is that other itself, by whatever detour.
        """
        if field_id in self._begun:
            raise refuse("a field stands on itself.")
        return self.plan(field_id)

    def reads(self, reader: str, key: str, *, link: str | None = None, plan: Plan | None = None) -> None:
        """Note that a field is computed from another: of its own record, or of those that a link's other side shows."""
        self._readers.setdefault(key, {})[(reader, link)] = plan

    def table_and_field(self, field_id: str) -> tuple[Table, Field]:
        """Return a field of the base and its table, by id."""
        if not self._fields:
            self._fields = {f["id"]: (t, f) for t in self._base.tables for f in t["fields"]}
        return self._fields[field_id]

    def field(self, field_id: str) -> Field:
        """Return a field of the base by id."""
        return self.table_and_field(field_id)[1]

    def _linked(self, field: Field) -> Callable[[Record], list[Record]]:
        return linked_records(self._base, self.field(field["options"]["recordLinkFieldId"]), field, self._base.specs)


def _asks_for_changes(field: Field) -> bool:
    if field["type"] in {"lastModifiedTime", "lastModifiedBy"}:
        return True
    return field["type"] == "formula" and "LAST_MODIFIED" in str(field.get("options", {}).get("formula")).upper()


def as_answer(value: Value, shape: Shape) -> Any:
    """Return a value as the API answers it, None for what it leaves out."""
    if value is ERROR:
        return {"error": ERROR.value}
    if isinstance(value, list):
        return [a for v in value if (a := as_answer(v, Shape(shape.element))) is not None] or None
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return value.astimezone(UTC).date().isoformat() if shape.kind == "date" else iso(value)
    if isinstance(value, str):
        return value
    number = as_number(value)
    return {"specialValue": as_text(value)} if number is None else number
