"""Innlesing: the lots of a list that people keep become records of Tomter without Tomt-id, which are people's own.

The one place where the program fills fields of sales, and only on records that it makes here: never on one that is
there, and never a field of its own but Importnøkkel. That key is looked for before anything is made, so that a list
read twice, or after a kill half-way, makes nothing twice and changes nothing that people have edited.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import requests
from pyairtable import Base

from config.base import Tabell
from tasks.crm.chunks import chunks
from tasks.crm.client import error_kind, is_uncertain, readable_errors
from tasks.crm.liste.celler import Kommuneoppslag
from tasks.crm.liste.kolonner import BNR, FIELDS, GNR, KOMMUNE
from tasks.crm.liste.tolkning import NOEKKEL, EgenRad, Merknad, Tolket
from tasks.crm.rader.rad import Row
from tasks.crm.skjema.ids import TableIds
from tasks.crm.sync import listing, writing
from tasks.crm.sync.basesync import BaseSync, today
from tasks.crm.sync.connection import Connection
from tasks.crm.sync.diff import TableDiff
from tasks.errors import AirtableError, BaseIncompleteError, OwnershipError, TomtError
from tasks.store import Geodata

log = logging.getLogger("tomt.crm")

TABLE = "Tomter"
TRIES = 3
TELL_EVERY = 500
"""Records made between two lines of progress."""

Eiendom = tuple[str, int, int]


@dataclass
class Innlesing:
    """What a list brings to the base.

    Attributes
    ----------
    nye
        Rows that the base lacks.
    finnes
        Rows that were read in before, whatever people have made of their records since.
    uten_felt
        Fields that the list fills and the base does not have any longer.
    merknader
        About rows: another lot on the same property, a record made twice.
    avvist
        Rows that Airtable refused.
    laget
        Records made.
    stanset
        Why writing stopped on the way, or None.
    """

    nye: tuple[EgenRad, ...]
    finnes: int
    uten_felt: tuple[str, ...]
    merknader: list[Merknad] = field(default_factory=list)
    avvist: list[Merknad] = field(default_factory=list)
    laget: int = 0
    stanset: str | None = None


def compare(connection: Connection, tolket: Tolket, oppslag: Kommuneoppslag) -> Innlesing:
    """Return what a list would bring; nothing is written.

    Raises
    ------
    AirtableError
        When the base cannot be read, or has no field for the key.
    """
    ids = connection.ids.get(TABLE)
    if connection.base is None or ids is None:  # a dry run before there is a base
        return Innlesing(tolket.rader, 0, ())
    keys, own = _present(connection.base, ids, oppslag)
    new = tuple(row for row in tolket.rader if row.noekkel not in keys)
    filled = {name for row in new for name in row.felt}
    lacking = tuple(name for name in FIELDS if name in filled and name not in ids.fields)
    result = Innlesing(new, len(tolket.rader) - len(new), lacking)
    for row in new:
        if _eiendom(row.felt, oppslag) in own:
            result.merknader.append(Merknad(row.nummer, None, "people have made a lot on the same property already"))
    return result


def import_rows(
    connection: Connection,
    tolket: Tolket,
    oppslag: Kommuneoppslag,
    *,
    geodata: Geodata,
    sleep: Callable[[float], None] = time.sleep,
) -> Innlesing:
    """Make the records that the base lacks.

    Parameters
    ----------
    geodata
        Holds the lock: two imports at once would not see each other's records.
    sleep
        Takes seconds; tests give their own.

    Raises
    ------
    AirtableError, BudgetError, BusyError
        Before the first write; what stops the writing on the way comes back as `Innlesing.stanset`.
    """
    if connection.base is None or TABLE not in connection.ids:
        raise BaseIncompleteError("There is no base yet. Run `tomt base setup`.")
    with geodata.lock(f"innlesing-{connection.base.id}"):
        result = compare(connection, tolket, oppslag)
        rows = {row.noekkel: row.felt for row in result.nye}
        ids = connection.ids[TABLE]
        BaseSync(connection, "").check_budget([TableDiff(ids.tabell, create=rows)], i_dag=today())
        writer = _Writer(connection.base, ids, result, sleep)
        try:
            writer.write()
        except TomtError as error:
            result.stanset = str(error)
        finally:
            connection.state.add_records(TABLE, result.laget)
    return result


# --- reading ---


def _present(base: Base, ids: TableIds, oppslag: Kommuneoppslag) -> tuple[set[str], set[Eiendom]]:
    """Return the keys of lists that the base holds, and the properties on which people have made lots."""
    key, of_program = (listing.EQ_FIELD.format(ids.fields[n]) for n in (_key(ids), ids.tabell.noekkel))
    wanted = _only(ids, NOEKKEL, KOMMUNE, GNR, BNR)
    keys: set[str] = set()
    own: set[Eiendom] = set()
    for record in listing.records(base, wanted, f"OR({key}!='',{of_program}='')"):
        if found := record.fields.get(NOEKKEL):
            keys.add(str(found))
        if (eiendom := _eiendom(record.fields, oppslag)) is not None:
            own.add(eiendom)
    return keys, own


def _eiendom(felt: Row, oppslag: Kommuneoppslag) -> Eiendom | None:
    """Return kommune, gnr and bnr of a row or record, None when one of them is not said."""
    kommune = oppslag.look_up(str(felt.get(KOMMUNE) or ""))
    gnr, bnr = felt.get(GNR), felt.get(BNR)
    if (
        kommune is None
        or kommune.nummer is None
        or not isinstance(gnr, int | float)
        or not isinstance(bnr, int | float)
    ):
        return None
    return kommune.nummer, int(gnr), int(bnr)


def _key(ids: TableIds) -> str:
    if NOEKKEL not in ids.fields:
        raise BaseIncompleteError(f"{TABLE} has no field {NOEKKEL}. Run `tomt base setup`.")
    return NOEKKEL


def _only(ids: TableIds, *names: str) -> TableIds:
    return TableIds(ids.tabell, ids.id, {n: ids.fields[n] for n in names if n in ids.fields})


# --- writing ---


@dataclass
class _Writer:
    """Makes records ten at a time."""

    base: Base
    ids: TableIds
    result: Innlesing
    sleep: Callable[[float], None]
    uncertain: list[EgenRad] = field(default_factory=list)

    def write(self) -> None:
        """Make every new record, and look again for those whose answer was lost.

        Raises
        ------
        AirtableError
            What was made before stays; the same list again makes the rest.
        """
        told = 0
        for rows in chunks(self.result.nye):
            self.result.laget += self._narrowed(rows)
            if self.result.laget - told >= TELL_EVERY:
                told = self.result.laget
                log.info("%s: %s of %s lots made …", TABLE, told, len(self.result.nye))
        times = self._times(self.uncertain)
        for row in self.uncertain:
            if times[row.noekkel] > 1:
                what = f"was made {times[row.noekkel]} times, as an answer was lost; delete all but one"
                self.result.merknader.append(Merknad(row.nummer, None, what))

    def _narrowed(self, rows: Sequence[EgenRad]) -> int:
        """Make ten records; when one of them is refused, each by itself."""
        try:
            with readable_errors(f"writing {TABLE}"):
                return self._made(rows)
        except _RefusedError as error:
            if len(rows) > 1:
                return sum(self._narrowed([row]) for row in rows)
            self.result.avvist.append(Merknad(rows[0].nummer, None, f"was refused by Airtable ({error.kind})"))
        if len(self.result.avvist) > writing.MOST_REFUSED:
            raise AirtableError(
                f"writing {TABLE}: Airtable refused {len(self.result.avvist)} rows. Run `tomt base check`, then import "
                "again: what was made stays."
            )
        return 0

    def _made(self, rows: Sequence[EgenRad]) -> int:
        """Make records, each once: one whose answer is lost is looked for before it is sent again."""
        table = self.base.table(self.ids.id)
        left = list(rows)
        lost: requests.RequestException | None = None
        for _ in range(TRIES):
            try:
                table.batch_create([body(self.ids, row.felt) for row in left])
                return len(rows)
            except requests.RequestException as error:
                if isinstance(error, requests.HTTPError) and error_kind(error) in writing.OF_ONE_ROW:
                    raise _RefusedError(error_kind(error)) from None
                if not is_uncertain(error):
                    raise
                lost = error
            log.info("%s: an answer was lost; in %.0f s it is seen what came of it.", TABLE, writing.SETTLE_S)
            self.sleep(writing.SETTLE_S)
            self.uncertain += [row for row in left if row not in self.uncertain]
            times = self._times(left)
            left = [row for row in left if not times[row.noekkel]]
            if not left:
                return len(rows)
        assert lost is not None  # noqa: S101  # each way round the loop sets it
        raise lost

    def _times(self, rows: Iterable[EgenRad]) -> Counter[str]:
        """Return how many records the base has of each key."""
        wanted = _only(self.ids, NOEKKEL)
        return Counter(
            str(record.fields.get(NOEKKEL))
            for formula in listing.of_keys(self.ids, [row.noekkel for row in rows], NOEKKEL)
            for record in listing.records(self.base, wanted, formula)
        )


class _RefusedError(Exception):
    """Airtable refused a request for what stands in one of its rows."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


def body(ids: TableIds, felt: Row) -> Row:
    """Return the fields of a new record by field id; those that the base lacks are left out.

    Raises
    ------
    OwnershipError
        For any field but those of people's own lots and Importnøkkel: a mistake in the program.
    """
    _refuse_other_fields(ids.tabell, felt)
    return {ids.fields[name]: value for name, value in felt.items() if name in ids.fields}


def _refuse_other_fields(tabell: Tabell, felt: Row) -> None:
    for name in felt:
        is_ours = tabell.field(name).eier == "pipeline"
        if name not in {*FIELDS, NOEKKEL} or is_ours != (name == NOEKKEL) or name == tabell.noekkel:
            raise OwnershipError(f"{tabell.navn}.{name} is no field that a list may fill.")
    if not felt.get(NOEKKEL):
        raise OwnershipError(f"{tabell.navn}: a lot of a list without {NOEKKEL} would be made again and again.")
