"""A fetch of a whole city: asked, read, kept as a snapshot, in bounded memory. A `long` test."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from .conftest import collection
from .teiger import chunks

ANTALL = 440_000
GIGABYTE = 1 << 30

FETCHING = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from config.registers import find_kommune
    from config.settings import Settings
    from tasks.sources.fetch import fetch
    from tasks.store import Geodata

    settings = Settings(_env_file=None, profile="sandbox", sources_url=sys.argv[1])
    answer = fetch(find_kommune("0099", sandbox=True), "teig", settings=settings, geodata=Geodata(Path(sys.argv[2])))
    peak = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
    print(type(answer).__name__, getattr(answer, "antall", answer), peak)
    """
)


@contextmanager
def serving() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("Content-Type", "text/xml")
            self.end_headers()
            if b"hits" in asked:
                self.wfile.write(collection(matched=str(ANTALL)))
                return
            for chunk in chunks(ANTALL):
                self.wfile.write(chunk)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
def test_a_fetch_of_1_3_gigabytes_takes_less_than_one(tmp_path: Path) -> None:
    assert sum(len(chunk) for chunk in chunks(ANTALL)) > 1_300_000_000
    with serving() as url:
        made = subprocess.run(
            [sys.executable, "-c", FETCHING, url, str(tmp_path / "geodata")],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        )
    svar, antall, peak = made.stdout.split()[-3:]
    print(f"\n{svar}, {antall} features, {int(peak) / 1000:.0f} MB at the peak")
    assert (svar, int(antall)) == ("Rows", ANTALL)
    assert int(peak) * 1024 < GIGABYTE
