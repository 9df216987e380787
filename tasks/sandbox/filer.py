"""The plans of an invented kommune in files, as municipalities hand them out.

GML, GeoPackage, shapefile in a zip, GeoJSON and FileGDB. One file holds the kommuneplan with its kommunedelplaner,
another the reguleringsplaner of all levels with their purposes. Each form has the names, the types and the habits that
it has in the wild; the plans are the same, with every trap among them. Geometry in EPSG:25833.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely

from config.kilder import Tema
from tasks.sandbox import plan_gml
from tasks.sandbox.crs import STORAGE, Crs
from tasks.sandbox.kommune import PlanObjekt, invent
from tasks.sandbox.nap import KP_TYPES, RP_TYPES
from tasks.sandbox.ogc import nest

Form = Literal["gml", "gpkg", "shp", "geojson", "gdb"]

KOMMUNEPLAN = tuple(f"{service}/{t}" for service in ("kommuneplaner", "kommunedelplaner") for t in KP_TYPES)
REGULERINGSPLAN = tuple(f"reguleringsplaner/vn{nivaa}/{t}" for nivaa in range(1, 6) for t in RP_TYPES)
FILES: Mapping[Tema, tuple[str, tuple[str, ...]]] = {
    "kommuneplan": ("kommuneplan", KOMMUNEPLAN),
    "kommunedelplan": ("kommuneplan", KOMMUNEPLAN),
    "reguleringsplan": ("reguleringsplan", REGULERINGSPLAN),
    "reguleringsformaal": ("reguleringsplan", REGULERINGSPLAN),
}
"""Theme → name of the file that holds it, and the collections in it."""

SHORT = {
    "objekttypenavn": "OBJTYPE",
    "arealplanId.kommunenummer": "KOMM",
    "arealplanId.planidentifikasjon": "PLANID",
    "identifikasjon.lokalId": "LOKALID",
    "kopidata.områdeId": "OMRADEID",
    "plantype": "PLANTYPE",
    "planstatus": "PLANSTAT",
    "plannavn": "PLANNAVN",
    "planbestemmelse": "PLANBEST",
    "lovreferanse": "LOVREFERANSE",
    "forslagsstillerType": "FORSLAGSSTILLERTYPE",
    "ikrafttredelsesdato": "IKRAFT",
    "vedtakEndeligPlanDato": "VEDTAKENDELIGPLANDATO",
    "link": "LINK",
    "vertikalnivå": "VERTNIV",
    "arealbruk": "OPLAREAL",
    "arealbruksstatus": "AREALST",
    "områdenavn": "OMRNAVN",
    "reguleringsformål": "REGFORM",
    "feltbetegnelse": "FELTNAVN",
    "eierform": "EIERFORM",
    "utnytting.utnyttingstype": "UTNTYP",
    "utnytting.utnyttingstall": "UTNTALL",
    "detaljering": "KPDETALJERING",
    "hensynSonenavn": "HENSYNSONENAVN",
}
"""Property → its short name in SOSI, in ASCII; `arealformål` has one for each kind of plan."""
CUT = {"KOMM": "NASJONALAR", "PLANID": "NASJONAL00"}
"""What shapefiles make of NASJONALAREALPLANID/KOMM and /PLANID."""
WHOLE = frozenset(
    {"PLANTYPE", "PLANSTAT", "VERTNIV", "AREALST", "OPLAREAL", "REGFORM", "KPAREALFORMAL", "RPAREALFORMAL"}
)
"""Kept as numbers where a form has types."""
MIXED = {
    "KpFormaal": ("KpArealformålOmråde", "KpArealbrukOmråde"),
    "RpFormaal": ("RpArealformålOmråde", "RbFormålOmråde"),
}
"""Shapefiles of both generations: 0 stands in the code column that does not apply."""
NAP_CRS = Crs(f"urn:ogc:def:crs:EPSG::{STORAGE}", STORAGE, nord_foerst=False)


def write(nummer: str, folder: Path, *, form: Form, tema: Tema) -> list[Path]:
    """Write the file that holds a theme, and return what was written.

    Parameters
    ----------
    nummer
        The kommune.
    folder
        Made where it is absent.
    form
        A shapefile comes in a zip, one for each layer; a FileGDB is a folder.
    tema
        kommunedelplaner stand in the kommuneplan's file, purposes in that of the reguleringsplaner.

    Raises
    ------
    KeyError
        For an unknown kommune, or a theme that is none of plans.
    """
    navn, collections = FILES[tema]
    folder.mkdir(parents=True, exist_ok=True)
    objects = [objekt for c in collections for objekt in invent(nummer).plan.get(c, ())]
    path = folder / f"{navn}_{nummer}{'.zip' if form == 'shp' else f'.{form}'}"
    if form == "gml":
        _write_gml(path, collections, nummer)
    else:
        WRITERS[form](path, objects)
    return [path]


# --- GML, GeoJSON ---


def _write_gml(path: Path, collections: tuple[str, ...], nummer: str) -> None:
    """Write GML of the NAP specification of 2019, with a schema named as files of the national copy name theirs."""
    product = "Kommuneplan" if collections is KOMMUNEPLAN else "Reguleringsplan"
    namespace = plan_gml.NAVNEROM.format(navn=product)
    schema = (
        f"{namespace} https://skjema.geonorge.no/SOSI/produktspesifikasjon/{product}/20190401/{product.lower()}.xsd"
    )
    head = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<wfs:FeatureCollection xmlns:wfs="http://www.opengis.net/wfs/2.0" '
        f'xmlns:gml="{plan_gml.GML_NS}" xmlns:app="{namespace}" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        f'xsi:schemaLocation="{schema}" numberMatched="unknown" numberReturned="0">\n'
    )
    with path.open("wb") as file:
        file.write(head.encode())
        for member in list(plan_gml.fil(product, collections, nummer, NAP_CRS))[1:-1]:
            file.write(member.replace(b"gml:featureMember", b"wfs:member"))
        file.write(b"</wfs:FeatureCollection>\n")


def _write_geojson(path: Path, objects: list[PlanObjekt]) -> None:
    """Write all types in one collection: nested properties for kommuneplaner, flat ones for reguleringsplaner."""
    features = []
    for objekt in objects:
        shape, properties = objekt["geometry"], {k: v for k, v in objekt["properties"].items() if v is not None}
        is_kp = str(properties["objekttypenavn"]).startswith("Kp")
        geometry = None if shape is None else json.loads(shapely.to_geojson(shape))
        features.append(
            {"type": "Feature", "properties": nest(properties) if is_kp else properties, "geometry": geometry}
        )
    crs = {"type": "name", "properties": {"name": NAP_CRS.navn}}
    body = {"type": "FeatureCollection", "name": path.stem, "crs": crs, "features": features}
    path.write_text(json.dumps(body, ensure_ascii=False), encoding="utf-8")


# --- tables ---


def _write_geopackage(path: Path, objects: list[PlanObjekt]) -> None:
    """Write a layer for each object type, with the full names."""
    path.unlink(missing_ok=True)
    for slag, rows in _by_type(objects).items():
        pyogrio.write_dataframe(_frame(rows), path, layer=slag, driver="GPKG", geometry_type="Unknown")


def _write_filegdb(path: Path, objects: list[PlanObjekt]) -> None:
    """Write a layer for each object type, with SOSI's short names in ASCII and codes as decimal numbers."""
    shutil.rmtree(path, ignore_errors=True)
    for slag, rows in _by_type(objects).items():
        frame = _with_numbers(_shortened(_frame(rows), slag).drop(columns="OBJTYPE"))
        floats = {c: frame[c].astype("float64") for c in frame.columns if frame[c].dtype == "Int64"}
        layer = slag.replace("å", "a")
        pyogrio.write_dataframe(frame.assign(**floats), path, layer=layer, driver="OpenFileGDB", promote_to_multi=True)


