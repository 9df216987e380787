"""The invented context: what lies where, that it is sound, and that it hits some housing land and leaves most free."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import shapely

from config.kilder import kilder
from config.konflikt import konflikter
from tasks.sandbox.kommune import invent, numre
from tasks.sandbox.kontekst import arcgis_lag, fare, hensyn, natur, sted, stoy, tjenester, vegnett, wfs_lag
from tasks.sandbox.kontekst.skjelett import Objekt, skjelett
from tasks.sandbox.statistikk.befolkning import SISTE_AAR, befolkning
from tasks.sandbox.statistikk.grunnkretser import circles
from tasks.sandbox.statistikk.inndeling import numre as kommunenumre

Tegner = Callable[[str], tuple[Objekt, ...]]
LAG: dict[str, Tegner] = {
    "naturvern": natur.verneomraader,
    "naturvern_foreslaatt": natur.foreslaatte,
    "marka": natur.marka,
    "kulturminner": natur.kulturminner,
    "flom_faresone": fare.flomsoner,
    "flom_aktsomhet": fare.flom_aktsomhet,
    "kvikkleire_faresone": fare.kvikkleire,
    "kvikkleire_aktsomhet": fare.kvikkleire_aktsomhet,
    "skred_faresone": fare.skredfaresoner,
    "snoskred_aktsomhet": lambda nummer: fare.aktsomhet_skred(nummer, "snoskred"),
    "steinsprang_aktsomhet": lambda nummer: fare.aktsomhet_skred(nummer, "steinsprang"),
    "jordskred_aktsomhet": fare.jordskred,
    "stoy_veg": stoy.veg,
    "stoy_bane": stoy.bane,
    "jord_ar50": natur.ar50,
    "hoyspent": stoy.luftledninger,
}
UDEKKET = {"stormflo", "stoy_fly", "stoy_forsvar", "strandsone", "jord_dyrkbar", "forurenset_grunn"}
SMAA = ("0099", "7001")
"""Of these what lots are found from is drawn in no time."""
SENTRALT: dict[str, Tegner] = {
    "tettsteder": sted.tettsteder,
    "grunnkretser": sted.grunnkretser,
    "holdeplasser": sted.holdeplasser,
}


def test_every_source_with_a_path_is_served_and_the_others_are_not() -> None:
    served = {k.tema: k.sandbox for k in kilder().values() if k.sandbox and k.sandbox.startswith("/kontekst/")}
    assert set(konflikter().lag) - set(served) - {"hensyn"} == UDEKKET
    paths = tjenester.stier()
    assert all(any(path.startswith(sandbox) for path in paths) for sandbox in served.values())
    types = {f"{wfs_lag.PREFIX}/{lag.sti}": lag.objekttype for lag in wfs_lag.LAG}
    for kilde in kilder().values():
        if kilde.sandbox in types:
            assert types[kilde.sandbox] == next(iter(kilde.lag.values())).rpartition(":")[2]
        if kilde.sandbox and kilde.sandbox.startswith(arcgis_lag.PREFIX):
            there = arcgis_lag.TJENESTER[kilde.sandbox.removeprefix(f"{arcgis_lag.PREFIX}/")]
            assert int(next(iter(kilde.lag.values()))) in there.lag


@pytest.mark.parametrize("nummer", numre())
def test_features_are_sound(nummer: str) -> None:
    near = shapely.box(*skjelett(nummer).land.grense.bounds)
    for name, drawn in {**LAG, **SENTRALT}.items():
        objects = drawn(nummer)
        shapes = np.array([one.geometri for one in objects])
        assert shapely.is_valid(shapes).all(), name
        assert not shapely.is_empty(shapes).any(), name
        assert len({one.nr for one in objects}) == len(objects)
        if len(shapes):
            assert (shapely.distance(shapely.centroid(shapes), near) < 10_000).all()
            assert (np.round(shapely.get_coordinates(shapes), 3) == shapely.get_coordinates(shapes)).all() or (
                name == "holdeplasser"
            )


@pytest.mark.parametrize("nummer", numre())
def test_every_value_means_something(nummer: str) -> None:
    for name, drawn in LAG.items():
        layer = konflikter().lag[name]
        for one in drawn(nummer):
            found = [one.verdier[felt] for felt in layer.attributt if one.verdier.get(felt) is not None]
            assert layer.betydning(str(found[0]) if found else None) is not None, (name, found)


def test_what_one_kommune_has_another_has_not() -> None:
    has = {name: tuple(bool(drawn(nummer)) for nummer in ("0099", "7001", "7002")) for name, drawn in LAG.items()}
    assert {name: kommuner for name, kommuner in has.items() if not all(kommuner)} == {
        "naturvern_foreslaatt": (False, True, True),
        "marka": (False, True, False),
        "kvikkleire_faresone": (False, True, False),
        "kvikkleire_aktsomhet": (False, True, True),
        "stoy_bane": (False, False, True),
        "jord_ar50": (True, True, False),
    }


def conflicts(nummer: str) -> dict[str, list[shapely.Geometry]]:
    """Return what binds land as alvor → geometries, buffers included."""
    found: dict[str, list[shapely.Geometry]] = defaultdict(list)
    for name, drawn in LAG.items():
        layer = konflikter().lag[name]
        for one in drawn(nummer):
            value = next((str(one.verdier[f]) for f in layer.attributt if one.verdier.get(f) is not None), None)
            found[f"{name} {layer.betydning(value)}"].append(one.geometri.buffer(layer.buffer_for(value)))
    for zones in hensyn.hensynssoner(nummer).values():
        for zone in zones:
            row = zone["properties"]
            if str(row["arealplanId.planidentifikasjon"]).endswith(hensyn.I_KRAFT):
                value = str(row[hensyn.ATTRIBUTT[str(row["objekttypenavn"])]])
                found[f"hensyn {konflikter().lag['hensyn'].betydning(value)}"].append(zone["geometry"])
    return {name: shapes for name, shapes in found.items() if not name.endswith("ingen")}


@pytest.mark.parametrize(
    ("nummer", "least", "most"),
    [("0099", 0.28, 0.38), ("7001", 0.28, 0.38), pytest.param("7002", 0.2, 0.32, marks=pytest.mark.long)],
)
def test_some_housing_land_is_bound_and_most_is_free(nummer: str, least: float, most: float) -> None:
    bound = conflicts(nummer)
    points = _points_in([s.geometri for s in skjelett(nummer).soner if s.er_bolig])
    every = shapely.STRtree([shape for shapes in bound.values() for shape in shapes])
    share = len(np.unique(every.query(points, predicate="intersects")[0])) / len(points)
    assert least < share < most
    teiger = np.array([teig.geometri for teig in invent(nummer).teiger])
    for name in ("naturvern stopp", "flom_faresone hard", "stoy_veg hard"):
        inside = shapely.STRtree(bound[name]).query(teiger, predicate="covered_by")[0]
        assert len(np.unique(inside)) >= 3, name


def _points_in(zones: list[shapely.Geometry]) -> npt.NDArray[np.object_]:
    """Return the points of a square grid that lie in zones."""
    west, south, east, north = shapely.total_bounds(zones)
    x, y = np.meshgrid(np.linspace(west, east, 120), np.linspace(south, north, 120))
    points = shapely.points(x.ravel(), y.ravel())
    found: npt.NDArray[np.object_] = points[np.unique(shapely.STRtree(zones).query(points, predicate="within")[0])]
    return found


def test_floods_lie_one_inside_the_other() -> None:
    for nummer in numre():
        small, middle, large = (one.geometri for one in fare.flomsoner(nummer))
        assert [one.verdier["gjentaksintervall"] for one in fare.flomsoner(nummer)] == [20, 200, 1000]
        for inner, outer in ((small, middle), (middle, large)):
            assert shapely.difference(inner, outer).area < 0.01 * inner.area  # the ends lie beside each other
            assert inner.area < 0.8 * outer.area


def test_noise_is_red_beside_the_road_and_yellow_beyond() -> None:
    kinds = {one.verdier["STØYSONEKATEGORI"] for one in stoy.veg("7001")}
    assert kinds == {"R", "G"}
    red, yellow = (one.geometri for one in stoy.veg("7001")[:2])
    assert shapely.intersection(red, yellow).area < 1.0
    assert shapely.distance(red, yellow) < 0.01


@pytest.mark.parametrize("nummer", numre())
def test_grunnkretser_cover_the_kommune(nummer: str) -> None:
    circles = sted.grunnkretser(nummer)
    border = skjelett(nummer).land.grense
    covered = shapely.union_all([one.geometri for one in circles])
    assert shapely.symmetric_difference(covered, border).area < 1.0
    assert abs(sum(one.geometri.area for one in circles) - border.area) < 1.0
    numbers = [str(one.verdier["grunnkretsnummer"]) for one in circles]
    assert len(set(numbers)) == len(numbers)
    assert all(len(number) == 8 and number.startswith(nummer) for number in numbers)


def test_inhabitants_of_the_grunnkretser_add_up_to_the_kommune() -> None:
    table = circles()
    assert table.regioner is not None
    people = befolkning().aar(SISTE_AAR, SISTE_AAR)[:, 0]
    for nummer in numre():
        codes = [code for code in table.regioner() if code.startswith(nummer)]
        assert table.innhold[0].av_numre is not None
        figures = table.innhold[0].av_numre(codes)
        assert np.nansum(figures[:, -1]) == people[kommunenumre().index(nummer)]
        assert (figures[~np.isnan(figures)] >= 0).all()
        assert np.isnan(figures[codes.index(f"{nummer}0199")]).tolist() == [False] * 4 + [True] * 3


@pytest.mark.parametrize("nummer", numre())
def test_roads_share_their_nodes_and_hang_together_but_for_one(nummer: str) -> None:
    links = vegnett.lenker(nummer)
    ends: dict[tuple[int, int], tuple[float, ...]] = {}
    for link in links:
        for node, place in ((link.fra, link.geometri.coords[0]), (link.til, link.geometri.coords[-1])):
            assert ends.setdefault(node, place) == place
    assert {link.kategori for link in links} >= {"F", "K", "P", "S"}
    cars = [link for link in links if not link.er_gangveg]
    beside: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for link in cars:
        beside[link.fra].append(link.til)
        beside[link.til].append(link.fra)
    reached, waiting = {cars[0].fra}, [cars[0].fra]
    while waiting:
        new = set(beside[waiting.pop()]) - reached
        reached |= new
        waiting += new
    apart = [link for link in cars if link.fra not in reached]
    assert [link.kategori for link in apart] == ["S"]
    assert len(links) - len(cars) == 1


def test_a_plan_that_is_not_adopted_has_a_zone_too() -> None:
    for nummer in SMAA:
        rows = [one["properties"] for objects in hensyn.hensynssoner(nummer).values() for one in objects]
        status = {
            o["properties"]["arealplanId.planidentifikasjon"]: o["properties"]["planstatus"]
            for o in invent(nummer).plan["kommuneplaner/KpOmråde"]
        }
        assert {status[row["arealplanId.planidentifikasjon"]] for row in rows} == {"2", "3", "5"}
        assert "730" in {row.get("båndlegging") for row in rows}


def test_services_are_houses_that_stood_there_before() -> None:
    wanted = {"322", "321", "323", "613", "615", "612"}
    for nummer in SMAA:
        kommune = invent(nummer)
        types = [bygning.bygningstype for bygning in kommune.bygninger]
        assert wanted <= set(types)
        assert sum(one in wanted for one in types) < 0.02 * len(types)


DIGEST = """
import hashlib, shapely
from tasks.sandbox.kontekst import fare, natur, sted, stoy, vegnett
digest = hashlib.sha256()
for drawn in (natur.verneomraader, natur.kulturminner, fare.flomsoner, stoy.veg, sted.grunnkretser, sted.tettsteder):
    for one in drawn("0099"):
        digest.update(shapely.to_wkb(one.geometri) + repr(one.verdier).encode())
for link in vegnett.lenker("0099"):
    digest.update(shapely.to_wkb(link.geometri) + link.kategori.encode())
"""


def test_another_process_draws_the_same_bytes() -> None:
    here: dict[str, Any] = {}
    exec(DIGEST, here)
    there = subprocess.run(
        [sys.executable, "-c", DIGEST + "print(digest.hexdigest())"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert there.stdout.strip() == here["digest"].hexdigest()
