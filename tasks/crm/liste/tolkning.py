"""Rows of a list that people keep, as rows of Tomter: what each says of a lot, which are refused, what is to be told.

Nothing that a cell says is lost without a word: what is not clear goes into Notat under its heading, and is told by row
and column. What is told holds numbers and headings alone.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tasks.crm.liste.celler import (
    Celle,
    Kommuneoppslag,
    Kommunesvar,
    any_said,
    area,
    day,
    line,
    matrikler,
    stage,
    text,
    whole,
    yes,
)
from tasks.crm.liste.fil import Liste
from tasks.crm.liste.kolonner import (
    ADRESSE,
    AREAL,
    BEHOLD,
    BNR,
    FASE,
    FIELDS,
    FNR,
    FRIST,
    GNR,
    KOMMUNE,
    KONTAKTET,
    MATRIKKEL,
    NAVN,
    NOTAT,
    PARKERT,
    STEG,
    Kolonne,
    Kolonner,
    has_unit,
    plain,
)
from tasks.crm.rader.rad import TEXT_MAX, Row, shortened

NOEKKEL = "Importnøkkel"
MOST_CHARACTERS = 10_000
"""Of a cell: more is no cell of a list of lots."""
SMALL_M2 = 100
"""An area below this, in a column without a unit, is likely in another one."""
PERSONAL_NUMBER = re.compile(
    r"(?<![0-9])[0-7][0-9](?:[^\S\n]|[./-]){0,2}[0-9]{2}(?:[^\S\n]|[./-]){0,2}(?:19|20)?[0-9]{2}"
    r"(?:[^\S\n]|[.-]){0,3}(?:[0-9]{5}(?![0-9])|[0-9]{3}[^\S\n][0-9]{2}(?![^\S\n]?[0-9]))"
)
"""A fødselsnummer or D-nummer, however it is parted: a day, or that and 40, month and year, and five digits.

Groups of three, two and three digits after a date are a telephone.
"""
LEFT_OUT = "(personnummer utelatt)"

_TOTAL = re.compile(r"(?:sum|totalt?|i alt|totalsum|delsum|gjennomsnitt|antall)\b[\s:]*[\d\s.,]*(?:tomter|m2|daa)?")


@dataclass(frozen=True)
class EgenRad:
    """A lot of the list: its row, its key, the fields of Tomter that it fills, the key's included."""

    nummer: int
    noekkel: str
    felt: Row
    kommunenummer: str | None


@dataclass(frozen=True)
class Merknad:
    """Something about a row; `kolonne` is the heading that it concerns, None for the whole row."""

    rad: int
    kolonne: str | None
    hva: str


@dataclass(frozen=True)
class Tolket:
    """What a list says.

    Attributes
    ----------
    rader
        The lots, each with its own key.
    avvist
        Rows that are none; why.
    merknader
        What is kept, but not as it was meant.
    """

    rader: tuple[EgenRad, ...]
    avvist: tuple[Merknad, ...]
    merknader: tuple[Merknad, ...]


class RefusedRowError(ValueError):
    """The row is no lot."""


def interpret(liste: Liste, oppslag: Kommuneoppslag, *, kommune: str | None = None) -> Tolket:
    """Return the lots of a list.

    Parameters
    ----------
    kommune
        Number, for rows that name no kommune.
    """
    columns = liste.kolonner
    headings = [plain(cell) for cell in liste.rader[columns.hode]]
    lots: list[EgenRad] = []
    refused: list[Merknad] = []
    remarks: list[Merknad] = []
    seen: Counter[str] = Counter()
    for number, cells in enumerate(liste.rader[columns.hode + 1 :], columns.hode + 2):
        if not any_said(cells):
            continue
        try:
            _refuse_other_than_lots(cells, headings, columns)
            row = _Rad(number, cells, columns, oppslag, kommune)
            row.read()
        except RefusedRowError as error:
            refused.append(Merknad(number, None, str(error)))
            continue
        base = import_key(row.felt)
        seen[base] += 1
        key = base if seen[base] == 1 else f"{base}-{seen[base]}"
        if seen[base] == 2:
            row.tell(None, "says the same kommune, gnr, bnr, fnr and name as a row above; kept as a lot of its own")
        lots.append(EgenRad(number, key, row.felt | {NOEKKEL: key}, row.kommunenummer))
        remarks += row.merknader
    return Tolket(tuple(lots), tuple(refused), tuple(remarks))


