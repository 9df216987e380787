"""One base in memory: its tables, its records and what links them, and what is told of a change to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tasks.sandbox.airtable.actor import Actor
from tasks.sandbox.airtable.evaluation import Computed
from tasks.sandbox.airtable.links import LINK, Links
from tasks.sandbox.airtable.rows import Cells, Record, Rows
from tasks.sandbox.airtable.schema import Table
from tasks.sandbox.airtable.turn import utc_now
from tasks.sandbox.airtable.values import COMPUTED, Field


@dataclass(eq=False)
class Base:
    """One base: id, name, tables in order, the records by table id, and what links them.

    Attributes
    ----------
    specs
        Of computed fields, by id: what Airtable keeps and does not answer, `formula` of a rollup and `filter`.
    clock
        The time that formulas see.
    """

    id: str
    name: str
    tables: list[Table]
    records: dict[str, Rows] = field(default_factory=dict)
    links: Links = field(default_factory=Links)
    specs: dict[str, dict[str, Any]] = field(default_factory=dict)
    clock: Callable[[], datetime] = utc_now
    computed: Computed = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.computed = Computed(self)

    def table(self, id_or_name: str) -> Table | None:
        """Return a table by its id or, whatever its case, its name; None when there is none."""
        if (found := next((t for t in self.tables if t["id"] == id_or_name), None)) is not None:
            return found
        name = id_or_name.casefold()
        return next((t for t in self.tables if t["name"].casefold() == name), None)

    def value(self, field: Field, record: Record) -> Any:
        """Return a cell as the API answers it, computed or not; None when it is empty."""
        if field["type"] == LINK:
            return self.links.targets(field["id"], record.id) or None
        if field["type"] in COMPUTED:
            return self.computed.value(field, record)
        return record.cells.get(field["id"])

    def cells(self, table: Table, record: Record) -> Cells:
        """Return all cells that people and programs write, links included."""
        links = {f["id"]: self.links.targets(f["id"], record.id) for f in link_fields(table)}
        return record.cells | {f: targets for f, targets in links.items() if targets}


@dataclass(frozen=True)
class RecordChange:
    """A record before and after a change: cells by field id, links where wanted; None when it was not there."""

    table_id: str
    record_id: str
    before: Cells | None
    after: Cells | None


Listener = Callable[[Base, Actor, Sequence[RecordChange]], None]


def link_fields(table: Table) -> list[Field]:
    """Return the fields of a table that link."""
    return [f for f in table["fields"] if f["type"] == LINK]
