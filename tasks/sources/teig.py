"""Teiger (contract `TEIGER`): GML of Matrikkelen-Eiendomskart-Teig → one row per teig, key teig_id, EPSG:25833.

Attributes are read with lxml, because GDAL guesses types and loses leading zeros and repeated matrikkelenheter;
geometry is read with pyogrio, which knows arcs and surfaces. Nothing beside the contract's columns is taken: a
bruksnavn may be a person's name.
"""

from __future__ import annotations

import hashlib
import re
from typing import TypedDict

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyogrio
import shapely
from lxml import etree

from tasks.account import Account
from tasks.contracts import STORAGE_EPSG
from tasks.errors import SourceError
from tasks.sources import wfs
from tasks.sources.koder import blank_is_none, kommunenummer_of
from tasks.sources.wfs import local_name

NAMESPACE = "http://skjema.geonorge.no/SOSI/produktspesifikasjon/Matrikkelen-Eiendomskart-Teig/20211101"
UNIT = re.compile(r"[0-9]{4}-[0-9]{1,6}(/[0-9]{1,6}){3}")
"""A matrikkelenhet as kommune, gnr, bnr, fnr, snr: ``3207-46/1/0/0``."""
GML_ID = "{http://www.opengis.net/gml/3.2}id"


class Row(TypedDict):
    """The attributes of one teig."""

    gml_id: str | None
    teig_id: str | None
    kommunenummer: str | None
    matrikkelenheter: list[str]
    matrikkelnummer_tekst: str | None
    registrert_areal_m2: float
    har_tvist: bool


def read(content: bytes, *, where: str) -> gpd.GeoDataFrame:
    """Return every teig of a GML answer, unfiltered, with 2D geometry (None where there is none).

    Parameters
    ----------
    content
        A wfs:FeatureCollection of Teig.
    where
        Address, for messages.

    Raises
    ------
    SourceError
        When the GML cannot be read in full.
    """
    rows = [_row(member) for member in wfs.members(content, where=where)]
    ids = np.array([row["gml_id"] for row in rows], dtype=object)
    shapes = _join(ids, *_shapes(content, where=where), where=where) if rows else np.array([], dtype=object)
    columns = [c for c in Row.__annotations__ if c != "gml_id"]
    data = {c: [row[c] for row in rows] for c in columns}  # type: ignore[literal-required]
    return gpd.GeoDataFrame(data, geometry=shapes, crs=STORAGE_EPSG)


def nothing() -> gpd.GeoDataFrame:
    """Return a raw frame without teiger."""
    return gpd.GeoDataFrame({c: [] for c in Row.__annotations__ if c != "gml_id"}, geometry=[], crs=STORAGE_EPSG)


def teiger(raw: gpd.GeoDataFrame, *, kommunenummer: str) -> tuple[gpd.GeoDataFrame, Account]:
    """Return the teiger of one kommune after contract `TEIGER`, and the account.

    Exact duplicates collapse; of different teiger with one id the largest is kept. A matrikkelenhet whose numbers are
    none is left out of its teig. All are counted.
    """
    account = Account("teiger", len(raw))
    # a list comes back from parquet as an array
    units = [list(units) for units in raw["matrikkelenheter"]]
    readable = [[u for u in of_teig if UNIT.fullmatch(u)] for of_teig in units]
    odd = [len(every) - len(good) for every, good in zip(units, readable, strict=True)]
    account.note("matrikkelenhet uten lesbart nummer", sum(odd), raw.loc[np.array(odd, dtype=int) > 0, "teig_id"])
    kept = raw.assign(matrikkelenheter=readable)

    def keep(mask: npt.NDArray[np.bool_], reason: str) -> None:
        nonlocal kept
        account.drop(reason, kept.loc[~mask, "teig_id"])
        kept = kept[mask]

    keep(kept["teig_id"].notna().to_numpy(), "uten teigId")
    keep((kept["kommunenummer"] == kommunenummer).to_numpy(), "annen kommune")
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


