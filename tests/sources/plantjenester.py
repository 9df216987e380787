"""The sandbox's services behind its catalogues, with what a test puts into them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from config.settings import Settings
from tasks.sandbox import arcgis, csw, kartkatalog, nap, wfs
from tasks.sandbox.kartkatalog import Oppforing
from tasks.sandbox.serve import Server
from tasks.sandbox.teig_wfs import TEIG
from tasks.sandbox.wfs import Quirks

LOGIN = ("prøve", "hemmelig")


class Plantjenester(Server):
    """ArcGIS, NAP, a WFS without plans, and both catalogues with these entries."""

    def __init__(self, *entries: Oppforing, extra: Callable[[FastAPI], None] = lambda app: None) -> None:
        super().__init__()
        self.entries, self.extra = entries, extra

    def make_app(self) -> FastAPI:
        app = FastAPI()
        self.extra(app)
        app.include_router(kartkatalog.create_router(self.entries))
        app.include_router(csw.create_router(self.entries))
        app.include_router(arcgis.create_router())
        app.include_router(nap.create_router(username=LOGIN[0], password=LOGIN[1]))
        app.include_router(wfs.create_router(TEIG, Quirks()))
        return app

    def settings(self, **more: Any) -> Settings:
        fixed: dict[str, Any] = {"profile": "sandbox", "sources_url": self.url, "geodata": Path("/ingen/slik/mappe")}
        return Settings(**{**fixed, "nap_username": LOGIN[0], "nap_password": LOGIN[1], **more})


def entry(
    sti: str, protokoll: str = "W3C:REST", *, tittel: str = "Tomtevik kommuneplan", er_aapen: bool = True
) -> Oppforing:
    return Oppforing(tittel, "Tomtevik (oppdiktet) kommune", protokoll, sti, er_aapen)
