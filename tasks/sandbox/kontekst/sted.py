"""Invented tettsteder, grunnkretser and stops. A row is an `Objekt`; stops are points."""

from __future__ import annotations

import heapq
import math
from functools import cache

import numpy as np
import shapely

from tasks.sandbox.kontekst.natur import Rader
from tasks.sandbox.kontekst.skjelett import Objekt, Skjelett, midt_i, nummerert, skjelett
from tasks.sandbox.kontekst.stoy import jernbane
from tasks.sandbox.kontekst.vegnett import Lenke, lenker
from tasks.sandbox.landskap import Rect
from tasks.sandbox.utkast import fakta

BY_RADIUS = 0.1
"""Of a town, as a share of the kommune's breadth."""
PER_KM2 = {"0099": 9_000, "7001": 1_200, "7002": 2_200}
"""Inhabitants of a tettsted per km², so that they come near the kommune's number."""
NABOER = ((1.35, 0.3, 0.09), (-0.5, 0.85, 0.05))
"""Towns of the neighbours: where, and how large, as shares of the kommune's breadth."""
KRETSER_PER_SIDE = 0.09
STOEV = 0.002
SNITT_NAER = 0.03
STOPP_NAER, STOPP_LANDET = 0.25, 0.08
"""Share of the nodes of the roads with a stop: near towns, and elsewhere."""
IKKE_I_BRUK = 9
"""Every so many stops is out of use."""
HOLDEPLASSNAVN = ("skole", "torg", "kirke", "vest", "øst", "stasjon", "brygge", "senter", "kryss", "hagen")


@cache
def tettsteder(nummer: str) -> tuple[Objekt, ...]:
    """Return the tettsteder in the kommune and the next ones beyond its border; towns that touch are one."""
    sk = skjelett(nummer)
    name = sk.fakta.navn.split()[0]
    discs = [sk.flekk(u, v, BY_RADIUS * sk.side * 0.85**k, fro=400 + k) for k, (u, v) in enumerate(sk.sentre)]
    own = sorted(shapely.get_parts(shapely.union_all(discs)), key=lambda part: -part.area)
    rows: Rader = [
        (shapely.set_precision(part, 0.001), _tettsted(nummer, k, name if k == 0 else f"{name} {k + 1}", part.area))
        for k, part in enumerate(own)
    ]
    for k, (u, v, radius) in enumerate(NABOER):
        shape = sk.flekk(u * sk.side, v * sk.side, radius * sk.side, fro=410 + k)
        rows.append((shape, _tettsted(nummer, 50 + k, f"Nabo{name.lower()} {k + 1}", shape.area)))
    return nummerert(rows, nummer)


def _tettsted(nummer: str, k: int, name: str, area: float) -> dict[str, str | int | float | None]:
    return {
        "tettstedsnummer": f"{int(nummer) % 100:02}{k:02}",
        "tettstedsnavn": f"{name} (oppdiktet)",
        "totalBefolkning": round(area / 1e6 * PER_KM2.get(nummer, 1_500)),
        "areal": round(area),
    }


# --- grunnkretser ---


@cache
def grunnkretser(nummer: str) -> tuple[Objekt, ...]:
    """Return the grunnkretser, which cover the kommune: small ones in the towns, large ones around.

    `andel` is the share of the kommune's inhabitants; no service tells it.
    """
    sk = skjelett(nummer)
    rects = _delt(sk, max(round(KRETSER_PER_SIDE * sk.side), 12))
    shapes = shapely.intersection(sk.land.polygons(rects), sk.land.grense)
    shapes = shapely.set_precision(shapes, 0.001)
    kept = [(rect, shape) for rect, shape in zip(rects, shapes, strict=True) if shape.area > STOEV]
    weights = np.array([shape.area * _tetthet(sk, rect) for rect, shape in kept])
    rows: Rader = []
    for k, ((rect, shape), share) in enumerate(zip(kept, (weights / weights.sum()).tolist(), strict=True)):
        number = f"{nummer}{1 + k // 10:02}{1 + k % 10:02}"
        place = "sentrum" if sk.naer(*midt_i(rect)) < SNITT_NAER else "krets"
        values = {"kommunenummer": nummer, "grunnkretsnummer": number, "grunnkretsnavn": f"Prøve{place} {k + 1}"}
        rows.append((_flater(shape), {**values, "andel": share}))
    return nummerert(rows, nummer)


def _delt(sk: Skjelett, antall: int) -> list[Rect]:
    """Split the land in two again and again, the largest and most central piece first."""
    heap: list[tuple[float, Rect]] = []

    def push(rect: Rect) -> None:
        u0, v0, u1, v1 = rect
        heapq.heappush(heap, (-(u1 - u0) * (v1 - v0) / (0.05 + sk.naer(*midt_i(rect))), rect))

    for u0, v0, u1, v1 in sk.land.roots:
        push((u0 - 25, v0 - 25, u1 + 25, v1 + 25))
    while len(heap) < antall:
        _, (u0, v0, u1, v1) = heapq.heappop(heap)
        if u1 - u0 >= v1 - v0:
            half = (u0 + u1) // 2
            parts = ((u0, v0, half, v1), (half, v0, u1, v1))
        else:
            half = (v0 + v1) // 2
            parts = ((u0, v0, u1, half), (u0, half, u1, v1))
        for part in parts:
            push(part)
    return sorted(rect for _, rect in heap)


def _tetthet(sk: Skjelett, rect: Rect) -> float:
    """Return how densely people live: falling from the towns outwards."""
    return 1.0 / (0.004 + math.pow(sk.naer(*midt_i(rect)), 1.3))


def _flater(shape: shapely.Geometry) -> shapely.Geometry:
    parts = [part for part in shapely.get_parts(shape) if isinstance(part, shapely.Polygon)]
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


# --- stops ---


@cache
def holdeplasser(nummer: str) -> tuple[Objekt, ...]:
    """Return the stops: for buses along the roads, dense in the towns, and the railway's; some are out of use."""
    sk, draw = skjelett(nummer), skjelett(nummer).trekk(420)
    roads = [link for link in lenker(nummer) if link.kategori in {"E", "F", "K"} and not link.er_gangveg]
    ends: dict[tuple[int, int], Lenke] = {link.fra: link for link in reversed(roads)}
    rows: Rader = []
    for node, link in sorted(ends.items()):
        near = sk.naer(*node) < SNITT_NAER
        if draw.random() < (STOPP_NAER if near else STOPP_LANDET):
            x, y, *_ = link.geometri.coords[0]
            rows.append((shapely.Point(x + 6.0, y + 4.0), _stopp(nummer, len(rows), "bus")))
    line = jernbane(nummer)
    if line is not None:
        for k in (len(line.t) * 2 // 5, len(line.t) * 3 // 5):
            rows.append((sk.punkt(float(line.avvik[k]), float(line.t[k])), _stopp(nummer, len(rows), "rail")))
    return nummerert(rows, nummer)


def _stopp(nummer: str, k: int, mode: str) -> dict[str, str | int | float | None]:
    name = fakta()[nummer].navn.split()[0]
    return {
        "id": f"NSR:StopPlace:{int(nummer) * 1_000 + k}",
        "name": f"{name} {HOLDEPLASSNAVN[k % len(HOLDEPLASSNAVN)]} {k // len(HOLDEPLASSNAVN) + 1}",
        "transportMode": mode,
        "iBruk": int(k % IKKE_I_BRUK != 4),
    }
