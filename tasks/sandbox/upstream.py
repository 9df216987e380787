"""The local sources: one server that answers as the plan, parcel, building, address, kommune and figure services do.

With invented data, on 127.0.0.1 alone. `create_app` is the application, `UpstreamServer` runs it in a thread of this
process.
"""

from __future__ import annotations

import json

import numpy as np
import shapely
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse
from starlette.middleware.trustedhost import TrustedHostMiddleware

from tasks.sandbox import adresser, arcgis, csw, kartkatalog, nap, nedlasting, statistikk, wfs
from tasks.sandbox.arcgis_lag import TJENESTER as ARCGIS
from tasks.sandbox.bygning_wfs import BYGNING
from tasks.sandbox.crs import SERVED, Crs, reproject
from tasks.sandbox.kommune import OppdiktetKommune, invent, numre
from tasks.sandbox.kontekst import tjenester as kontekst
from tasks.sandbox.kontekst.feil import Feil as Kontekstfeil
from tasks.sandbox.kontekst.vakt import Vakt
from tasks.sandbox.serve import Server
from tasks.sandbox.statistikk import klass, pxweb, valg
from tasks.sandbox.teig_wfs import TEIG
from tasks.sandbox.wfs import Quirks

KOMMUNEINFO = "/kommuneinfo/v1"
TJENESTER = (TEIG, BYGNING)


def create_app(
    *,
    username: str,
    password: str,
    quirks: Quirks | None = None,
    feil: statistikk.Feil | None = None,
    kontekstfeil: Kontekstfeil | None = None,
) -> FastAPI:
    """Return the application that serves the invented municipalities.

    Parameters
    ----------
    username, password
        HTTP Basic credentials of the plan services; parcels, buildings and kommuneinfo are open, as in life.
    quirks
        How the WFS behave where real servers differ.
    feil
        What the statistics services do wrong.
    kontekstfeil
        What the services of the context do wrong, by theme.
    """
    app = FastAPI(title="Lokale kilder (oppdiktede data)", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Vakt, feil=kontekstfeil or Kontekstfeil())
    # A page on the web that points its own name at 127.0.0.1 must not read from here.
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])

    @app.exception_handler(HTTPException)
    def refused(_request: Request, error: HTTPException) -> Response:
        return Response(
            json.dumps(error.detail, ensure_ascii=False), error.status_code, error.headers, "application/json"
        )

    @app.get("/", response_class=HTMLResponse)
    def index() -> str:
        return _page()

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok", "data": "oppdiktede data"}

    @app.get(KOMMUNEINFO + "/kommuner/{knr}")
    def kommune(knr: str, utkoordsys: str = "4258") -> dict[str, object]:
        return _kommune(_find(knr), _crs(utkoordsys))

    @app.get(KOMMUNEINFO + "/kommuner/{knr}/omrade")
    def omrade(knr: str, utkoordsys: str = "4258") -> dict[str, object]:
        found, crs = _find(knr), _crs(utkoordsys)
        geometry = _geojson(found.grense, crs)
        return {"kommunenummer": found.nummer, "kommunenavn": found.navn, "omrade": geometry}

    app.include_router(nap.create_router(username=username, password=password))
    for tjeneste in TJENESTER:
        app.include_router(wfs.create_router(tjeneste, quirks or Quirks()))
    for service in (arcgis, nedlasting, adresser, kartkatalog, csw):
        app.include_router(service.create_router())
    app.include_router(statistikk.create_router(feil))
    app.include_router(kontekst.create_router(quirks or Quirks()))
    return app


def _find(knr: str) -> OppdiktetKommune:
    if knr not in numre():
        raise HTTPException(404, {"error": f"Ingen kommune med nummer {knr[:10]!r}."})
    return invent(knr)


def _crs(code: str) -> Crs:
    if code not in {str(epsg) for epsg in SERVED}:
        raise HTTPException(400, {"error": f"utkoordsys {code[:10]!r} støttes ikke: {', '.join(map(str, SERVED))}."})
    return Crs(f"EPSG:{code}", int(code), nord_foerst=False)


def _geojson(shape: shapely.Geometry, crs: Crs) -> dict[str, object]:
    """Return a geometry as GeoJSON with the `crs` member that kommuneinfo writes."""
    one = np.empty(1, dtype=object)
    one[0] = shape
    made: dict[str, object] = json.loads(shapely.to_geojson(reproject(one, crs)[0]))
    return made | {"crs": {"type": "name", "properties": {"name": crs.navn}}}


