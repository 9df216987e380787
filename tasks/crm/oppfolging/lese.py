"""Lese: one pass over what the follow-up needs of a base, and nothing else of it.

Of Tomter only lots that somebody has moved, given a next step, or that carry a reminder; and those that were known in
another stage, by record id. Only the fields that are needed are asked for, by id.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pyairtable import Base
from pyairtable.formulas import quoted

from config.oppfolging import Oppfolging
from tasks.crm.chunks import chunks
from tasks.crm.client import readable_errors
from tasks.crm.oppfolging import tomt as celler
from tasks.crm.oppfolging.nokkeltall import kommune_fields
from tasks.crm.oppfolging.tomt import Kommunekart, Mandat, Svar, Tomt
from tasks.crm.skjema.ids import TableIds
from tasks.crm.sync import listing
from tasks.crm.sync.connection import Connection
from tasks.crm.sync.diff import Record
from tasks.errors import BaseIncompleteError

OF_TOMTER = (
    "Tomt-id", "Kommunenummer", "Kommune", "Kommune (egen)", "Navn", "Adresse", "Fase", "Neste steg dato",
    "Parkert til", "Sist kontaktet", "Kilde endret", "Hva er endret", "Tilstand", "Årsak", "Oppdatert",
    "Stoppet", "Stoppet fordi", "Boliger (anslag)", "Ansvarlig", "Påminnelse",
)  # fmt: skip
OF_AKTIVITETER = ("Aktivitets-id", "Tidspunkt", "Fra fase", "Tomter", "Eiere", "Utført av")
TELLS_CHANGES = {celler.ALTERED: "lastModifiedTime", celler.ALTERED_BY: "lastModifiedBy"}
"""Computed fields of Tomter that are made by hand, and their types; nothing stops without them."""
LINKS_MAX = 200
"""Lots of answers that are asked for at once beside the others."""
LINKS_OF_ONE = 50
"""Lots of one owner that an answer is told on."""
OVERLAP = timedelta(days=7)
"""How far behind the newest change that is known Aktiviteter is read: another machine's row may have come later."""


@dataclass(frozen=True)
class Lest:
    """What a base says.

    Attributes
    ----------
    gone
        Records that were asked for and are not there.
    kontakt
        Lot → the day of the last contact that activities tell of.
    kommuner
        Records of Kommuner, with the fields of the pipeline.
    """

    tomter: list[Tomt]
    gone: list[str]
    mandater: list[Mandat]
    kontakt: dict[str, date]
    kommuner: list[Record]


