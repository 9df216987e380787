"""Connection: one API, one base, the ids of its tables and fields; opened once per run, so that calls count once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pyairtable import Api, Base
from pyairtable.models.schema import BaseSchema, MultipleRecordLinksFieldSchema

from config.base import BaseRegister, base_register
from config.settings import Settings
from tasks.crm.client import calls_of
from tasks.crm.skjema import merke
from tasks.crm.skjema.ids import TableIds, as_memory, locate, open_base, read_schema, resolve
from tasks.crm.skjema.oppsett import differences, setup
from tasks.crm.sync.state import BaseState
from tasks.errors import BaseIncompleteError
from tasks.store import Geodata


@dataclass
class Connection:
    """A base and what is remembered of it.

    Attributes
    ----------
    base
        None for a base that does not exist yet, which only a dry run meets.
    ids
        Table → ids; empty when tables are missing, which only a dry run meets.
    missing
        What the base lacks.
    reverse
        Table → name → id of the fields that links from other tables have given to it.
    """

    api: Api
    base: Base | None
    register: BaseRegister
    state: BaseState
    ids: Mapping[str, TableIds] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    reverse: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    _counted: int = 0

    @property
    def calls(self) -> int:
        """Requests sent so far."""
        return calls_of(self.api)

    @property
    def uncounted(self) -> int:
        """Requests that are not yet counted into the month."""
        return self.calls - self._counted

    @property
    def calls_this_month(self) -> int:
        """Requests of this month that were sent from here, to this base."""
        return self.state.calls(this_month()) + self.uncounted

    def take_uncounted(self) -> int:
        """Return the same, and hold them for counted."""
        fresh = self.uncounted
        self._counted += fresh
        return fresh

    def close(self) -> None:
        """Count what has not been counted yet, and let the network and the memory go."""
        try:
            self.state.add_calls(self.take_uncounted(), this_month())
        finally:
            self.api.session.close()
            self.state.close()


def this_month() -> str:
    """Return the month that calls are counted in: Airtable's quota follows the calendar, in UTC."""
    return f"{datetime.now(UTC):%Y-%m}"


def open_connection(geodata: Geodata, settings: Settings, *, dry_run: bool) -> Connection:
    """Open the base; the sandbox's is set up on the way, others are not.

    Raises
    ------
    ConfigError
        When the base is marked for another profile.
    BaseIncompleteError
        When tables or fields are missing and this is no dry run, or when only some are.
    """
    register = base_register()
    api, base = open_base(settings)
    state = BaseState(geodata, base.id if base else None)
    schema = read_schema(base) if base else None
    is_marked = schema is not None and merke.is_marked(schema, settings)
    stops = [d for d in differences(schema, register, state.schema()) if d.stopper]
    if stops and dry_run and not (schema and locate(schema, register, state.schema())):
        return Connection(api, base, register, state, missing=tuple(str(d) for d in stops))
    if settings.is_sandbox and not dry_run and (stops or not is_marked):
        base, _ = setup(api, base, register, state.schema(), settings=settings)
        state.close()
        schema, state = read_schema(base), BaseState(geodata, base.id)
    elif schema is not None and not settings.is_sandbox:
        merke.check(schema, register, settings)
    if schema is None:
        raise BaseIncompleteError("There is no base yet. Run `tomt base setup`.")
    ids = resolve(schema, register, state.schema())
    state.keep_schema(as_memory(ids))
    return Connection(api, base, register, state, ids, reverse=_reverse(schema, ids))


def _reverse(schema: BaseSchema, ids: Mapping[str, TableIds]) -> dict[str, dict[str, str]]:
    """Return table → name → id of link fields that are not in the register, but for the other ends of the program's."""
    ours = {
        table.fields[f.navn]
        for table in ids.values()
        for f in table.tabell.felt
        if f.eier == "pipeline" and f.navn in table.fields
    }
    return {
        navn: {
            f.name: f.id
            for f in schema.table(table.id).fields
            if isinstance(f, MultipleRecordLinksFieldSchema)
            and f.id not in table.fields.values()
            and f.options.inverse_link_field_id not in ours
        }
        for navn, table in ids.items()
    }
