"""The address service of the sandbox: Kartverket's `punktsok` in its wire format, with invented addresses.

One address a building that is somebody's (no garages, nothing torn down), named by the street that runs through its
block; every twelfth has a matrikkeladresse, and every ninth the name of a house before it. Whatever the real service
does is done here by its specification (1.2.0); that the total is cut off at 10,000 and how a refusal is worded is
guessed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pyproj import Transformer

from tasks.sandbox.crs import SERVED, STORAGE, transformer
from tasks.sandbox.kommune import Bygning, OppdiktetKommune, invent, numre
from tasks.sandbox.utkast import fakta

PREFIX = "/adresser/v1"
PER_SIDE, MOST = 1_000, 10_000
SPHERE_M = 6_371_008.8
"""Distances are measured on a sphere, as the search engine behind the real service does."""

BLOCK_M = 250.0
GARASJE = {"181"}
BORTE = {"GR", "BR", "BF"}
FORLEDD = ("Prøve", "Tomte", "Solsikke", "Eksempel", "Måltrost", "Furu", "Nype", "Granitt", "Bøke", "Torsk", "Lyng")
ETTERLEDD = ("vegen", "veien", "gata", "stien", "bakken", "svingen", "tunet")
HUSNAVN = ("Haugen", "Solbakken", "Kari Nordmanns minne", "Nordre Tomtevik")
PARAMETERS = {"lat", "lon", "radius", "koordsys", "utkoordsys", "filtrer", "treffPerSide", "side", "asciiKompatibel"}
DEGREES = {4258, 4326}


@dataclass(frozen=True)
class Adresser:
    """Addresses: what the service says of each, and where they lie.

    Attributes
    ----------
    rader
        OutputGeoPoint without point and distance.
    xy
        East and north in EPSG:25833, one row an address.
    lonlat
        Longitude and latitude in EPSG:4258.
    """

    rader: tuple[dict[str, Any], ...]
    xy: npt.NDArray[np.float64]
    lonlat: npt.NDArray[np.float64]

    @classmethod
    def at(cls, rader: Sequence[dict[str, Any]], xy: npt.ArrayLike) -> Adresser:
        """Return addresses at places in EPSG:25833."""
        plane = np.asarray(xy, dtype=np.float64).reshape(-1, 2)
        return cls(tuple(rader), plane, np.column_stack(transformer(4258).transform(plane[:, 0], plane[:, 1])))


class RefusedError(ValueError):
    """A question that the service does not answer: what is wrong, by the name of the parameter."""

    def __init__(self, **errors: str) -> None:
        super().__init__("; ".join(f"{name}: {text}" for name, text in errors.items()))
        self.errors = errors


@dataclass(frozen=True)
class Question:
    """One point search, as asked."""

    lat: float
    lon: float
    radius: int
    koordsys: int = 4258
    utkoordsys: int = 4258
    side: int = 0
    treff_per_side: int = 10
    filtrer: tuple[str, ...] = ()

    @classmethod
    def of(cls, params: Mapping[str, str]) -> Question:
        """Return the question of a query.

        Raises
        ------
        RefusedError
            For a parameter that is missing, unknown or out of bounds.
        """
        unknown = sorted(set(params) - PARAMETERS)
        if unknown:
            raise RefusedError(**{name[:40]: "Unknown field." for name in unknown})
        asked = cls(
            lat=_number(params, "lat"),
            lon=_number(params, "lon"),
            radius=_integer(params, "radius", None),
            koordsys=_crs(params, "koordsys"),
            utkoordsys=_crs(params, "utkoordsys"),
            side=_integer(params, "side", 0),
            treff_per_side=_integer(params, "treffPerSide", 10),
            filtrer=tuple(part for part in params.get("filtrer", "").split(",") if part),
        )
        if not 1 <= asked.treff_per_side <= PER_SIDE:
            raise RefusedError(treffPerSide=f"Must be between 1 and {PER_SIDE}.")
        if (asked.side + 1) * asked.treff_per_side > MOST:
            raise RefusedError(side=f"Only the first {MOST} hits can be reached.")
        return asked

    @property
    def lonlat(self) -> tuple[float, float]:
        """The point in degrees."""
        if self.koordsys in DEGREES:
            return self.lon, self.lat
        back = Transformer.from_crs(self.koordsys, 4258, always_xy=True)
        lon, lat = back.transform(self.lon, self.lat)
        return float(lon), float(lat)


def punktsok(adresser: Adresser, asked: Question, sokestreng: str = "") -> dict[str, Any]:
    """Return the addresses within the radius, nearest first, as OutputGeoPointList."""
    distance = _on_sphere(*asked.lonlat, adresser.lonlat)
    order = np.argsort(distance, kind="stable")
    hits = order[: int(np.searchsorted(distance[order], asked.radius, side="right"))]
    first = asked.side * asked.treff_per_side
    rows = [_row(adresser, k, float(distance[k]), asked) for k in hits[first : first + asked.treff_per_side].tolist()]
    metadata = {
        "asciiKompatibel": True,
        "side": asked.side,
        "sokeStreng": sokestreng,
        "totaltAntallTreff": min(len(hits), MOST),
        "treffPerSide": asked.treff_per_side,
        "viserFra": first,
        "viserTil": first + asked.treff_per_side,
    }
    return _filtered({"adresser": rows, "metadata": metadata}, asked.filtrer)


def _row(adresser: Adresser, k: int, distance: float, asked: Question) -> dict[str, Any]:
    x, y = adresser.xy[k].tolist() if asked.utkoordsys == STORAGE else _moved(adresser.xy[k], asked.utkoordsys)
    point = {"epsg": f"EPSG:{asked.utkoordsys}", "lat": y, "lon": x}
    return adresser.rader[k] | {"representasjonspunkt": point, "meterDistanseTilPunkt": distance}


def _moved(xy: npt.NDArray[np.float64], epsg: int) -> tuple[float, float]:
    x, y = transformer(epsg).transform(xy[0], xy[1])
    return float(x), float(y)


def _on_sphere(lon: float, lat: float, there: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return great-circle distances (haversine), m."""
    lon0, lat0 = np.radians([lon, lat])
    lons, lats = np.radians(there).T
    half = np.sin((lats - lat0) / 2) ** 2 + np.cos(lat0) * np.cos(lats) * np.sin((lons - lon0) / 2) ** 2
    found: npt.NDArray[np.float64] = 2 * SPHERE_M * np.arcsin(np.sqrt(half))
    return found