def _write_shapefiles(path: Path, objects: list[PlanObjekt]) -> None:
    """Write a zip of shapefiles in Windows' characters, without .cpg, names cut to ten letters."""
    by_type = {slag: _shortened(_frame(rows), slag) for slag, rows in _by_type(objects).items()}
    layers = {slag.replace("å", "aa"): frame for slag, frame in by_type.items() if slag not in sum(MIXED.values(), ())}
    for name, types in MIXED.items():
        parts = [_with_numbers(by_type[t]) for t in types if t in by_type]
        if parts:
            layers[name] = _with_zeros(gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs=STORAGE))
    with tempfile.TemporaryDirectory() as made, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, frame in layers.items():
            cut = _with_numbers(frame).rename(columns=lambda c: CUT.get(c, c if c == "geometry" else c[:10]))
            cut["OBJTYPE"] = [str(v).replace("å", "?") for v in cut["OBJTYPE"]]
            pyogrio.write_dataframe(cut, Path(made) / f"{name}.shp", driver="ESRI Shapefile", encoding="CP1252")
        for part in sorted(Path(made).iterdir()):
            if part.suffix != ".cpg":
                archive.write(part, f"shape/{part.name}")


WRITERS: Mapping[str, Callable[[Path, list[PlanObjekt]], None]] = {
    "gpkg": _write_geopackage,
    "shp": _write_shapefiles,
    "geojson": _write_geojson,
    "gdb": _write_filegdb,
}


def _by_type(objects: list[PlanObjekt]) -> dict[str, list[PlanObjekt]]:
    found: dict[str, list[PlanObjekt]] = {}
    for objekt in objects:
        found.setdefault(str(objekt["properties"]["objekttypenavn"]), []).append(objekt)
    return found


def _frame(rows: list[PlanObjekt]) -> gpd.GeoDataFrame:
    """Return objects as a frame of text under the flat names of the specification; lists as JSON."""
    names = dict.fromkeys(name for row in rows for name in row["properties"] if name != "objid")
    data = {name: pd.Series([_text(row["properties"].get(name)) for row in rows], dtype=object) for name in names}
    shapes = np.empty(len(rows), dtype=object)
    shapes[:] = [row["geometry"] for row in rows]
    return gpd.GeoDataFrame(data, geometry=gpd.GeoSeries(shapes, crs=STORAGE), crs=STORAGE)


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _shortened(frame: gpd.GeoDataFrame, slag: str) -> gpd.GeoDataFrame:
    """Return a frame with SOSI's short names; what has none is left out."""
    names = SHORT | {"arealformål": "KPAREALFORMAL" if slag.startswith("Kp") else "RPAREALFORMAL"}
    kept = [c for c in frame.columns if c in names or c == "geometry"]
    return frame[kept].rename(columns=names)


def _with_numbers(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a frame in which codes are whole numbers, where all of them are."""
    codes = [c for c in frame.columns if c in WHOLE and frame[c].dropna().astype(str).str.fullmatch("[0-9]+").all()]
    return frame.assign(**{c: pd.to_numeric(frame[c]).astype("Int64") for c in codes})


def _with_zeros(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a layer of two generations, with 0 in the code column of the other one."""
    codes = [c for c in ("KPAREALFORMAL", "OPLAREAL", "RPAREALFORMAL", "REGFORM") if c in frame]
    return frame.assign(**{c: frame[c].fillna(0) for c in codes})
