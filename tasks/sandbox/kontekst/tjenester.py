"""All services of the context as one router; the plan services, downloads and tables bring their own."""

from __future__ import annotations

from fastapi import APIRouter

from tasks.sandbox import arcgis, ogc, wfs
from tasks.sandbox.kontekst import arcgis_lag, entur, nvdb, ogc_lag, wfs_lag


def create_router(quirks: wfs.Quirks) -> APIRouter:
    """Return the routes of all services.

    Parameters
    ----------
    quirks
        How the WFS behave where real servers differ.
    """
    router = APIRouter()
    for tjeneste in wfs_lag.tjenester():
        router.include_router(wfs.create_router(tjeneste, quirks))
    router.include_router(arcgis.create_router(arcgis_lag.TJENESTER, prefix=arcgis_lag.PREFIX))
    ogc.add_service(router, ogc_lag.KULTURMINNER)
    router.include_router(entur.create_router())
    router.include_router(nvdb.create_router())
    return router


def stier() -> tuple[str, ...]:
    """Return the paths of the services."""
    return (
        *(tjeneste.sti for tjeneste in wfs_lag.tjenester()),
        *(f"{arcgis_lag.PREFIX}/{sti}" for sti in arcgis_lag.TJENESTER),
        ogc_lag.KULTURMINNER.sti,
        entur.PATH,
        nvdb.PATH,
    )
