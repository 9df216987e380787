"""Invented noise beside main roads and a railway, and power lines. A row is an `Objekt`; kinds of noise: R, G."""

from __future__ import annotations

from functools import cache

import shapely

from tasks.sandbox.kontekst.natur import Rader
from tasks.sandbox.kontekst.skjelett import Linje, Objekt, nummerert, rett, skjelett
from tasks.sandbox.kontekst.vegnett import hovedveger

VEG = {"E": (5.5, 9.0), "F": (4.2, 5.8)}
"""Category of the road → half the breadth of red and of yellow noise, in cells."""
BANE = (3.4, 6.0)
MED_BANE = "7002"
STREKNING = 120.0
"""Cells: a longer road has several zones."""
LEDNINGER = {"0099": ((2, 132, 0.3),), "7001": ((1, 420, 0.86), (2, 66, 0.42), (3, 22, 0.6))}
LEDNINGER["7002"] = ((1, 420, 0.14), (1, 300, 0.72), (2, 132, 0.35), (3, 22, 0.52), (3, 22, 0.6))
"""Level of the grid, kV, and where the line crosses, as a share of the breadth."""


@cache
def veg(nummer: str) -> tuple[Objekt, ...]:
    """Return noise beside main roads: red next to them, yellow outside it."""
    rows: Rader = []
    for k, road in enumerate(hovedveger(nummer)):
        if road.kategori not in VEG:
            continue
        for n in range(int((road.til - road.fra) // STREKNING) + 1):
            start = road.fra + n * STREKNING
            line = rett(road.langs_v, road.paa, start, min(start + STREKNING, road.til))
            if line.t[-1] - line.t[0] > 1:
                name = f"{'Ev' if road.kategori == 'E' else 'Fv'}{road.vegnummer}"
                rows += _soner(nummer, line, VEG[road.kategori], fro=300 + k, navn=name)
    return nummerert(
        [(shape, {navn.upper(): verdi for navn, verdi in values.items()}) for shape, values in rows], nummer
    )


@cache
def jernbane(nummer: str) -> Linje | None:
    """Return the railway of the kommune that has one: past its second town."""
    if nummer != MED_BANE:
        return None
    sk = skjelett(nummer)
    return sk.linje(sk.sentre[1][0] + 0.03 * sk.side, langs_v=True, fro=330, sving=0.03)


@cache
def bane(nummer: str) -> tuple[Objekt, ...]:
    """Return noise beside the railway."""
    line = jernbane(nummer)
    if line is None:
        return ()
    rows: Rader = []
    for k in range(8):
        rows += _soner(nummer, line.del_av(k / 8, (k + 1) / 8), BANE, fro=340, navn="Prøvebanen")
    return nummerert(rows, nummer)


def _soner(nummer: str, line: Linje, half: tuple[float, float], *, fro: int, navn: str) -> Rader:
    sk = skjelett(nummer)
    red, both = (sk.baand(line, breadth, fro=fro, uro=0.2) for breadth in half)
    yellow = shapely.set_precision(shapely.difference(both, red), 0.001)
    common = {"støykilde": "V" if navn[1:2] == "v" else "J", "støykildenavn": navn, "beregnetÅr": 2026}
    return [(red, {"støysonekategori": "R", **common}), (yellow, {"støysonekategori": "G", **common})]


@cache
def luftledninger(nummer: str) -> tuple[Objekt, ...]:
    """Return power lines across the kommune, by level of the grid: 1 transmission, 2 region, 3 local."""
    sk = skjelett(nummer)
    rows: Rader = []
    for k, (level, kv, where) in enumerate(LEDNINGER.get(nummer, ())):
        line = sk.linje(where * sk.side, langs_v=k % 2 == 0, fro=350 + k, sving=0.02)
        for n in range(4):
            rows.append(
                (
                    sk.strek(line.del_av(n / 4, (n + 1) / 4)),
                    {"navn": f"Prøvelinja {k + 1}", "nettnivå": level, "spenning": kv, "eier": "Prøvenett (oppdiktet)"},
                )
            )
    return nummerert(rows, nummer)
