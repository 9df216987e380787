"""How many requests all context of a kommune takes, counted where they arrive."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from fastapi import FastAPI, Request, Response

from config.kilder import kontekst_themes
from config.registers import Kommune
from tasks.answer import Answer, Failed
from tasks.sandbox.upstream import UpstreamServer
from tasks.sources.fetch import fetch
from tasks.sources.limits import Limits
from tasks.store import Geodata

from .conftest import make_settings

MOST = 60


class Talt(UpstreamServer):
    """The local sources, which count who asks for what."""

    def make_app(self) -> FastAPI:
        app = super().make_app()
        self.asked: Counter[str] = Counter()

        @app.middleware("http")
        async def count(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
            self.asked[request.url.path] += 1
            return await answer(request)

        return app


@pytest.mark.long
def test_all_context_of_a_kommune_takes_few_requests_and_none_the_next_day(
    geodata: Geodata, kommune: Kommune, limits: Limits
) -> None:
    def everything() -> dict[str, Answer]:
        return {
            tema: fetch(kommune, tema, settings=settings, geodata=geodata, limits=limits) for tema in kontekst_themes()
        }

    with Talt(username="nap", password="hemmelig") as server:
        settings = make_settings(server.url)
        fetch(kommune, "grense", settings=settings, geodata=geodata, limits=limits)
        server.asked.clear()
        first = everything()
        assert server.asked.total() <= MOST, server.asked
        assert not {tema: answer.grunn for tema, answer in first.items() if isinstance(answer, Failed)}
        server.asked.clear()
        again = everything()
        assert not server.asked
    assert {tema: type(answer) for tema, answer in again.items()} == {t: type(a) for t, a in first.items()}
