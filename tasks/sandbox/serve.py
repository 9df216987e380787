"""A server in a thread of this process, on 127.0.0.1 unless told otherwise."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
import time
from typing import Self

import uvicorn
from fastapi import FastAPI

LOOPBACK = "127.0.0.1"
EVERYWHERE = "0.0.0.0"  # noqa: S104  # what a person asks for by it, with a warning
START_S = 60.0
GRACE_S = 5
"""For answers that are under way when it is stopped."""
STOP_S = 10.0
FORCED_S = 10.0
"""For threads at work, once connections are no longer waited for."""
NOT_OURS = "Give an address of this machine."


class Server:
    """Serves an application for as long as a ``with`` block lasts.

    Subclasses make the application in `make_app`, once the port is held.

    Parameters
    ----------
    port
        0 takes a free one.
    host
        The address of this machine that is listened on.
    """

    name = "server"

    def __init__(self, *, port: int = 0, host: str = LOOPBACK) -> None:
        self.port, self.host = port, host
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._socket: socket.socket | None = None

    def make_app(self) -> FastAPI:
        """Return the application to serve."""
        raise NotImplementedError

    def release(self) -> None:
        """Give back what `make_app` holds; called when the server has stopped."""

    @property
    def url(self) -> str:
        """The address, without a slash at its end."""
        return f"http://{LOOPBACK if self.host == EVERYWHERE else self.host}:{self.port}"

    def start(self) -> Self:
        """Bind the port and serve.

        Raises
        ------
        OSError
            When the port is taken or may not be used.
        TimeoutError
            When the server does not come up.
        """
        if self._thread is not None:
            raise RuntimeError(f"{self.name} is running already at {self.url}")
        self._socket = _bind(self.host, self.port)
        self.port = int(self._socket.getsockname()[1])
        try:
            app = self.make_app()
        except BaseException:
            self.stop()
            raise
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="critical",
            access_log=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=GRACE_S,
        )
        self._server = _Uvicorn(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name=self.name, daemon=True)
        self._thread.start()
        deadline = time.monotonic() + START_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                self.stop()
                raise TimeoutError(f"{self.name} did not start at {self.url} within {START_S:.0f} s")
            time.sleep(0.01)
        return self

    def stop(self) -> None:
        """End the server and free the port; harmless when it does not run.

        A client that does not take its answer is not waited for longer than some seconds.

        Raises
        ------
        TimeoutError
            When a request does not end; what the application holds is not given back then, for it is in use.
        """
        was_running = self._server is not None
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(timeout=STOP_S)
            self._server.force_exit = True
            self._thread.join(timeout=FORCED_S)
            if self._thread.is_alive():
                raise TimeoutError(f"{self.name} at {self.url} does not end: a request is still under way")
        if self._socket is not None:
            self._socket.close()
        self._server = self._thread = self._socket = None
        if was_running:
            self.release()

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        """Stop."""
        self.stop()


class _Uvicorn(uvicorn.Server):
    """Leaves no connection open that was waited for in vain."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End as uvicorn does, then cut the connections that are left."""
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        await asyncio.sleep(0)  # each is closed in the next round of the loop


def _bind(host: str, port: int) -> socket.socket:
    """Return a listening socket; uvicorn itself would end the process when the port is taken."""
    # The protocol is named because asyncio turns Nagle's algorithm off only where it stands: without it, every answer
    # on a connection that is kept waits 40 ms for an acknowledgement.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        # Listening at once: two servers that bind the same port cannot both get past this line.
        bound.listen(128)
    except OverflowError as error:
        bound.close()
        raise OSError(errno.EINVAL, f"Port {port} cannot be used. Choose one between 0 and 65535.") from error
    except OSError as error:
        bound.close()
        where = f"Port {port}" if host == LOOPBACK else f"{host}:{port}"
        what = "Stop what uses it, or choose another." if error.errno != errno.EADDRNOTAVAIL else NOT_OURS
        message = f"{where} cannot be used ({error.strerror}). {what}"
        raise OSError(error.errno, message) from error
    return bound
