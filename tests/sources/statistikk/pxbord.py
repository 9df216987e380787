"""A table that answers as PxWebApi v2 does: metadata, cells by GET and POST, and SSB's refusals."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from config.statistikk import Ssb, statistikk
from tasks.sources.statistikk.pxweb import PxWeb, Valgt
from tests.sources.conftest import Handler

TABELL = "06913"
ALT = (
    Valgt("Region", ("0301", "3207", "3218")),
    Valgt("ContentsCode", ("Folkemengde",)),
    Valgt("Tid", ("2022", "2023", "2024")),
)


@dataclass
class Bord:
    """One table; a cell's figure is its place in the whole table."""

    variabler: dict[str, list[str]] = field(
        default_factory=lambda: {
            "Region": ["0301", "3207", "3218"],
            "Kjonn": ["0", "1", "2"],
            "ContentsCode": ["Folkemengde", "Fodte2"],
            "Tid": ["2022", "2023", "2024"],
        }
    )
    kan_utelates: tuple[str, ...] = ("Region", "Kjonn")
    kodeliste: tuple[str, ...] = ("K-3207", "K-3218")
    oppdatert: str = "2026-02-25T07:00:00Z"
    maks_adresse: int = 2_100

    def __call__(self, handler: Handler) -> None:
        path = urlsplit(handler.path).path
        body = handler.server.asked[-1].body
        if len(handler.path) > self.maks_adresse:
            handler.send(b"", status=404)
        elif path == f"/tables/{TABELL}/metadata":
            handler.json(self.dataset({name: list(codes) for name, codes in self.variabler.items()}, is_metadata=True))
        elif path == f"/tables/{TABELL}/data":
            self._data(handler, json.loads(body)["selection"] if body else _from_address(handler.path))
        else:
            refuse(handler, 404, "Non-existent table")

    def _data(self, handler: Handler, selection: list[dict[str, Any]]) -> None:
        chosen = {one["variableCode"]: one["valueCodes"] for one in selection}
        listed = {one["variableCode"] for one in selection if one.get("codelist")}
        known = {n: list(self.kodeliste) if n in listed else codes for n, codes in self.variabler.items()}
        if any(len(set(codes)) != len(codes) for codes in chosen.values()):
            handler.send(b"", status=500)
        elif any(n not in chosen and n not in self.kan_utelates for n in known):
            refuse(handler, 400, "Missing selection for mandantory variable")
        elif any(not set(codes) <= set(known[n]) for n, codes in chosen.items()):
            refuse(handler, 400, "Non-existent value")
        else:
            handler.json(self.dataset({n: chosen[n] for n in self.variabler if n in chosen}))

    def dataset(self, chosen: dict[str, list[str]], *, is_metadata: bool = False) -> dict[str, Any]:
        sizes = [len(codes) for codes in chosen.values()]
        lists = [{"id": "agg_KommSummer", "label": "Kommuner", "type": "Aggregation", "links": []}]
        return {
            "version": "2.0",
            "class": "dataset",
            "label": f"{TABELL}: Befolkning og endringer",
            "updated": self.oppdatert,
            "id": list(chosen),
            "size": sizes,
            "role": {"time": ["Tid"], "metric": ["ContentsCode"], "geo": ["Region"]},
            "dimension": {
                name: {
                    "label": name.lower(),
                    "category": {
                        "index": {code: n for n, code in enumerate(codes)},
                        "label": {code: f"{name} {code}" for code in codes},
                    },
                    "extension": {
                        "elimination": name in self.kan_utelates,
                        "codelists": lists if name == "Region" else [],
                    },
                }
                for name, codes in chosen.items()
            },
            "value": [] if is_metadata else list(range(math.prod(sizes))),
        }


def refuse(handler: Handler, status: int, title: str, **headers: str) -> None:
    problem = {"type": "Parameter error", "title": title, "status": status}
    handler.send(json.dumps(problem).encode(), "application/problem+json", status, **headers)


def _from_address(path: str) -> list[dict[str, Any]]:
    query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
    names = [name[len("valueCodes[") : -1] for name in query if name.startswith("valueCodes[")]
    return [
        {
            "variableCode": name,
            "valueCodes": query[f"valueCodes[{name}]"].split(","),
            "codelist": query.get(f"codelist[{name}]"),
        }
        for name in names
    ]


class Klokke:
    """A clock that only sleeping moves, as time of day and in seconds."""

    def __init__(self, start: datetime = datetime(2026, 3, 2, 12, tzinfo=UTC)) -> None:
        self.start, self.s = start, 1_000_000.0
        self.sov_s: list[float] = []

    def naa(self) -> datetime:
        return self.start + timedelta(seconds=self.s - 1_000_000.0)

    def sek(self) -> float:
        return self.s

    def sov(self, seconds: float) -> None:
        self.sov_s.append(seconds)
        self.s += seconds
        assert self.s < 1_200_000, "it waits for ever"


def regler(**changed: Any) -> Ssb:
    return statistikk().ssb.model_copy(update={"maks_sekunder": 30, "fersk_timer": 20, **changed})


def klient(url: str, mappe: Path, klokke: Klokke | None = None, *, rules: Ssb | None = None, **more: Any) -> PxWeb:
    klokke = klokke or Klokke()
    return PxWeb(
        rules or regler(),
        adresse=url,
        mappe=mappe,
        contact=None,
        naa=klokke.naa,
        sov=klokke.sov,
        klokke=klokke.sek,
        **more,
    )
