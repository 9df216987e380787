"""The local statistics services as a server of their own, for tests that need nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from fastapi import FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware

from tasks.sandbox.serve import Server
from tasks.sandbox.statistikk import Feil, create_router


class StatistikkServer(Server):
    """SSB, Klass and election results for as long as the block lasts.

    Parameters
    ----------
    feil
        What they do wrong; kept as `feil`, and may be changed while the server runs.
    naa
        The clock of the rate limit.

    Examples
    --------
    >>> with StatistikkServer() as server:  # doctest: +SKIP
    ...     httpx.get(f"{server.url}/ssb/api/pxwebapi/v2/tables/07459/metadata")
    """

    name = "local statistics"

    def __init__(
        self, feil: Feil | None = None, *, port: int = 0, naa: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        super().__init__(port=port)
        self.feil, self._naa = feil or Feil(), naa

    def make_app(self) -> FastAPI:
        """Make the application."""
        app = FastAPI(title="Lokal statistikk (oppdiktede tall)", docs_url=None, redoc_url=None, openapi_url=None)
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
        app.include_router(create_router(self.feil, naa=self._naa))
        return app