def _row(teig: etree._Element) -> Row:
    row = Row(
        gml_id=teig.get(GML_ID),
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
            row["teig_id"] = blank_is_none(child.findtext("{*}IdentTeig/{*}teigId"))
        elif name == "kommunenummer":
            row["kommunenummer"] = kommunenummer_of(child.text)
        elif name == "matrikkelenhet":
            units += child.iterchildren(tag=etree.Element)
        elif name == "matrikkelnummerTekst":
            row["matrikkelnummer_tekst"] = blank_is_none(child.text)
        elif name == "tvist":
            row["har_tvist"] = (child.text or "").strip().lower() in {"true", "1"}
        elif name == "teigareal":
            row["registrert_areal_m2"] = _number(child.findtext("{*}Areal/{*}lagretBeregnetAreal"))
    row["matrikkelenheter"] = list(dict.fromkeys(u for e in units if (u := _unit(e, row["kommunenummer"]))))
    return row


def _unit(element: etree._Element, kommunenummer: str | None) -> str | None:
    """Return ``3207-46/1/0/0``: kommune, gnr, bnr, fnr, snr, as they stand; None without gnr or bnr."""
    parts = {local_name(e): (e.text or "").strip() for e in element.iterchildren(tag=etree.Element)}
    kommune = kommunenummer_of(parts.get("kommunenummer")) or kommunenummer
    gnr, bnr = parts.get("gardsnummer"), parts.get("bruksnummer")
    if not (kommune and gnr and bnr):
        return None
    return f"{kommune}-{gnr}/{bnr}/{parts.get('festenummer') or 0}/{parts.get('seksjonsnummer') or 0}"


def _number(text: str | None) -> float:
    try:
        value = float(text or "nan")
    except ValueError:
        return float("nan")
    return value if np.isfinite(value) else float("nan")


def _shapes(content: bytes, *, where: str) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.object_]]:
    """Return gml:id and 2D geometry of every teig, as GDAL reads them."""
    # One degree a step: arcs come out 0.005 % too small instead of 0.08 %.
    pyogrio.set_gdal_config_options({"OGR_ARC_STEPSIZE": "1"})
    try:
        meta, _, shapes, fields = pyogrio.raw.read(
            content, layer="Teig", columns=["gml_id"], force_2d=True, DOWNLOAD_SCHEMA="NO"
        )
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, pyogrio.errors.GeometryError) as error:
        raise SourceError(f"{where}: the geometry cannot be read ({str(error)[:120]}). Try again later.") from None
    if meta["crs"] != f"EPSG:{STORAGE_EPSG}":
        raise SourceError(f"{where}: asked for EPSG:{STORAGE_EPSG}, got {meta['crs']}. Tell whoever runs the source.")
    ids = fields[0] if len(fields) else np.full(len(shapes), None, dtype=object)
    return ids, shapely.from_wkb(shapes)


def _join(
    wanted: npt.NDArray[np.object_], ids: npt.NDArray[np.object_], shapes: npt.NDArray[np.object_], *, where: str
) -> npt.NDArray[np.object_]:
    """Return the shapes in the order of `wanted`, joined on gml:id."""
    if len(wanted) == len(ids) and (wanted == ids).all():
        return shapes
    by_id = dict(zip(ids, shapes, strict=True))
    missing = [i for i in wanted if i not in by_id]
    if missing:
        raise SourceError(f"{where}: {len(missing)} teiger have no geometry by gml:id, first {missing[:3]}. Tell "
                          "whoever runs the source.")  # fmt: skip
    return np.array([by_id[i] for i in wanted], dtype=object)


def _digest(row: tuple[object, ...]) -> bytes:
    """Return a hash of all columns of a row; the geometry is the last."""
    *attributes, shape = row
    return hashlib.sha256(repr(attributes).encode() + shapely.to_wkb(shape)).digest()
