"""Invented dangers: floods along a river, quick clay beside it, avalanches and rockfall on a slope.

A row is an `Objekt`. Zones that somebody mapped (`faresoner`) reach over a part alone; what is to be watched for
(`aktsomhet`) is wide and everywhere.
"""

from __future__ import annotations

from functools import cache

import shapely

from tasks.sandbox.kontekst.natur import Rader
from tasks.sandbox.kontekst.skjelett import Linje, Objekt, Skjelett, Verdi, nummerert, skjelett

FLOMMER = ((20, 1.6), (200, 4.0), (1000, 5.5))
"""Once in so many years → half the breadth of the flood, in cells where the kommune is 560 of them broad."""
AKTSOMHET = 7.5
VED_BYEN = 0.035
"""How far the river passes from the middle of the first town, as a share of the kommune's breadth."""
MED_KVIKKLEIRE = "7001"
UTEN_LEIRE = "0099"
FAREGRADER = ("Høy", "Middels", "Lav")
LI = 0.84
"""Where the foot of the slope lies, as a share of the kommune's breadth."""
SKREDTYPER = {"snoskred": ("Snøskred", 0.04), "steinsprang": ("Steinsprang", 0.025)}
RAVINER = 3


@cache
def elv(nummer: str) -> Linje:
    """Return the river: past the first town, from one side of the kommune to the other."""
    sk = skjelett(nummer)
    langs_v = sk.fakta.seed % 2 == 1
    u, v = sk.sentre[0]
    return sk.linje((u if langs_v else v) + VED_BYEN * sk.side, langs_v=langs_v, fro=200)


@cache
def flomsoner(nummer: str) -> tuple[Objekt, ...]:
    """Return the floods of the mapped part of the river, one inside the other."""
    sk, mapped = skjelett(nummer), elv(nummer).del_av(0.3, 0.72)
    rows: Rader = []
    for years, half in FLOMMER:
        values: dict[str, Verdi] = {
            "gjentaksintervall": years,
            "statusKartlegging": "ferdig",
            "datauttaksdato": "2026-09-01",
        }
        rows.append((_baand(sk, mapped, half, fro=201), values))
    return nummerert(rows, nummer)


@cache
def flom_aktsomhet(nummer: str) -> tuple[Objekt, ...]:
    """Return where floods have to be reckoned with: the whole river in pieces, wide."""
    sk = skjelett(nummer)
    pieces = [elv(nummer).del_av(k / 6, (k + 1) / 6) for k in range(6)]
    rows: Rader = [
        (_baand(sk, piece, AKTSOMHET, fro=202), {"vassOmråde": "999", "temaKvalitet": "middels", "vannKilde": "elv"})
        for piece in pieces
    ]
    return nummerert(rows, nummer)


@cache
def kvikkleire(nummer: str) -> tuple[Objekt, ...]:
    """Return the mapped zones of quick clay, beside the river of one kommune; one is without a grade."""
    if nummer != MED_KVIKKLEIRE:
        return ()
    sk, river = skjelett(nummer), elv(nummer)
    rows: Rader = []
    for k, grad in enumerate((*FAREGRADER, None)):
        along = len(river.t) * (2 + k) // 7
        u, v = _paa(river, along, 10.0)
        values: dict[str, Verdi] = {
            "skredOmrNavn": f"Prøvebakken {k + 1}",
            "faregrad": grad,
            "konsekvens": "Alvorlig",
            "risiko": 3,
        }
        rows.append((sk.flekk(u, v, 9.0 + 2 * k, fro=210 + k), values))
    return nummerert(rows, nummer)


@cache
def kvikkleire_aktsomhet(nummer: str) -> tuple[Objekt, ...]:
    """Return where quick clay has to be reckoned with: low land at the river's end; none where there is no clay."""
    if nummer == UTEN_LEIRE:
        return ()
    sk = skjelett(nummer)
    values: dict[str, Verdi] = {"skredType": "Kvikkleireskred", "opphav": "NVE (oppdiktet)", "noyaktighet": 50}
    parts = [elv(nummer).del_av(a, b) for a, b in ((0.12, 0.3), (0.6, 0.8))]
    return nummerert([(_baand(sk, part, 16.0, fro=220), values) for part in parts], nummer)


def aktsomhet_skred(nummer: str, slag: str) -> tuple[Objekt, ...]:
    """Return where avalanches (``snoskred``) or rockfall (``steinsprang``) have to be reckoned with."""
    sk, (navn, breadth) = skjelett(nummer), SKREDTYPER[slag]
    slope = sk.linje(LI * sk.side, langs_v=sk.fakta.seed % 2 == 0, fro=230)
    rows: Rader = []
    for k, (a, b) in enumerate(((0.25, 0.5), (0.5, 0.72))):
        values: dict[str, Verdi] = {"skredType": navn, "skredfareVurdering": "potensiell", "temaKvalitet": "lav"}
        rows.append((sk.baand(slope.del_av(a, b), breadth * sk.side, fro=231 + k), values))
    return nummerert(rows, nummer)


@cache
def jordskred(nummer: str) -> tuple[Objekt, ...]:
    """Return where landslides have to be reckoned with: ravines down from the slope."""
    sk = skjelett(nummer)
    langs_v = sk.fakta.seed % 2 == 1
    rows: Rader = []
    for k in range(RAVINER):
        ravine = sk.linje((0.3 + 0.18 * k) * sk.side, langs_v=langs_v, fro=240 + k, sving=0.02, fra=0.66, til=0.9)
        values: dict[str, Verdi] = {"skredtype": "jord- og flomskred", "oppdateringsdato": "2026-03-01"}
        rows.append((_baand(sk, ravine, 4.0, fro=245 + k), values))
    return nummerert(rows, nummer)


@cache
def skredfaresoner(nummer: str) -> tuple[Objekt, ...]:
    """Return the mapped zones below the slope by how often: once in 100, 1,000 and 5,000 years."""
    sk = skjelett(nummer)
    slope = sk.linje(LI * sk.side, langs_v=sk.fakta.seed % 2 == 0, fro=230).del_av(0.42, 0.52)
    rows: Rader = []
    for years, half in ((100, 0.012), (1000, 0.026), (5000, 0.04)):
        values: dict[str, Verdi] = {
            "skredOmrID": int(nummer),
            "vurdertStatSannsynlighet": f"1/{years}",
            "KARTLEGGINGSDATO": 1_577_836_800_000,
        }
        rows.append((sk.baand(slope, half * sk.side, fro=250), values))
    return nummerert(rows, nummer)


def _baand(sk: Skjelett, linje: Linje, half: float, *, fro: int) -> shapely.Polygon:
    """Return a band whose breadth is given for a kommune of 560 cells: wider in larger ones, but less so."""
    return sk.baand(linje, half * (sk.side / 560) ** 0.5, fro=fro)


def _paa(linje: Linje, k: int, across: float) -> tuple[float, float]:
    """Return a place beside the line."""
    t, at = float(linje.t[k]), float(linje.avvik[k]) + across
    return (at, t) if linje.langs_v else (t, at)
