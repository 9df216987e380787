"""Plans of computed fields: how each is worked out, and what it reads on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from tasks.sandbox.airtable.formula import ERROR, Shape, Source, Value, compile_formula, refuse
from tasks.sandbox.airtable.formula.kinds import ANY, NUMBER, TEXT, TIME
from tasks.sandbox.airtable.formula.value import FaultyError, as_text, moment_of, scalar
from tasks.sandbox.airtable.links import LINK, inverse_of
from tasks.sandbox.airtable.reading import Sources, field_map, source
from tasks.sandbox.airtable.rows import Record, Stamp, latest
from tasks.sandbox.airtable.values import COMPUTED, Field

if TYPE_CHECKING:
    from tasks.sandbox.airtable.evaluation import Computed
    from tasks.sandbox.airtable.schema import Table
    from tasks.sandbox.airtable.store import Base

Filter = Callable[[Record], bool]


@dataclass
class Plan:
    """How one field is computed.

    Attributes
    ----------
    compute
        For a record, as formulas read it.
    kept
        Values by record id; None when the field is read from the record each time.
    goes_with_day, goes_with_time
        Whether its value changes with the clock alone.
    depth
        How many computed fields stand on one another up to this one.
    watched
        The fields of its table whose last change it tells of.
    is_broken
        True when it can only give #ERROR!.
    """

    field: Field
    shape: Shape = ANY
    compute: Callable[[Record], Value] = lambda _: None
    kept: dict[str, Value] | None = None
    goes_with_day: bool = False
    goes_with_time: bool = False
    depth: int = 1
    watched: frozenset[str] = frozenset()
    is_broken: bool = False


@dataclass
class Planner:
    """Makes the plan of one field and notes what it reads."""

    computed: Computed
    base: Base
    table: Table
    own: Field
    plan: Plan = field(init=False)

    def __post_init__(self) -> None:
        self.plan = Plan(self.own)

    def make(self) -> Plan:
        """Return the plan.

        Raises
        ------
        ApiError, KeyError
            When the field names what is not there, or stands on itself.
        """
        kind, options = self.own["type"], self.own.get("options", {})
        if kind == "formula" and "formula" in options:
            self._formula(options["formula"])
        elif kind in {"rollup", "multipleLookupValues", "count"} and "recordLinkFieldId" in options:
            self._over_links(kind)
        elif kind == "autoNumber":
            self._plain(lambda record: record.number, NUMBER)
        elif kind == "createdTime":
            self._plain(lambda record: moment_of(record.created), TIME)
        elif kind == "createdBy":
            self._plain(lambda record: record.maker.name, TEXT)
        elif kind in {"lastModifiedTime", "lastModifiedBy"}:
            self._last_change(kind)
        else:
            self.plan.shape = Shape("blank")
        return self.plan

    def _plain(self, compute: Callable[[Record], Value], shape: Shape) -> None:
        self.plan.compute, self.plan.shape = compute, shape

    def _last_change(self, kind: str) -> None:
        own = self.own
        self.plan.watched = frozenset(own.get("options", {}).get("referencedFieldIds") or ())
        self.computed.reads(own["id"], self.table["id"], plan=self.plan)

        def compute(record: Record) -> Value:
            stamp = last_change(own, record)
            if stamp is None:
                return None
            return moment_of(stamp[0]) if kind == "lastModifiedTime" else stamp[1].name

        self._plain(compute, TIME if kind == "lastModifiedTime" else TEXT)

    def _formula(self, text: str) -> None:
        known = field_map(self.table)
        made = compile_formula(
            text,
            Sources(known, self.reads),
            record_id=lambda record: record.id,
            created=lambda record: moment_of(record.created),
            modified=lambda names: _changes(tuple(known[n]["id"] for n in names)),
            now=self.base.clock,
        )
        if made.watched:
            self.plan.watched = frozenset(known[n]["id"] for n in made.watched if n is not None)
            self.computed.reads(self.own["id"], self.table["id"], plan=self.plan)
        self.plan.goes_with_day |= made.has_today
        self.plan.goes_with_time |= made.has_now
        self._keep(lambda record: _settled(made(record), made.shape), made.shape)

    def _over_links(self, kind: str) -> None:
        options, spec = self.own["options"], self.base.specs.get(self.own["id"], {})
        link = self.computed.field(options["recordLinkFieldId"])
        if link["type"] != LINK or link["id"] not in {f["id"] for f in self.table["fields"]}:
            raise refuse("the field that it follows is no link.")
        self.reads(link, names=False)
        linked = linked_records(self.base, link, self.own, self.base.specs)
        for field_id in fields_in(spec.get("filter")):
            self.reads(self.computed.field(field_id), link=inverse_of(link))
            # What a filter says of dates may count from today.
            self.plan.goes_with_day = True
        if kind == "count":
            self._keep(lambda record: len(linked(record)), NUMBER)
            return
        target = self.computed.field(options["fieldIdInLinkedTable"])
        if self.computed.table_and_field(target["id"])[0]["id"] != link["options"]["linkedTableId"]:
            raise refuse("the field that it looks up is not in the linked table.")
        found = self.reads(target, link=inverse_of(link))
        values = Source[Record](
            lambda record: [found.read(r) for r in linked(record)], Shape("list", found.shape.element)
        )
        if kind == "multipleLookupValues":
            self._keep(lambda record: [v for v in _flat(values.read(record)) if v is not None], values.shape)
        elif "formula" in spec:
            made = compile_formula(
                spec["formula"], {"values": values}, record_id=lambda record: record.id, now=self.base.clock
            )
            self.plan.goes_with_day |= made.has_today
            self.plan.goes_with_time |= made.has_now
            self._keep(lambda record: _settled(made(record), made.shape), made.shape)
        else:
            self.plan.shape = Shape("blank")

    def reads(self, other: Field, *, link: str | None = None, names: bool = True) -> Source[Record]:
        """Note that the field reads another, over the other side of a link when one is named, and return how."""
        computed, own = self.computed, self.own["id"]
        computed.reads(own, other["id"], link=link, plan=self.plan)
        if other["type"] == LINK and names:
            self._reads_names(other, link=link)
        elif other["type"] in COMPUTED:
            self._stands_on(computed.plan_of(other["id"]))
        return source(self.base, other)

    def _reads_names(self, other: Field, *, link: str | None) -> None:
        """Note that the field reads what a link shows: the primary fields of the linked records."""
        names = f"{other['id']}~"
        linked = self.base.table(other["options"]["linkedTableId"])
        if linked is None:
            return
        primary = self.computed.field(linked["primaryFieldId"])
        self.computed.reads(names, primary["id"], link=inverse_of(other))
        self.computed.reads(self.own["id"], names, link=link, plan=self.plan)
        if primary["type"] in COMPUTED:
            self._stands_on(self.computed.plan_of(primary["id"]))
        elif primary["type"] == LINK:
            self._reads_names(primary, link=link)

    def _stands_on(self, other: Plan) -> None:
        self.plan.depth = max(self.plan.depth, other.depth + 1)
        self.plan.goes_with_day |= other.goes_with_day
        self.plan.goes_with_time |= other.goes_with_time

    def _keep(self, compute: Callable[[Record], Value], shape: Shape) -> None:
        self._plain(compute, shape)
        if not self.plan.goes_with_time:
            self.plan.kept = {}


def linked_records(base: Base, link: Field, field: Field, specs: Mapping[str, Any]) -> Callable[[Record], list[Record]]:
    """Return a function that gives the linked records that a rollup, lookup or count goes over, in order."""
    other = base.table(link["options"]["linkedTableId"])
    if other is None:
        raise KeyError(link["options"]["linkedTableId"])
    rows, given = base.records[other["id"]], specs.get(field["id"], {}).get("filter")
    passes: list[tuple[date, Filter]] = []

    def linked(record: Record) -> list[Record]:
        found = [rows[r] for r in base.links.targets(link["id"], record.id) if r in rows]
        if not given or not found:
            return found
        today = base.clock().date()
        if not passes or passes[0][0] != today:
            passes[:] = [(today, compile_filter(given, base, other, today=today))]
        return [r for r in found if passes[0][1](r)]

    return linked


def compile_filter(given: Any, base: Base, table: Table, *, today: date) -> Filter:
    """Return a filter as a function of a record."""
    from tasks.sandbox.airtable import filters  # it reads computed fields in its turn

    return filters.compile(given, base, table, today=today)


def fields_in(given: Any) -> Iterator[str]:
    """Yield the fields that a filter names."""
    pending = [given] if given else []
    while pending:
        part = pending.pop()
        if "fieldId" in part:
            yield part["fieldId"]
        pending += part.get("filterSet", [])


def named_by(field: Field, spec: Mapping[str, Any]) -> set[str]:
    """Return the fields that a computed field names itself."""
    options = field.get("options", {})
    own = {options.get("recordLinkFieldId"), options.get("fieldIdInLinkedTable")} - {None}
    return own | set(options.get("referencedFieldIds") or ()) | set(fields_in(spec.get("filter")))


def last_change(field: Field, record: Record) -> Stamp | None:
    """Return when and by whom that was last changed which a field tells of."""
    return latest(record, field.get("options", {}).get("referencedFieldIds") or ())


def _changes(field_ids: tuple[str, ...]) -> Callable[[Record], Value]:
    """Return LAST_MODIFIED_TIME of fields."""
    return lambda record: moment_of(stamp[0]) if (stamp := latest(record, field_ids)) else None


def _flat(values: Any) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list):
            yield from _flat(value)
        else:
            yield value


def _settled(value: Value, shape: Shape) -> Value:
    """Return a value as the kind of its field has it.

    In a formula that may give texts a number is a text and 0 is blank, as users of Airtable report
    (community.airtable.com/t/discrepancy-in-implicit-conversion-to-string/10264).
    """
    if shape.kind in {"list", "any"} or value is ERROR:
        return value
    value = scalar(value)
    if shape.kind != "text" or value is None or value is ERROR:
        return None if value == "" else value
    if value == 0 and not isinstance(value, str):
        return None
    try:
        return as_text(value) or None
    except FaultyError:
        return ERROR
