"""Inhabitants of every grunnkrets from SSB's table of them (PxWebApi v2): one row a grunnkrets, without geometry.

Asked in the same line, at the same pace and with the same memory on disk as the figures of the kommuner. Asked for are
the grunnkretser of the kommune and those of its neighbours that its own layer of grunnkretser reaches, where it lies
here already. "." is SSB's mark for a grunnkrets of another year: it is no more, and no row.
"""

from __future__ import annotations

import logging
import math

import geopandas as gpd
import pandas as pd

from config.kilder import kilder, kilder_for
from config.registers import Kommune
from config.settings import is_loopback
from config.statistikk import statistikk
from tasks.crs import STORAGE_CRS
from tasks.errors import BusyError, SourceError, StoreError
from tasks.sources.asked import Asked, Take
from tasks.sources.koder import blank_is_none, fold
from tasks.sources.landsfil import root_of
from tasks.sources.presentert import contact_of
from tasks.sources.statistikk.feil import CONFIG, StatistikkError, UnknownVariableError
from tasks.sources.statistikk.jsonstat import STATUS, VERDI
from tasks.sources.statistikk.metadata import Metadata, Variabel, fits
from tasks.sources.statistikk.pxweb import PxWeb, Valgt
from tasks.sources.unntak import shorten
from tasks.store import Geodata, read_parquet

log = logging.getLogger("tomt.sources")

DIGITS = 8
INHABITANTS = "bosatt|personer|befolkning|folkemengde|innbygger"
"""What the label of the figure holds, where a table has several."""
GONE = "."
NUMMER = ("grunnkretsnummer", "grunnkretsnr", "grunnkrets")


def read(asked: Asked, take: Take) -> int | None:
    """Hand over the inhabitants of the kommune's grunnkretser in the newest year; see `asked.Protocol`.

    Parameters
    ----------
    asked
        `kilde.datasett` is the number of the table, `kilde.lag` names its variable of grunnkretser.

    Returns
    -------
    int
        How many grunnkretser the table has figures of.

    Raises
    ------
    SourceError
        When SSB is not to be asked now, does not answer, or the table is another.
    """
    objekttype, variabel = next(iter(asked.kilde.lag.items()))
    table = asked.kilde.datasett or ""
    asked.client.in_time(asked.adresse)
    try:
        with _pxweb(asked) as px:
            metadata = px.metadata(table)
            known = metadata.krev_variabel(variabel)
            wanted = _wanted(asked, known)
            if not wanted:
                return 0
            year = max(metadata.krev_variabel(metadata.tid).koder)
            chosen = (
                Valgt(variabel, wanted),
                Valgt(metadata.innhold, (_figure(metadata),)),
                Valgt(metadata.tid, (year,)),
            )
            cells = px.hent(table, chosen)
    except BusyError as error:
        raise SourceError(f"{asked.kilde.navn}: {error}") from None
    except StatistikkError as error:
        raise SourceError(str(error).replace(CONFIG, "config/kontekst.toml")) from None
    piece = _rows(cells, known, year=year, objekttype=objekttype)
    take(piece)
    return len(piece)


def _pxweb(asked: Asked) -> PxWeb:
    raw = root_of(asked) / "raw" / ("sandkasse" if is_loopback(asked.adresse) else "") / "ssb"
    return PxWeb(statistikk().ssb, adresse=asked.adresse, mappe=raw, contact=contact_of(asked.client))


def _wanted(asked: Asked, known: Variabel) -> tuple[str, ...]:
    """Return the codes of the kommune, and those of the grunnkretser that its layer of them reaches."""
    near = _near(Geodata(root_of(asked)), asked.kommune)
    own = asked.kommune.nummer
    return tuple(c for c in known.koder if len(c) == DIGITS and c.isdecimal() and (c.startswith(own) or c in near))


def reach(geodata: Geodata, kommune: Kommune) -> str:
    """Return the grunnkretser that are asked for beside the kommune's own, as one text: part of the question."""
    return " ".join(sorted(n for n in _near(geodata, kommune) if not n.startswith(kommune.nummer)))


def _near(geodata: Geodata, kommune: Kommune) -> frozenset[str]:
    """Return the numbers in the newest snapshot of the kommune's grunnkretser; none where there is none."""
    for kilde in kilder_for("grunnkrets", kommune, among=kilder().values()):
        path = geodata.latest(kilde.navn, kommune.nummer)
        if path is None:
            continue
        try:
            frame = read_parquet(path)
        except StoreError as error:
            log.warning("%s Grunnkretser of the neighbours are not asked for.", error)
            return frozenset()
        columns = [c for c in frame.columns if fold(str(c).rpartition(".")[2]) in NUMMER]
        return frozenset(str(v).zfill(DIGITS) for c in columns for v in frame[c].dropna())
    return frozenset()


def _figure(metadata: Metadata) -> str:
    """Return the code of the number of inhabitants."""
    codes = metadata.krev_variabel(metadata.innhold).koder
    fitting = [c for c, label in codes.items() if fits(INHABITANTS, label)]
    if len(codes) == 1 or len(fitting) == 1:
        return (fitting or list(codes))[0]
    raise UnknownVariableError(
        f"SSB {metadata.tabell}: {len(fitting)} of {len(codes)} figures are inhabitants by their labels "
        f"({shorten(', '.join(codes.values()))}); one is wanted. Correct datasett in {CONFIG}.",
        metadata.tabell,
        metadata.innhold,
    )


def _rows(cells: pd.DataFrame, known: Variabel, *, year: str, objekttype: str) -> gpd.GeoDataFrame:
    there = cells[(cells[STATUS] != GONE) | cells[VERDI].notna()]
    codes = [str(c) for c in there[known.kode]]
    data = {
        "objekttypenavn": [objekttype] * len(there),
        "grunnkretsnummer": codes,
        "navn": [blank_is_none(known.koder.get(c)) for c in codes],
        "folketall": [None if math.isnan(v) else str(int(v)) for v in there[VERDI]],
        "aar": [year] * len(there),
    }
    shapes = gpd.GeoSeries([None] * len(there), crs=STORAGE_CRS)
    return gpd.GeoDataFrame({c: pd.Series(v, dtype=object) for c, v in data.items()}, geometry=shapes, crs=STORAGE_CRS)
