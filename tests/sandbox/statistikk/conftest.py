"""The local statistics services over HTTP: one server a file, with faults that are off when a test begins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import httpx
import pytest

from tasks.sandbox.statistikk import Feil
from tasks.sandbox.statistikk.pxweb import PREFIX
from tasks.sandbox.statistikk.tjener import StatistikkServer
from tests.waiting import PATIENCE_S


class Ssb:
    """Asks the tables."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def get(self, path: str, **params: str) -> httpx.Response:
        return self.client.get(PREFIX + path, params=params)

    def data(self, table: str, **codes: list[str]) -> dict[str, Any]:
        """Return the dataset of a POST; a code list stands before a bar: ``Region=["agg_KommSummer|*"]``."""
        answer = self.post(table, **codes)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def post(self, table: str, **codes: list[str]) -> httpx.Response:
        selection = []
        for name, its in codes.items():
            listed, _, _ = its[0].rpartition("|") if its else ("", "", "")
            row: dict[str, Any] = {"variableCode": name, "valueCodes": [c.rpartition("|")[2] for c in its]}
            selection.append(row | ({"codelist": listed} if listed else {}))
        return self.client.post(f"{PREFIX}/tables/{table}/data", json={"selection": selection})


@pytest.fixture(scope="module")
def server() -> Iterator[StatistikkServer]:
    with StatistikkServer() as running:
        yield running


@pytest.fixture
def feil(server: StatistikkServer) -> Iterator[Feil]:
    """The faults of the server, all off before and after."""
    usual = Feil()
    yield server.feil
    for switch in fields(Feil):
        if not switch.name.startswith("_"):
            setattr(server.feil, switch.name, getattr(usual, switch.name))


@pytest.fixture(scope="module")
def client(server: StatistikkServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=PATIENCE_S) as one:
        yield one


@pytest.fixture
def ssb(client: httpx.Client) -> Ssb:
    return Ssb(client)