def _kommune(found: OppdiktetKommune, crs: Crs) -> dict[str, object]:
    """Return the full description of a kommune (KomFull)."""
    names = [{"navn": found.navn, "prioritet": 1, "sprak": "Norwegian"}]
    names += [{"navn": None, "prioritet": k, "sprak": None} for k in (2, 3)]
    return {
        "avgrensningsboks": _geojson(shapely.box(*found.grense.bounds), crs),
        "fylkesnavn": "Oppdiktet fylke",
        "fylkesnummer": found.nummer[:2],
        "gyldigeNavn": names,
        "kommunenavn": found.navn,
        "kommunenavnNorsk": found.navn,
        "kommunenummer": found.nummer,
        "punktIOmrade": _geojson(shapely.point_on_surface(found.grense), crs),
        "samiskForvaltningsomrade": False,
    }


def _page() -> str:
    """Return the page that says what is served."""
    services = "".join(f"<li><code>{nap.PREFIX}/{name}</code></li>" for name in nap.SERVICES)
    own = "".join(f"<li><code>{arcgis.PREFIX}/{sti}</code></li>" for sti in ARCGIS)
    datasets = "".join(f"<li><code>{uuid}</code> {d.navn}</li>" for uuid, d in nedlasting.ALLE.items())
    around = "".join(f"<li><code>{sti}</code></li>" for sti in kontekst.stier())
    registers = "".join(f"<li><code>{tjeneste.sti}</code> app:{tjeneste.objekttype}</li>" for tjeneste in TJENESTER)
    return (
        '<!doctype html><html lang="nb"><head><meta charset="utf-8"><title>Lokale kilder (oppdiktede data)</title>'
        "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:3rem auto;padding:0 1rem}</style>"
        "</head><body><h1>Lokale kilder</h1><p><strong>Oppdiktede data.</strong> Kommunene, planene, teigene og "
        f"bygningene her finnes ikke; de ligger i åpent hav. Kommunenumre: {', '.join(numre())}. Statistikken har de "
        "virkelige kommunene også, med tall som er oppdiktet for hver av dem.</p>"
        f"<h2>Plandata (OGC API Features, krever innlogging)</h2><ul>{services}</ul>"
        f"<h2>Kommunenes egne plantjenester (ArcGIS REST)</h2><ul>{own}</ul>"
        f"<h2>Nedlasting (<code>{nedlasting.PREFIX}/api</code>)</h2><ul>{datasets}</ul>"
        f"<h2>Matrikkelen (WFS 2.0)</h2><ul>{registers}</ul>"
        f"<h2>Det som binder og omgir tomtene</h2><ul>{around}</ul>"
        f"<h2>Kommuneinfo</h2><p><code>{KOMMUNEINFO}/kommuner/{numre()[0]}/omrade?utkoordsys=25833</code></p>"
        f"<h2>Adresser</h2><p><code>{adresser.PREFIX}/punktsok</code></p>"
        f"<h2>Kartkatalogen</h2><p><code>{kartkatalog.PATH}</code>, <code>{csw.PATH}</code></p>"
        f"<h2>Statistikk (oppdiktede tall for alle kommuner)</h2><ul><li><code>{pxweb.PREFIX}/tables</code></li>"
        f"<li><code>{klass.PREFIX}/classifications/131/codesAt?date=2024-01-01</code></li>"
        f"<li><code>{valg.PREFIX}/2023/ko</code></li></ul>"
        "</body></html>"
    )


class UpstreamServer(Server):
    """The local sources for as long as the block lasts.

    Parameters
    ----------
    username, password
        HTTP Basic credentials of the plan services.
    port
        0 takes a free one.
    quirks
        How the WFS behave where real servers differ.
    feil, kontekstfeil
        What the statistics services and those of the context do wrong; may be changed while the server runs.

    Examples
    --------
    >>> with UpstreamServer(username="nap", password="hemmelig") as server:  # doctest: +SKIP
    ...     print(server.url)
    """

    name = "local sources"

    def __init__(
        self,
        *,
        username: str,
        password: str,
        port: int = 0,
        quirks: Quirks | None = None,
        feil: statistikk.Feil | None = None,
        kontekstfeil: Kontekstfeil | None = None,
    ) -> None:
        super().__init__(port=port)
        self._login, self._quirks, self._feil = (username, password), quirks, feil
        self._kontekstfeil = kontekstfeil

    def make_app(self) -> FastAPI:
        """Make the application."""
        return create_app(
            username=self._login[0],
            password=self._login[1],
            quirks=self._quirks,
            feil=self._feil,
            kontekstfeil=self._kontekstfeil,
        )
