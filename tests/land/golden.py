"""The golden kommune: a few rectangles whose every area can be worked out by hand.

Coordinates are metres from (500000, 7000000) in EPSG:25833, which is also its own zone. The kommune is 2000 × 1000.

Zones (KPA = kommuneplan, KDP = kommunedelplan with the extent x 1600–2000, both adopted; OLD = superseded):

    A   KPA 1110   x    0–200   y    0–100    20,000
    A2  KPA 1110   the same again, under an old kommune number
    B   KPA 1130   x  200–300   y    0–100    10,000    touches A
    C   KPA 1110   x  500–700   y    0–200    40,000
    D   KPA 110    x  800–860   y    0–50      3,000    PBL 1985: housing
    E   KPA 130    x  900–1000  y    0–100              PBL 1985: Erverv, no housing
    F   KPA 1110   x 1500–1700  y    0–100    10,000    the KDP takes x 1600–1700
    G   KDP 1110   x 1650–1700  y    0–100     5,000
    H   OLD 1110   x    0–100   y  500–600              superseded: does not count
    I   KPA 1110   x  600–700   y  950–1050    5,000    the border cuts it at y 1000
    J   KPA 1110   x 1200–1238  y    0–50      1,900    under the floor of 2,000
    K   KPA 1119   x 1300–1400  y    0–100              garages, never housing
    L   KPA 1110   x 1000–1100  y  900–1000  10,000    a neighbour's reguleringsplan takes half; no teig
    N   a neighbour's 1110, x 1900–2100, y 0–100        has no force here, though 10,000 lie inside

The neighbour's kommunedelplan NKDP sticks in as far as x 1550 and takes nothing of F.

Reguleringsplaner:

    R1  adopted, ground    x 150–250  y   0–50    takes 2,500 of A and 2,500 of B
    R2  adopted, tunnel    x   0–300  y  40–60    takes nothing
    R3  proposed           x   0–50   y   0–50    takes nothing, is reported
    R4  adopted, ground    x 550–650  y  50–150   a hole of 10,000 in C
    R5  repealed           x 500–700  y   0–200   takes nothing
    RN  a neighbour's, adopted, ground  x 1050–1300  y 900–1100   takes 5,000 of L
"""

from __future__ import annotations

import geopandas as gpd
from shapely import affinity, box

from config.registers import Kommune
from tasks.land.inndata import Core

EAST, NORTH = 500_000, 7_000_000
KOMMUNE = Kommune(nummer="9901", navn="Gullkommune", fylke="Prøve", epsg=25833, oppdiktet=True)


def place(west: float, south: float, east: float, north: float):
    """Return a rectangle, in metres from the origin of the golden kommune."""
    return affinity.translate(box(west, south, east, north), EAST, NORTH)


