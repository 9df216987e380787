"""A world to hurt: the files of a kommune, a base in a local Airtable, and a proxy between the sync and the base.

Each is a copy of one that was made once, empty or as an undisturbed sync left it. What a base holds is compared by
keys: record ids and order say nothing.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Self

from pyairtable import Api, Base
from pyairtable.formulas import match

from config.base import base_register
from config.registers import Kommune
from config.settings import Settings
from tasks.answer import Answer
from tasks.crm.client import connect
from tasks.crm.skjema.ids import find_base, open_base
from tasks.crm.skjema.merke import marked
from tasks.crm.skjema.merke import without as without_marker
from tasks.crm.skjema.oppsett import setup
from tasks.crm.sync.publish import Published, open_connection
from tasks.crm.sync.state import BaseState
from tasks.sandbox.airtable import AirtableServer
from tasks.store import Geodata
from tests.crm.onde_servere import Match, OndAirtable, Way
from tests.crm.stordata import Omfang, write_kommune
from tests.crm.sync_prosess import TOKEN, TOMTEVIK, Oppdrag, Utfall, start, sync
from tests.waiting import PATIENCE_S

LITEN = Omfang(tomter=23, omraader=3, eiendommer=21)
"""Three requests for Tomter and for Eiendommer, one of them not full."""

Row = dict[str, Any]
Stand = dict[str, dict[str, Row]]
"""Table → key → fields that are not empty, links as keys."""


class Verden:
    """The world, for as long as the block lasts.

    Attributes
    ----------
    proxy
        Between the sync and the base; `person` goes round it.
    """

    def __init__(self, folder: Path, *, fylt: bool = True) -> None:
        self.folder = folder
        shutil.copytree(_model(fylt=fylt), folder, dirs_exist_ok=True)
        self.geodata = Geodata(folder / "geodata")
        self.profil: dict[str, Any] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.server = AirtableServer(self.folder / "airtable", token=TOKEN, rate_limit_per_s=0)
        url = self._stack.enter_context(self.server).url
        self.proxy = self._stack.enter_context(OndAirtable(url))
        self.person = self._stack.enter_context(person(Oppdrag(str(self.geodata.root), url).settings()))
        self.proxy.names = {t["id"]: t["name"] for t in self.person.schema()}
        return self

    def __exit__(self, *exc: Any) -> None:
        self._stack.__exit__(*exc)

    @property
    def oppdrag(self) -> Oppdrag:
        """What a sync through the proxy is told."""
        return Oppdrag(str(self.geodata.root), self.proxy.url, **self.profil)

    @property
    def oppdrag_direkte(self) -> Oppdrag:
        """What one round the proxy is told."""
        return replace(self.oppdrag, url=self.server.url)

    def become_staging(self) -> None:
        """Make a base of it that only a command sets up; the sandbox's is set up on the way."""
        table = self.person.base.schema(force=True).table("Kjøringer")
        table.description = marked(without_marker(table.description or ""), "staging")
        table.save()
        self.profil = {"profil": "staging", "base": self.person.base.id}

    def setup(self) -> list[str]:
        """Do as `tomt base setup`, and return what was made."""
        settings = self.oppdrag_direkte.settings()
        api, base = open_base(settings)
        state = BaseState(self.geodata, self.person.base.id)
        _, made = setup(api, base, base_register(), state.schema(), settings=settings)
        api.session.close()
        return made

    def sync(self, kommune: Kommune = TOMTEVIK, answers: Mapping[str, Answer] | None = None) -> Published:
        """Sync through the proxy, in this process."""
        given = dict(answers) if answers is not None else None
        published, _ = sync(replace(self.oppdrag, kommune=kommune.nummer), given)
        return published

    def sync_killed(self, match: Match, moment: Callable[[Callable[[], None]], Way], *, nth: int = 1) -> Utfall | None:
        """Sync in a process that is killed at the nth request that fits, and return how it ended: None when killed.

        Parameters
        ----------
        moment
            `first`, `then` or `at_last`: before the request is carried out, before it is answered, or after.
        """
        return killed(self.proxy, self.oppdrag, match, moment, nth=nth)

    def stand(self) -> Stand:
        """Return what the base holds."""
        return self.person.stand()

    def drop(self, tabell: str, felt: str) -> None:
        """Delete a field, as a person can and the API cannot."""
        self.server.hand.delete_field(self.person.base.id, tabell, felt)

    def drop_option(self, tabell: str, felt: str, valg: str) -> None:
        """Delete an option of a select; the cells that held it are empty then."""
        self.server.hand.delete_option(self.person.base.id, tabell, felt, option=valg)


