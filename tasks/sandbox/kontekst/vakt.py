"""The guard before the context services: counts what is asked of each theme, and spoils answers as `Feil` says."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from config.konflikt import konflikter
from tasks.sandbox.kontekst.feil import Feil, temaer_paa

INNLOGGING = (
    "<!doctype html><html lang='nb'><title>Logg inn</title><body><form method='post' action='/login'>"
    "<p>Du må logge inn for å se denne siden (oppdiktet).</p><input name='bruker'></form></body></html>"
)
UKJENT = b"UKJENT"
ANNET_FELT = {"veg": ("vegkategori",)}
"""Of themes that bind no land: the attribute that tells the kind of a row."""
ANTALL = re.compile(rb'(numberMatched(?:="|": ?)|"count": ?|"antall": ?)(\d+)')
BIT = 64 * 1024


class Vakt:
    """The application behind it, with the faults of the moment.

    Parameters
    ----------
    app
        What answers.
    feil
        The switches.
    """

    def __init__(self, app: ASGIApp, feil: Feil) -> None:
        self._app, self._feil = app, feil

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        themes = temaer_paa(scope["path"]) if scope["type"] == "http" else ()
        if not themes:
            await self._app(scope, receive, send)
            return
        feil, asked = self._feil, set(themes)
        feil.se(themes[0])
        await asyncio.sleep(min(feil.sekunder.get(tema, 0.0) for tema in themes))
        instead = _instead(feil, asked)
        if instead is not None:
            await instead(scope, receive, send)
        elif asked <= feil.for_stor:
            await _endless(send, feil.stor_bytes)
        else:
            await self._spoiled(scope, receive, send, _changes(feil, asked))

    async def _spoiled(
        self, scope: Scope, receive: Receive, send: Send, changes: list[Callable[[bytes], bytes]]
    ) -> None:
        if not changes:
            await self._app(scope, receive, send)
            return
        start: list[Message] = []
        body = bytearray()

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.append(message)
            else:
                body.extend(message.get("body", b""))

        await self._app(scope, receive, collect)
        changed = bytes(body)
        for change in changes:
            changed = change(changed)
        MutableHeaders(scope=start[0])["content-length"] = str(len(changed))
        await send(start[0])
        await send({"type": "http.response.body", "body": changed})


def _instead(feil: Feil, themes: set[str]) -> Response | None:
    """Return the answer that stands in the place of the right one."""
    if themes <= feil.nede:
        return PlainTextResponse("Service Unavailable", 503)
    if themes <= feil.borte:
        return PlainTextResponse("Not Found", 404)
    if themes <= feil.html:
        return HTMLResponse(INNLOGGING)
    return None


async def _endless(send: Send, size: int) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    for sent in range(0, size, BIT):
        more = sent + BIT < size
        await send({"type": "http.response.body", "body": b" " * min(BIT, size - sent), "more_body": more})


def _changes(feil: Feil, themes: set[str]) -> list[Callable[[bytes], bytes]]:
    """Return what is done to the body of an answer."""
    made: list[Callable[[bytes], bytes]] = []
    for tema in sorted(themes & feil.ukjent_verdi):
        layer = konflikter().lag.get(tema)
        for name in layer.attributt if layer is not None else ANNET_FELT.get(tema, ()):
            made.append(_unknown(name))
    if themes <= feil.feil_antall:
        made.append(lambda body: ANTALL.sub(lambda found: found[1] + str(int(found[2]) + 1).encode(), body))
    if themes <= feil.avkortet:
        made.append(lambda body: body[: len(body) * 3 // 5])
    return made


def _unknown(name: str) -> Callable[[bytes], bytes]:
    """Return what puts a value that nobody knows in the place of an attribute's, in GML and JSON."""
    word = re.escape(name.encode())
    gml = re.compile(rb"(<\w+:" + word + rb">)[^<]*(</)")
    json = re.compile(rb'("' + word + rb'": ?)("[^"]*"|-?[0-9.]+)')
    return lambda body: json.sub(rb'\1"' + UKJENT + b'"', gml.sub(rb"\1" + UKJENT + rb"\2", body))
