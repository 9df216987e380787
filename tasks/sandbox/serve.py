"""A server in a thread of this process, on 127.0.0.1 alone."""

from __future__ import annotations

import errno
import socket
import threading
import time
from typing import Self

import uvicorn
from fastapi import FastAPI

HOST = "127.0.0.1"
START_S = 60.0
STOP_S = 10.0


class Server:
    """Serves an application for as long as a ``with`` block lasts.

    Subclasses make the application in `make_app`, once the port is held.

    Parameters
    ----------
    port
        0 takes a free one.
    """

    name = "server"

    def __init__(self, *, port: int = 0) -> None:
        self.port = port
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
        return f"http://{HOST}:{self.port}"

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
        self._socket = _bind(self.port)
        self.port = int(self._socket.getsockname()[1])
        try:
            app = self.make_app()
        except BaseException:
            self.stop()
            raise
        config = uvicorn.Config(app, log_config=None, log_level="critical", access_log=False, lifespan="off", ws="none")
        self._server = uvicorn.Server(config)
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
        """End the server and free the port; harmless when it does not run."""
        was_running = self._server is not None
        if self._server is not None:
            self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(timeout=STOP_S)
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


def _bind(port: int) -> socket.socket:
    """Return a listening socket; uvicorn itself would end the process when the port is taken."""
    # The protocol is named because asyncio turns Nagle's algorithm off only where it stands: without it, every answer
    # on a connection that is kept waits 40 ms for an acknowledgement.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((HOST, port))
        # Listening at once: two servers that bind the same port cannot both get past this line.
        bound.listen(128)
    except OverflowError as error:
        bound.close()
        raise OSError(errno.EINVAL, f"Port {port} cannot be used. Choose one between 0 and 65535.") from error
    except OSError as error:
        bound.close()
        message = f"Port {port} cannot be used ({error.strerror}). Stop what uses it, or choose another."
        raise OSError(error.errno, message) from error
    return bound
