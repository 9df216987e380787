"""Boundary of one kommune (contract `GRENSER`) from Kartverket's kommuneinfo; key kommunenummer, EPSG:25833."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import geopandas as gpd
import shapely

from config.kilder import Kilde, kilder_for
from config.registers import Kommune
from tasks.crs import STORAGE_EPSG, crs_of
from tasks.errors import SourceError
from tasks.sources.address import plain_address
from tasks.sources.asked import Asked, Take
from tasks.sources.jsonsvar import read_json
from tasks.sources.koder import blank_is_none, fold
from tasks.sources.plassering import PLAUSIBLE
from tasks.sources.refusal import NotFoundError
from tasks.store import Geodata, read_parquet


def read(asked: Asked, take: Take) -> int | None:
    """Hand over the boundary as one row, or none when the register has no such number; see `asked.Protocol`."""
    kommune, url = asked.kommune, f"{asked.adresse}/kommuner/{asked.kommune.nummer}/omrade"
    try:
        answer = asked.client.get(url, params={"utkoordsys": str(STORAGE_EPSG)}, known=asked.kjent, expected="json")
    except NotFoundError:  # the answer of kommuneinfo for a number that it does not have
        return None
    row = boundary(read_json(answer), kommune, epsg=STORAGE_EPSG, where=plain_address(url))
    take(row.assign(objekttypenavn=next(iter(asked.kilde.lag))))
    asked.husk(answer.validators)
    return None


def known(
    geodata: Geodata, kommune: Kommune, sources: Iterable[Kilde]
) -> shapely.Polygon | shapely.MultiPolygon | None:
    """Return the kommune's land and water as last fetched, EPSG:25833, or None."""
    for kilde in kilder_for("grense", kommune, among=sources):
        path = geodata.latest(kilde.navn, kommune.nummer)
        frame = gpd.GeoDataFrame(read_parquet(path)) if path is not None else None
        if frame is not None and len(frame):
            shape: shapely.Polygon | shapely.MultiPolygon = frame.geometry.iloc[0]
            return shape
    return None


def boundary(answer: dict[str, Any], kommune: Kommune, *, epsg: int, where: str) -> gpd.GeoDataFrame:
    """Return one row: kommunenummer, kommunenavn and the boundary.

    Raises
    ------
    SourceError
        When number or name are not those of the kommune, or there is no usable polygon.
    """
    _check_name(answer, kommune, where)
    shape = _polygon(answer.get("omrade"), epsg, where)
    data = {"kommunenummer": [kommune.nummer], "kommunenavn": [blank_is_none(answer.get("kommunenavn"))]}
    return gpd.GeoDataFrame(data, geometry=[shape], crs=crs_of(epsg))


def _check_name(answer: dict[str, Any], kommune: Kommune, where: str) -> None:
    number, name = answer.get("kommunenummer"), answer.get("kommunenavn")
    if number != kommune.nummer:
        raise SourceError(f"{where}: asked for kommune {kommune.nummer}, got {str(number)[:20]!r}. Tell Kartverket.")
    if not _names(kommune.navn) & _names(str(name)):
        raise SourceError(
            f"{where}: kommune {number} is {kommune.navn!r} in config/kommuner.toml, {str(name)[:60]!r} at the source. "
            "Was it renamed or renumbered? Update config/kommuner.toml."
        )


def _names(name: str) -> set[str]:
    """Return the names in each language (`Kåfjord – Gáivuotna`), folded, without a remark in parentheses."""
    plain = re.sub(r"\(.*?\)", "", name)
    return {fold(part) for part in re.split(r"\s[-–]\s|/", plain)} - {""}


def _polygon(omrade: object, epsg: int, where: str) -> shapely.Polygon | shapely.MultiPolygon:
    advice = "The boundary cannot be used; try again later."
    if not isinstance(omrade, dict):
        raise SourceError(f"{where}: no `omrade`. {advice}")
    crs = str(((omrade.get("crs") or {}).get("properties") or {}).get("name", epsg))
    if crs.rpartition(":")[2] != str(epsg):
        raise SourceError(f"{where}: asked for EPSG:{epsg}, got {crs[:60]}. {advice}")
    try:
        shape = shapely.force_2d(shapely.from_geojson(json.dumps(omrade, allow_nan=False)))
    except (ValueError, TypeError, shapely.errors.ShapelyError) as error:
        raise SourceError(f"{where}: {str(error)[:120]}. {advice}") from None
    if not isinstance(shape, shapely.Polygon | shapely.MultiPolygon) or shape.is_empty:
        raise SourceError(f"{where}: {type(shape).__name__} without area. {advice}")
    if not shapely.box(*PLAUSIBLE).contains(shapely.box(*shape.bounds)):
        raise SourceError(f"{where}: bounds {shape.bounds} are not in EPSG:{epsg}. {advice}")
    return shape
