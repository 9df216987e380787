"""The invented road network: links between shared nodes, along the edges of the zones.

The wide strips between zones are main roads (E, F), other edges streets (K) and private roads (P); one forest road (S)
is joined to nothing, and one path for walking and cycling is no road for cars. A row is a `Lenke`, geometry EPSG:25833.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
import shapely
from shapely import LineString

from tasks.sandbox.kontekst.skjelett import Skjelett, skjelett
from tasks.sandbox.landskap import Rect, noise
from tasks.sandbox.utkast import Sone

BEBYGD = frozenset({"1110", "110", "1130", "1800", "1001", "1160", "1300", "130", "1120", "5210"})
NAER_BY = 0.12
FYLKESVEGER = 0.13
"""Share of the strips between zones that are fylkesveger."""
PRIVAT = 0.35
"""Share of the edges in the country that a private road follows."""
HOEYDE_M = 180.0
Node = tuple[int, int]
Kant = tuple[Node, Node]


@dataclass(frozen=True, slots=True)
class Lenke:
    """One link.

    Attributes
    ----------
    nr
        Its number in the kommune.
    fra, til
        Its nodes, in cells.
    kategori
        E, F, K, P or S; the road that a path follows has the road's.
    vegnummer
        Number of the road that it is part of.
    er_gangveg
        Whether it is for walking and cycling alone.
    """

    nr: int
    fra: Node
    til: Node
    kategori: str
    vegnummer: int
    er_gangveg: bool
    geometri: LineString


@dataclass(frozen=True, slots=True)
class Hovedveg:
    """A main road: straight on the lattice, at `paa` across its axis between two positions along it."""

    kategori: str
    vegnummer: int
    langs_v: bool
    paa: int
    fra: int
    til: int


@cache
def hovedveger(nummer: str) -> tuple[Hovedveg, ...]:
    """Return the strips between the zones, the longest first: Europaveg where the kommune is large, then fylkesveger.

    The shorter ones are streets of the kommune.
    """
    strips = [zone.rect for zone in _utvidet(skjelett(nummer)) if zone.veg]
    strips.sort(key=lambda r: (-max(r[2] - r[0], r[3] - r[1]), r))
    made = []
    for k, (u0, v0, u1, v1) in enumerate(strips):
        langs_v = v1 - v0 > u1 - u0
        kategori = "E" if k == 0 and skjelett(nummer).side > 300 else "F" if k < FYLKESVEGER * len(strips) else "K"
        at, ends = (u0 + 1, (v0, v1)) if langs_v else (v0 + 1, (u0, u1))
        made.append(Hovedveg(kategori, 6 if kategori == "E" else 100 + k, langs_v, at, *ends))
    return tuple(made)


@cache
def lenker(nummer: str) -> tuple[Lenke, ...]:
    """Return the links of a kommune; all but the forest road and the path hang together."""
    sk = skjelett(nummer)
    zones = _utvidet(sk)
    edges = _kanter([zone.rect for zone in zones if not zone.veg])
    chosen = _sammenhengende(_valgt(sk, zones, edges, hovedveger(nummer)))
    rows = [(kant, kategori, number, False) for kant, (kategori, number) in sorted(chosen.items())]
    walked = next(kant for kant, kategori, *_ in rows if kategori == "F")
    rows.append((walked, "F", chosen[walked][1], True))
    rows.append((_skogsveg(sk, zones), "S", 9_001, False))
    shapes = _streker(sk, [kant for kant, *_ in rows])
    return tuple(
        Lenke(k + 1, kant[0], kant[1], kategori, number, walk, shape)
        for k, ((kant, kategori, number, walk), shape) in enumerate(zip(rows, shapes, strict=True))
    )


@dataclass(frozen=True, slots=True)
class _Flate:
    """A zone, grown to the middle of the main roads that it lies along."""

    rect: Rect
    veg: bool
    sone: Sone


@cache
def _utvidet(sk: Skjelett) -> tuple[_Flate, ...]:
    box = np.array([s.rect for s in sk.soner])
    grown = box.copy()
    for u0, v0, u1, v1 in (s.rect for s in sk.soner if s.veg):
        across, along = (0, 1) if u1 - u0 == 2 else (1, 0)
        low, high = ((u0, u1), (v0, v1))[across]
        a, b = ((u0, u1), (v0, v1))[along]
        beside = (box[:, along] < b) & (box[:, along + 2] > a)
        grown[beside & (box[:, across + 2] == low), across + 2] += 1
        grown[beside & (box[:, across] == high), across] -= 1
    rects = [(r[0], r[1], r[2], r[3]) for r in grown.tolist()]
    return tuple(_Flate(rect, sone.veg, sone) for rect, sone in zip(rects, sk.soner, strict=True))


def _kanter(rects: list[Rect]) -> dict[Kant, list[int]]:
    """Return the edges of the rectangles, cut wherever another's corner lies on them → the rectangles beside."""
    at: dict[tuple[bool, int], set[int]] = defaultdict(set)
    sides = []
    for k, (u0, v0, u1, v1) in enumerate(rects):
        sides += [(True, u0, v0, v1, k), (True, u1, v0, v1, k), (False, v0, u0, u1, k), (False, v1, u0, u1, k)]
    for langs_v, where, low, high, _ in sides:
        at[langs_v, where] |= {low, high}
    order = {key: np.array(sorted(values)) for key, values in at.items()}
    edges: dict[Kant, list[int]] = defaultdict(list)
    for langs_v, where, low, high, k in sides:
        cuts = order[langs_v, where]
        cuts = cuts[(cuts >= low) & (cuts <= high)].tolist()
        for a, b in pairwise(cuts):
            edges[((where, a), (where, b)) if langs_v else ((a, where), (b, where))].append(k)
    return edges


