"""A source of one file for the whole country: fetched once for all kommuner, and cut to each of them; EPSG:25833.

The whole lies as a snapshot under raw/<source>/0000/ and holds for `gyldig_dager` of the source. Whoever needs it
first fetches it, and every other process of the same geodata waits for that.
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

from config.kilder import Kilde
from config.registers import regler
from tasks.answer import Provenance
from tasks.crs import STORAGE_EPSG
from tasks.errors import BusyError, SourceError, StoreError
from tasks.sources.address import plain_address
from tasks.sources.asked import Asked, Take
from tasks.sources.spool import Spool
from tasks.store import Geodata, read_parquet

log = logging.getLogger("tomt.sources")

LANDET = "0000"
"""Stands for the whole country where a kommunenummer does; Geonorge calls it so too."""
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
        path = _fresh(asked.kilde, geodata)
        if path is None:
            path = _fetched(asked, geodata, hent)
    frame = gpd.GeoDataFrame(read_parquet(path))
    near = frame[shapely.intersects(frame.geometry.to_numpy(), shapely.box(*asked.boks))].reset_index(drop=True)
    take(near)
    return len(near)


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


def _fresh(kilde: Kilde, geodata: Geodata) -> Path | None:
    """Return the newest snapshot of the country while it holds."""
    while (path := geodata.latest(kilde.navn, LANDET)) is not None:
        try:
            age = datetime.now(UTC) - geodata.seen(kilde.navn, LANDET).tid
        except StoreError as error:
            log.warning("%s It is set aside.", error)
            geodata.set_aside(path)
            continue
        return path if age < timedelta(days=kilde.gyldig_dager) else None
    return None


def _fetched(asked: Asked, geodata: Geodata, hent: Callable[[Asked, Take], None]) -> Path:
    kilde, rules = asked.kilde, regler().hent
    spool = Spool(Path(tempfile.mkdtemp(dir=asked.mappe)))
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
    path = geodata.keep(spool, LANDET, provenance)
    geodata.prune(kilde.navn, LANDET, antall=rules.behold_antall, dager=rules.behold_dager)
    log.info("%s: %d rows of the whole country", kilde.navn, spool.antall)
    return path
