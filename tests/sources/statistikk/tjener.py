"""A server of the sandbox's statistics, and a small config."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI

from config.statistikk import Statistikk, statistikk
from tasks.sandbox.statistikk import Feil, create_router


@contextmanager
def tjener(feil: Feil) -> Iterator[str]:
    """Run the local statistics services, and yield their address."""
    app = FastAPI()
    app.include_router(create_router(feil))
    with socket.socket(proto=socket.IPPROTO_TCP) as sock:  # else asyncio leaves Nagle on: 40 ms an answer
        sock.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.005)
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
        server.should_exit = True
        thread.join()


def regler(*tabeller: str, valg: Sequence[int] = (), **ssb: Any) -> Statistikk:
    """Return the config with some of its tables and elections alone, two periods, and one try of each request."""
    full = statistikk()
    return full.model_copy(
        update={
            "tabell": tuple(t.model_copy(update={"perioder": 2}) for t in full.tabell if t.id in tabeller),
            "valg": full.valg.model_copy(update={"aar": tuple(valg)}),
            "ssb": full.ssb.model_copy(update={"forsoek": 1, **ssb}),
        }
    )
