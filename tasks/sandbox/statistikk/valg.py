"""The local valgresultat.no: invented results of the country, its fylker and their kommuner, joined by links.

A row ``Andre…`` sums lists that stand in rows of their own too; ``BLANKE`` is no list. Addresses in
`_links` begin after ``/api``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from fastapi import APIRouter, Response

from tasks.sandbox.statistikk.feil import Feil
from tasks.sandbox.statistikk.inndeling import oppdiktede
from tasks.sandbox.statistikk.valgtall import PARTIER, STORTINGSPARTIER, VALG, Liste, Resultat, resultater
from tasks.sandbox.statistikk.visning import KILDE, MERKET

PREFIX = "/valgresultat/api"
FYLKER = {
    "01": "Østfold", "02": "Akershus", "03": "Oslo", "04": "Hedmark", "05": "Oppland", "06": "Buskerud",
    "07": "Vestfold", "08": "Telemark", "09": "Aust-Agder", "10": "Vest-Agder", "11": "Rogaland", "12": "Hordaland",
    "14": "Sogn og Fjordane", "15": "Møre og Romsdal", "16": "Sør-Trøndelag", "17": "Nord-Trøndelag",
    "18": "Nordland", "19": "Troms", "20": "Finnmark", "30": "Viken", "31": "Østfold", "32": "Akershus",
    "33": "Buskerud", "34": "Innlandet", "38": "Vestfold og Telemark", "39": "Vestfold", "40": "Telemark",
    "42": "Agder", "46": "Vestland", "50": "Trøndelag", "54": "Troms og Finnmark", "55": "Troms", "56": "Finnmark",
}  # fmt: skip
OPPDIKTET_FYLKE = "Oppdiktet fylke"
GENERERT = "{aar}-10-02T09:00:00"
KATEGORI_SUM, KATEGORI_STORTING, KATEGORI_ANDRE, KATEGORI_LOKAL = 0, 1, 2, 3


def create_router(feil: Feil) -> APIRouter:
    """Return the routes of the municipal elections."""
    router = APIRouter(prefix=PREFIX)

    @router.get("/{aar}/ko")
    @router.get("/{aar}/ko/{fylke}")
    @router.get("/{aar}/ko/{fylke}/{kommune}")
    def answer(aar: str, fylke: str | None = None, kommune: str | None = None) -> Response:
        if feil.valg_er_nede:
            return Response("Service Unavailable", 503, MERKET, "text/plain")
        if kommune in feil.doede_kommuner:
            return Response(None, 500, MERKET)
        text = _answer(aar, fylke, kommune)
        if text is None:
            return Response(json.dumps({"error": "Not found"}), 404, MERKET, "application/json")
        return Response(text, 200, MERKET, "application/json; charset=utf-8")

    return router


@lru_cache(maxsize=2_000)
def _answer(aar: str, fylke: str | None, kommune: str | None) -> str | None:
    if aar not in {str(year) for year in VALG}:
        return None
    held = resultater(int(aar))
    if fylke is not None and fylke not in {number[:2] for number in held}:
        return None
    if kommune is not None:
        found = held.get(kommune) if kommune[:2] == fylke else None
        return None if found is None else _text(_of_kommune(found))
    return _text(_of_many(int(aar), fylke, [r for n, r in held.items() if fylke is None or n.startswith(fylke)]))


def _text(body: dict[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False)


def _of_kommune(result: Resultat) -> dict[str, Any]:
    fylke, nr = result.nummer[:2], result.nummer
    head = _head(result.aar, nr, result.navn, "kommune")
    before = {liste.kode: liste.mandater for liste in _earlier(result)}
    lists = [_party(one, result.godkjente, before.get(one.kode)) for one in result.lister]
    return head | {
        "stemmer": {"total": result.godkjente + result.blanke, "fhs": None, "vts": None},
        "antallsb": result.stemmeberettigede,
        "frammote": {"prosent": _percent(result.godkjente + result.blanke, result.stemmeberettigede), "endring": None},
        "mandater": {"antall": result.mandater, "endring": None},
        "partier": [*lists, *_others(result), _blank(result.blanke, result.godkjente)],
        "_links": {
            "self": {"nr": nr, "navn": result.navn, "href": f"/{result.aar}/ko/{fylke}/{nr}"},
            "up": {"nr": fylke, "navn": _fylke(nr), "href": f"/{result.aar}/ko/{fylke}"},
            "related": [],
        },
    }


def _of_many(aar: int, fylke: str | None, results: list[Resultat]) -> dict[str, Any]:
    """Return the country or a fylke: votes of all parties, and links; the country is that of the real kommuner."""
    counted = [r for r in results if r.nummer not in oppdiktede()] if fylke is None else results
    votes: Counter[str] = Counter()
    seats: Counter[str] = Counter()
    for result in counted:
        for one in result.lister:
            votes[one.kode if not one.er_lokal else ""] += one.stemmer
            seats[one.kode if not one.er_lokal else ""] += one.mandater
    total, blank = sum(votes.values()), sum(r.blanke for r in counted)
    lists = [Liste(code, name, votes[code], seats[code]) for code, name in PARTIER.items() if votes[code]]
    numbers = sorted({r.nummer[:2] for r in results}) if fylke is None else [r.nummer for r in results]
    names = {r.nummer: r.navn for r in results}
    path = f"/{aar}/ko" if fylke is None else f"/{aar}/ko/{fylke}"
    related = [
        {
            "nr": number,
            "navn": names.get(number) or _fylke(number),
            "href": f"{path}/{number}",
            "hrefNavn": f"{path}/{number}",
            "rapportGenerert": GENERERT.format(aar=aar),
        }
        for number in numbers
    ]
    voters = sum(r.stemmeberettigede for r in counted)
    navn = "Hele landet" if fylke is None else _fylke(fylke)
    return _head(aar, fylke or "0", navn, "land" if fylke is None else "fylke") | {
        "stemmer": {"total": total + blank, "fhs": None, "vts": None},
        "antallsb": voters,
        "frammote": {"prosent": _percent(total + blank, voters), "endring": None},
        "mandater": {"antall": sum(r.mandater for r in counted), "endring": None},
        "partier": [
            *(_party(one, total, None) for one in lists),
            _sum_row("Andre2", "Andre", votes[""], seats[""], total),
            _blank(blank, total),
        ],
        "_links": {"self": {"nr": fylke or "0", "navn": navn, "href": path}, "up": None, "related": related},
    }


def _head(aar: int, nr: str, navn: str, nivaa: str) -> dict[str, Any]:
    generated = GENERERT.format(aar=aar)
    return {
        "id": {"nr": nr, "navn": navn, "nivaa": nivaa, "valgtype": "ko", "valgaar": str(aar)},
        "merknad": KILDE,
        "tidspunkt": {"rapportGenerert": generated, "sisteStemmer": generated},
        "opptalt": {"prosent": 100.0, "forelopig": 100.0, "endelig": 100.0, "oppgjor": True},
        "prognose": {"beregnet": False},
    }


def _party(one: Liste, total: int, before: int | None) -> dict[str, Any]:
    kind = KATEGORI_LOKAL if one.er_lokal else KATEGORI_STORTING if one.kode in STORTINGSPARTIER else KATEGORI_ANDRE
    return _row(one.kode, one.navn, kind, one.stemmer, total) | {
        "mandater": {"resultat": {"antall": one.mandater, "endring": None if before is None else one.mandater - before}}
    }


def _others(result: Resultat) -> Iterable[dict[str, Any]]:
    """Yield the row that sums lists of no party in the Storting, which have rows of their own too."""
    small = [one for one in result.lister if one.kode not in STORTINGSPARTIER]
    if small:
        votes, seats = sum(one.stemmer for one in small), sum(one.mandater for one in small)
        yield _sum_row("Andre1", "Andre", votes, seats, result.godkjente)


def _sum_row(code: str, name: str, votes: int, seats: int, total: int) -> dict[str, Any]:
    row = _row(code, name, KATEGORI_SUM, votes, total)
    return row | {"mandater": {"resultat": {"antall": seats, "endring": None}}}


def _blank(votes: int, total: int) -> dict[str, Any]:
    return _row("BLANKE", "Blanke", KATEGORI_ANDRE, votes, total + votes)


def _row(code: str, name: str, kind: int, votes: int, total: int) -> dict[str, Any]:
    return {
        "id": {"partikode": code, "navn": name, "partikategori": kind},
        "stemmer": {
            "resultat": {
                "prosent": _percent(votes, total),
                "antall": {"total": votes, "fhs": None, "vts": None},
                "endring": {"samme": None, "ekvivalent": None},
            }
        },
    }


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 5) if whole else 0.0


def _fylke(number: str) -> str:
    return OPPDIKTET_FYLKE if number[:2] in {n[:2] for n in oppdiktede()} else FYLKER[number[:2]]


def _earlier(result: Resultat) -> tuple[Liste, ...]:
    """Return the lists of the election before, where it was held for the same number."""
    if (year := result.aar - 4) not in VALG:
        return ()
    found = resultater(year).get(result.nummer)
    return () if found is None else found.lister
