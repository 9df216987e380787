"""MapServer over the invented municipalities: WFS and OGC API Features as a kommune of its own would serve its plans.

Every kommune and theme is a service of its own (`/0099_kommuneplan`), with layer names and columns such as a kommune's
database has them: no dots, no object types, the codes as numbers. MapServer itself runs as CGI behind a small server
on 127.0.0.1, one process for each request, ended when it takes too long.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
import shapely

from config.kilder import Kilde
from tasks.sandbox.kommune import invent
from tasks.sandbox.utkast import PlanObjekt

SECONDS = 60.0
MAX_BODY = 1 << 20
PAGE = 40
"""Features in one answer at most (`wfs_maxfeatures`): the larger layers take several pages."""

LAYERS: Mapping[str, Mapping[str, str]] = {
    "kommuneplan": {
        "KpOmråde": "KPA_Planomrade",
        "KpArealformålOmråde": "KPA_Arealformal",
        "KpArealbrukOmråde": "KPA_Arealbruk_PBL85",
    },
    "kommunedelplan": {
        "KpOmråde": "KDP_Planomrade",
        "KpArealformålOmråde": "KDP_Arealformal",
        "KpArealbrukOmråde": "KDP_Arealbruk_PBL85",
    },
    "reguleringsplan": {
        "RpOmråde": "Reg_Planomrade_paa_grunnen",
        "RpArealformålOmråde": "Reg_Arealformal_paa_grunnen",
        "RbFormålOmråde": "Reg_Formal_PBL85_paa_grunnen",
    },
}
"""Service → object type → what the layer is called there."""

SAMLING = {
    "kommuneplan": "kommuneplaner",
    "kommunedelplan": "kommunedelplaner",
    "reguleringsplan": "reguleringsplaner/vn2",
}

KOMMUNEFELT = "kommunenummer"

# Names of the specification → columns of the kommune's database; the ones not named here keep their last part.
COLUMNS = {
    "arealplanId.kommunenummer": "plan_kommune",
    "arealplanId.planidentifikasjon": "planid",
    "identifikasjon.lokalId": "lokalid",
    "identifikasjon.navnerom": "navnerom",
    "kopidata.områdeId": KOMMUNEFELT,
    "arealformål": "arealformal",
    "reguleringsformål": "regform",
    "vertikalnivå": "vertniv",
    "førsteDigitaliseringsdato": "forstedigdato",
    "områdenavn": "omradenavn",
}
KOLONNER = {sosi: column for sosi, column in COLUMNS.items() if sosi != "kopidata.områdeId"}
"""For `Kilde.kolonner`: what has a name that nobody could guess."""

NOT_SERVED = frozenset({"objekttypenavn", "objid"})
NUMBERS = frozenset(
    {"arealformal", "arealbruk", "regform", "arealbruksstatus", "planstatus", "plantype", "vertniv", "lovreferanse"}
)

# Stand-ins for layers without a single feature in a kommune: it has the layer all the same.
EMPTY_COLUMNS = ("plan_kommune", "planid", "lokalid", KOMMUNEFELT)

MAPFILE = """MAP
  NAME "{name}"
  EXTENT -200000 6400000 1200000 8100000
  SIZE 100 100
  PROJECTION "init=epsg:25833" END
  WEB
    METADATA
      "ows_title" "{name} (oppdiktede data)"
      "ows_enable_request" "*"
      "ows_onlineresource" "{url}?"
      "ows_srs" "EPSG:25833 EPSG:25832 EPSG:25835 EPSG:4258 EPSG:4326"
      "ows_encoding" "UTF-8"
      "wfs_maxfeatures" "{page}"
      "oga_onlineresource" "{url}/ogcapi"
      "oga_enable_request" "*"
      "oga_geometry_precision" "9"
    END
  END
{layers}END
"""

LAYER = """  LAYER
    NAME "{layer}"
    TYPE POLYGON
    STATUS ON
    CONNECTIONTYPE OGR
    CONNECTION "{file}"
    DATA "{layer}"
    TEMPLATE "none"
    EXTENT {extent}
    PROJECTION "init=epsg:25833" END
    METADATA
      "ows_title" "{layer}"
      "gml_include_items" "all"
      "gml_featureid" "objectid"
      "gml_geometries" "msGeometry"
      "gml_msGeometry_type" "multipolygon"
      "gml_types" "auto"
      "oga_max_limit" "10000"
    END
  END
