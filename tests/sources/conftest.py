"""Servers that misbehave, small limits, and a geodata folder."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from config.registers import Kommune
from config.settings import Settings
from tasks.answer import Answer, Failed, Provenance, Rows
from tasks.sources.fetch import fetch
from tasks.sources.limits import Limits
from tasks.store import Geodata

SHARED = Path(__file__).resolve().parents[3] / "shared"


@dataclass
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Handler(BaseHTTPRequestHandler):
    """Hands every request to the function that the test has set."""

    server: Upstream

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.asked.append(Asked(self.command, self.path, dict(self.headers), body))
        with contextlib.suppress(OSError):  # the client has gone, as it should
            self.server.answer(self)

    def do_POST(self) -> None:
        self.do_GET()

    def send(self, content: bytes, kind: str = "application/json", status: int = 200, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def json(self, data: Any, **headers: str) -> None:
        self.send(json.dumps(data).encode(), **headers)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@dataclass
class Upstream(ThreadingHTTPServer):
    answer: Callable[[Handler], None] = lambda h: h.send(b"", status=404)
    asked: list[Asked] = field(default_factory=list)
    gone: threading.Event = field(default_factory=threading.Event)

    daemon_threads = True
    block_on_close = False

    def __post_init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)

    __hash__ = object.__hash__

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    server = Upstream()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.gone.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def limits() -> Limits:
    return Limits(
        sekunder_tilkobling=60,
        sekunder_lesing=60,
        sekunder_kilde=300,
        forsoek=2,
        per_sekund=1000,
        maks_bytes=5_000_000,
        side=500,
        pause_foerst=0.01,
        pause_lengst=0.02,
    )


@pytest.fixture
def settings(upstream: Upstream) -> Settings:
    return make_settings(upstream.url)


def make_settings(url: str | None, **more: Any) -> Settings:
    fixed = {"profile": "sandbox", "sources_url": url, "nap_username": "nap", "nap_password": "hemmelig"}
    return Settings(_env_file=None, **{**fixed, **more})  # type: ignore[call-arg]


@pytest.fixture
def geodata(tmp_path: Path) -> Geodata:
    return Geodata(tmp_path / "geodata")


@pytest.fixture
def kommune() -> Kommune:
    return Kommune(nummer="0099", navn="Tomtevik (oppdiktet)", fylke="Oppdiktet", epsg=25832, oppdiktet=True)


Env = tuple[Upstream, Settings, Geodata, Kommune, Limits]


@pytest.fixture
def env(upstream: Upstream, settings: Settings, geodata: Geodata, kommune: Kommune, limits: Limits) -> Env:
    return upstream, settings, geodata, kommune, limits


def ask(env: Env, tema: Any = "reguleringsplan", hittil: Any = None, **changed: Any) -> Answer:
    _, settings, geodata, kommune, limits = env
    small = Limits(**{**limits.__dict__, **changed})
    return fetch(kommune, tema, settings=settings, geodata=geodata, limits=small, hittil=hittil)


def has(kilde: str, tema: str = "kommuneplan") -> dict[str, Any]:
    """Answers in which a source has brought a theme."""
    kept = Provenance(
        kilde=kilde,
        adresse="",
        hentet_tid="2026-11-21T08:00:00+00:00",
        antall_ventet=1,
        antall_mottatt=1,
        sha256="",
        crs="EPSG:25833",
        lisens="",
    )
    return {tema: Rows(kilde, Path("x.parquet"), kept)}


def failed(env: Env, tema: Any = "reguleringsplan", **changed: Any) -> str:
    """Fetch, and see it fail with the address in the message and nothing on disk."""
    answer = ask(env, tema, **changed)
    assert isinstance(answer, Failed), answer
    assert f"127.0.0.1:{env[0].server_port}" in answer.grunn
    assert "hemmelig" not in answer.grunn
    assert not [p for p in env[2].root.rglob("*") if p.is_file()]
    return answer.grunn


def shared(path: str) -> Path:
    found = SHARED / path
    if not found.exists():
        pytest.skip(f"../shared/{path} is not here")
    return found


def square(x: float = -120_000.0, y: float = 6_740_000.0, side: float = 100.0) -> dict[str, Any]:
    ring = [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]
    return {"type": "Polygon", "coordinates": [ring]}


def feature(number: int, **properties: Any) -> dict[str, Any]:
    base = {
        "objekttypenavn": "RpOmråde",
        "identifikasjon.lokalId": f"id-{number}",
        "arealplanId": {"kommunenummer": "0099", "planidentifikasjon": f"plan-{number}"},
        "planstatus": "3",
        "kopidata.områdeId": "0099",
    }
    return {
        "type": "Feature",
        "id": number,
        "geometry": square(-120_000 + 200 * number),
        "properties": base | properties,
    }


CONTENT_CRS = {"Content_Crs": "<http://www.opengis.net/def/crs/EPSG/0/25833>"}


def serve_plans(features: list[dict[str, Any]], **page: Any) -> Callable[[Handler], None]:
    """Answer as a reguleringsplan service with one collection; `page` overrides members of the page."""

    def answer(handler: Handler) -> None:
        if handler.path.endswith("/collections"):
            handler.json({"collections": [{"id": "rpomrade", "title": "RpOmråde"}]})
            return
        content = {"type": "FeatureCollection", "features": features, "numberMatched": len(features)} | page
        handler.json(content, **CONTENT_CRS)

    return answer


WFS_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?><wfs:FeatureCollection xmlns:wfs="http://www.opengis.net/wfs/2.0" '
    'xmlns:gml="http://www.opengis.net/gml/3.2" xmlns:app="http://skjema.geonorge.no/SOSI/produktspesifikasjon/'
    'Matrikkelen-Eiendomskart-Teig/20211101" numberMatched="{matched}" numberReturned="0">'
)


def teig_xml(number: int, *, x: float | None = None, kommune: str = "0099", units: str = "", gml_id: str = "") -> str:
    x = -120_000.0 + 200 * number if x is None else x
    ring = f"{x} 6740000 {x + 100} 6740000 {x + 100} 6740100 {x} 6740100 {x} 6740000"
    return (
        f'<wfs:member><app:Teig gml:id="{gml_id or f"teig.{number}"}">'
        f"<app:identTeig><app:IdentTeig><app:teigId>{number}</app:teigId></app:IdentTeig></app:identTeig>"
        f'<app:representasjonspunkt><gml:Point srsName="urn:ogc:def:crs:EPSG::25833"><gml:pos>{x} 6740050</gml:pos>'
        "</gml:Point></app:representasjonspunkt>"
        f'<app:område><gml:Polygon srsName="urn:ogc:def:crs:EPSG::25833"><gml:exterior><gml:LinearRing><gml:posList>'
        f"{ring}</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon></app:område>"
        f"<app:kommunenummer>{kommune}</app:kommunenummer>{units}<app:tvist>false</app:tvist>"
        "<app:teigareal><app:Areal><app:lagretBeregnetAreal>10000.0</app:lagretBeregnetAreal></app:Areal>"
        "</app:teigareal></app:Teig></wfs:member>"
    )


def collection(*members: str, matched: str = "unknown") -> bytes:
    return (WFS_HEAD.format(matched=matched) + "".join(members) + "</wfs:FeatureCollection>").encode()


def serve_teiger(content: bytes, hits: int) -> Callable[[Handler], None]:
    """Answer as a teig service: `hits` to resultType=hits, else `content`."""

    def answer(handler: Handler) -> None:
        asked = handler.server.asked[-1].body
        body = collection(matched=str(hits)) if b"hits" in asked else content
        handler.send(body, "text/xml")

    return answer


@pytest.fixture
def written(tmp_path: Path) -> Callable[[bytes | str], Path]:
    """Return what writes a file of its own for every content."""
    count = itertools.count(1)

    def write(content: bytes | str) -> Path:
        path = tmp_path / f"innhold{next(count)}.gml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write