def import_key(felt: Row) -> str:
    """Return the key of a row: the same for the same land and name, however it is spelled.

    Parameters
    ----------
    felt
        By name; only kommune, gnr, bnr, fnr and navn count, so that a changed note makes no second lot.
    """
    parts = [str(felt.get(name) or "") for name in (KOMMUNE, GNR, BNR, FNR, NAVN)]
    said = "\x1f".join(" ".join(unicodedata.normalize("NFKC", part).casefold().split()) for part in parts)
    return f"liste-{hashlib.sha256(said.encode()).hexdigest()[:20]}"


def _refuse_other_than_lots(cells: Sequence[Celle], headings: Sequence[str], columns: Kolonner) -> None:
    filled = [(cell, headings[i]) for i, cell in enumerate(cells[: len(headings)]) if line(cell)]
    if len(filled) >= min(2, sum(map(bool, headings))) and all(plain(cell) == heading for cell, heading in filled):
        raise RefusedRowError("repeats the headings")
    numbered = any(
        line(cells[k.plass]) for k in columns.lest if k.felt in {GNR, BNR, MATRIKKEL} and k.plass < len(cells)
    )
    first = line(filled[0][0]).casefold() if filled else ""
    if not numbered and _TOTAL.fullmatch(first.replace("²", "2")):
        raise RefusedRowError("is a total")
    if any(isinstance(cell, str) and len(cell) > MOST_CHARACTERS for cell in cells):
        raise RefusedRowError(f"has a cell of more than {MOST_CHARACTERS} characters")


