"""A service of any protocol looked at from outside: what it has, what its layers hold, whether a source is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import geopandas as gpd

from config.kilder import Kilde
from tasks.sources import tjeneste_arcgis, tjeneste_ogc, tjeneste_wfs
from tasks.sources.http import Client
from tasks.sources.kandidat import Tjenesteslag
from tasks.sources.tjeneste import Box, Lag, Tjeneste

_DESCRIBE: Mapping[str, Callable[[Client, str], Tjeneste]] = {
    "ogc_features": tjeneste_ogc.describe,
    "wfs": tjeneste_wfs.describe,
}
_FIND: Mapping[str, Callable[[Kilde, Tjeneste], dict[str, str]]] = {
    "ogc_features": tjeneste_ogc.find,
    "wfs": tjeneste_wfs.find,
    "arcgis": tjeneste_arcgis.find,
}


def describe(client: Client, adresse: str, protokoll: Tjenesteslag, *, alle: bool = False) -> Tjeneste:
    """Return what a service says that it has.

    Parameters
    ----------
    alle
        Whether layers without areas are wanted too, where a service tells which those are.

    Raises
    ------
    SourceError
        When it does not answer, or with something else.
    """
    if protokoll == "arcgis":
        return tjeneste_arcgis.describe(client, adresse, alle=alle)
    return _DESCRIBE[protokoll](client, adresse)


def find(kilde: Kilde, offered: Tjeneste) -> dict[str, str]:
    """Return object type → name in the service, of the layers of a configured source that are there."""
    return _FIND[kilde.protokoll](kilde, offered)


def with_columns(client: Client, adresse: str, protokoll: Tjenesteslag, lag: Lag) -> Lag:
    """Return a layer with the columns that the service's description has; unchanged when it does not tell."""
    if lag.kolonner or protokoll != "ogc_features":
        return lag
    return replace(lag, kolonner=tjeneste_ogc.columns(client, adresse, lag.navn))


def sample(
    client: Client,
    adresse: str,
    protokoll: Tjenesteslag,
    *,
    lag: Lag,
    boks: Box | None,
    offered: Tjeneste,
    felt: Mapping[str, str] | None = None,
) -> gpd.GeoDataFrame:
    """Return a page of a layer: at most `tjeneste.SAMPLE` rows, text columns, EPSG:25833.

    Parameters
    ----------
    boks
        Where to look; None takes whatever comes first.
    offered
        The service that the layer is of: its version and CRS.
    felt
        Attribute → value that the rows must have; honoured by OGC API Features alone.

    Raises
    ------
    SourceError
        When it cannot be read.
    """
    if protokoll == "wfs":
        return tjeneste_wfs.sample(client, adresse, lag, boks=boks, versjon=offered.versjon, epsg=offered.epsg)
    if protokoll == "ogc_features":
        return tjeneste_ogc.sample(client, adresse, lag, boks=boks, felt=felt or {})
    return tjeneste_arcgis.sample(client, adresse, lag, boks=boks)
