"""Invented nature reserves, marka, monuments and farmland. A row is an `Objekt`."""

from __future__ import annotations

from functools import cache

import numpy as np
import shapely

from tasks.sandbox.kontekst.skjelett import Objekt, Skjelett, Verdi, midt_i, nummerert, skjelett
from tasks.sandbox.soner import velg
from tasks.sandbox.utkast import Sone

Rader = list[tuple[shapely.Geometry, dict[str, Verdi]]]
VERNEFORMER = ("Naturreservat", "Landskapsvernområde", "Naturreservat", "Dyrefredningsområde")
RESERVATER = {"0099": 1, "7001": 3, "7002": 4}
MED_MARKA = "7001"
UTEN_AR50 = "7002"
VERNETYPER = ((0.42, "AUT"), (0.24, "UAV"), (0.2, "IKKEV"), (0.06, "FJE"), (0.05, "VED"), (0.03, None))
KATEGORIER = ((0.6, "E-ARK"), (0.12, "E-BER"), (0.1, "E-RUI"), (0.03, "E-MAR"), (0.15, "E-BYG"))
MINNER = ("Gravhaug", "Gravfelt", "Bosetningsspor", "Hulveg", "Bergkunst", "Tuft", "Kirkested", "Kullgrop")
SONER_PER_MINNE = 5
ARTYPER = {"5100": ((0.45, 20), (0.45, 30), (0.1, 60)), "framtidig": ((0.14, 20), (0.76, 30), (0.1, 60))}
BEBYGD, SAMFERDSEL = 10, 10


@cache
def verneomraader(nummer: str) -> tuple[Objekt, ...]:
    """Return the protected areas: each over a housing zone that is to come, and the land around it."""
    sk = skjelett(nummer)
    rows: Rader = []
    for k, sone in enumerate(_utkanten(sk, RESERVATER.get(nummer, 1))):
        rows.append(
            (
                _over(sk, sone, fro=100 + k),
                {
                    "navn": f"Prøvemyra {k + 1}",
                    "faktaark": f"https://faktaark.naturbase.no/?id=VV{int(nummer):08d}{k}",
                    "verneform": VERNEFORMER[k % len(VERNEFORMER)],
                    "verneforskrift": f"FOR-19{80 + k}-12-18-{1000 + k}",
                    "vernedato": f"19{80 + k}-12-18",
                    "forvaltningsmyndighet": "Statsforvalteren",
                },
            )
        )
    return nummerert(rows, nummer)


@cache
def foreslaatte(nummer: str) -> tuple[Objekt, ...]:
    """Return the areas that are proposed for protection: none in the smallest kommune."""
    sk = skjelett(nummer)
    if sk.side < 300:
        return ()
    sone = _utkanten(sk, 5)[-1]
    values: dict[str, Verdi] = {"navn": "Prøvelia", "verneform": "Naturreservat", "verneplan": "Frivillig vern av skog"}
    return nummerert([(_over(sk, sone, fro=120), values)], nummer)


@cache
def marka(nummer: str) -> tuple[Objekt, ...]:
    """Return what the marka act covers: a side of one kommune."""
    if nummer != MED_MARKA:
        return ()
    sk = skjelett(nummer)
    edge = sk.linje(0.79 * sk.side, langs_v=True, fro=130)
    u, v = np.concatenate([edge.avvik, [1.3 * sk.side] * 2]), np.concatenate([edge.t, edge.t[[-1, 0]]])
    shape = shapely.intersection(shapely.Polygon(sk.land.xy(u, v, nodes=False)), sk.land.grense)
    values: dict[str, Verdi] = {
        "lovNavn": "Lov om naturområder i Oslo og nærliggende kommuner (oppdiktet område)",
        "geografiskVirkeområde": "Prøvemarka",
    }
    parts = [(shapely.set_precision(part, 0.001), values) for part in shapely.get_parts(shape)]
    return nummerert(parts, nummer)


@cache
def kulturminner(nummer: str) -> tuple[Objekt, ...]:
    """Return single monuments: most are areas, some are points; a few lie where housing is to come."""
    sk, draw = skjelett(nummer), skjelett(nummer).trekk(140)
    zones = [sone for sone in sk.soner if not sone.veg]
    rows: Rader = []
    for k in range(max(len(zones) // SONER_PER_MINNE, 8)):
        among = sk.boliger if k % 4 == 1 else zones
        sone = among[int(draw.random() * len(among))]
        u0, v0, u1, v1 = sone.rect
        u, v = u0 + (0.2 + 0.6 * draw.random()) * (u1 - u0), v0 + (0.2 + 0.6 * draw.random()) * (v1 - v0)
        radius = 0.6 + 1.6 * draw.random() + (4.0 if k % 11 == 3 else 0.0)
        shape = sk.punkt(u, v) if k % 6 == 5 else sk.flekk(u, v, radius, fro=150 + k)
        rows.append((shape, _minne(draw, nummer, k)))
    return nummerert(rows, nummer)


def _minne(draw: np.random.Generator, nummer: str, k: int) -> dict[str, Verdi]:
    vern, kategori = velg(draw, VERNETYPER), velg(draw, KATEGORIER)
    number = f"{int(nummer)}{k:04d}-1"
    return {
        "navn": MINNER[k % len(MINNER)],
        "kulturminneId": number,
        "vernelov": "Kulturminneloven av 1978" if vern == "AUT" else None,
        "vernetype": vern,
        "enkeltminnekategori": kategori,
        "kommune": nummer,
        "linkKulturminnesøk": f"https://www.kulturminnesok.no/kulturminne/{number}",
    }


@cache
def ar50(nummer: str) -> tuple[Objekt, ...]:
    """Return land by its use, zone by zone (coarse): fields, forest, bogs, built land; nothing of one kommune."""
    if nummer == UTEN_AR50:
        return ()
    sk, draw = skjelett(nummer), skjelett(nummer).trekk(160)
    rows: Rader = []
    for sone in sk.soner:
        kind = _artype(draw, sone)
        values: dict[str, Verdi] = {
            "artype": kind,
            "artype_beskrivelse": "oppdiktet",
            "areal": round(sone.geometri.area),
        }
        rows.append((sone.geometri, values))
    return nummerert(rows, nummer)


def _artype(draw: np.random.Generator, sone: Sone) -> int:
    if sone.kode in {"5100", "210", "5210"}:
        return int(velg(draw, ARTYPER["5100"]))
    if sone.status == "2":
        return int(velg(draw, ARTYPER["framtidig"]))
    return SAMFERDSEL if sone.veg else BEBYGD


def _utkanten(sk: Skjelett, antall: int) -> list[Sone]:
    """Return so many housing zones that are to come, spread from the towns outwards."""
    wanted = [sone for sone in sk.boliger if sone.status == "2"] or list(sk.boliger)
    return [wanted[min(round((0.35 + 0.6 * k / antall) * (len(wanted) - 1)), len(wanted) - 1)] for k in range(antall)]


def _over(sk: Skjelett, sone: Sone, *, fro: int) -> shapely.Polygon:
    u0, v0, u1, v1 = sone.rect
    return sk.flekk(*midt_i(sone.rect), 0.75 * max(u1 - u0, v1 - v0), fro=fro)
