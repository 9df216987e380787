"""The teiger of an invented kommune: villa lots along streets, plots not yet built on, and farms.

Roads have no teig. A part of the teiger pays no heed to the zones, as in life.
"""

from __future__ import annotations

import heapq
from collections import Counter

import numpy as np
import shapely

from tasks.sandbox.landskap import Rect
from tasks.sandbox.soner import del_rect
from tasks.sandbox.utkast import Matrikkelenhet, Sone, Teig, Utkast

NAVN = ("SOLHAUG", "NORDRE TOMTEVIK", "ENGLUND", "BAKKEN", "FURULY", "HAUGEN", "MYRVOLL", "STRANDLY", "UTSIKTEN")
BOLIGAKTIG = {"1110", "110", "1130", "1800", "1001", "5210"}


def tegn_teiger(utkast: Utkast) -> None:
    """Split the zones, or pairs of zones, into teiger and give each its matrikkelenheter."""
    land = utkast.landskap
    found = _splitt(utkast)
    rects = [rect for rect, _ in found]
    shapes = land.clip(land.polygons(rects))
    bnr: Counter[int] = Counter()
    for k, (_, region) in enumerate(found):
        if shapes[k] is None:
            continue
        gnr = 1 + region // 4
        teig_id = int(utkast.fakta.nummer) * 100_000 + k + 1
        utkast.teiger.append(Teig(teig_id, shapes[k], _enheter(utkast.rng, teig_id, gnr, bnr), **_flagg(k)))
    _rund_av(utkast)


def _regioner(utkast: Utkast) -> list[tuple[Rect, Sone]]:
    """Return the rectangles that are split into teiger: a zone, or two zones that were one before."""
    rng = utkast.rng
    by_parent: dict[int, list[Sone]] = {}
    for sone in utkast.soner:
        if not sone.veg:
            by_parent.setdefault(sone.forelder, []).append(sone)
    roads = {sone.forelder for sone in utkast.soner if sone.veg}
    regions: list[tuple[Rect, Sone]] = []
    for parent, pair in by_parent.items():
        if len(pair) == 2 and parent not in roads and rng.random() < 0.4:
            a, b = pair[0].rect, pair[1].rect
            regions.append((_felles(a, b), pair[0]))
        else:
            regions.extend((sone.rect, sone) for sone in pair)
    return regions


def _felles(a: Rect, b: Rect) -> Rect:
    return (min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))


def _mal(rng: np.random.Generator, sone: Sone) -> tuple[float, bool]:
    """Return the wanted size of a teig in cells (100 m²) and whether streets run between them."""
    if sone.kode in BOLIGAKTIG and sone.status != "2" and sone.avstand < 0.25:
        return 7.0 + 8.0 * rng.random(), True
    if sone.kode in BOLIGAKTIG:
        return 30.0 + 120.0 * rng.random(), False
    if sone.kode in {"5100", "210", "3001"}:
        return 150.0 + 1500.0 * rng.random() ** 2, False
    return 25.0 + 100.0 * rng.random(), False


def _splitt(utkast: Utkast) -> list[tuple[Rect, int]]:
    """Split the regions until there are enough teiger; return (rectangle, number of the region)."""
    land, rng = utkast.landskap, utkast.rng
    heap: list[tuple[float, int, Rect, float, bool, int]] = []
    done: list[tuple[Rect, int]] = []
    serial = count = 0

    def push(rect: Rect, target: float, street: bool, region: int) -> None:
        nonlocal serial, count
        serial += 1
        count += land.inside(rect)
        area = (rect[2] - rect[0]) * (rect[3] - rect[1])
        heapq.heappush(heap, (-area / target, serial, rect, target, street, region))

    for region, (rect, sone) in enumerate(_regioner(utkast)):
        target, street = _mal(rng, sone)
        push(rect, target, street, region)
    while count < utkast.fakta.teiger and heap:
        _, _, rect, target, street, region = heapq.heappop(heap)
        w, h = rect[2] - rect[0], rect[3] - rect[1]
        gap = 1 if street and min(w, h) >= 6 and max(w, h) >= 9 else 0
        parts = del_rect(rng, rect, gap=gap, minst=2)
        if not parts:
            done.append((rect, region))
            continue
        count -= land.inside(rect)
        for part in parts[:2]:
            push(part, target * (0.7 + 0.6 * rng.random()), street, region)
    rest = [(rect, region) for _, _, rect, _, _, region in sorted(heap, key=lambda item: item[1])]
    return [item for item in done + rest if land.inside(item[0])]


def _enheter(rng: np.random.Generator, teig_id: int, gnr: int, bnr: Counter[int]) -> tuple[Matrikkelenhet, ...]:
    """Return the matrikkelenheter of a teig: mostly one, now and then none, several, leased or in sections."""
    draw = rng.random()
    navn = NAVN[teig_id % len(NAVN)] if draw > 0.5 else " "
    base = teig_id * 10

    def one(k: int, **more: int) -> Matrikkelenhet:
        bnr[gnr] += 0 if more else 1
        return Matrikkelenhet(base + k, gnr, max(bnr[gnr], 1), bruksnavn=navn, **more)

    if draw < 0.004:
        return ()
    if draw < 0.02:
        return one(1), one(2)
    if draw < 0.03:
        return tuple(one(k) for k in range(1, 5))
    if draw < 0.05:
        return (one(1, festenummer=teig_id % 90 + 1),)
    if draw < 0.06:
        return tuple(one(k, seksjonsnummer=k) for k in range(1, 4))
    return (one(1),)


def _flagg(k: int) -> dict[str, bool]:
    return {
        "tvist": k % 211 == 17,
        "uregistrert_jordsameie": k % 173 == 29,
        "multisurface": k % 13 == 5,
    }


def _rund_av(utkast: Utkast) -> None:
    """Round a corner of some teiger with an arc (drawn inside, so that no neighbour is touched)."""
    for k in range(40, len(utkast.teiger), 97):
        teig = utkast.teiger[k]
        ring = shapely.get_coordinates(teig.geometri.exterior)
        # The ring starts in a corner of the rectangle: turn it so that the corner is not its first point.
        ring = np.vstack([ring[-3:-1], ring[:-2]])
        before, corner, after = ring[1], ring[2], ring[3]
        ring[2] = np.round(0.3 * corner + 0.35 * (before + after), 3)
        polygon = shapely.Polygon(ring)
        if polygon.is_valid and not teig.geometri.interiors:
            utkast.teiger[k] = Teig(
                teig.teig_id,
                polygon,
                teig.enheter,
                tvist=teig.tvist,
                uregistrert_jordsameie=teig.uregistrert_jordsameie,
                bue=1,
            )
