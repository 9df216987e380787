"""A sandbox per test: its own geodata, its own local Airtable, the local sources shared."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from config.bilder import bilder
from config.registers import find_kommune, regler
from config.settings import Profile, Settings
from flows.environment import connected
from flows.run import run_kommune
from flows.summary import Summary
from tasks.sandbox.upstream import UpstreamServer
from tasks.store import Geodata
from tasks.tomtekontrakter import OMGIVELSER
from tests.waiting import PATIENCE_S


@pytest.fixture(scope="session", autouse=True)
def uten_bilder() -> Iterator[None]:
    """No pictures of lots, but where a test asks for them: drawing takes most of the time of a run."""
    none = bilder().model_copy(update={"utvalg": bilder().utvalg.model_copy(update={"antall": 0})})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tasks.crm.bilder.opplasting.bilder", lambda: none)
        yield


@pytest.fixture
def med_bilder(monkeypatch) -> int:
    """Three pictures a run; return how many."""
    few = bilder().model_copy(update={"utvalg": bilder().utvalg.model_copy(update={"antall": 3})})
    monkeypatch.setattr("tasks.crm.bilder.opplasting.bilder", lambda: few)
    return 3


@pytest.fixture(scope="session")
def sources() -> Iterator[UpstreamServer]:
    with UpstreamServer(username="prøve", password="hemmelig") as server:
        yield server


@pytest.fixture
def settings(tmp_path, sources, first_run) -> Settings:
    """A sandbox of its own, in which what stands around the lots of Tomtevik has been fetched."""
    for contract in OMGIVELSER:
        kept = Geodata(first_run.geodata).path("core", contract, "0099")
        copy = Geodata(tmp_path / "geodata").path("core", contract, "0099")
        copy.parent.mkdir(parents=True)
        shutil.copy(kept, copy)
    return of_sandbox(tmp_path / "geodata", sources)


def of_sandbox(geodata: Path, sources: UpstreamServer, *, kontekst: bool = False) -> Settings:
    """Settings of a sandbox; context takes most of the requests of a run, and is fetched where a test asks for it."""
    return Settings(
        profile=Profile.SANDBOX,
        geodata=geodata,
        sources_url=sources.url,
        nap_username="prøve",
        nap_password=SecretStr("hemmelig"),
        hent_kontekst=kontekst,
    )


@pytest.fixture
def ready(settings) -> Iterator[Settings]:
    """Settings in which the local Airtable of this test runs."""
    with connected(settings) as ready:
        yield ready


@dataclass(frozen=True)
class FirstRun:
    """The first run of Tomtevik: what it told, and the folder that it left, the local Airtable's base in it."""

    geodata: Path
    summary: Summary


@pytest.fixture(scope="session")
def first_run(tmp_path_factory, sources) -> FirstRun:
    settings = of_sandbox(tmp_path_factory.mktemp("first") / "geodata", sources, kontekst=True)
    with connected(settings) as ready:
        summary = run_kommune(find_kommune("0099", sandbox=True), ready)
    assert summary.ok, summary.grunn
    return FirstRun(settings.geodata, summary)


@pytest.fixture
def ran(settings, first_run) -> Iterator[Settings]:
    """`ready`, after the first run of Tomtevik: a copy of what it left, for this test alone."""
    shutil.copytree(first_run.geodata, settings.geodata, dirs_exist_ok=True)
    with connected(settings) as ready:
        yield ready


@pytest.fixture
def tomtevik():
    return find_kommune("0099", sandbox=True)


class FaultySources:
    """Passes on to the local sources, but for services that a test breaks."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._broken: dict[str, dict] = {}
        self._server: ThreadingHTTPServer | None = None

    def breaks(self, service: str, **how: object) -> None:
        self._broken[service] = how

    def __enter__(self) -> FaultySources:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                headers = {k: v for k, v in self.headers.items() if k.lower() not in {"host", "accept-encoding"}}
                got = httpx.request(
                    self.command,
                    outer._target + self.path,
                    content=self.rfile.read(length),
                    headers=headers,
                    timeout=PATIENCE_S,
                )
                status, kind, body = got.status_code, got.headers["content-type"], got.content
                how = next((h for service, h in outer._broken.items() if service in self.path), {})
                if "status" in how:
                    status, body = how["status"], b"{}"
                if "truncated" in how:
                    body = body[: len(body) // 2]
                if "html" in how:
                    kind, body = "text/html", b"<!doctype html><title>Logg inn</title>"
                if "empty" in how and "/items" in self.path:
                    body = b'{"type":"FeatureCollection","features":[],"numberMatched":0,"numberReturned":0}'
                self.send_response(status)
                self.send_header("Content-Type", kind)
                if "content-crs" in got.headers:
                    self.send_header("Content-Crs", got.headers["content-crs"])
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = answer  # noqa: N815  # the names that http.server calls

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def faulty_sources(sources, monkeypatch) -> Iterator[FaultySources]:
    # Tries follow each other at once: what is tested is how a run ends, not how long it waits.
    quick = regler().hent.model_copy(update={"forsoek": 1})
    monkeypatch.setattr("tasks.sources.fetch.regler", lambda: regler().model_copy(update={"hent": quick}))
    with FaultySources(sources.url) as faulty:
        yield faulty
