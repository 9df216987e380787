"""The zones of an invented kommuneplan: the land split around the towns, with a purpose for every piece.

A zone is a rectangle of the lattice cut off at the border; the key is `lokal_id`.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from shapely import Polygon

from tasks.sandbox.landskap import Rect
from tasks.sandbox.utkast import Sone, Utkast

# (share, code) by distance from the towns: the inner eighth of the zones, the next half, the rest.
T = TypeVar("T")

INDRE = ((0.38, "1110"), (0.26, "1130"), (0.14, "1800"), (0.12, "1001"), (0.10, "1160"))
MIDTRE = (
    (0.52, "1110"),
    (0.11, "1300"),
    (0.10, "3001"),
    (0.07, "1160"),
    (0.05, "1001"),
    (0.03, "1800"),
    (0.02, "1130"),
    (0.03, "1120"),
    (0.07, "5100"),
)
YTRE = (
    (0.46, "5100"),
    (0.15, "1110"),
    (0.06, "5210"),
    (0.12, "1120"),
    (0.11, "3001"),
    (0.06, "1300"),
    (0.02, "1200"),
    (0.02, "1400"),
)
STATUS = ((0.58, "1"), (0.28, "2"), (0.06, "3"), (0.08, None))
PBL1985 = {"1110": "110", "1300": "130", "5100": "210"}
BOKSTAVER = {
    "1110": "B",
    "110": "B",
    "1130": "S",
    "1800": "KBA",
    "1001": "BA",
    "1160": "OPT",
    "1300": "N",
    "130": "E",
    "1120": "FB",
    "1119": "G",
    "1200": "R",
    "1400": "IDR",
    "2010": "V",
    "3001": "GRØ",
    "5100": "LNF",
    "210": "LNF",
    "5210": "SB",
}
LANG = 100
"""Cells: a split of a longer rectangle leaves a road (2 cells) between the halves."""


def velg(rng: np.random.Generator, shares: Sequence[tuple[float, T]]) -> T:
    """Return one of the values, drawn by its share."""
    mark = rng.random() * sum(share for share, _ in shares)
    for share, value in shares:
        mark -= share
        if mark < 0:
            return value
    return shares[-1][1]


def del_rect(rng: np.random.Generator, rect: Rect, *, gap: int, minst: int) -> list[Rect]:
    """Split a rectangle across its longer side; return the halves and, with a gap, the strip between them.

    An empty list when the halves would be narrower than `minst` cells.
    """
    u0, v0, u1, v1 = rect
    w, h = u1 - u0, v1 - v0
    long = max(w, h) - gap
    at = round(long * (0.36 + 0.28 * rng.random()))
    at = min(max(at, minst), long - minst)
    if at < minst:
        return []
    if w >= h:
        parts = [(u0, v0, u0 + at, v1), (u0 + at + gap, v0, u1, v1), (u0 + at, v0, u0 + at + gap, v1)]
    else:
        parts = [(u0, v0, u1, v0 + at), (u0, v0 + at + gap, u1, v1), (u0, v0 + at, u1, v0 + at + gap)]
    return parts if gap else parts[:2]


def tegn_soner(utkast: Utkast) -> None:
    """Split the land into zones, give each a purpose and a status, and cut it off at the border."""
    land, rng = utkast.landskap, utkast.rng
    utkast.soner = [sone for sone in _splitt(utkast, tegn_sentre(utkast)) if land.inside(sone.rect)]
    shapes = land.polygons([sone.rect for sone in utkast.soner])
    cut = land.clip(shapes)
    for k, sone in enumerate(utkast.soner):
        sone.geometri, sone.hel = cut[k] or Polygon(), cut[k] is shapes[k]
        sone.lokal_id = utkast.lokal_id("sone", k)
    utkast.soner = [sone for sone in utkast.soner if not sone.geometri.is_empty]
    _gi_formaal(rng, utkast.soner)


def tegn_sentre(utkast: Utkast) -> list[tuple[float, float]]:
    """Return where the towns lie, in cells: the first that is drawn of a kommune."""
    side, rng = utkast.landskap.side, utkast.rng
    half = side / 2
    return [
        (half + (rng.random() - 0.5) * side * 0.5, half + (rng.random() - 0.5) * side * 0.5)
        for _ in range(utkast.fakta.sentre)
    ]


def _splitt(utkast: Utkast, sentre: list[tuple[float, float]]) -> list[Sone]:
    """Split the roots until enough pieces lie inside, the largest and most central first."""
    land, rng = utkast.landskap, utkast.rng
    heap: list[tuple[float, int, Sone]] = []
    done: list[Sone] = []
    serial = 0

    def push(rect: Rect, forelder: int) -> int:
        nonlocal serial
        serial += 1
        u, v = (rect[0] + rect[2]) / 2, (rect[1] + rect[3]) / 2
        near = min((u - a) ** 2 + (v - b) ** 2 for a, b in sentre) / land.side**2 * len(sentre)
        score = (rect[2] - rect[0]) * (rect[3] - rect[1]) / (0.02 + near)
        heapq.heappush(heap, (-score, serial, Sone(rect=rect, forelder=forelder, avstand=near)))
        return int(land.inside(rect))

    count = sum(push(rect, 0) for rect in land.roots)
    while count < utkast.fakta.soner and heap:
        _, parent, sone = heapq.heappop(heap)
        r = sone.rect
        road = 2 if max(r[2] - r[0], r[3] - r[1]) > LANG else 0
        parts = del_rect(rng, r, gap=road, minst=5)
        if not parts:
            done.append(sone)
            continue
        count += sum(push(part, parent) for part in parts[:2]) - int(land.inside(r))
        if road:
            done.append(Sone(rect=parts[2], forelder=parent, avstand=sone.avstand, veg=True))
            count += int(land.inside(parts[2]))
    return done + [sone for _, _, sone in sorted(heap, key=lambda item: item[1])]


def _gi_formaal(rng: np.random.Generator, soner: list[Sone]) -> None:
    """Give every zone its code, status and name."""
    order = sorted((s for s in soner if not s.veg), key=lambda s: s.avstand)
    for rank, sone in enumerate(order):
        share = rank / len(order)
        sone.kode = velg(rng, INDRE if share < 0.12 else MIDTRE if share < 0.6 else YTRE)
        sone.status = velg(rng, STATUS)
        if share >= 0.6 and sone.kode in PBL1985 and rng.random() < 0.17:
            sone.objekttype, sone.kode = "KpArealbrukOmråde", PBL1985[sone.kode]
    # Every kommune has an old housing zone and an old Erverv zone, however small it is.
    for ny, gammel in (("110", "1110"), ("130", "1300")):
        if not any(s.kode == ny for s in order):
            sone = next(s for s in reversed(order) if s.kode in {gammel, "5100"})
            sone.objekttype, sone.kode = "KpArealbrukOmråde", ny
    for sone in soner:
        if sone.veg:
            sone.kode, sone.status = "2010", "1"
    antall: dict[str, int] = {}
    for sone in soner:
        bokstav = BOKSTAVER[sone.kode]
        antall[bokstav] = antall.get(bokstav, 0) + 1
        sone.ekstra["områdenavn"] = f"{bokstav}{antall[bokstav]}"