def _filtered(answer: dict[str, Any], wanted: Sequence[str]) -> dict[str, Any]:
    """Return what `filtrer` names: whole members, or parts of them after a dot."""
    if not wanted:
        return answer
    parts = {name: {w.partition(".")[2] for w in wanted if w.partition(".")[0] == name} for name in answer}
    made: dict[str, Any] = {}
    for name, keys in parts.items():
        if "" in keys:
            made[name] = answer[name]
        elif keys and name == "metadata":
            made[name] = {k: v for k, v in answer[name].items() if k in keys}
        elif keys:
            made[name] = [{k: v for k, v in row.items() if k in keys} for row in answer[name]]
    return made


# --- parameters ---


def _number(params: Mapping[str, str], name: str) -> float:
    if name not in params:
        raise RefusedError(**{name: "Missing data for required field."})
    if not re.fullmatch(r"-?[0-9]{1,9}(\.[0-9]{1,20})?", params[name]):
        raise RefusedError(**{name: "Not a valid number."})
    return float(params[name])


def _integer(params: Mapping[str, str], name: str, default: int | None) -> int:
    text = params.get(name, None if default is None else str(default))
    if text is None:
        raise RefusedError(**{name: "Missing data for required field."})
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise RefusedError(**{name: "Not a valid integer."})
    return int(text)


def _crs(params: Mapping[str, str], name: str) -> int:
    code = _integer(params, name, 4258)
    if code not in SERVED:
        raise RefusedError(**{name: f"Must be one of: {', '.join(map(str, SERVED))}."})
    return code


# --- the invented addresses ---