def frame(rows: list[dict], corners: list[tuple]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(rows, geometry=[place(*c) for c in corners], crs=25833)


ZONES = {
    "A": ("KPA", "KpArealformålOmråde", "1110", "2", (0, 0, 200, 100)),
    "A2": ("KPA", "KpArealformålOmråde", "1110", "2", (0, 0, 200, 100)),
    "B": ("KPA", "KpArealformålOmråde", "1130", "1", (200, 0, 300, 100)),
    "C": ("KPA", "KpArealformålOmråde", "1110", "1", (500, 0, 700, 200)),
    "D": ("KPA", "KpArealbrukOmråde", "110", "1", (800, 0, 860, 50)),
    "E": ("KPA", "KpArealbrukOmråde", "130", "1", (900, 0, 1000, 100)),
    "F": ("KPA", "KpArealformålOmråde", "1110", "2", (1500, 0, 1700, 100)),
    "G": ("KDP", "KpArealformålOmråde", "1110", "2", (1650, 0, 1700, 100)),
    "H": ("OLD", "KpArealformålOmråde", "1110", "2", (0, 500, 100, 600)),
    "I": ("KPA", "KpArealformålOmråde", "1110", "2", (600, 950, 700, 1050)),
    "J": ("KPA", "KpArealformålOmråde", "1110", "2", (1200, 0, 1238, 50)),
    "K": ("KPA", "KpArealformålOmråde", "1119", "2", (1300, 0, 1400, 100)),
    "L": ("KPA", "KpArealformålOmråde", "1110", "2", (1000, 900, 1100, 1000)),
    "N": ("NABO", "KpArealformålOmråde", "1110", "2", (1900, 0, 2100, 100)),
}
PLANS = {
    "KPA": ("20", "3", (0, 0, 2000, 1000)),
    "KDP": ("21", "3", (1600, 0, 2000, 1000)),
    "OLD": ("20", "5", (0, 0, 2000, 1000)),
    "NABO": ("20", "3", (1900, 0, 3000, 1000)),
    "NKDP": ("21", "3", (1550, 0, 3000, 1000)),
}
REGULATION = {
    "R1": ("3", "2", (150, 0, 250, 50)),
    "R2": ("3", "1", (0, 40, 300, 60)),
    "R3": ("2", "2", (0, 0, 50, 50)),
    "R4": ("3", "2", (550, 50, 650, 150)),
    "R5": ("4", "2", (500, 0, 700, 200)),
    "RN": ("3", "2", (1050, 900, 1300, 1100)),
}
TEIGER = {
    "t1": (["9901-1/1/0/0"], (0, 0, 100, 1000)),
    "t2": (["9901-1/2/0/0"], (100, 0, 300, 60)),
    "t3": (["9901-1/3/0/0"], (100, 60, 300, 500)),
    "t4": (["9901-2/1/0/0"], (500, 0, 600, 200)),
    "t5": (["9901-2/2/0/0"], (600, 0, 610, 200)),
    "t6": (["9901-2/3/0/0", "9901-2/4/0/0"], (610, 0, 700, 200)),
    "t7": (["9901-3/1/0/0"], (800, 0, 830, 50)),
    "t8": (["9901-3/2/0/0"], (830, 0, 845, 50)),
    "t9": (["9901-4/1/0/0"], (1510, 10, 1590, 90)),
    "t10": ([], (1640, -10, 1710, 110)),
}


NEIGHBOURS = ("NABO", "NKDP", "RN")


def plan_id(ident: str) -> str:
    return f"9902_{ident}" if ident in NEIGHBOURS else f"9901_{ident}"


def core() -> Core:
    """Return the input of the golden kommune."""
    return Core(
        grenser=frame([{"kommunenummer": "9901", "kommunenavn": "Gullkommune"}], [(0, 0, 2000, 1000)]),
        soner=frame(
            [
                {"sone_id": i, "objekttype": t, "kode": k, "arealstatus": s, "plan_id": plan_id(p), "navn": i}
                for i, (p, t, k, s, _) in ZONES.items()
            ],
            [z[-1] for z in ZONES.values()],
        ),
        planomraader=frame(
            [
                {
                    "plan_id": plan_id(i),
                    "plantype": t,
                    "planstatus": s,
                    "vertikalnivaa": None,
                    "navn": i,
                    "vedtatt_dato": "2023-01-01",
                    "lenke": f"https://plan.example/{i}",
                }
                for i, (t, s, _) in PLANS.items()
            ],
            [p[-1] for p in PLANS.values()],
        ),
        reguleringsplaner=frame(
            [
                {
                    "plan_id": plan_id(i),
                    "plantype": "35",
                    "planstatus": s,
                    "vertikalnivaa": v,
                    "navn": i,
                    "vedtatt_dato": None,
                    "lenke": None,
                }
                for i, (s, v, _) in REGULATION.items()
            ],
            [r[-1] for r in REGULATION.values()],
        ),
        teiger=frame(
            [
                {
                    "teig_id": i,
                    "kommunenummer": "9901",
                    "matrikkelenheter": units,
                    "matrikkelnummer_tekst": "",
                    "registrert_areal_m2": 0.0,
                    "har_tvist": i == "t6",
                }
                for i, (units, _) in TEIGER.items()
            ],
            [t[-1] for t in TEIGER.values()],
        ),
    )