def _valgt(
    sk: Skjelett, zones: tuple[_Flate, ...], edges: dict[Kant, list[int]], main: tuple[Hovedveg, ...]
) -> dict[Kant, tuple[str, int]]:
    """Return the edges that roads follow → category and number of the road."""
    land = [zone for zone in zones if not zone.veg]
    inside = _inne(sk, list(edges))
    drawn = sk.trekk(71).random(len(edges))
    chosen = {}
    for (kant, beside), within, draw in zip(edges.items(), inside.tolist(), drawn.tolist(), strict=True):
        if not within:
            continue
        road = next((r for r in main if _ligger_paa(kant, r)), None)
        built = [land[k].sone.kode in BEBYGD and land[k].sone.status != "2" for k in beside]
        near = min(land[k].sone.avstand for k in beside) < NAER_BY
        if road is not None:
            chosen[kant] = (road.kategori, road.vegnummer)
        elif near or all(built):
            chosen[kant] = ("K", 1_000 + (kant[0][0] * 31 + kant[0][1]) % 900)
        elif draw < PRIVAT:
            chosen[kant] = ("P", 90_000 + (kant[0][0] * 31 + kant[0][1]) % 9_000)
    return chosen


def _inne(sk: Skjelett, edges: list[Kant]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Say which edges lie within the outline."""
    shapely.prepare(sk.land.omriss)
    points = np.array(edges, dtype=np.float64)
    ends = shapely.contains_xy(sk.land.omriss, points[:, :, 0], points[:, :, 1]).all(axis=1)
    middle = points.mean(axis=1)
    found: np.ndarray[tuple[int], np.dtype[np.bool_]] = ends & shapely.contains_xy(
        sk.land.omriss, middle[:, 0], middle[:, 1]
    )
    return found


def _ligger_paa(kant: Kant, road: Hovedveg) -> bool:
    (a, b), (c, d) = kant
    if (a == c) != road.langs_v or (a if road.langs_v else b) != road.paa:
        return False
    low, high = (b, d) if road.langs_v else (a, c)
    return road.fra - 1 <= low and high <= road.til + 1


def _sammenhengende(chosen: dict[Kant, tuple[str, int]]) -> dict[Kant, tuple[str, int]]:
    """Return the largest part that hangs together."""
    beside: dict[Node, list[Node]] = defaultdict(list)
    for a, b in chosen:
        beside[a].append(b)
        beside[b].append(a)
    part: dict[Node, int] = {}
    sizes: list[int] = []
    for start in beside:
        if start in part:
            continue
        queue, mark = [start], len(sizes)
        part[start] = mark
        for node in queue:
            fresh = [other for other in beside[node] if other not in part]
            part.update(dict.fromkeys(fresh, mark))
            queue += dict.fromkeys(fresh)
        sizes.append(len(queue))
    largest = sizes.index(max(sizes))
    return {kant: road for kant, road in chosen.items() if part[kant[0]] == largest}


def _skogsveg(sk: Skjelett, zones: tuple[_Flate, ...]) -> Kant:
    """Return a road inside the widest zone of farms and forest: it touches no other."""
    wild = [zone.rect for zone in zones if zone.sone.kode in {"5100", "210"} and zone.sone.hel]
    u0, v0, u1, v1 = max(wild, key=lambda r: (min(r[2] - r[0], r[3] - r[1]), r))
    v = (v0 + v1) // 2
    return (u0 + 2, v), (u1 - 2, v)


def _streker(sk: Skjelett, edges: list[Kant]) -> list[LineString]:
    """Return the lines of edges with heights; what shares a node shares its coordinates."""
    u, v, ring = [], [], []
    for k, ((a, b), (c, d)) in enumerate(edges):
        n = max(-(-max(c - a, d - b) // 3), 1)
        u += [a + (c - a) * i / n for i in range(n + 1)]
        v += [b + (d - b) * i / n for i in range(n + 1)]
        ring += [k] * (n + 1)
    us, vs = np.array(u, dtype=np.float64), np.array(v, dtype=np.float64)
    height = np.round(HOEYDE_M * (1 + noise(us, vs, wavelength=90.0, seed=sk.fakta.seed * 1_000 + 72)), 2)
    xyz = np.column_stack([sk.land.xy(us, vs, nodes=False), height])
    return list(shapely.linestrings(xyz, indices=np.array(ring)))
