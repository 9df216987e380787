"""Servers that misbehave on purpose, in front of the local sources, and what is needed to read from them.

`OndServer` passes every question on to the local sources, and from a chosen one on answers as it likes: the ways stand
in `ondskap`. So the misbehaviour meets every protocol at every step, whatever the protocol asks. `Kanari` is a host,
and a file, that nobody may touch.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import geopandas as gpd
import httpx
import pytest

from config.kilder import Kilde
from config.registers import Kommune
from tasks.errors import SourceError
from tasks.sandbox.kommune import invent
from tasks.sources.asked import Asked
from tasks.sources.http import Client
from tasks.sources.kildesvar import PROTOCOLS
from tasks.sources.limits import Limits

LOGIN = ("nap", "hemmelig")
KOMMUNE = Kommune(nummer="0099", navn="Tomtevik (oppdiktet)", fylke="Oppdiktet", epsg=25832, oppdiktet=True)
LIMITS = Limits(
    sekunder_tilkobling=60,
    sekunder_lesing=60,
    sekunder_kilde=300,
    forsoek=2,
    per_sekund=1000,
    maks_bytes=20_000_000,
    side=500,
    pause_foerst=0.01,
    pause_lengst=0.02,
)
SECRET = "kanarifugl-4711"


# --- sources ---


def _kilde(navn: str, tema: str, protokoll: str, sandbox: str, lag: Mapping[str, str], **more: Any) -> Kilde:
    return Kilde.model_validate(
        {"navn": navn, "tema": tema, "protokoll": protokoll, "adresse": "http://127.0.0.1", "sandbox": sandbox}
        | {"lag": dict(lag), "lisens": "oppdiktet"}
        | more
    )


# By protocol; ArcGIS twice, since it answers in GeoJSON or in its own JSON.
KILDER: Mapping[str, Kilde] = {
    "ogc_features": _kilde(
        "ond_ogc",
        "reguleringsplan",
        "ogc_features",
        "/nap/services/rest/reguleringsplaner/vn2",
        {"RpOmråde": "RpOmråde"},
        kommunefelt="kopidata.områdeId",
        legitimasjon="nap",
    ),
    "wfs": _kilde(
        "ond_wfs",
        "teig",
        "wfs",
        "/skwms1/wfs.matrikkelen-eiendomskart-teig",
        {"Teig": "app:Teig"},
        kommunefelt="kommunenummer",
    ),
    "arcgis": _kilde(
        "ond_arcgis",
        "kommuneplan",
        "arcgis",
        "/arcgis/rest/services/Plan/Kommuneplan/MapServer",
        {"KpArealformålOmråde": "KpArealformålOmråde"},
        kommunefelt="OMRADEID",
    ),
    "arcgis_esri": _kilde(
        "ond_arcgis_esri",
        "reguleringsplan",
        "arcgis",
        "/arcgis/rest/services/Plan/Reguleringsplaner_på_grunnen/MapServer",
        {"RpOmråde": "44"},
        kommunefelt="OMRADEID",
    ),
    "nedlasting": _kilde(
        "ond_nedlasting",
        "teig",
        "nedlasting",
        "/nedlasting",
        {"Teig": "Teig"},
        datasett="74340c24-1c8a-4454-b813-bfe498e80f16",
    ),
    "kommuneinfo": _kilde("ond_grense", "grense", "kommuneinfo", "/kommuneinfo/v1", {"omrade": "omrade"}),
}


@dataclass
class Lest:
    """What a protocol handed over: its rows, and how many the source said."""

    rader: gpd.GeoDataFrame | None = None
    antall: int = 0
    ventet: int | None = None
    stykker: int = 0

    def take(self, piece: gpd.GeoDataFrame) -> None:
        self.antall += len(piece)
        self.stykker += 1
        self.rader = piece


@contextlib.contextmanager
def asking(kilde: Kilde, url: str, mappe: Path, *, kommune: Kommune = KOMMUNE, **changed: Any) -> Iterator[Asked]:
    """Ask a source at an address, the way `fetch` does; `changed` overrides limits."""
    limits = dataclasses.replace(LIMITS, **changed)
    mappe.mkdir(parents=True, exist_ok=True)
    adresse = url + (kilde.sandbox or "")
    auth = LOGIN if kilde.legitimasjon else None
    with Client(adresse, limits=limits, auth=auth, legitimasjon=kilde.legitimasjon) as client:
        yield Asked(
            kilde=kilde,
            kommune=kommune,
            adresse=adresse,
            client=client,
            limits=limits,
            omraade=invent(kommune.nummer).grense,
            mappe=mappe,
            innboks=mappe / "innboks",
        )


def read(kilde: Kilde, url: str, mappe: Path, **changed: Any) -> Lest:
    """Read a source to its end, or raise as its protocol does."""
    lest = Lest()
    with asking(kilde, url, mappe, **changed) as question:
        lest.ventet = PROTOCOLS[kilde.protokoll](question, lest.take)
    return lest


def refused(kilde: Kilde, url: str, mappe: Path, **changed: Any) -> str:
    """Read a source, see it end in a named error of one line, and return that."""
    with pytest.raises(SourceError) as caught:
        read(kilde, url, mappe, **changed)
    message = str(caught.value)
    assert url.removeprefix("http://") in message, message
    assert len(message.splitlines()) == 1, message
    assert len(message) < 1000, message
    assert LOGIN[1] not in message
    assert SECRET not in message
    return message


# --- the server in between ---


@dataclass(frozen=True)
class Svar:
    """A good answer of the local sources."""

    status: int
    headers: Mapping[str, str]
    content: bytes


GOOD: dict[tuple[str, str, str, bytes], Svar] = {}
HERE = b"http://her.example"
NOT_PASSED_ON = frozenset({"connection", "accept-encoding", "content-length"})


class Innslag(BaseHTTPRequestHandler):
    """One question, and the means to answer it badly."""

    server: OndServer
    protocol_version = "HTTP/1.1"
    body = b""

    def do_GET(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.asked.append(f"{self.command} {self.path}")
        number = len(self.server.asked)
        self.close_connection = True
        with contextlib.suppress(OSError):  # the client has gone, as it should
            if number < self.server.fra:
                self.pass_on(self.svar())
            else:
                self.server.ond(self)

    def do_POST(self) -> None:
        self.do_GET()

    def svar(self) -> Svar:
        """Ask the local sources."""
        # What the local sources answer does not change, but for orders, which grow; their own address stands in it.
        question = (str(self.server.bak.base_url), self.command, self.path, self.body)
        here = self.server.url.encode()
        if question not in GOOD or "/nedlasting/" in self.path:
            kept = {k: v for k, v in self.headers.items() if k.lower() not in NOT_PASSED_ON}
            answer = self.server.bak.request(self.command, self.path, content=self.body, headers=kept)
            GOOD[question] = Svar(answer.status_code, answer.headers, answer.content.replace(here, HERE))
        return dataclasses.replace(GOOD[question], content=GOOD[question].content.replace(HERE, here))

    def pass_on(self, svar: Svar) -> None:
        kept = ("content-type", "content-crs", "location")
        headers = {k: v for k, v in svar.headers.items() if k.lower() in kept}
        self.send(svar.content, status=svar.status, headers=headers)

    def send(
        self, content: bytes, *, status: int = 200, length: int | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def open_ended(self, headers: Mapping[str, str]) -> None:
        """Begin an answer that says nothing of its length."""
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()

    @property
    def speaks_json(self) -> bool:
        return "json" in (self.headers.get("accept") or "")

    @property
    def kind(self) -> str:
        return "application/json" if self.speaks_json else "application/xml"

    def log_message(self, format: str, *args: Any) -> None:
        pass


Ondskap = Callable[[Innslag], None]


@dataclass
class OndServer(ThreadingHTTPServer):
    """Passes questions on to the local sources; from question number `fra` (1 is the first) on, `ond` answers."""

    bak: httpx.Client
    ond: Ondskap
    fra: int = 1
    asked: list[str] = field(default_factory=list)
    feil: list[str] = field(default_factory=list)
    slutt: threading.Event = field(default_factory=threading.Event)

    daemon_threads = True
    block_on_close = False

    def __post_init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Innslag)

    __hash__ = object.__hash__

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        self.feil.append(traceback.format_exc())


@contextlib.contextmanager
def misbehaving(bak: str, ond: Ondskap, *, fra: int = 1) -> Iterator[OndServer]:
    """Run a server that misbehaves in front of the local sources at `bak`."""
    # No connection is kept: one that the other side has just closed would look like misbehaviour.
    alone = httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(base_url=bak, trust_env=False, timeout=60, limits=alone) as behind:
        server = OndServer(behind, ond, fra)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.slutt.set()
            server.shutdown()
            server.server_close()
            thread.join()
            # A server that breaks by accident would look like one that misbehaves.
            assert not server.feil, server.feil[0]


# --- canaries ---


@dataclass
class Kanari:
    """A host and a file that nobody may touch: a server that counts, and a pipe that tells when it is opened."""

    url: str
    fil: Path
    besoek: list[str]
    aapnet: threading.Event

    @property
    def er_urort(self) -> bool:
        return not self.besoek and not self.aapnet.is_set()


@contextlib.contextmanager
def kanari(mappe: Path) -> Iterator[Kanari]:
    """Set up a canary host and a canary file."""
    besoek: list[str] = []

    class Canary(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            besoek.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(SECRET.encode())

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Canary)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    mappe.mkdir(parents=True, exist_ok=True)
    fil, aapnet, done = mappe / "hemmelig.txt", threading.Event(), threading.Event()
    os.mkfifo(fil)

    def watch() -> None:
        with fil.open("wb") as pipe:  # waits here until somebody reads
            if not done.is_set():
                aapnet.set()
            with contextlib.suppress(OSError):
                pipe.write(SECRET.encode())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield Kanari(f"http://127.0.0.1:{server.server_port}", fil, besoek, aapnet)
    finally:
        done.set()
        # Opens the other end, so that the watcher ends.
        end = os.open(fil, os.O_RDONLY | os.O_NONBLOCK)
        watcher.join()
        os.close(end)
        server.shutdown()
        server.server_close()
