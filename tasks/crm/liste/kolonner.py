"""Columns of a list that people keep: which field of Tomter each of them stands for, by its heading.

Columns of owners and contacts are never read, only named: who owns a lot comes from the look-up in the register.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tasks.crm.liste.celler import UNITS_M2, Celle, any_said, line

MOST_ROWS_ABOVE = 20
"""Rows in which the headings are looked for: a list may have a title above them."""
MOST_HEADING = 60

NAVN, ADRESSE, MATRIKKEL, NOTAT = "Navn", "Adresse", "Matrikkel", "Notat"
KOMMUNE, GNR, BNR, FNR, AREAL = "Kommune (egen)", "Gnr (egen)", "Bnr (egen)", "Fnr (egen)", "Areal (egen) m²"
FASE, STEG, FRIST, KONTAKTET = "Fase", "Neste steg", "Neste steg dato", "Sist kontaktet"
PARKERT, BEHOLD = "Parkert til", "Behold"

FIELDS = (NAVN, KOMMUNE, GNR, BNR, FNR, AREAL, NOTAT, FASE, STEG, FRIST, KONTAKTET, PARKERT, BEHOLD)
"""Fields of Tomter that a list can fill. Two columns fill several: Matrikkel the numbers, Adresse Navn or Notat."""

HEADINGS: dict[str, tuple[str, ...]] = {
    KOMMUNE: (
        "kommunenummer",
        "kommunenr",
        "kommune nr",
        "kommune nummer",
        "komm nr",
        "kommnr",
        "knr",
        "kommune",
        "kommune egen",
        "kommunenavn",
    ),
    GNR: ("gnr", "g nr", "gårdsnr", "gårdsnummer", "gardsnr", "gardsnummer", "gårds nr", "gnr egen"),
    BNR: ("bnr", "b nr", "bruksnr", "bruksnummer", "bruks nr", "bnr egen"),
    FNR: ("fnr", "f nr", "festenr", "festenummer", "feste nr", "fnr egen"),
    MATRIKKEL: (
        "gnr/bnr",
        "gnrbnr",
        "gnr bnr",
        "gnr og bnr",
        "gbnr",
        "g/bnr",
        "gbr",
        "gnr/bnr/fnr",
        "gnr/bnr/fnr/snr",
        "gårds og bruksnummer",
        "gårdsnr/bruksnr",
        "matrikkel",
        "matrikkelnr",
        "matrikkelnummer",
        "matr nr",
        "matrnr",
    ),
    ADRESSE: ("adresse", "gateadresse", "veiadresse", "vegadresse", "beliggenhet"),
    NOTAT: ("notat", "notater", "kommentar", "kommentarer", "merknad", "merknader", "beskrivelse", "info"),
    FASE: ("fase", "status", "stage", "salgsfase", "steg"),
    STEG: ("neste steg", "neste skritt", "oppfølging", "next step", "todo", "gjøremål"),
    FRIST: ("neste steg dato", "dato neste steg", "frist", "oppfølgingsdato", "følges opp", "dato oppfølging"),
    KONTAKTET: ("sist kontaktet", "kontaktet dato", "kontaktdato", "siste kontakt", "sist kontakt", "kontaktet"),
    PARKERT: ("parkert til", "parkert til dato", "på vent til"),
    BEHOLD: ("behold", "pinnet", "pinned"),
}
"""Field → its usual headings, as `plain` gives them; in KOMMUNE those of the number first."""

LOT_NAMES = ("tomt", "tomtenavn", "navn på tomt", "tomt navn", "eiendom", "eiendomsnavn", "stedsnavn", "prosjektnavn")
BARE_NAME = "navn"
"""May be a person's: read only where nothing speaks for that."""

_AREA = re.compile(
    r"(?:(?:(?:netto|brutto|total|samlet )?(?:tomte)?areal(?:et)?|(?:tomte)?størrelse)(?: egen)?(?: i)?(?: ca)?"
    rf"(?: (?P<enhet>{'|'.join(UNITS_M2)}))?|(?P<bare>m2|kvm|daa|dekar))"
)
_PERSONAL = re.compile(
    r"eier|hjemmel|telefon|\btlf\b|mobil|\be ?post\b|mail|fødsel|født|person|kontaktinfo|kontaktnavn|"
    r"\bkontakt(?:er|ene)?$|orgnr|organisasjon|selger|fester(?:\b|s)|kontonummer|bankkonto|\barving"
)
_BY_HEADING = {name: felt for felt, names in HEADINGS.items() for name in names}

PERSONAL = "may hold owners or contacts, which are not read from lists: they come from the look-up"
UNKNOWN = "the heading is not known"


@dataclass(frozen=True)
class Kolonne:
    """A column that is read.

    Attributes
    ----------
    plass
        Counted from 0.
    felt
        One of `FIELDS`, MATRIKKEL or ADRESSE.
    m2_each
        Of an area: square metres of its unit.
    """

    plass: int
    overskrift: str
    felt: str
    m2_each: int = 1


@dataclass(frozen=True)
class Kolonner:
    """The headings of a list, understood.

    Attributes
    ----------
    hode
        Place of the row of headings, from 0.
    lest
        What is read, from left to right.
    ikke_lest
        Heading and why it is not read.
    """

    hode: int
    lest: tuple[Kolonne, ...]
    ikke_lest: tuple[tuple[str, str], ...]

    def of(self, felt: str) -> Iterator[Kolonne]:
        """Yield the columns of a field, of the kommune that of its number first."""
        yield from sorted((k for k in self.lest if k.felt == felt), key=_precedence)


def plain(heading: Celle) -> str:
    """Return a heading as it is compared: ``Gnr. / Bnr.`` is ``gnr/bnr``, ``Areal (m²)`` is ``areal m2``."""
    said = unicodedata.normalize("NFC", line(heading)).casefold().replace("²", "2")
    words = " ".join(re.sub(r"[^\w/]|_", " ", said).split())
    return re.sub(r" ?/ ?", "/", words)


def recognised(heading: Celle) -> str | None:
    """Return the field that a heading stands for, or None."""
    if not isinstance(heading, str):
        return None
    said = plain(heading)
    if said in LOT_NAMES or said == BARE_NAME:
        return NAVN
    return _BY_HEADING.get(said) or (AREAL if _AREA.fullmatch(said) else None)


def _is_personal(said: str) -> bool:
    return said not in _BY_HEADING and bool(_PERSONAL.search(said))


def find_columns(rows: Sequence[Sequence[Celle]]) -> Kolonner | None:
    """Return the columns of a list; None when none of its first rows holds headings that tell which land a row is.

    Parameters
    ----------
    rows
        The cells of the file, headings included.
    """
    best, most = None, 0
    for place, row in enumerate(rows[:MOST_ROWS_ABOVE]):
        felt = {recognised(cell) for cell in row} - {None}
        if len(felt) > most and (felt & {NAVN, ADRESSE, MATRIKKEL} or felt >= {GNR, BNR}):
            best, most = place, len(felt)
    return None if best is None else _columns(rows, best)


def _columns(rows: Sequence[Sequence[Celle]], hode: int) -> Kolonner:
    headings = rows[hode]
    width = max(len(row) for row in rows[hode:])
    doubtful = _doubtful_names(headings)
    read: list[Kolonne] = []
    unread: list[tuple[str, str]] = []
    for place in range(width):
        heading = headings[place] if place < len(headings) else None
        named, felt = line(heading)[:MOST_HEADING], recognised(heading)
        if not named:
            if any_said(row[place] for row in rows[hode + 1 :] if place < len(row)):
                unread.append((f"column {letters(place)}", "it has no heading"))
        elif felt is None:
            unread.append((named, PERSONAL if _is_personal(plain(heading)) else UNKNOWN))
        elif felt == NAVN and plain(heading) == BARE_NAME and doubtful:
            unread.append((named, f"may be a person's name, {doubtful}; call the column Tomt to have it read"))
        else:
            read.append(Kolonne(place, named, felt, m2_each=_unit(heading)))
    return _without_doubles(Kolonner(hode, tuple(read), tuple(unread)))


def _doubtful_names(headings: Sequence[Celle]) -> str | None:
    """Return what speaks for a column Navn being a person's, or None."""
    said = [plain(h) for h in headings]
    if any(name in LOT_NAMES for name in said):
        return "as the lot's own name stands in another column"
    return "as owners or contacts stand beside it" if any(_is_personal(name) for name in said) else None


def _without_doubles(columns: Kolonner) -> Kolonner:
    """Leave one column a field, but for the notes, which are joined, and the kommune, whose number goes first."""
    taken: Mapping[str, Kolonne] = {}
    kept: list[Kolonne] = []
    unread = list(columns.ikke_lest)
    for column in sorted(columns.lest, key=_precedence):
        first = taken.get(column.felt)
        if first is None or column.felt in {NOTAT, KOMMUNE}:
            taken = {column.felt: column, **taken}
            kept.append(column)
        else:
            unread.append((column.overskrift, f"“{first.overskrift}” says the same and is read"))
    return Kolonner(columns.hode, tuple(sorted(kept, key=lambda k: k.plass)), tuple(unread))


def _precedence(column: Kolonne) -> int:
    """Return the place of a heading among those of its field; of areas, m² goes first."""
    if column.felt == AREAL:
        return column.m2_each
    names = HEADINGS.get(column.felt, ())
    said = plain(column.overskrift)
    return names.index(said) if column.felt == KOMMUNE and said in names else 0


def _unit(heading: Celle) -> int:
    found = _AREA.fullmatch(plain(heading))
    return UNITS_M2.get((found["enhet"] or found["bare"] or "m2") if found else "m2", 1)


def has_unit(column: Kolonne) -> bool:
    """Return whether the heading of an area says its unit."""
    found = _AREA.fullmatch(plain(column.overskrift))
    return bool(found and (found["enhet"] or found["bare"]))


def letters(place: int) -> str:
    """Return the letters of a column as a spreadsheet shows them: 0 is A, 26 is AA."""
    said = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        said = chr(ord("A") + rest) + said
    return said