"""

CONFIG = """CONFIG
  ENV
    "OGCAPI_HTML_TEMPLATE_DIRECTORY" "/usr/share/mapserver/ogcapi/templates/html-bootstrap4/"
  END
  MAPS
{maps}  END
END
"""


def program() -> str | None:
    """Return where MapServer's CGI program is, None where it is not installed."""
    return shutil.which("mapserv") or shutil.which("/usr/lib/cgi-bin/mapserv")


def supports(what: str) -> bool:
    """Say whether the build has a part, by the name that `mapserv -v` gives it: ``OGCAPI_SERVER``."""
    found = program()
    if found is None:
        return False
    said = subprocess.run([found, "-v"], capture_output=True, text=True, timeout=SECONDS, check=False).stdout
    return f"SUPPORTS={what}" in said.split()


@dataclass(frozen=True)
class MapServer:
    """A running server: its address, and how often it was asked."""

    url: str
    asked: list[str]

    def address(self, nummer: str, tjeneste: str) -> str:
        """Return the WFS address of one kommune's service."""
        return f"{self.url}/{nummer}_{tjeneste}"

    def ogcapi(self, nummer: str, tjeneste: str) -> str:
        """Return the address of the same service's OGC API."""
        return f"{self.address(nummer, tjeneste)}/ogcapi"


@contextlib.contextmanager
def serving(folder: Path, numre: Sequence[str] = ("0099",)) -> Iterator[MapServer]:
    """Serve the plans of some invented municipalities; skip, with the reason, where MapServer is not installed.

    Parameters
    ----------
    folder
        Where GeoPackages and mapfiles are written.
    numre
        Which of the invented municipalities.
    """
    mapserv = program()
    if mapserv is None:
        pytest.skip("MapServer is not installed (apt-get install cgi-mapserver)")
    server = _Front(mapserv)
    config = folder / "mapserver.conf"
    server.config = config
    maps = {}
    for nummer in numre:
        for tjeneste in LAYERS:
            name = f"{nummer}_{tjeneste}"
            maps[name] = _write_service(folder, nummer, tjeneste, f"{server.url}/{name}")
    config.write_text(CONFIG.format(maps="".join(f'    "{n}" "{p}"\n' for n, p in maps.items())), encoding="utf-8")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield MapServer(server.url, server.asked)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def plan_objects(nummer: str, tjeneste: str, objekttype: str) -> tuple[PlanObjekt, ...]:
    """Return what the service holds of one object type, as invented."""
    return invent(nummer).plan.get(f"{SAMLING[tjeneste]}/{objekttype}", ())


def column(name: str) -> str:
    """Return what an attribute of the specification is called in the kommune's database."""
    return COLUMNS.get(name, name.rpartition(".")[2].lower())


