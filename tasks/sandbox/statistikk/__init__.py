"""The local statistics services: SSB's tables, Klass and election results, with invented figures for every kommune.

All 357 kommuner and the three invented ones have figures, made from their numbers alone: none is the real figure of the
kommune. Every answer says so in its source, its label or note, and the header ``X-Oppdiktede-Tall``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from fastapi import APIRouter, Depends, Request

from tasks.sandbox.statistikk import klass, pxweb, valg
from tasks.sandbox.statistikk.feil import Feil, Taktmaaler

__all__ = ["Feil", "create_router"]


def create_router(feil: Feil | None = None, *, naa: Callable[[], datetime] = lambda: datetime.now(UTC)) -> APIRouter:
    """Return the routes of all three services.

    Parameters
    ----------
    feil
        What they do wrong; may be changed while they run. None: nothing.
    naa
        The clock of the rate limit.
    """
    faults = feil or Feil()

    async def watch(request: Request) -> None:
        query = f"?{request.url.query}" if request.url.query else ""
        faults.se(f"{request.method} {request.url.path}{query}"[:2_200])
        if faults.sekunder:
            await asyncio.sleep(faults.sekunder)

    router = APIRouter(dependencies=[Depends(watch)])
    router.include_router(pxweb.create_router(faults, Taktmaaler(naa)))
    router.include_router(klass.create_router(faults))
    router.include_router(valg.create_router(faults))
    return router
