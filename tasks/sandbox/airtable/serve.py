"""The local Airtable as a server."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI

from tasks.sandbox.airtable.app import create_app
from tasks.sandbox.serve import Server


class AirtableServer(Server):
    """A local Airtable for as long as the block lasts; `url` is pyairtable's `endpoint_url`.

    Parameters
    ----------
    data_dir
        Where the bases lie.
    token
        What clients must send.
    port
        0 takes a free one.
    rate_limit_per_s
        Requests a second and base before 30 s of refusals; 0 = off.

    Raises
    ------
    OSError
        At start, when the port is in use.
    BlockingIOError
        At start, when another process uses the folder.
    """

    name = "local Airtable"

    def __init__(self, data_dir: Path, *, token: str, port: int = 0, rate_limit_per_s: float = 5.0) -> None:
        super().__init__(port=port)
        self._data_dir, self._token, self._limit = Path(data_dir), token, rate_limit_per_s
        self._app: FastAPI | None = None

    def make_app(self) -> FastAPI:
        """Open the store."""
        self._app = create_app(self._data_dir, token=self._token, rate_limit_per_s=self._limit)
        return self._app

    def release(self) -> None:
        """Close the store."""
        if self._app is not None:
            self._app.state.store.close()
