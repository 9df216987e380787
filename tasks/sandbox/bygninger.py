"""The buildings of an invented kommune, by their points, and the traps among them.

Where a zone is in use (nåværende) most of the land is built on; where it is to come (framtidig) little is. Points are
tried at random inside the teiger and kept by the odds of the zone that they fall in. Chance comes from a generator of
its own, so that zones, plans and teiger stay as they were.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import shapely
from shapely import Point

from tasks.sandbox.landskap import largest
from tasks.sandbox.soner import velg
from tasks.sandbox.utkast import Bygning, Sone, Teig, Utkast

FELLER = {
    "bygning_GR": "Bygningen er godkjent revet eller brent (GR).",
    "bygning_BR": "Bygningen er revet eller brent (BR).",
    "bygning_BF": "Bygningen er flyttet (BF).",
    "bygning_nabo": "Naboens bygning står like over kommunegrensen.",
    "bygning_paa_teiggrense": "Bygningspunktet ligger nøyaktig på grensen mellom to teiger.",
    "bygning_uten_geometri": "Bygningen har ikke noe punkt.",
    "bygning_dobbel": "Den samme bygningen kommer to ganger.",
}
M2_PER_BYGNING = 1_100.0
FLEST_PER_TEIG = 8
FORSOK = 3
# chance that a tried point becomes a building, by what the zone is for
I_BRUK, FRAMTIDIG, SPREDT, UBEBYGD = 0.75, 0.05, 0.15, 0.03
STATUSER = (
    (0.46, "TB"),
    (0.36, "FA"),
    (0.05, "MB"),
    (0.04, "IG"),
    (0.03, "RA"),
    (0.03, "MF"),
    (0.01, "GR"),
    (0.01, "BR"),
    (0.01, "BF"),
)
TYPER = ((0.45, "111"), (0.25, "181"), (0.12, "131"), (0.08, "121"), (0.05, "161"), (0.03, "311"), (0.02, "241"))
TJENESTER = (("322", 900), ("321", 4_000), ("323", 3_000), ("613", 1_500), ("615", 5_000), ("612", 600))
"""Shops, schools and kindergartens (NS 3457-3): one of so many buildings, and one at least."""


def tegn_bygninger(utkast: Utkast) -> None:
    """Put buildings on the teiger."""
    rng = np.random.Generator(np.random.PCG64([utkast.fakta.seed, 2]))
    points = _punkter(rng, utkast.teiger)
    soner = utkast.soner
    tree = shapely.STRtree([sone.geometri for sone in soner])
    point, zone = tree.query(points, predicate="intersects")
    chance = np.zeros(len(points))
    np.maximum.at(chance, point, np.array([_sjanse(soner[k]) for k in zone.tolist()]))
    for k in np.flatnonzero(rng.random(len(points)) < chance).tolist():
        _bygg(utkast, points[k], status=velg(rng, STATUSER), bygningstype=velg(rng, TYPER))
    _gjor_til_tjenester(utkast)


def _gjor_til_tjenester(utkast: Utkast) -> None:
    """Make some of the houses shops, schools and kindergartens: where they stand, and all else, stays as it was."""
    rng = np.random.Generator(np.random.PCG64([utkast.fakta.seed, 3]))
    houses = [k for k, b in enumerate(utkast.bygninger) if b.bygningstype == "111" and b.status in {"TB", "FA"}]
    wanted = [kode for kode, of in TJENESTER for _ in range(max(len(utkast.bygninger) // of, 1))]
    for kode, k in zip(wanted, rng.permutation(houses).tolist(), strict=False):
        utkast.bygninger[k] = replace(utkast.bygninger[k], bygningstype=kode)


def legg_feller_i_bygningene(utkast: Utkast) -> None:
    """Lay the traps that are buildings."""
    ledige = _ledige(utkast)
    for status, teig in zip(("GR", "BR", "BF"), ledige, strict=False):
        utkast.felle(f"bygning_{status}", _bygg(utkast, _inni(teig), status=status))
    utkast.felle("bygning_nabo", _bygg(utkast, _over_grensen(utkast), kommunenummer=utkast.fakta.nabo))
    utkast.felle("bygning_paa_teiggrense", _bygg(utkast, _felles_hjorne(utkast.teiger)))
    utkast.felle("bygning_uten_geometri", _bygg(utkast, None))
    kopi = next(bygning for bygning in utkast.bygninger if bygning.status == "TB")
    utkast.bygninger.append(kopi)
    utkast.felle("bygning_dobbel", kopi.bygning_id)


def _punkter(rng: np.random.Generator, teiger: list[Teig]) -> npt.NDArray[np.object_]:
    """Return points to try, spread over the teiger by their area, in the order of rounds and teiger."""
    shapes = np.array([teig.geometri for teig in teiger])
    wanted = np.minimum(1 + shapely.area(shapes) // M2_PER_BYGNING, FLEST_PER_TEIG)
    west, south, east, north = shapely.bounds(shapes).T
    found = []
    for turn in range(FLEST_PER_TEIG):
        left = np.flatnonzero(wanted > turn)
        for _ in range(FORSOK):
            x = np.round(west[left] + rng.random(len(left)) * (east - west)[left], 3)
            y = np.round(south[left] + rng.random(len(left)) * (north - south)[left], 3)
            inside = shapely.contains_xy(shapes[left], x, y)
            found.append(shapely.points(x[inside], y[inside]))
            left = left[~inside]
    made: npt.NDArray[np.object_] = np.concatenate(found)
    return made


def _sjanse(sone: Sone) -> float:
    if sone.veg:
        return 0.0
    if sone.kode in {"5100", "210", "3001", "1400"}:
        return UBEBYGD
    if sone.kode == "5210":
        return SPREDT
    return FRAMTIDIG if sone.status == "2" else I_BRUK


def _bygg(
    utkast: Utkast,
    punkt: Point | None,
    *,
    status: str = "TB",
    bygningstype: str = "111",
    kommunenummer: str | None = None,
) -> int:
    """Add a building and return its id."""
    bygning_id = int(utkast.fakta.nummer) * 100_000 + len(utkast.bygninger) + 1
    nummer = kommunenummer or utkast.fakta.nummer
    utkast.bygninger.append(Bygning(bygning_id, nummer, status, bygningstype, punkt))
    return bygning_id


def _ledige(utkast: Utkast) -> list[Teig]:
    """Return the teiger in housing zones to come on which nothing stands, the largest first."""
    soner = [s for s in utkast.soner if s.er_bolig and s.status == "2" and s.hel and s.geometri.is_valid]
    shapes = np.array([teig.geometri for teig in utkast.teiger])
    standing = np.array([b.punkt for b in utkast.bygninger if b.punkt is not None])
    built = np.zeros(len(shapes), dtype=bool)
    built[shapely.STRtree(shapes).query(standing, predicate="intersects")[1]] = True
    teig, _ = shapely.STRtree([s.geometri for s in soner]).query(shapes, predicate="within")
    free = [utkast.teiger[k] for k in dict.fromkeys(teig.tolist()) if not built[k]]
    if len(free) < 3:
        message = f"kommune {utkast.fakta.nummer}: {len(free)} free teiger in zones to come, 3 are needed for the traps"
        raise ValueError(message)
    return sorted(free, key=lambda t: (-t.geometri.area, t.teig_id))


def _inni(teig: Teig) -> Point:
    return _millimeter(shapely.point_on_surface(teig.geometri))


def _over_grensen(utkast: Utkast) -> Point:
    """Return a point 4–10 m outside the border, beside a housing zone that the border cuts."""
    near, far = shapely.buffer(utkast.grense, 4.0), shapely.buffer(utkast.grense, 10.0)
    cut = [s for s in utkast.soner if s.er_bolig and not s.hel and shapely.within(s.geometri, near)]
    zone = min(cut, key=lambda s: s.lokal_id)
    outside = largest(shapely.intersection(shapely.buffer(zone.geometri, 10.0), shapely.difference(far, near)))
    if outside is None:
        message = f"kommune {utkast.fakta.nummer}: no room for a building across the border"
        raise ValueError(message)
    return _millimeter(shapely.point_on_surface(outside))


def _felles_hjorne(teiger: list[Teig]) -> Point:
    """Return a corner that two teiger share and no third one touches."""
    tree = shapely.STRtree([teig.geometri for teig in teiger])
    for teig in teiger:
        for x, y in shapely.get_coordinates(teig.geometri.exterior).tolist():
            corner = Point(x, y)
            if len(tree.query(corner, predicate="intersects")) == 2:
                return corner
    raise ValueError("no two teiger share a corner")


def _millimeter(point: Point) -> Point:
    return Point(round(point.x, 3), round(point.y, 3))
