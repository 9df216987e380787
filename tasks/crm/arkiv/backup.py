"""A backup of a base as it is: every table and field, people's own too, and the bytes of all attachments.

Tables are listed one after another; what changes meanwhile may be in the backup or not, and links that lead to records
which are not in it are counted and named in the manifest.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pyairtable import Base

from config.arkiv import ArkivRegler, arkiv_regler
from config.base import base_register
from config.settings import Settings
from tasks.crm.arkiv import linjer
from tasks.crm.arkiv.felt import fields_of, files_in, links_in
from tasks.crm.arkiv.manifest import FORM, MOST_NAMED, Fil, LosLenke, Manifest, Tabellfil, read_manifest
from tasks.crm.arkiv.mappe import MANIFEST, SKJEMA, VEDLEGG, Mappe, digest_of, moment_of, write_whole
from tasks.crm.arkiv.oppbevaring import kept
from tasks.crm.arkiv.opplisting import Mellomfil
from tasks.crm.arkiv.vedlegg import Samling
from tasks.crm.client import calls_of, readable_errors
from tasks.crm.skjema.ids import open_base
from tasks.crm.sync import budsjett
from tasks.crm.sync.connection import this_month
from tasks.crm.sync.listing import pages
from tasks.crm.sync.state import BaseState
from tasks.errors import BackupError, BaseIncompleteError, BusyError
from tasks.store import Geodata

log = logging.getLogger("tomt.crm")
JSON = dict[str, Any]
PAGE = 100


@dataclass(frozen=True)
class Backup:
    """A backup that was taken: where it lies, what it holds, and which older ones went.

    Attributes
    ----------
    others
        Folders of other bases, and the days since the newest backup in each. No retention reaches them: it runs where
        a backup is taken, and they may be of a base that is no more, with all that it says of people.
    """

    folder: Path
    manifest: Manifest
    removed: tuple[str, ...] = ()
    others: tuple[tuple[str, int], ...] = ()

    @property
    def failure(self) -> str | None:
        """What makes it incomplete, or None."""
        if self.manifest.komplett:
            return None
        reasons: dict[str, int] = {}
        for one in self.manifest.mangler:
            reasons[one.hvorfor] = reasons.get(one.hvorfor, 0) + 1
        said = "; ".join(f"{count} × {reason}" for reason, count in reasons.items())
        return (
            f"The backup is incomplete: {self.manifest.manglende_vedlegg} of {self.manifest.vedlegg.antall} "
            f"attachments could not be fetched ({said}). It is kept in {self.folder}, and no complete one is removed "
            "for it. Run `tomt base backup` again."
        )


@dataclass(frozen=True)
class Utsikt:
    """What a backup would read: tables, records as last backed up or counted (None: neither), and calls."""

    base: str
    tabeller: int
    poster: int | None
    kall: int


def take_backup(settings: Settings, geodata: Geodata) -> Backup:
    """Back the base up, and remove backups that are older than config/arkiv.toml keeps.

    Raises
    ------
    BaseIncompleteError
        When there is no base.
    BusyError
        When another backup of the base runs.
    BudgetError
        When it would burst the month's calls.
    AirtableError, StoreError
        When Airtable or the disk refuses; nothing is left then that could be taken for a backup.
    """
    api, base = open_base(settings)
    try:
        if base is None:
            raise BaseIncompleteError("There is no base yet. Run `tomt base setup`.")
        mappe, state = Mappe(geodata, base.id), BaseState(geodata, base.id)
        with geodata.lock(f"backup-{base.id}"):
            mappe.clean()
            try:
                _check_budget(base, mappe, state)
                folder = _Taking(base, mappe, settings).take()
            finally:
                state.add_calls(calls_of(api), this_month())
                state.close()
            removed = _prune_unless_read(geodata, mappe, base.id)
            return Backup(folder, read_manifest(folder), removed, tuple(_others(mappe)))
    finally:
        api.session.close()


def look(settings: Settings, geodata: Geodata) -> Utsikt:
    """Return what a backup would read; one request, and nothing is written."""
    api, base = open_base(settings)
    try:
        if base is None:
            raise BaseIncompleteError("There is no base yet. Run `tomt base setup`.")
        state = BaseState(geodata, base.id)
        try:
            known = _known_sizes(Mappe(geodata, base.id), state)
        finally:
            state.close()
        tables = len(schema_of(base))
        return Utsikt(base.id, tables, sum(known) if known else None, _expected_calls(known, tables=tables))
    finally:
        api.session.close()


def schema_of(base: Base) -> list[JSON]:
    """Return tables and fields as Airtable answers them."""
    with readable_errors("reading the base"):
        tables: list[JSON] = base.api.get(base.urls.tables)["tables"]
    return tables


def reading(base_id: str) -> str:
    """Return the lock that a restore holds while it reads backups of a base."""
    return f"restore-of-{base_id}"


def _prune_unless_read(geodata: Geodata, mappe: Mappe, base_id: str) -> tuple[str, ...]:
    try:
        with geodata.lock(reading(base_id)):
            return tuple(prune(mappe))
    except BusyError:
        log.info("backup: a restore reads the backups of %s; none is removed this time", base_id)
        return ()


def _others(mappe: Mappe) -> Iterator[tuple[str, int]]:
    for name, newest in mappe.others():
        days = (datetime.now(UTC) - newest).days
        log.info("backup: backup/%s is of another base and %s days old; it is left alone", name, days)
        yield name, days


def prune(mappe: Mappe, regler: ArkivRegler | None = None) -> Iterator[str]:
    """Remove backups that are older than is kept, yield their names, and remove bytes that none refers to any more.

    Complete and incomplete ones are counted apart, so that an incomplete one never takes the place of a complete one.
    A folder whose manifest cannot be read is left alone, and with it all bytes of attachments.
    """
    found: dict[bool, list[Path]] = {True: [], False: []}
    is_unread = False
    for folder in mappe.dated():
        try:
            found[read_manifest(folder).komplett].append(folder)
        except BackupError as error:
            is_unread = True
            log.warning("%s It is left alone, and no attachment is removed.", error)
    left = []
    for folders in found.values():
        stay = kept(map(moment_of, folders), (regler or arkiv_regler()).oppbevaring, now=datetime.now(UTC))
        for folder in folders:
            if moment_of(folder) in stay:
                left.append(folder)
            else:
                mappe.remove(folder)
                yield folder.name
    if not is_unread:
        _prune_bytes(mappe, left)


def _prune_bytes(mappe: Mappe, left: list[Path]) -> None:
    try:
        needed = {str(one["sha256"]) for folder in left for one in linjer.read(folder / VEDLEGG) if one.get("sha256")}
    except BackupError as error:
        log.warning("%s No attachment is removed.", error)
        return
    mappe.vedlegg.prune(needed)


def _last(mappe: Mappe) -> Manifest | None:
    for folder in reversed(mappe.dated()):
        try:
            return read_manifest(folder)
        except BackupError:
            continue
    return None


def _known_sizes(mappe: Mappe, state: BaseState) -> list[int]:
    """Return the records of each table as the newest backup has them, else as a run has last counted them."""
    last = _last(mappe)
    return [t.poster for t in last.tabeller] if last else list(state.counts()[0].values())


def _expected_calls(known: Sequence[int], *, tables: int = 0) -> int:
    """Return the calls of listing the base, as large as it was last seen, and those for its schema and its name.

    Parameters
    ----------
    known
        Records of each table of which they are known.
    tables
        How many there are; one that is not known takes a call.
    """
    listed = sum(max(1, math.ceil(size / PAGE)) for size in known)
    return 2 + listed + max(0, tables - len(known))


def _check_budget(base: Base, mappe: Mappe, state: BaseState) -> None:
    calls = _expected_calls(_known_sizes(mappe, state))
    used = budsjett.Brukt(poster=0, kall_i_maaneden=state.calls(this_month()) + calls_of(base.api))
    for warning in budsjett.check(budsjett.Plan(0, calls), used, base_register().grenser):
        log.warning("%s", warning)


class _Taking:
    """One backup on its way."""

    def __init__(self, base: Base, mappe: Mappe, settings: Settings) -> None:
        self._base, self._mappe, self._settings = base, mappe, settings
        self._begun = datetime.now(UTC)
        self._lister: dict[str, Mellomfil] = {}
        self._loose: list[LosLenke] = []
        self._loose_count = 0
        self._filer: dict[str, Fil] = {}

    def take(self) -> Path:
        """Write everything, and return the folder."""
        tables = schema_of(self._base)
        with self._mappe.new(self._begun) as folder:
            try:
                samling = Samling(self._base, self._mappe, self._settings)
                for table in tables:
                    self._list(table, folder, samling)
                samling.fetch_all()
                self._write(tables, folder, samling)
            finally:
                for lister in self._lister.values():
                    lister.close()
            manifest = self._manifest(tables, samling)
            write_whole(folder / MANIFEST, manifest.model_dump_json(indent=1).encode())
        return self._mappe.path / folder.name.removeprefix(".").removesuffix(".tmp")

    def _list(self, table: JSON, folder: Path, samling: Samling) -> None:
        """List a table into a file beside its place; what is in its cells of attachments is noted without address."""
        lister = self._lister[table["id"]] = Mellomfil(folder)
        fields = fields_of(table)
        for page in pages(self._base, table["id"], navn=table["name"], begin=lister.restart):
            for record in page:
                for field_id, attachments in files_in(fields, record["fields"]):
                    record["fields"][field_id] = [
                        samling.note(a, table=table["id"], record=record["id"], field=field_id) for a in attachments
                    ]
                lister.add(record)
        log.info("backup: %s records of table %s listed", len(lister), table["name"])

    def _write(self, tables: list[JSON], folder: Path, samling: Samling) -> None:
        write_whole(folder / SKJEMA, json.dumps({"tables": tables}, ensure_ascii=False).encode())
        size, sha256 = digest_of(folder / SKJEMA)
        self._filer[SKJEMA] = Fil(byte=size, sha256=sha256)
        for table in tables:
            fields, name = fields_of(table), f"{table['id']}.jsonl.gz"
            with linjer.writing(folder / name) as lines:
                for record in self._lister[table["id"]].in_order():
                    self._note_loose(table["id"], fields, record)
                    for field_id, attachments in files_in(fields, record["fields"]):
                        record["fields"][field_id] = [samling.with_digest(a) for a in attachments]
                    lines.add({name: record[name] for name in ("id", "createdTime", "fields")})
            self._filer[name] = Fil(byte=lines.size, sha256=lines.sha256)
        with linjer.writing(folder / VEDLEGG) as lines:
            for one in samling.index():
                lines.add(one)
        self._filer[VEDLEGG] = Fil(byte=lines.size, sha256=lines.sha256)

    def _note_loose(self, table_id: str, fields: dict[str, JSON], record: JSON) -> None:
        for field_id, targets in links_in(fields, record["fields"]):
            other = self._lister.get(str((fields[field_id].get("options") or {}).get("linkedTableId")))
            for target in targets:
                if other is None or target not in other:
                    self._loose_count += 1
                    if len(self._loose) < MOST_NAMED:
                        self._loose.append(LosLenke(tabell=table_id, felt=field_id, post=record["id"], til=target))

    def _manifest(self, tables: list[JSON], samling: Samling) -> Manifest:
        return Manifest(
            form=FORM,
            program=version("tomtesourcing"),
            base=self._base.id,
            navn=self._name(),
            tid=self._begun,
            ferdig=datetime.now(UTC),
            komplett=not samling.missing,
            kall=calls_of(self._base.api),
            tabeller=tuple(Tabellfil(id=t["id"], navn=t["name"], poster=len(self._lister[t["id"]])) for t in tables),
            filer=self._filer,
            vedlegg=samling.figures(),
            manglende_vedlegg=len(samling.missing),
            mangler=tuple(samling.missing[:MOST_NAMED]),
            lose_lenker=self._loose_count,
            lenker=tuple(self._loose),
        )

    def _name(self) -> str:
        """Return what the base is called; "" when the token may not list bases."""
        with readable_errors("listing bases"):
            return next((b.name or "" for b in self._base.api.bases() if b.id == self._base.id), "")
