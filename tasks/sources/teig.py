"""Teiger (contract `TEIGER`): GML of Matrikkelen-Eiendomskart-Teig → one row per teig, key teig_id, EPSG:25833.

Attributes are read with lxml, because GDAL guesses types and loses leading zeros and repeated matrikkelenheter;
geometry as in `tasks.sources.geometri`. Nothing beside the contract's columns is taken: a
bruksnavn may be a person's name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TypedDict

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from lxml import etree

from tasks.account import Account
from tasks.crs import STORAGE_CRS
from tasks.sources import geometri
from tasks.sources.koder import blank_is_none, kommunenummer_of
from tasks.sources.medlemmer import local_name
from tasks.sources.numre import Numre

NAMESPACE = "http://skjema.geonorge.no/SOSI/produktspesifikasjon/Matrikkelen-Eiendomskart-Teig/20211101"
UNIT = re.compile(r"[0-9]{4}-[0-9]{1,6}(/[0-9]{1,6}){3}")
"""A matrikkelenhet as kommune, gnr, bnr, fnr, snr: ``3207-46/1/0/0``."""
UNIT_PARTS = frozenset({"kommunenummer", "gardsnummer", "bruksnummer", "festenummer", "seksjonsnummer"})
OBJEKTTYPE = "Teig"


class Row(TypedDict):
    """The attributes of one teig."""

    teig_id: str | None
    kommunenummer: str | None
    matrikkelenheter: list[str]
    matrikkelnummer_tekst: str | None
    registrert_areal_m2: float
    har_tvist: bool


def parts(path: Path, *, where: str) -> Iterator[gpd.GeoDataFrame]:
    """Yield every teig of a GML file in pieces, unfiltered, with 2D geometry (None where there is none).

    Parameters
    ----------
    path
        A FeatureCollection of Teig, in any CRS of Norway.
    where
        Address, for messages.

    Raises
    ------
    SourceError
        When the GML cannot be read in full, or has features and no teig.
    """
    for piece in geometri.pieces(path, _row, where=where):
        data = {c: [row[c] for row in piece.rows] for c in Row.__annotations__}  # type: ignore[literal-required]
        shapes = gpd.GeoSeries(geometri.shapes(piece.geometries, where=where), crs=STORAGE_CRS)
        yield gpd.GeoDataFrame(data, geometry=shapes, crs=STORAGE_CRS)


def nothing() -> gpd.GeoDataFrame:
    """Return a raw frame without teiger."""
    return gpd.GeoDataFrame({c: [] for c in Row.__annotations__}, geometry=[], crs=STORAGE_CRS)


def teiger(raw: gpd.GeoDataFrame, numre: Numre) -> tuple[gpd.GeoDataFrame, Account]:
    """Return the teiger of one kommune after contract `TEIGER`, and the account.

    Exact duplicates collapse; of different teiger with one id the largest is kept. A matrikkelenhet whose numbers are
    none is left out of its teig. All are counted. A teig under an earlier number of the kommune gets today's; its
    matrikkelenheter keep theirs, since their gårdsnummer may have changed too.
    """
    account = Account("teiger", len(raw))
    # a list comes back from parquet as an array
    units = [list(units) for units in raw["matrikkelenheter"]]
    readable = [[u for u in of_teig if UNIT.fullmatch(u)] for of_teig in units]
    odd = [len(every) - len(good) for every, good in zip(units, readable, strict=True)]
    account.note("matrikkelenhet uten lesbart nummer", sum(odd), raw.loc[np.array(odd, dtype=int) > 0, "teig_id"])
    kept = raw.drop(columns="objekttypenavn", errors="ignore").assign(matrikkelenheter=readable)

    def keep(mask: npt.NDArray[np.bool_], reason: str) -> None:
        nonlocal kept
        account.drop(reason, kept.loc[~mask, "teig_id"])
        kept = kept[mask]

    keep(kept["teig_id"].notna().to_numpy(), "uten teigId")
    keep(numre.here(list(kept["kommunenummer"]), list(kept.geometry)), "annen kommune")
    earlier = kept["kommunenummer"] != numre.kommunenummer
    account.note("tidligere kommunenummer", int(earlier.sum()), kept.loc[earlier, "teig_id"])
    kept = kept.assign(kommunenummer=pd.Series(numre.kommunenummer, index=kept.index, dtype=object))
    keep(~(kept.geometry.isna() | kept.geometry.is_empty).to_numpy(), "uten geometri")
    keep(kept.geom_type.isin(["Polygon", "MultiPolygon"]).to_numpy(), "ikke flate")
    digest = np.array([_digest(row) for row in kept.itertuples(index=False)], dtype=object)
    largest_first = np.lexsort((digest, -kept.geometry.area.to_numpy())) if len(kept) else np.array([], dtype=int)
    kept, digest = kept.iloc[largest_first], digest[largest_first]
    again = kept.assign(_digest=digest).duplicated(["teig_id", "_digest"]).to_numpy()
    keep(~again, "nøyaktig dobbel")
    keep(~kept["teig_id"].duplicated().to_numpy(), "samme teigId, ulikt innhold")
    kept = kept.sort_values("teig_id", kind="stable").reset_index(drop=True)
    account.close(len(kept))
    return kept, account


def _row(teig: etree._Element) -> Row | None:
    if local_name(teig) != OBJEKTTYPE:
        return None
    row = Row(
        teig_id=None,
        kommunenummer=None,
        matrikkelenheter=[],
        matrikkelnummer_tekst=None,
        registrert_areal_m2=float("nan"),
        har_tvist=False,
    )
    units: list[etree._Element] = []
    for child in teig.iterchildren(tag=etree.Element):
        name = local_name(child)
        if name == "identTeig":
            row["teig_id"] = _text(next(child.iter("{*}teigId"), None))
        elif name == "kommunenummer":
            row["kommunenummer"] = _kommunenummer(child.text)
        elif name == "matrikkelenhet":
            units += child.iterchildren(tag=etree.Element)
        elif name == "matrikkelnummerTekst":
            row["matrikkelnummer_tekst"] = _text(child)
        elif name == "tvist":
            row["har_tvist"] = (child.text or "").strip().lower() in {"true", "1"}
        elif name == "teigareal":
            row["registrert_areal_m2"] = _number(_text(next(child.iter("{*}lagretBeregnetAreal"), None)))
    row["matrikkelenheter"] = list(dict.fromkeys(u for e in units if (u := _unit(e, row["kommunenummer"]))))
    return row


def _unit(element: etree._Element, kommunenummer: str | None) -> str | None:
    """Return ``3207-46/1/0/0``: kommune, gnr, bnr, fnr, snr, as they stand; None without gnr or bnr."""
    parts: dict[str, str] = {}
    for e in element.iterchildren(tag=etree.Element):
        name = local_name(e)
        if name in UNIT_PARTS:
            parts[name] = (e.text or "").strip()
    kommune = _kommunenummer(parts.get("kommunenummer")) or kommunenummer
    gnr, bnr = parts.get("gardsnummer"), parts.get("bruksnummer")
    if not (kommune and gnr and bnr):
        return None
    return f"{kommune}-{gnr}/{bnr}/{parts.get('festenummer') or 0}/{parts.get('seksjonsnummer') or 0}"


# Few in one file, and in every row.
_kommunenummer = lru_cache(maxsize=1024)(kommunenummer_of)


def _text(element: etree._Element | None) -> str | None:
    text = None if element is None else element.text
    # most are plain numbers, which need no cleaning
    return text if text is not None and text.isascii() and text.isalnum() else blank_is_none(text)


def _number(text: str | None) -> float:
    try:
        value = float(text or "nan")
    except ValueError:
        return float("nan")
    return value if np.isfinite(value) else float("nan")


def _digest(row: tuple[object, ...]) -> bytes:
    """Return a hash of all columns of a row; the geometry is the last."""
    *attributes, shape = row
    return hashlib.sha256(repr(attributes).encode() + shapely.to_wkb(shape)).digest()