def attributes(objekt: PlanObjekt) -> dict[str, str | None]:
    """Return the attributes as the service holds them: by column, lists as one text, the null ones None."""
    return {
        column(name): None if value is None else ";".join(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in objekt["properties"].items()
        if name not in NOT_SERVED
    }


def kilde(nummer: str, tjeneste: str, **more: Any) -> Kilde:
    """Return a source that is this service over WFS, asked by the kommune's number."""
    return Kilde.model_validate(
        {
            "navn": f"mapserver_{nummer}_{tjeneste}",
            "tema": tjeneste,
            "protokoll": "wfs",
            "adresse": "http://127.0.0.1",
            "lag": LAYERS[tjeneste],
            "kommunefelt": KOMMUNEFELT,
            "kolonner": KOLONNER,
            "lisens": "Oppdiktede data",
        }
        | more
    )


def _write_service(folder: Path, nummer: str, tjeneste: str, url: str) -> Path:
    """Write one GeoPackage and the mapfile over it."""
    name = f"{nummer}_{tjeneste}"
    file = folder / f"{name}.gpkg"
    layers = []
    for objekttype, layer in LAYERS[tjeneste].items():
        frame = _frame(plan_objects(nummer, tjeneste, objekttype))
        pyogrio.write_dataframe(
            frame, file, layer=layer, driver="GPKG", geometry_type="MultiPolygon", promote_to_multi=True, use_arrow=True
        )
        extent = " ".join(f"{v:.2f}" for v in invent(nummer).grense.buffer(20_000).bounds)
        layers.append(LAYER.format(layer=layer, file=file, extent=extent, page=PAGE))
    mapfile = folder / f"{name}.map"
    text = MAPFILE.format(name=name, url=url, page=PAGE, layers="".join(layers))
    mapfile.write_text(text, encoding="utf-8")
    return mapfile


def _frame(objects: Sequence[PlanObjekt]) -> gpd.GeoDataFrame:
    rows = [attributes(objekt) for objekt in objects]
    names = list(dict.fromkeys(name for row in rows for name in row)) or list(EMPTY_COLUMNS)
    data: dict[str, object] = {"objectid": range(1, len(rows) + 1)}
    for name in names:
        values = [row.get(name) for row in rows]
        data[name] = pd.to_numeric(pd.Series(values)).astype("Int64") if name in NUMBERS else values
    shapes = [None if o["geometry"] is None else shapely.force_2d(o["geometry"]) for o in objects]
    return gpd.GeoDataFrame(data, geometry=gpd.GeoSeries(shapes, crs=25833), crs=25833)


class _Front(ThreadingHTTPServer):
    """Runs MapServer for each request, as a web server runs a CGI program."""

    daemon_threads = True
    block_on_close = False
    config: Path

    def __init__(self, mapserv: str) -> None:
        super().__init__(("127.0.0.1", 0), _Cgi)
        self.mapserv = mapserv
        self.asked: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Cgi(BaseHTTPRequestHandler):
    server: _Front

    def do_GET(self) -> None:
        self._run(b"")

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        if length > MAX_BODY:
            self.send_error(413)
            return
        self._run(self.rfile.read(length))

    def _run(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        name, _, rest = parts.path.lstrip("/").partition("/")
        query = [(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if k.lower() != "map"]
        self.server.asked.append(f"{self.command} {self.path}")
        env = self._environment(body) | (
            {"PATH_INFO": f"/{name}/{rest}", "QUERY_STRING": urlencode(query)}
            if rest
            else {"QUERY_STRING": urlencode([("map", name), *query])}
        )
        try:
            made = subprocess.run(
                [self.server.mapserv], input=body, env=env, capture_output=True, timeout=SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            self.send_error(504)
            return
        self._pass_on(made.stdout)

    def _environment(self, body: bytes) -> dict[str, str]:
        host, port = self.server.server_address[:2]
        return {
            "PATH": os.environ.get("PATH", ""),
            "MAPSERVER_CONFIG_FILE": str(self.server.config),
            "GATEWAY_INTERFACE": "CGI/1.1",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "SERVER_NAME": str(host),
            "SERVER_PORT": str(port),
            "SCRIPT_NAME": "",
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("content-type") or "",
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_HOST": self.headers.get("host") or "",
            "HTTP_ACCEPT": self.headers.get("accept") or "",
        }

    def _pass_on(self, answer: bytes) -> None:
        """Send what the program wrote: header lines, an empty line, the body."""
        head, _, body = answer.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode("latin-1").split("\r\n") if ": " in line)
        status = headers.pop("Status", "200").split()[0]
        with contextlib.suppress(OSError):
            self.send_response(int(status))
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass
