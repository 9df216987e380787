"""Prioritet: the nightly run's list of kommuner, and why each is in it.

In order: those that sales has pinned (Følg alltid), those that are always in it, the best of a ranking; each once. The
sandbox has a list of its own: its sources hold the invented kommuner alone.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pandas as pd

from config.nattlig import Nattlig, always_nightly, nattlig
from config.profil import profil
from config.registers import Kommune, find_kommune
from config.settings import Settings
from config.statistikk import statistikk
from flows.salgsmerker import kept_marks
from tasks.crm.sync.connection import open_connection
from tasks.crm.sync.rangering import lacking_marks, read_sales_marks
from tasks.errors import TomtError, UnknownKommuneError
from tasks.kommunekontrakter import KOMMUNESCORER
from tasks.store import Geodata

log = logging.getLogger("tomt.nightly")

FESTET_FELT = "Følg alltid"
FESTET, ALLTID, SANDKASSE = "festet av salg", "alltid med", "sandkassens egen"


@dataclass(frozen=True)
class Oppfoering:
    """A kommune of the list, and why it is in it: ``festet av salg, rang 12``."""

    kommune: Kommune
    grunn: str


@dataclass(frozen=True)
class Prioritet:
    """The list, and what is to be said of it in Norwegian."""

    liste: tuple[Oppfoering, ...]
    merknader: tuple[str, ...] = ()


@dataclass
class _Grunner:
    """Kommunenummer → reasons, in the order that they were given first."""

    nummer: dict[str, list[str]] = field(default_factory=dict)

    def add(self, nummer: str, grunn: str) -> None:
        self.nummer.setdefault(nummer, []).append(grunn)


def priority_list(settings: Settings) -> Prioritet:
    """Return the list of these settings: sales' marks are read from the base, or where it does not answer from geodata.

    Raises
    ------
    ConfigError
        When config/nattlig.toml names an unknown profile or kommune.
    """
    regler = nattlig()
    name = profil(regler.profil).kode
    if settings.is_sandbox:
        return Prioritet(tuple(Oppfoering(k, SANDKASSE) for k in always_nightly(sandbox=True)))
    geodata = Geodata(settings.geodata)
    pinned, notes = read_pinned(geodata, settings)
    ranking, more = _usable_ranking(geodata, name, dager=regler.dager, i_dag=_today())
    return assemble(pinned, ranking, regler, merknader=(*notes, *more))


def assemble(
    pinned: Collection[str], ranking: pd.DataFrame | None, regler: Nattlig, *, merknader: Collection[str] = ()
) -> Prioritet:
    """Put the list together. Pure.

    Parameters
    ----------
    pinned
        Kommunenumre that sales has pinned.
    ranking
        Contract kommunescorer; None for none.

    Raises
    ------
    UnknownKommuneError
        When config/nattlig.toml names a number that is not in use; one that sales has pinned, or that was ranked, is
        passed over and told.
    """
    reasons = _Grunner()
    notes = list(merknader)
    for nummer in sorted(pinned):
        if _is_in_use(nummer):
            reasons.add(nummer, FESTET)
        else:
            notes.append(f"Kommune {nummer[:10]} er festet av salg, men er ikke i bruk: den er hoppet over.")
    for kommune in always_nightly(sandbox=False):
        reasons.add(kommune.nummer, ALLTID)
    for nummer, rang in _best(ranking, regler.antall):
        if _is_in_use(nummer):
            reasons.add(nummer, f"rang {rang}")
        else:
            notes.append(f"Kommune {nummer[:10]} har rang {rang}, men er ikke lenger i bruk: den er hoppet over.")
    return Prioritet(
        tuple(Oppfoering(find_kommune(n, sandbox=False), ", ".join(why)) for n, why in reasons.nummer.items()),
        tuple(notes),
    )


def _is_in_use(nummer: str) -> bool:
    try:
        return find_kommune(nummer, sandbox=False).nummer == nummer
    except UnknownKommuneError:
        return False


def _best(ranking: pd.DataFrame | None, antall: int) -> Iterator[tuple[str, int]]:
    if ranking is None:
        return
    best = ranking[~ranking["er_oppdiktet_kommune"]].nsmallest(antall, "rang")
    yield from zip(best["kommunenummer"], best["rang"], strict=True)


def _today() -> date:
    return datetime.now(ZoneInfo(statistikk().ssb.tidssone)).date()


def _usable_ranking(
    geodata: Geodata, navn: str, *, dager: int, i_dag: date
) -> tuple[pd.DataFrame | None, tuple[str, ...]]:
    """Return the last ranking by a profile, unless there is none or it rests on invented figures; an old one is told.

    Parameters
    ----------
    dager
        Days after which it is old.
    """
    try:
        ranking = geodata.read(navn, layer="out", contract=KOMMUNESCORER)
    except TomtError as error:
        log.error("The ranking by %s cannot be read: %s", navn, error)
        return None, (f"Rangeringen «{navn}» kan ikke leses: bare festede og faste kommuner er med.",)
    if ranking is None:
        log.warning("No ranking by %s yet: run `tomt rank`.", navn)
        return None, (f"Ingen rangering «{navn}» ennå: bare festede og faste kommuner er med.",)
    if ranking["har_oppdiktede_tall"].any():
        log.warning("The ranking by %s rests on invented figures and is not used: run `tomt rank`.", navn)
        return None, (f"Rangeringen «{navn}» bygger på oppdiktede tall og er ikke brukt.",)
    return ranking, _age(ranking, navn, dager=dager, i_dag=i_dag)


def _age(ranking: pd.DataFrame, navn: str, *, dager: int, i_dag: date) -> tuple[str, ...]:
    """Return the note that a ranking is old; one without rows or with a date that is none counts as old."""
    said = ranking["rangert_dato"].max() if len(ranking) else None
    try:
        made = date.fromisoformat(str(said))
    except ValueError:
        made = date.min
    if (i_dag - made).days <= dager:
        return ()
    since = "uten dato" if made == date.min else f"fra {made:%d.%m.%Y}"
    log.warning("The ranking by %s is of %s, more than %d days old: run `tomt rank`.", navn, said, dager)
    return (f"Rangeringen «{navn}» er {since}, mer enn {dager} dager gammel: se om rank-kommuner går som den skal.",)


def read_pinned(geodata: Geodata, settings: Settings) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the kommuner that sales has pinned, and what is to be said of how they were read."""
    try:
        connection = open_connection(geodata, settings, dry_run=True)
        try:
            marks = read_sales_marks(geodata, connection)
            lacks = FESTET_FELT in lacking_marks(connection)
        finally:
            connection.close()
    except TomtError as error:
        log.warning("What sales has pinned cannot be read from the base: %s", error)
        last, said = kept_marks(geodata, settings)
        told = "Basen kunne ikke leses" + ("" if last is None else ": festede kommuner er fra sist")
        return _pinned(last), (f"{told}.", *said)
    if lacks:
        told = f"Basen mangler feltet {FESTET_FELT}: festede kommuner er fra sist. Kjør `tomt base setup`."
        return _pinned(marks), (told,)
    return _pinned(marks), ()


def _pinned(marks: pd.DataFrame | None) -> frozenset[str]:
    return frozenset() if marks is None else frozenset(marks.loc[marks["er_fulgt"], "kommunenummer"])
