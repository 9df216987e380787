"""Boundary of one kommune (contract `GRENSER`) from Kartverket's kommuneinfo; key kommunenummer, EPSG:25833."""

from __future__ import annotations

import json
import re
from typing import Any

import geopandas as gpd
import shapely

from config.registers import Kommune
from tasks.errors import SourceError
from tasks.sources.address import plain_address
from tasks.sources.http import Client
from tasks.sources.koder import blank_is_none, fold
from tasks.sources.ogc_features import PLAUSIBLE, read_json


def get_boundary(client: Client, base: str, kommune: Kommune, *, epsg: int) -> gpd.GeoDataFrame:
    """Return one row: kommunenummer, kommunenavn and the boundary.

    Raises
    ------
    SourceError
        When number or name are not those of the kommune, or there is no usable polygon.
    """
    url = f"{base}/kommuner/{kommune.nummer}/omrade"
    answer = read_json(client.get(url, params={"utkoordsys": str(epsg)}, expected="json"))
    where = plain_address(url)
    _check_name(answer, kommune, where)
    shape = _polygon(answer.get("omrade"), epsg, where)
    data = {"kommunenummer": [kommune.nummer], "kommunenavn": [blank_is_none(answer.get("kommunenavn"))]}
    return gpd.GeoDataFrame(data, geometry=[shape], crs=epsg)


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