class Person:
    """Somebody who works in the base: straight, by the names that are shown."""

    def __init__(self, api: Api, base: Base) -> None:
        self.api, self.base = api, base

    def table(self, navn: str) -> Any:
        """Return a table."""
        return self.base.table(navn)

    def schema(self) -> list[Row]:
        """Return the tables as Airtable answers them: pyairtable takes ten times as long to make models of them."""
        tables: list[Row] = self.api.get(self.base.urls.tables)["tables"]
        return tables

    def find(self, tabell: str, key: str) -> list[Row]:
        """Return the records with a key."""
        found: list[Row] = self.table(tabell).all(formula=match({_key(tabell): key}))
        return found

    def one(self, tabell: str, key: str) -> Row:
        """Return the fields of the only record with a key."""
        (record,) = self.find(tabell, key)
        fields: Row = record["fields"]
        return fields

    def change(self, tabell: str, key: str, fields: Row) -> None:
        """Write fields of every record with a key."""
        for record in self.find(tabell, key):
            self.table(tabell).update(record["id"], fields)

    def delete(self, tabell: str, key: str) -> None:
        """Delete the records with a key."""
        for record in self.find(tabell, key):
            self.table(tabell).delete(record["id"])

    def duplicate(self, tabell: str, key: str) -> str:
        """Make a copy of a record, as the page's menu does, and return its id."""
        made: str = self.table(tabell).create(self.one(tabell, key))["id"]
        return made

    def rename(self, tabell: str, felt: str, navn: str) -> None:
        """Give a field another name."""
        field = self.base.table(tabell).schema().field(felt)
        field.name = navn
        field.save()

    def stand(self) -> Stand:
        """Return what the base holds."""
        schema = self.schema()
        tables = {t["name"]: self.table(t["id"]).all() for t in schema}
        primary = {t["name"]: f["name"] for t in schema for f in t["fields"] if f["id"] == t["primaryFieldId"]}
        keys = {r["id"]: str(r["fields"].get(primary[navn], "")) for navn, rs in tables.items() for r in rs}
        found: Stand = {}
        for navn, records in tables.items():
            rows = found[navn] = {}
            for record in records:
                key = keys[record["id"]]
                rows[_free(key, rows)] = {n: _by_key(v, keys) for n, v in record["fields"].items()}
        return found


@contextmanager
def person(settings: Settings) -> Iterator[Person]:
    """Let somebody work in the base of these settings."""
    api = connect(settings)
    api.use_field_ids = False
    base = find_base(api, settings)
    assert base is not None
    try:
        yield Person(api, base)
    finally:
        api.session.close()


def killed(
    proxy: OndAirtable, oppdrag: Oppdrag, match: Match, moment: Callable[[Callable[[], None]], Way], *, nth: int
) -> Utfall | None:
    """Sync in a process that is killed as `Verden.sync_killed` says."""
    begun = threading.Event()

    def kill() -> None:
        begun.wait(PATIENCE_S)
        running.kill()

    proxy.when(match, moment(kill), nth=nth)
    running = start(oppdrag)
    begun.set()
    return running.wait()


def only(stand: Stand, *tabeller: str) -> Stand:
    """Return a part of what a base holds."""
    return {navn: stand[navn] for navn in tabeller}


def without(stand: Stand, *tabeller: str) -> Stand:
    """Return what a base holds but for these tables."""
    return {navn: rows for navn, rows in stand.items() if navn not in tabeller}


def saker(stand: Stand, slag: str) -> dict[str, Row]:
    """Return the matters that the sync itself has brought up: ``endret``, ``slettet``, ``dobbelt`` or ``treff``."""
    return {key: row for key, row in stand["Kontroll"].items() if f"-{slag}-" in key}


@cache
def fasit() -> Stand:
    """Return what an undisturbed sync of `LITEN` leaves."""
    with tempfile.TemporaryDirectory() as folder, Verden(Path(folder)) as verden:
        return verden.stand()


@cache
def _model(*, fylt: bool) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="proevebase-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    write_kommune(Geodata(folder / "geodata"), TOMTEVIK, LITEN)
    with AirtableServer(folder / "airtable", token=TOKEN, rate_limit_per_s=0) as server:
        oppdrag = Oppdrag(str(folder / "geodata"), server.url)
        opened = open_connection(Geodata(folder / "geodata"), oppdrag.settings(), dry_run=False)
        opened.api.session.close()
        counted = datetime.now(UTC).date().isoformat()  # so that no first load counts the records again
        opened.state.keep_counts(dict.fromkeys(opened.ids, 0), counted)
        if fylt:
            published, _ = sync(oppdrag)
            assert published.failure is None, published.failure
    return folder


def _key(tabell: str) -> str:
    return base_register().table(tabell).noekkel


def _free(key: str, rows: Stand | Mapping[str, Row]) -> str:
    """Return a key that is not taken: a second record of a key must show."""
    name = key
    while name in rows:
        name += " (kopi)"
    return name


def _by_key(value: Any, keys: Mapping[str, str]) -> Any:
    is_link = isinstance(value, list) and value and all(isinstance(v, str) for v in value)
    return sorted(keys.get(v, v) for v in value) if is_link else value
