"""A source of one file for the whole country: fetched once for all kommuner, and cut to each of them; EPSG:25833.

The whole lies as a snapshot under raw/<source>/0000/ and holds for `gyldig_dager` of the source. Whoever needs it
first fetches it, and every other process of the same geodata waits for that. What is cut from it is as old as it is;
while the host is down, or brings much less, the file that is there serves, and says so.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import geopandas as gpd
import shapely

from config.registers import regler
from config.settings import is_loopback
from tasks.answer import Provenance, Rows
from tasks.crs import STORAGE_EPSG
from tasks.errors import BusyError, SourceError
from tasks.sources import kontekstfelt, sist
from tasks.sources.address import plain_address
from tasks.sources.asked import Asked, Take
from tasks.sources.gyldig import Husk
from tasks.sources.reserve import days_in_reserve
from tasks.sources.sist import Last
from tasks.sources.spool import Spool
from tasks.store import Geodata, read_parquet

log = logging.getLogger("tomt.sources")

LANDET = "0000"
"""Stands for the whole country where a kommunenummer does; Geonorge calls it so too."""
SANDBOX = "0000-sandkasse"
NIGHT = timedelta(hours=12)
"""Younger than this the file is never ordered again."""
ASK_AGAIN_S = 1.0


def read(asked: Asked, take: Take, hent: Callable[[Asked, Take], None]) -> int:
    """Hand over what touches the kommune's box, `rundt_m` of the source included.

    Parameters
    ----------
    hent
        Hands over every row of the country.

    Returns
    -------
    int
        How many rows there are.

    Raises
    ------
    SourceError
        When the kommune's boundary is not known, or the file is not to be had.
    """
    if asked.boks is None:
        raise SourceError(f"{asked.kilde.navn}: the boundary of {asked.kommune.label} is not known. Run again.")
    geodata = Geodata(root_of(asked))
    with _alone(asked, geodata):
        path, tid, why = _landet(asked, geodata, hent)
    asked.eldre(tid, why)
    frame = gpd.GeoDataFrame(read_parquet(path))
    near = frame[shapely.intersects(frame.geometry.to_numpy(), shapely.box(*asked.boks))].reset_index(drop=True)
    take(near)
    return len(near)


def folder_of(adresse: str) -> str:
    """Return the folder of the country under raw/<source>/: what the sandbox invents lies in one of its own."""
    return SANDBOX if is_loopback(adresse) else LANDET


def root_of(asked: Asked) -> Path:
    """Return the folder geodata/, in which the inbox of every kommune lies."""
    return asked.innboks.parents[1]


@contextmanager
def _alone(asked: Asked, geodata: Geodata) -> Iterator[None]:
    """Hold the file of a source, waiting for whoever holds it as long as the source has time."""
    with ExitStack() as held:
        while True:
            try:
                held.enter_context(geodata.lock(asked.kilde.navn))
                break
            except BusyError:
                asked.client.in_time(asked.adresse)
                asked.client.pause(min(ASK_AGAIN_S, asked.limits.pause_foerst))
        yield


def _landet(asked: Asked, geodata: Geodata, hent: Callable[[Asked, Take], None]) -> tuple[Path, datetime, str | None]:
    """Return the file of the country, when the source said so, and why a file that is too old serves.

    Raises
    ------
    SourceError
        When there is none that may serve.
    """
    kilde, folder, now = asked.kilde, folder_of(asked.adresse), datetime.now(UTC)
    husk = Husk(kilde=kilde, geodata=geodata, kommunenummer=folder, omraade=None, now=now)
    last = husk.of_this(sist.last_of(kilde, geodata, folder))
    age = None if last is None else now - geodata.seen(kilde.navn, folder).tid
    why = None
    if last is None or age is None or age >= _holds(asked):
        try:
            last = _fetched(asked, geodata, hent, last)
            husk.remember(Rows(kilde.navn, last.path, last.provenance))
        except SourceError as error:
            if last is None or age is None or age > timedelta(days=days_in_reserve(kilde, regler().hent)):
                raise
            why = str(error) if age >= timedelta(days=kilde.gyldig_dager) else None
            log.warning("%s The file of %s serves.", error, last.provenance.hentet_tid)
    return last.path, geodata.seen(kilde.navn, folder).tid, why


def _holds(asked: Asked) -> timedelta:
    """Return how old the file may be: where one wants it anew, too, one order does for all kommuner of a night."""
    holds = timedelta(days=asked.kilde.gyldig_dager)
    return min(holds, NIGHT) if asked.paa_nytt else holds


def _fetched(asked: Asked, geodata: Geodata, hent: Callable[[Asked, Take], None], last: Last | None) -> Last:
    """Return the file as it is now; much less than before is kept apart, for a person to look at.

    Raises
    ------
    SourceError
        When it is not to be had, or is much less than before.
    """
    kilde, rules, folder = asked.kilde, regler().hent, folder_of(asked.adresse)
    if (held := geodata.held(kilde.navn, folder)) is not None:
        age = datetime.now(UTC) - datetime.fromisoformat(geodata.provenance(held).hentet_tid)
        if age < NIGHT:
            raise _less(asked, geodata, held, "as asked for not long ago")
    spool = Spool(Path(tempfile.mkdtemp(dir=asked.mappe)), kolonner=kontekstfelt.tillatt(asked.kilde))
    hent(asked, spool.take)
    if not spool.antall:
        raise SourceError(f"{plain_address(asked.adresse)}: nothing in the file of the country. Try again later.")
    provenance = Provenance(
        kilde=kilde.navn,
        adresse=plain_address(asked.adresse),
        hentet_tid=datetime.now(UTC).isoformat(),
        antall_ventet=None,
        antall_mottatt=spool.antall,
        sha256=spool.sha256(),
        crs=f"EPSG:{STORAGE_EPSG}",
        lisens=kilde.lisens,
        areal_m2=spool.areal_m2,
        kopidato=spool.kopidato,
    )
    if last is not None and (less := sist.fall(last.provenance, provenance, rules.storste_fall)):
        raise _less(asked, geodata, geodata.hold(spool, folder, provenance), less)
    path = geodata.keep(spool, folder, provenance)
    geodata.prune(kilde.navn, folder, antall=rules.behold_antall, dager=rules.behold_dager)
    log.info("%s: %d rows of the whole country", kilde.navn, spool.antall)
    return Last(path, provenance)


def _less(asked: Asked, geodata: Geodata, held: Path | None, less: str) -> SourceError:
    where = plain_address(asked.adresse)
    if held is None:
        return SourceError(f"{where}: a file of the country that a person has rejected ({less}).")
    return SourceError(
        f"{where}: the file of the country has much less than the one before ({less}), and is held back. If it is "
        f"right, move {held.relative_to(geodata.root)} one folder up."
    )