@cache
def adresser_i(nummer: str) -> Adresser:
    """Return the addresses of an invented kommune; the same everywhere."""
    kommune = invent(nummer)
    west, south, *_ = kommune.grense.bounds
    lived_in = {b.bygning_id: b for b in kommune.bygninger if _has_address(b)}
    numbers: Counter[tuple[int, int]] = Counter()
    rows, xy = [], []
    for count, bygning in enumerate(lived_in.values()):
        assert bygning.punkt is not None  # noqa: S101 - by _has_address
        x, y = bygning.punkt.x, bygning.punkt.y
        block = (int((x - west) // BLOCK_M), int((y - south) // BLOCK_M))
        numbers[block] += 1
        rows.append(_adresse(kommune, bygning, block, number=numbers[block], count=count))
        xy.append((x, y))
    return Adresser.at(rows, xy)


def _has_address(bygning: Bygning) -> bool:
    return bygning.punkt is not None and bygning.status not in BORTE and bygning.bygningstype not in GARASJE


def _adresse(
    kommune: OppdiktetKommune, bygning: Bygning, block: tuple[int, int], *, number: int, count: int
) -> dict[str, Any]:
    east, north = block
    street = FORLEDD[(east + 3 * north) % len(FORLEDD)] + ETTERLEDD[(2 * east + north) % len(ETTERLEDD)]
    is_matrikkel = count % 12 == 11
    gnr, bnr = 1 + north, 1 + east * 100 + number
    bokstav = "B" if count % 7 == 6 and not is_matrikkel else ""
    text = f"{gnr}/{bnr}" if is_matrikkel else f"{street} {number}{bokstav}"
    husnavn = HUSNAVN[count // 9 % len(HUSNAVN)] if count % 9 == 8 else None
    return {
        "adressenavn": None if is_matrikkel else street,
        "adressetekst": f"{husnavn}, {text}" if husnavn else text,
        "adressetilleggsnavn": husnavn,
        "adressekode": 1_000 + 100 * north + east,
        "nummer": None if is_matrikkel else number,
        "bokstav": bokstav,
        "kommunenummer": bygning.kommunenummer,
        "kommunenavn": kommune.navn.upper(),
        "gardsnummer": gnr,
        "bruksnummer": bnr,
        "festenummer": 0,
        "undernummer": None,
        "bruksenhetsnummer": ["H0101", "H0102"] if bygning.bygningstype in {"121", "131"} else [],
        "objtype": "Matrikkeladresse" if is_matrikkel else "Vegadresse",
        "poststed": kommune.navn.partition(" (")[0].upper(),
        "postnummer": f"{kommune.nummer[:2]}{north % 100:02}",
        "adressetekstutenadressetilleggsnavn": text,
        "stedfestingverifisert": True,
        "oppdateringsdato": "2026-07-14T09:55:43",
    }


def _near(asked: Question) -> Adresser:
    """Return the addresses of the kommuner that the circle may touch: the others need not be drawn."""
    x, y = transformer(4258).transform(*asked.lonlat, direction="INVERSE")
    # Half a side, the island and the neighbour's houses beyond it, and what the plane stretches.
    near = [
        n
        for n in numre()
        if max(abs(x - fakta()[n].origo[0]), abs(y - fakta()[n].origo[1]))
        < fakta()[n].side_m * 1.5 + asked.radius * 1.1
    ]
    found = [adresser_i(n) for n in near]
    rows = tuple(row for one in found for row in one.rader)
    empty = np.empty((0, 2))
    return Adresser(
        rows, np.vstack([empty, *(one.xy for one in found)]), np.vstack([empty, *(one.lonlat for one in found)])
    )


def create_router() -> APIRouter:
    """Return the routes of the service."""
    router = APIRouter()

    @router.get(PREFIX + "/punktsok")
    def search(request: Request) -> JSONResponse:
        try:
            asked = Question.of(dict(request.query_params))
        except RefusedError as error:
            return JSONResponse({"message": "Input payload validation failed", "errors": error.errors}, 400)
        return JSONResponse(punktsok(_near(asked), asked, request.url.query))

    return router