class Leser:
    """Reads one base, with one connection.

    Raises
    ------
    BaseIncompleteError
        When the base has no field for the stage.
    """

    def __init__(self, connection: Connection, base: Base, regler: Oppfolging) -> None:
        self.connection, self.base, self.regler = connection, base, regler
        if "Fase" not in connection.ids["Tomter"].fields:
            raise BaseIncompleteError("Tomter has no field Fase, which the follow-up goes by. Run `tomt base setup`.")

    # --- all of it ---

    def read(self, known: Collection[str], *, answered: Iterable[str] = (), i_dag: date) -> Lest:
        """Return what the base says now.

        Parameters
        ----------
        known, answered
            Records of Tomter that are asked for whatever they say; of those answered, `LINKS_MAX` at most.
        """
        kommuner = self._records("Kommuner", ("Kommunenummer", "Navn", *self.kommune_fields))
        tomter, gone = self._tomter(known, answered, Kommunekart.read(kommuner))
        return Lest(
            tomter=tomter,
            gone=gone,
            mandater=celler.read_mandater(
                self._records("Mandater", ("Status", "Beløp", "Tomter"), "Beløp"),
                teller=self.regler.pipeline.teller_mandat,
            ),
            kontakt=self._kontakt(i_dag),
            kommuner=kommuner,
        )

    @property
    def kommune_fields(self) -> tuple[str, ...]:
        """The fields of Kommuner that hold figures of the pipeline."""
        return tuple(kommune_fields(None, self.regler.pipeline))

    # --- tables ---

    def _tomter(
        self, known: Collection[str], answered: Iterable[str], kommuner: Kommunekart
    ) -> tuple[list[Tomt], list[str]]:
        ids = self._only("Tomter", OF_TOMTER)
        ids = replace(ids, fields={**ids.fields, **self._computed("Tomter")})
        found = {record.id: record for record in listing.records(self.base, ids, self._moved(ids))}
        asked = [i for i in known if i not in found]
        more = [i for i in dict.fromkeys(answered) if i not in found][:LINKS_MAX]
        for formula in listing.of_ids({*asked, *more}):
            found |= {record.id: record for record in listing.records(self.base, ids, formula)}
        start = self.regler.pipeline.start
        post_of = {
            key: sent.post
            for key, sent in self.connection.state.sent("Tomter", _keys(found.values())).items()
            if sent.post is not None
        }
        tomter = celler.read_tomter(found.values(), start=start, post_of=post_of, kommuner=kommuner)
        return tomter, sorted(i for i in asked if i not in found)

    def _moved(self, ids: TableIds) -> str:
        """Return the formula of lots that something may be due of."""
        field = {name: listing.EQ_FIELD.format(i) for name, i in ids.fields.items()}
        stage, start = field["Fase"], quoted(self.regler.pipeline.start)
        others = [field[name] for name in ("Neste steg dato", "Påminnelse") if name in field]
        return f"OR({', '.join([f'AND({stage}, {stage}!={start})', *others])})"

    def svar(self) -> list[Svar]:
        """Return the answers to letters and those noted of owners, these without their lots."""
        none = self.regler.varsel.ikke_svar
        letters = self._records("Utsendinger", ("Utsending", "Svar", "Svardato", "Tomter", "Eiere"), "Svar")
        owners = self._records("Eiere", ("Eier-id", "Svarstatus", "Eiendommer"), "Svarstatus")
        return [
            *celler.read_svar(letters, "Svar", "Utsending", ikke_svar=none),
            *celler.read_svar(owners, "Svarstatus", "Eier-id", ikke_svar=none),
        ]

    def with_lots(self, svar: Iterable[Svar]) -> list[Svar]:
        """Return answers with the lots of their owners' eiendommer; `LINKS_MAX` eiendommer are asked for at most."""
        given = list(svar)
        asked = list(dict.fromkeys(i for one in given if not one.er_brev for i in one.eiendommer))[:LINKS_MAX]
        lots = self._lots_of(asked) if asked else {}
        for nr, one in enumerate(given):
            if not one.er_brev:
                own = dict.fromkeys(i for e in one.eiendommer for i in lots.get(e, ()))
                given[nr] = replace(one, tomter=tuple(own)[:LINKS_OF_ONE])
        return given

    def _lots_of(self, eiendommer: Collection[str]) -> dict[str, tuple[str, ...]]:
        """Return eiendom → its lots, by the other end of the link that Tomter has."""
        link = self._field("Tomter", "Eiendommer")
        inverse = getattr(getattr(link, "options", None), "inverse_link_field_id", None)
        if inverse is None:  # retyped, or taken away
            return {}
        ids = replace(self.connection.ids["Eiendommer"], fields={"Tomter": inverse})
        return {
            record.id: celler.links(record.fields.get("Tomter"))
            for formula in listing.of_ids(eiendommer)
            for record in listing.records(self.base, ids, formula)
        }

    def _kontakt(self, i_dag: date) -> dict[str, date]:
        """Return lot → the day of the last contact, of activities that are not too old to matter."""
        ids = self._only("Aktiviteter", ("Aktivitetstype", "Tidspunkt", "Tomter"))
        if len(ids.fields) < 3:  # sales has deleted what would tell
            return {}
        field = {name: listing.EQ_FIELD.format(i) for name, i in ids.fields.items()}
        since = i_dag - timedelta(days=self.regler.varsel.kontakt_leses_dager)
        kinds = ", ".join(f"{field['Aktivitetstype']}={quoted(kind)}" for kind in self.regler.varsel.kontakt)
        formula = f"AND(OR({kinds}), IS_AFTER({field['Tidspunkt']}, '{since.isoformat()}'))"
        zone = ZoneInfo(self.regler.paaminnelse.tidssone)
        last: dict[str, date] = {}
        for record in listing.records(self.base, ids, formula):
            when = celler.moment(record.fields.get("Tidspunkt"))
            if when is not None and (day := when.astimezone(zone).date()) <= i_dag:
                for lot in celler.links(record.fields.get("Tomter")):
                    last[lot] = max(day, last.get(lot, day))
        return last

    def aktiviteter(self) -> list[Record]:
        """Return every row of Aktiviteter that the program has made: only read when something of it is lost."""
        return self._records("Aktiviteter", OF_AKTIVITETER, "Aktivitets-id")

    def faseskifter(self, newest: datetime | None) -> list[Record]:
        """Return the changes of stage in Aktiviteter since the newest that is known, with some overlap; all for None.

        One whose time a person has emptied is passed over.
        """
        ids = self._only("Aktiviteter", OF_AKTIVITETER)
        if "Aktivitets-id" not in ids.fields:
            return []
        tests = [f"FIND('fase', {listing.EQ_FIELD.format(ids.fields['Aktivitets-id'])})=1"]
        if newest is not None and "Tidspunkt" in ids.fields:
            since = (newest - OVERLAP).isoformat(timespec="seconds").replace("+00:00", "Z")
            tests.append(f"IS_AFTER({listing.EQ_FIELD.format(ids.fields['Tidspunkt'])}, '{since}')")
        return list(listing.records(self.base, ids, f"AND({', '.join(tests)})"))

    def beginning_with(self, prefixes: Iterable[str]) -> set[str]:
        """Return the Aktivitets-ids in the base that begin so."""
        ids = self._only("Aktiviteter", ("Aktivitets-id",))
        key = listing.EQ_FIELD.format(ids.fields.get("Aktivitets-id"))
        return {
            str(record.fields.get("Aktivitets-id"))
            for some in chunks(sorted(prefixes), listing.KEYS_A_QUESTION)
            for record in listing.records(
                self.base, ids, f"OR({','.join(f'FIND({quoted(prefix)}, {key})=1' for prefix in some)})"
            )
        }

    def existing(self, aktivitets_ider: Collection[str]) -> set[str]:
        """Return which of these rows are in the base."""
        ids = self._only("Aktiviteter", ("Aktivitets-id",))
        return {
            str(record.fields.get("Aktivitets-id"))
            for formula in listing.of_keys(ids, aktivitets_ider)
            for record in listing.records(self.base, ids, formula)
        }

    # --- how ---

    def _records(self, navn: str, felt: Sequence[str], filled: str | None = None) -> list[Record]:
        """Return records with these fields; with `filled`, those in which it holds something."""
        ids = self._only(navn, felt)
        if not ids.fields or (filled is not None and filled not in ids.fields):
            return []
        formula = "" if filled is None else f"NOT({listing.EQ_FIELD.format(ids.fields[filled])}='')"
        return list(listing.records(self.base, ids, formula))

    def _only(self, navn: str, felt: Sequence[str]) -> TableIds:
        """Return the ids of a table with no more than these fields, as far as it has them."""
        ids = self.connection.ids[navn]
        return replace(ids, fields={name: ids.fields[name] for name in felt if name in ids.fields})

    def _computed(self, navn: str) -> dict[str, str]:
        """Return the computed fields that tell of changes, where they are made; the schema was read at the start."""
        with readable_errors("reading the base"):
            table = self.base.schema().table(self.connection.ids[navn].id)
        return {f.name: f.id for f in table.fields if TELLS_CHANGES.get(f.name) == f.type}

    def options(self, navn: str, felt: str) -> frozenset[str]:
        """Return the options that a select has in the base, where people may have renamed or deleted some."""
        choices = getattr(getattr(self._field(navn, felt), "options", None), "choices", None)
        return frozenset(choice.name for choice in choices or ())

    def _field(self, navn: str, felt: str) -> Any:
        """Return a field as the schema tells it, None where it is not there; it was read at the start."""
        field_id = self.connection.ids[navn].fields.get(felt)
        with readable_errors("reading the base"):
            table = self.base.schema().table(self.connection.ids[navn].id)
        return next((f for f in table.fields if f.id == field_id), None)


def _keys(records: Iterable[Record]) -> list[str]:
    return [key for r in records if (key := r.fields.get("Tomt-id")) and isinstance(key, str)]
