"""The files of `tomt differanse` read, seen to belong together, and cleaned: one CRS, places that fit it.

Areas are computed in the CRS of the zones, one of the UTM zones 32, 33 and 35 of ETRS89, or in the one that the user
names. A wrong EPSG code and swapped axes are accepted silently by every reader: here they are looked for.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from pyproj import CRS

from tasks.account import Account, Accounts
from tasks.errors import LandError, TomtError
from tasks.land.clean import GEOGRAPHIC_EPSG, UTM_EPSG, clean
from tasks.sources import helfil, hinderlag, vektorfil, vektorlag
from tasks.sources.plassering import Plassering, apart, place
from tasks.sources.vektorfil import Kolonne, Vektorlag

log = logging.getLogger("tomt")

KEYS = {
    "soner": "sone_id",
    "planer": "plan_id",
    "teiger": vektorlag.TEIG_ID,
    hinderlag.BYGNINGER: hinderlag.HINDER_ID,
    hinderlag.VEGER: hinderlag.HINDER_ID,
}
FARAWAY = {"planer": "no plan", hinderlag.BYGNINGER: "no building", hinderlag.VEGER: "no road"}
"""Layers that the engine can do without → what it then finds beside the zones."""
LINES = (shapely.GeometryType.LINESTRING, shapely.GeometryType.MULTILINESTRING, shapely.GeometryType.LINEARRING)
WANTED = "EPSG:25832, 25833 or 25835 (or 4258 or 4326, with --crs)"
ASSIGN = "write it again with the right one: ogr2ogr -a_srs EPSG:25832 new.gpkg {}"


@dataclass(frozen=True)
class Lagfil:
    """A file, and the layer in it where it has several."""

    sti: Path
    lag: str | None = None

    def require_file(self) -> None:
        """Raise unless the file is there."""
        helfil.require_file(self.sti)


@dataclass
class Grunnlag:
    """What was read.

    Attributes
    ----------
    lag, koder, steder, sekunder
        By name of the layer: as read, but for the rows; its EPSG code (None for one without rows and CRS), where it
        lies, and how long it took.
    rader
        The rows themselves, until they are cleaned: there may be millions.
    epsg
        CRS to compute in.
    advarsler
        What the user should know, in order; each has been logged.
    """

    lag: dict[str, Vektorlag] = field(default_factory=dict)
    koder: dict[str, int | None] = field(default_factory=dict)
    steder: dict[str, Plassering] = field(default_factory=dict)
    sekunder: dict[str, float] = field(default_factory=dict)
    rader: dict[str, gpd.GeoDataFrame] = field(default_factory=dict)
    epsg: int = 0
    advarsler: list[str] = field(default_factory=list)

    def warn(self, text: str) -> None:
        """Say and keep a warning."""
        log.warning("Warning: %s", text)
        self.advarsler.append(text)

    def described(self, name: str) -> dict[str, Any]:
        """Return what is known of a file as JSON-ready values."""
        read = self.lag[name]
        return {
            "fil": str(read.fil),
            "lag": read.lag,
            "rader": read.rader,
            "crs": None if self.koder[name] is None else f"EPSG:{self.koder[name]}",
            "kolonner": dict(read.kolonner),
            "sekunder": round(self.sekunder[name], 3),
        }


def gather(files: Mapping[str, Lagfil], columns: Mapping[str, Sequence[Kolonne]], *, crs: str | None) -> Grunnlag:
    """Read the files, settle the CRS to compute in, and check that coordinates fit what each file says.

    Parameters
    ----------
    files, columns
        By name of the layer; the zones come first.
    crs
        As the user wrote it.

    Raises
    ------
    SourceError
        When a file cannot be read.
    LandError
        When its CRS, or the place of its rows, cannot be right.
    """
    asked = None if crs is None else _asked(crs)
    grunnlag = Grunnlag()
    for name, source in files.items():
        started = time.perf_counter()
        read = vektorfil.read(source.sti, columns[name], lag=source.lag, lag_opsjon=f"--lag-{name}")
        grunnlag.lag[name] = replace(read, frame=read.frame[:0])
        grunnlag.rader[name] = read.frame
        grunnlag.koder[name] = _code(read)
        grunnlag.sekunder[name] = time.perf_counter() - started
        log.info("%s: %s, %d rows, %.1f s", name, read.fil, read.rader, grunnlag.sekunder[name])
        geographic = grunnlag.koder[name] in GEOGRAPHIC_EPSG
        grunnlag.steder[name] = place(read.frame.geometry.to_numpy(), geographic=geographic)
    for name in files:
        _require_place(grunnlag, name)
    grunnlag.epsg = asked or _common(grunnlag)
    return grunnlag


def cleaned(grunnlag: Grunnlag, *, accounts: Accounts) -> dict[str, gpd.GeoDataFrame]:
    """Return the layers as valid 2D polygons in the CRS to compute in, with `id`; the accounts count the rest.

    Buildings may be points as well.

    Raises
    ------
    LandError
        When zones and teiger have no place in common: nothing can come out.
    """
    frames = {name: _clean(grunnlag, name, account=accounts.step(name)) for name in grunnlag.lag}
    bounds = {name: tuple(frame.total_bounds) if len(frame) else None for name, frame in frames.items()}
    for name in ("teiger", *FARAWAY):
        if not apart(bounds["soner"], bounds.get(name)):
            continue
        said = (
            f"{grunnlag.lag['soner'].fil} {_shown(bounds['soner'])} and {grunnlag.lag[name].fil} "
            f"{_shown(bounds[name])} have no place in common in EPSG:{grunnlag.epsg}"
        )
        if name == "teiger" or grunnlag.steder[name].funn == "grader":
            raise LandError(f"{said}. One of them is in another CRS than it says, or has its axes swapped.")
        grunnlag.warn(f"{said}: {FARAWAY[name]} meets a zone. Is one of them in another CRS than it says?")
    return frames


def _clean(grunnlag: Grunnlag, name: str, *, account: Account) -> gpd.GeoDataFrame:
    read, frame = grunnlag.lag[name], grunnlag.rader.pop(name)
    named = vektorlag.ids(frame, KEYS[name], account=account)
    frame = frame.assign(id=named).set_crs(grunnlag.koder[name] or grunnlag.epsg)
    account.note("uleselig geometri", int(read.uleselige.sum()), named[read.uleselige])
    if name not in (hinderlag.BYGNINGER, hinderlag.VEGER):
        return clean(frame, epsg=grunnlag.epsg, key="id", account=account)
    line = np.isin(shapely.get_type_id(frame.geometry.to_numpy()), LINES)
    account.drop("linje, ikke flate", named[line])
    with_points = name == hinderlag.BYGNINGER
    kept = clean(frame[~line], epsg=grunnlag.epsg, key="id", account=account, med_punkt=with_points)
    account.inn = len(frame)
    _warn_of_obstacles(grunnlag, read, lines=int(line.sum()), kept=len(kept))
    return kept


def _warn_of_obstacles(grunnlag: Grunnlag, read: Vektorlag, *, lines: int, kept: int) -> None:
    """Warn of a layer that keeps less land clear than its user may think."""
    if not read.rader:
        grunnlag.warn(f"{read.fil}: no rows: nothing is kept clear of")
    elif lines:
        grunnlag.warn(
            f"{read.fil}: {lines} of {read.rader} rows are lines and left out, since their width is not known. "
            "Give the surfaces (polygons)."
        )
    elif not kept:
        grunnlag.warn(f"{read.fil}: none of the {read.rader} rows can be used: nothing is kept clear of")


# --- CRS ---


def horizontal_epsg(crs: CRS) -> int | None:
    """Return the EPSG code of the horizontal part of a CRS; OGC:CRS84 is EPSG:4326, x first, as read here.

    Examples
    --------
    >>> horizontal_epsg(CRS.from_epsg(5972)), horizontal_epsg(CRS.from_user_input("OGC:CRS84"))
    (25832, 4326)
    """
    if crs.to_authority() in {("OGC", "CRS84"), ("OGC", "CRS84h")}:
        return 4326
    bare = crs.source_crs if crs.is_bound and crs.source_crs is not None else crs
    code: int | None = bare.to_2d().to_epsg()
    return code


def _asked(text: str) -> int:
    digits = text.strip().upper().removeprefix("EPSG:")
    if digits not in {str(code) for code in UTM_EPSG}:
        raise TomtError(f"--crs {text}: wanted is one of {', '.join(map(str, UTM_EPSG))}, the UTM zones in use.")
    return int(digits)


def _code(read: Vektorlag) -> int | None:
    """Return the EPSG code of a layer; None where neither a CRS nor rows need one.

    Raises
    ------
    LandError
        When rows have no CRS, or one that cannot be used.
    """
    if read.crs is None:
        if not read.rader:
            return None
        raise LandError(f"{read.fil}: no CRS. Find out which one it is, then {ASSIGN.format(read.fil)}")
    code = horizontal_epsg(read.crs)
    if code not in (*UTM_EPSG, *GEOGRAPHIC_EPSG):
        said = f"EPSG:{code}" if code else read.crs.name
        raise LandError(f"{read.fil}: CRS is {said}; wanted is {WANTED}. Reproject it: ogr2ogr -t_srs EPSG:25832 "
                        f"new.gpkg {read.fil}")  # fmt: skip
    return code


def _common(grunnlag: Grunnlag) -> int:
    """Return the CRS that the files share; one without rows has no say.

    Raises
    ------
    LandError
        When they are in several, or in degrees.
    """
    said = {name: code for name, code in grunnlag.koder.items() if code is not None and grunnlag.lag[name].rader}
    if len(set(said.values())) > 1:
        listed = ", ".join(f"{grunnlag.lag[name].fil} EPSG:{code}" for name, code in said.items())
        raise LandError(f"the files are in different CRS: {listed}. Add --crs {_zone(grunnlag)} to reproject them all.")
    code = next(iter(said.values()), grunnlag.koder["soner"])
    if said and code in GEOGRAPHIC_EPSG:
        raise LandError(
            f"{grunnlag.lag[next(iter(said))].fil}: in degrees (EPSG:{code}); areas are computed in metres. "
            f"Add --crs {_zone(grunnlag)}, or another of {', '.join(map(str, UTM_EPSG))}."
        )
    return code if code in UTM_EPSG else UTM_EPSG[0]


def _zone(grunnlag: Grunnlag) -> int:
    """Return the UTM zone to propose: that of the first layer in metres, the zones before the others, else by place."""
    for code in grunnlag.koder.values():
        if code in UTM_EPSG:
            return code
    west, _, east, _ = grunnlag.steder["soner"].grenser or (0, 0, 0, 0)
    middle = (west + east) / 2
    return 25832 if middle < 12 else 25833 if middle < 21 else 25835


# --- places ---


def _require_place(grunnlag: Grunnlag, name: str) -> None:
    """Raise for a layer whose coordinates cannot be what its CRS says; warn for one outside Norway.

    Raises
    ------
    LandError
        Naming the file, the bounds and the likely cause.
    """
    found, read, code = grunnlag.steder[name], grunnlag.lag[name], grunnlag.koder[name]
    where = f"{read.fil}: bounds {found.tekst} in EPSG:{code}"
    if found.funn == "byttet":
        raise LandError(f"{where}: the axes are swapped, north stands before east. Swap them (ST_FlipCoordinates).")
    if found.funn == "meter":
        hint = " GeoJSON that names no CRS is in degrees by its standard." if "json" in read.fil.suffix.lower() else ""
        raise LandError(f"{where}: these are metres, not degrees.{hint} The CRS is wrong; {ASSIGN.format(read.fil)}")
    # A few metres wide, a plan or a teig may lie there by chance, beside zones of a drawing's own coordinates.
    if found.funn == "grader" and (name == "soner" or apart(grunnlag.steder["soner"].grenser, found.grenser)):
        raise LandError(f"{where}: these are degrees, not metres. The CRS is wrong; "
                        f"{ASSIGN.format(read.fil).replace('25832', '4258')}")  # fmt: skip
    if found.funn == "utenfor":
        grunnlag.warn(f"{where}: outside Norway")


def _shown(bounds: Sequence[float] | None) -> str:
    return "[" + ", ".join(f"{v:.0f}" for v in bounds or ()) + "]"
