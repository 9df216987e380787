"""Restore: a backup into a base without records – tables and fields, then records, then links, then files.

It can be broken off anywhere and run again: what was made is in the journal, and what the journal is not sure of is
looked for in the base. A base that holds anything else is left alone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyairtable import Api, Base
from pyairtable.models.schema import BaseSchema

from config.base import base_register
from config.settings import Settings
from tasks.crm.arkiv.backup import reading, schema_of
from tasks.crm.arkiv.filer import Filskriver
from tasks.crm.arkiv.gjenskap import fitting, make_schema
from tasks.crm.arkiv.journal import Journal
from tasks.crm.arkiv.lenker import write_links
from tasks.crm.arkiv.plan import RestorePlan, plan
from tasks.crm.arkiv.poster import Postskriver, Sleep
from tasks.crm.arkiv.sammenligning import Sammenligning, compare
from tasks.crm.arkiv.verifisering import Arkiv, verify
from tasks.crm.client import calls_of, connect
from tasks.crm.skjema import merke
from tasks.crm.skjema.ids import find_base
from tasks.crm.sync import budsjett
from tasks.crm.sync.connection import this_month
from tasks.crm.sync.listing import pages
from tasks.crm.sync.state import BaseState
from tasks.errors import BaseIncompleteError, ConfigError
from tasks.store import Geodata

log = logging.getLogger("tomt.crm")
JSON = dict[str, Any]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Restored:
    """What a restore has brought back: the proof, and what is left to a person."""

    funn: Sammenligning
    igjen: tuple[str, ...] = ()
    uten_personer: int = 0
    ukjente_personer: tuple[str, ...] = ()
    kall: int = 0


@dataclass
class Restore:
    """A backup and the base that it goes into, opened for one command.

    Attributes
    ----------
    sleep
        Takes seconds; tests give their own.
    """

    arkiv: Arkiv
    base: Base
    api: Api
    settings: Settings
    geodata: Geodata
    sleep: Sleep = time.sleep
    _counted: int = field(default=0, init=False)

    @classmethod
    def open(cls, folder: Path, settings: Settings, geodata: Geodata, *, sleep: Sleep = time.sleep) -> Restore:
        """Verify a backup and open the base that the settings name.

        Raises
        ------
        BackupError
            When the backup is damaged or partial.
        BaseIncompleteError
            When there is no base.
        """
        return cls.of(verify(folder), settings, geodata, sleep=sleep)

    @classmethod
    def of(cls, arkiv: Arkiv, settings: Settings, geodata: Geodata, *, sleep: Sleep = time.sleep) -> Restore:
        """Open the base that the settings name for a backup that is verified.

        Raises
        ------
        BaseIncompleteError
            When there is no base.
        """
        api = connect(settings)
        base = find_base(api, settings)
        if base is None:
            raise BaseIncompleteError("There is no base to restore into. Make one, and name it with --base.")
        return cls(arkiv, base, api, settings, geodata, sleep)

    def close(self) -> None:
        """Count the calls into the month of the base, and let the network go."""
        state = BaseState(self.geodata, self.base.id)
        try:
            state.add_calls(calls_of(self.api), this_month())
        finally:
            state.close()
            self.api.session.close()

    # --- what the commands do ---

    def look(self, *, mark_as: str | None = None) -> RestorePlan:
        """Return what a restore would do; nothing is written.

        Raises
        ------
        ConfigError
            When the backup does not fit, the base is another profile's, or it holds records of others.
        BudgetError
            When it does not fit Airtable's plan.
        """
        self._profile(mark_as)
        found = fitting(self.arkiv.tables, self.base)
        journal = Journal.of(self.arkiv, self.base.id)
        if journal.sending is None:
            self._check_empty(journal)
        planned = plan(self.arkiv, found, journal)
        self._check_budget(planned)
        return planned

    def write(self, say: Say, *, mark_as: str | None = None) -> Restored:
        """Restore, or go on with it, and compare.

        Raises
        ------
        ConfigError, BudgetError
            As `look`; nothing is written then.
        AirtableError
            When Airtable refuses; what was made stays, and the same again goes on.
        BusyError
            When another restore into the base runs.
        """
        with self.geodata.lock(f"restore-{self.base.id}"), self.geodata.lock(reading(self.arkiv.manifest.base)):
            journal = Journal.of(self.arkiv, self.base.id)
            journal.mend()
            profile = self._profile(mark_as)
            self._settle(journal)
            self.look(mark_as=mark_as)
            journal.begin()
            found = make_schema(self.arkiv.tables, self.base, profile=profile, say=say)
            self._mark(profile)
            records = Postskriver(self.arkiv, self.base, found, journal, sleep=self.sleep)
            files = Filskriver(self.arkiv, self.base, found, journal, sleep=self.sleep)
            for table in self.arkiv.tables:
                records.make(table, say)
            for table in self.arkiv.tables:
                write_links(self.arkiv, self.base, table, parring=found, journal=journal, say=say)
            for table in self.arkiv.tables:
                files.upload(table, say)
            proof = self._compare(journal, journal.posts)
        left_out = tuple(sorted({one for people in journal.without.values() for one in people}))
        return Restored(proof, tuple(files.left), len(journal.without), left_out, calls_of(self.api))

    def check(self) -> Sammenligning:
        """Compare the base with the backup; nothing is written.

        Raises
        ------
        ConfigError
            When the backup was never restored into the base, and is not the base's own.
        """
        journal = Journal.of(self.arkiv, self.base.id)
        posts = journal.posts
        if not journal.exists and self.base.id == self.arkiv.manifest.base:
            posts = {r["id"]: r["id"] for t in self.arkiv.tables for r in self.arkiv.records(t["id"])}
        elif not journal.exists:
            raise ConfigError(
                f"The backup was not restored into the base {self.base.id} from here: {journal.path} is not there, "
                "which says which record stands for which."
            )
        return self._compare(journal, posts)

    def _compare(self, journal: Journal, posts: Mapping[str, str]) -> Sammenligning:
        return compare(self.arkiv, self.base, posts, journal=journal, endpoint=self.settings.airtable_url)

    # --- what is looked at before ---

    def _profile(self, mark_as: str | None) -> str | None:
        """Return what the tables of the backup are to be marked as; None leaves them as they are.

        Raises
        ------
        ConfigError
            When backup or base belong to another profile, and nobody has said that this is meant.
        """
        ours = str(self.settings.effective_profile)
        schema = self._model(schema_of(self.base))
        is_new = all(t.name != merke.MARKED for t in schema.tables)
        merke.shall_mark(schema, self.settings, is_new=is_new, mark_as=mark_as)
        theirs = merke.profile_of(self._model(list(self.arkiv.tables)))
        if theirs in (None, ours):
            return None
        if mark_as is None:
            raise ConfigError(
                f"The backup is of a base of {theirs!r}, and the profile is {ours!r}. Nothing was written. Set "
                f"TOMT_PROFILE={theirs}, or say with --mark-as {ours} that the restored base shall be {ours}'s: runs "
                f"of {ours} write into it from then on."
            )
        return ours

    def _mark(self, profile: str | None) -> None:
        """Mark a table that was there before the restore, and remember whose the base is."""
        schema = self._model(schema_of(self.base))
        table = next((t for t in schema.tables if t.name == merke.MARKED), None)
        if table is not None and merke.profile_of(schema) is None:
            merke.mark(table, self.settings)
            schema = self._model(schema_of(self.base))
        if merke.profile_of(schema) is not None:
            merke.keep(self.settings)

    def _model(self, tables: list[JSON]) -> BaseSchema:
        return BaseSchema.from_api({"tables": tables}, self.api, context=self.base)

    def _settle(self, journal: Journal) -> None:
        if journal.sending is not None:
            found = fitting(self.arkiv.tables, self.base)
            Postskriver(self.arkiv, self.base, found, journal, sleep=self.sleep).settle(self.arkiv.tables)

    def _check_empty(self, journal: Journal) -> None:
        """Raise unless the base holds what the journal says that this restore made, and nothing else.

        Raises
        ------
        ConfigError
            Naming the table, and how many records.
        """
        ours, seen = set(journal.posts.values()), set[str]()
        for table in schema_of(self.base):
            there: set[str] = set()
            asked = {"fields": [table["primaryFieldId"]]}
            for page in pages(self.base, table["id"], navn=table["name"], asked=asked, begin=there.clear):
                there.update(record["id"] for record in page)
            if there - ours:
                raise ConfigError(
                    f"The base {self.base.id} is not empty: the table {table['name']} holds {len(there - ours)} "
                    "records that this restore did not make. Nothing was written. Delete them (a new table of "
                    "Airtable has blank rows), or name another base with --base."
                )
            seen |= there
        if ours - seen:
            raise ConfigError(
                f"{len(ours - seen)} records that this restore made are no longer in the base {self.base.id}. Nothing "
                f"was written. Empty the base, delete {journal.path}, and begin anew."
            )

    def _check_budget(self, planned: RestorePlan) -> None:
        state = BaseState(self.geodata, self.base.id)
        try:
            used = budsjett.Brukt(
                poster=self.arkiv.manifest.poster - planned.poster,
                kall_i_maaneden=state.calls(this_month()) + calls_of(self.api),
                kall_i_kjoringen=calls_of(self.api),
            )
        finally:
            state.close()
        wanted = budsjett.Plan(planned.poster, planned.kall)
        for warning in budsjett.check(wanted, used, base_register().grenser):
            log.warning("%s", warning)
