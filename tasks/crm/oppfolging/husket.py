"""Husket: what is known of a base from before, and what its own rows tell where that is lost or out of date.

The ledger and the memory may be gone, put back from an old copy, or another machine's may be ahead; the base may be a
restored one, where every record has another id. Aktiviteter tells in each of these cases.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from tasks.crm.oppfolging import faser, lager, varsler
from tasks.crm.oppfolging.faser import Skifte
from tasks.crm.oppfolging.lese import Leser
from tasks.crm.oppfolging.minne import Minne
from tasks.crm.oppfolging.tomt import Svar, links
from tasks.crm.oppfolging.varsler import Sett
from tasks.crm.sync.diff import Record
from tasks.store import Geodata

log = logging.getLogger("tomt.crm")

OF_LOT = re.compile(r"(steg|parkert|stille|borte|endret):([^:]+):(.+)")


@dataclass
class Husket:
    """What is known from before.

    Attributes
    ----------
    er_endret
        True when the file does not hold this ledger.
    fortalt
        Aktivitets-ids that are, or were, in the base.
    svar
        Record → answer; None when nothing is remembered.
    rader
        Rows of Aktiviteter that were read for it.
    er_foerste
        True for a base that was never followed up.
    funnet
        Those of `fortalt` that this run has found in the base.
    """

    ledger: list[Skifte]
    er_endret: bool
    fortalt: set[str]
    svar: dict[str, Sett] | None
    rader: Sequence[Record] = ()
    er_foerste: bool = False
    funnet: set[str] = field(default_factory=set)

    def find(self, ids: Iterable[str]) -> None:
        """Take in that rows are in the base."""
        there = set(ids)
        self.fortalt |= there
        self.funnet |= there

    def answers(self, svar: Sequence[Svar], leser: Leser, *, i_dag: date, dager: int) -> dict[str, Sett]:
        """Return record → what is now remembered of its answer.

        One that is not remembered as it stands is looked for in the base before it counts as new.

        Parameters
        ----------
        dager
            How old an answer may be where nothing is remembered.
        """
        known = self.svar
        if known is None:
            self.find(of_answers(self.rader, svar))
            told = varsler.told_answers(svar, self.fortalt)
        else:
            fresh = [one for one in svar if (seen := known.get(one.record_id)) is None or seen.verdi != one.verdi]
            self.find(leser.beginning_with(p for one in fresh for p in varsler.answer_prefixes(one)))
            told = known | varsler.told_answers(fresh, self.funnet)
        return varsler.seen_answers(svar, told, i_dag=i_dag, er_foerste=known is None, dager=dager)


def remembered(geodata: Geodata, base_id: str, *, minne: Minne, leser: Leser) -> Husket:
    """Return what is known from before, and what Aktiviteter tells beside it."""
    ledger = lager.read_ledger(geodata, base_id)
    if ledger is not None and minne.finnes:
        made = leser.faseskifter(max((row.tidspunkt for row in ledger), default=None))
        known = Husket(ledger, False, minne.fortalt(), minne.svar())
        known.find(ids_of(made))
    else:
        made = leser.aktiviteter()
        svar = minne.svar() if minne.finnes else None
        known = Husket(ledger or [], True, minne.fortalt(), svar, made, er_foerste=ledger is None and not made)
        known.find(ids_of(made) | of_lots(made))
        if not known.er_foerste:
            log.warning("What the follow-up kept of this base is not there; it is taken from Aktiviteter.")
    whole = faser.merged(known.ledger, made, told=known.fortalt)
    if ledger and whole != ledger:
        log.warning("Aktiviteter tells of changes of stage that the ledger lacks; they are taken in.")
    known.er_endret, known.ledger = known.er_endret or whole != ledger, whole
    return known


def ids_of(records: Iterable[Record]) -> set[str]:
    """Return the Aktivitets-ids of rows."""
    return {str(record.fields.get("Aktivitets-id")) for record in records}


# --- rows by what they link to: in a restored base every record has another id ---


def of_lots(records: Iterable[Record]) -> set[str]:
    """Return the ids that the reminders among these rows would have if each lot were known by its record id.

    A reminder of people's own lot, or of a copy, holds the record id that the lot had when it was told.
    """
    found = set()
    for record in records:
        match = OF_LOT.fullmatch(str(record.fields.get("Aktivitets-id") or ""))
        lots = links(record.fields.get("Tomter"))
        if match is not None and len(lots) == 1:
            found.add(f"{match[1]}:{lots[0]}:{match[3]}")
    return found


def of_answers(records: Iterable[Record], svar: Iterable[Svar]) -> set[str]:
    """Return the ids that the rows of answers would have if they were made now, of answers that no row names.

    A row belongs to the answer that says the same and concerns the same: owners and lots for a letter, the owner for
    what is noted of one. Each row and each answer is taken once, the newest row first.
    """
    rows = [
        (match, {*links(record.fields.get("Tomter"))}, {*links(record.fields.get("Eiere"))})
        for record in records
        if (match := varsler.ANSWER_ID.fullmatch(str(record.fields.get("Aktivitets-id") or ""))) is not None
    ]
    rows.sort(key=lambda row: str(row[0][2]), reverse=True)
    named = {str(match[1]) for match, _, _ in rows}
    nameless = [one for one in svar if one.ident not in named]
    found = set()
    for one in sorted(nameless, key=lambda one: not one.er_brev):
        for row in rows:
            match, tomter, eiere = row
            is_same = eiere == {*one.eiere} and (not one.er_brev or tomter == {*one.tomter})
            if match[3] == one.verdi and is_same:
                found.add(f"svar:{one.ident}:{match[2]}:{one.verdi}")
                rows.remove(row)
                break
    return found