@dataclass
class _Rad:
    """One row while it is read."""

    nummer: int
    cells: Sequence[Celle]
    columns: Kolonner
    oppslag: Kommuneoppslag
    kommune: str | None
    felt: Row = field(default_factory=dict)
    notat: list[str] = field(default_factory=list)
    merknader: list[Merknad] = field(default_factory=list)
    kommunenummer: str | None = None

    def read(self) -> None:
        """Fill `felt`.

        Raises
        ------
        RefusedRowError
            When the row tells no land.
        """
        self._read_notes()
        self._read_name()
        self._read_land()
        self._read_area()
        self._one(FASE, stage, "names no single stage")
        self._one(STEG, line, "")
        for name in (FRIST, KONTAKTET, PARKERT):
            self._one(name, day, "is no date")
        self._one(BEHOLD, yes, "is neither yes nor no")
        if not self.felt.get(NAVN) and not self.felt.keys() >= {GNR, BNR}:
            raise RefusedRowError("tells no land: it has neither a name nor both gnr and bnr")
        if self.notat:
            self.felt[NOTAT] = "\n".join(self.notat)
        for name, said in self.felt.items():
            if isinstance(said, str):
                self._leave_persons_out(name, said)
        self.felt = {name: self.felt[name] for name in FIELDS if self.felt.get(name) not in (None, "", False)}

    def tell(self, column: Kolonne | None, what: str) -> None:
        """Note something about the row."""
        self.merknader.append(Merknad(self.nummer, column.overskrift if column else None, what))

    def _cell(self, column: Kolonne) -> Celle:
        return self.cells[column.plass] if column.plass < len(self.cells) else None

    def _keep(self, column: Kolonne, what: str) -> None:
        """Put what a cell says into Notat, and tell it; a number of a person is not kept."""
        said = text(self._cell(column))
        if column.felt == FNR or PERSONAL_NUMBER.search(said):
            self.tell(column, f"{what}; left out")
            return
        self.notat.append(f"{column.overskrift}: {said}")
        self.tell(column, f"{what}; kept in Notat")

    def _leave_persons_out(self, name: str, said: str) -> None:
        left, times = PERSONAL_NUMBER.subn(LEFT_OUT, said)
        self.felt[name] = shortened(left, TEXT_MAX)
        if times:
            self.tell(None, "held a number of a person; left out")

    def _one(self, name: str, understand: Callable[[Celle], Any], otherwise: str) -> None:
        for column in self.columns.of(name):
            if not line(self._cell(column)):
                continue
            value = understand(self._cell(column))
            if value is None:
                self._keep(column, otherwise)
            else:
                self.felt[name] = value

    def _read_notes(self) -> None:
        columns = list(self.columns.of(NOTAT))
        for column in columns:
            if said := text(self._cell(column)):
                self.notat.append(said if column == columns[0] else f"{column.overskrift}: {said}")

    def _read_name(self) -> None:
        self._one(NAVN, line, "")
        for column in self.columns.of(ADRESSE):
            if said := line(self._cell(column)):
                if NAVN not in self.felt:
                    self.felt[NAVN] = said
                elif said.casefold() != self.felt[NAVN].casefold():
                    self.notat.append(f"{column.overskrift}: {said}")

    def _read_area(self) -> None:
        for column in self.columns.of(AREAL):
            self._one(AREAL, partial(area, m2_each=column.m2_each), "is no area")
            if not has_unit(column) and 0 < self.felt.get(AREAL, SMALL_M2) < SMALL_M2:
                self.tell(column, f"is less than {SMALL_M2} m²; say the unit in the heading, as in Areal daa")

    # --- land ---

    def _read_land(self) -> None:
        for name, least in ((GNR, 1), (BNR, 1), (FNR, 0)):
            self._one(name, partial(whole, least=least), "is no number of a property")
        said = self._read_kommune()
        for column in self.columns.of(MATRIKKEL):
            self._read_matrikkel(column, said)
        if not self.felt.keys() & {GNR, BNR}:
            self._numbers_in_name(said)
        if said is None and KOMMUNE not in self.felt:
            if self.kommune is None:
                self.tell(None, "names no kommune, so that no match is offered; --kommune says it for all such rows")
            else:
                self._set_kommune(Kommunesvar(self.kommune, self.kommune), None)

    def _read_kommune(self) -> Kommunesvar | None:
        for column in self.columns.of(KOMMUNE):
            if found := self.oppslag.look_up(self._cell(column)):
                self._set_kommune(found, column)
                return found
        return None

    def _set_kommune(self, found: Kommunesvar, column: Kolonne | None) -> None:
        self.felt[KOMMUNE], self.kommunenummer = found.verdi, found.nummer
        if found.merknad:
            self.tell(column, found.merknad)

    def _read_matrikkel(self, column: Kolonne, said: Kommunesvar | None) -> None:
        cell = self._cell(column)
        if not line(cell):
            return
        found = matrikler(cell, self.oppslag)
        if not found:
            self._keep(column, "is no gnr/bnr (a spreadsheet makes dates of some: format the column as text)")
            return
        if len(found) > 1:
            self._keep(column, f"names {len(found)} properties, of which the first is taken")
        first = found[0]
        if {GNR: first.gnr, BNR: first.bnr} != {GNR: first.gnr, BNR: first.bnr} | {
            name: self.felt[name] for name in (GNR, BNR) if name in self.felt
        }:
            self._keep(column, "says another property than the columns of gnr and bnr")
            return
        self.felt |= {GNR: first.gnr, BNR: first.bnr} | ({FNR: first.fnr} if first.fnr and FNR not in self.felt else {})
        if said is None and first.kommune and (kommune := self.oppslag.look_up(first.kommune)):
            self._set_kommune(kommune, column)

    def _numbers_in_name(self, said: Kommunesvar | None) -> None:
        """Take the numbers of a lot that is named by them alone: ``46/1``."""
        found = matrikler(self.felt.get(NAVN), self.oppslag)
        if len(found) == 1:
            first = found[0]
            self.felt |= {GNR: first.gnr, BNR: first.bnr} | ({FNR: first.fnr} if first.fnr else {})
            if said is None and first.kommune and (kommune := self.oppslag.look_up(first.kommune)):
                self._set_kommune(kommune, None)
