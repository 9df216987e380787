"""Buildable cores against areas worked out by hand, and what holds for every lot and every obstacle.

Distances in these tests: a building's point 15 m, its outline 10 m, a road 4 m; width 6 m; floor 250 m². The opening
leaves (1 − π/4) × 3² = 1.93 m² of a right-angled corner. Circles are polygons of 32 sides: 0.6 % smaller.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import MultiPolygon, Point, Polygon, affinity, box

from config.registers import KjerneRegler
from tasks.account import Account
from tasks.contracts import HINDRE, KJERNER
from tasks.errors import LandError
from tasks.land.kjerne import core_areas, find_kjerner, reach_m
from tests.land.golden import EAST, NORTH

RULES = KjerneRegler(bygning_m=10, bygningspunkt_m=15, veg_m=4, minste_bredde_m=6, minste_areal_m2=250)
CORNER = (1 - np.pi / 4) * 3**2
HALVES = shapely.union_all([box(0, 0, 25, 25), box(25, 12, 35, 13), box(35, 0, 60, 25)])
ELL = box(0, 0, 40, 40).difference(box(10, 10, 40, 40))

# name: (lot, obstacles, area of the core, its sides)
GOLDEN = {
    "square": (box(0, 0, 25, 25), [], 625 - 4 * CORNER, (25, 25)),
    # Each half is 625 m²; the neck is 1 m wide, and a disc looks 3 − √(3² − 0.5²) = 4 cm into it. Of two equal halves
    # the western one.
    "halves": (HALVES, [], 625 - 4 * CORNER, (25, 25)),
    # Two rooms of 24.95 m with a door of 2 m in a wall of 10 cm: a circle looks 3 − √(3² − 1²) = 17 cm into it.
    "door": (
        box(0, 0, 50, 25).difference(shapely.union_all([box(24.95, 0, 25.05, 12), box(24.95, 14, 25.05, 25)])),
        [],
        24.95 * 25 - 4 * CORNER + 0.2,
        (25.12, 25),
    ),
    # Both arms are 10 m wide: 40 × 10 + 30 × 10, less five outer corners; the inner one loses nothing.
    "ell": (ELL, [], 700 - 5 * CORNER, None),
    # 40 × 20, and an arm 5 m wide, which a disc of 6 m enters by 0.8 m only: three corners and about 1 m².
    "arm": (box(0, 0, 40, 20).union(box(0, 20, 5, 50)), [], 795, None),
    # Corners of a hole lose nothing.
    "hole": (box(0, 0, 60, 60).difference(box(20, 20, 40, 40)), [], 3600 - 400 - 4 * CORNER, (60, 60)),
    # A circle of radius 15 in the middle; the narrowest place beside it is 15 m.
    "house": (box(0, 0, 60, 60), [("bygningspunkt", Point(30, 30))], 3600 - np.pi * 15**2 - 4 * CORNER, (60, 60)),
    # A house of 10 × 8 and 10 m around it: 80 + 2 × 10 × (10 + 8) + π 10² = 754.2.
    "outline": (
        box(0, 0, 60, 60),
        [("bygning", box(25, 26, 35, 34))],
        3600 - (80 + 360 + np.pi * 100) - 4 * CORNER,
        (60, 60),
    ),
    # Two circles 10 m apart share a lens of 2 × 15² acos(1/3) − 5 √800 = 412.5.
    "twins": (
        box(0, 0, 80, 60),
        [("bygningspunkt", Point(35, 30)), ("bygningspunkt", Point(45, 30))],
        4800 - (2 * np.pi * 15**2 - 412.5) - 4 * CORNER,
        (80, 60),
    ),
    # A road 4 m wide and 4 m on both sides: x 24–36 goes; the western half is 24 × 40.
    "road": (box(0, 0, 60, 40), [("veg", box(28, -50, 32, 90))], 24 * 40 - 4 * CORNER, (40, 24)),
    # The same road in two pieces, one row.
    "road2": (
        box(0, 0, 60, 40),
        [("veg", MultiPolygon([box(28, -50, 32, 20), box(28, 20.5, 32, 90)]))],
        24 * 40 - 4 * CORNER,
        (40, 24),
    ),
    # A building 4 m outside the eastern border takes 6 m.
    "beside": (box(0, 0, 40, 40), [("bygning", box(44, -50, 50, 90))], 34 * 40 - 4 * CORNER, (40, 34)),
    # A building further off than 10 m takes nothing.
    "far": (box(0, 0, 25, 25), [("bygning", box(35.1, 0, 50, 25))], 625 - 4 * CORNER, (25, 25)),
    # 5 m of land beside the circle on each side: four corners of (1600 − 707) / 4 = 223 m² each.
    "corners": (box(0, 0, 40, 40), [("bygningspunkt", Point(20, 20))], 0, None),
    # 900 − 707 = 193 m².
    "crowded": (box(0, 0, 30, 30), [("bygningspunkt", Point(15, 15))], 0, None),
    "small": (box(0, 0, 15, 15), [], 0, None),
    "strip": (box(0, 0, 5, 100), [], 0, None),
}
WHY = {
    "corners": "for smal",
    "strip": "for smal",
    "crowded": "for nær hindre",
    "small": "for liten",
}


def lots(shapes: dict[str, object]) -> gpd.GeoDataFrame:
    geometry = np.array(list(shapes.values()), dtype=object)
    return gpd.GeoDataFrame({"tomt_id": list(shapes), "areal_m2": shapely.area(geometry)}, geometry=geometry, crs=25833)


def obstacles(rows: list[tuple[str, object]]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"hinder_id": [f"h{i}" for i in range(len(rows))], "slag": [slag for slag, _ in rows]},
        geometry=np.array([shape for _, shape in rows], dtype=object),
        crs=25833,
    )


def golden() -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return the golden lots, side by side 200 m apart, and all that stands among them."""
    shapes, rows = {}, []
    for n, (name, (lot, stands, _, _)) in enumerate(GOLDEN.items()):
        shapes[name] = affinity.translate(lot, EAST + 200 * n, NORTH)
        rows += [(slag, affinity.translate(shape, EAST + 200 * n, NORTH)) for slag, shape in stands]
    return lots(shapes), obstacles(rows)


def run(tomter, hindre, account=None, rules=RULES, **options) -> gpd.GeoDataFrame:
    return find_kjerner(tomter, hindre, regler=rules, account=account or Account("kjerner"), **options)


def core(lot, rows=(), **rules) -> Polygon | None:
    found = run(lots({"a": lot}), obstacles(list(rows)), rules=RULES.model_copy(update=rules))
    return found.geometry.iloc[0] if len(found) else None


def same(a: gpd.GeoDataFrame, b: gpd.GeoDataFrame) -> bool:
    """Return whether two frames hold the same cores, whatever the rounding and the first point of the rings."""
    a, b = a.sort_values("tomt_id"), b.sort_values("tomt_id")
    if list(a["tomt_id"]) != list(b["tomt_id"]):
        return False
    return bool((shapely.area(shapely.symmetric_difference(a.geometry.values, b.geometry.values)) < 1e-6).all())


@pytest.fixture(scope="module")
def account() -> Account:
    return Account("kjerner")


@pytest.fixture(scope="module")
def cores(account) -> gpd.GeoDataFrame:
    return run(*golden(), account=account)


@pytest.mark.parametrize("name", GOLDEN)
def test_a_core_is_as_large_as_worked_out_by_hand(cores, name):
    _, _, area, sides = GOLDEN[name]
    found = core_areas(golden()[0]["tomt_id"], cores)[list(GOLDEN).index(name)]
    tolerance = {"arm": 2.5, "house": 6, "outline": 4, "twins": 8}.get(name, 0.6)
    assert found == pytest.approx(area, abs=tolerance)
    if sides:
        row = cores.set_index("tomt_id").loc[name]
        assert (row["lengde_m"], row["bredde_m"]) == pytest.approx(sides, abs=0.05)


def test_the_core_of_two_halves_is_the_western_one_and_says_its_shape(cores):
    row = cores.set_index("tomt_id").loc["halves"]
    west = EAST + 200 * list(GOLDEN).index("halves")
    assert row.geometry.bounds == pytest.approx((west, NORTH, west + 25, NORTH + 25), abs=0.1)
    # Perimeter: four sides of 25 − 6 and a circle of radius 3.
    assert row["kompakthet"] == pytest.approx(4 * np.pi * 617.27 / (4 * 19 + 2 * np.pi * 3) ** 2, rel=1e-3)
    mirrored = run(lots({"a": affinity.rotate(HALVES, 180)}), None)
    assert mirrored.geometry.iloc[0].bounds[0] == pytest.approx(0, abs=0.1)


def test_the_account_says_why_a_lot_has_no_core(cores, account):
    assert (account.inn, account.ut) == (len(GOLDEN), len(GOLDEN) - len(WHY))
    assert {reason: gone.ider for reason, gone in account.utelatt.items()} == {
        f"ingen kjerne: {why}": tuple(name for name in GOLDEN if WHY.get(name) == why) for why in set(WHY.values())
    }
    assert account.merknader["areal_m2"] == pytest.approx(cores["areal_m2"].sum(), abs=0.1)
    assert account.merknader["ingen kjerne_m2"] == 1600 + 500 + 900 + 225
    assert account.merknader["hindre nær tomter"] == 9  # all but the one that is further off than its distance
    assert "hindre ukjent" not in account.merknader


def test_the_cores_keep_their_contract_and_the_order_of_the_lots(cores):
    KJERNER.check(cores.assign(noekkel="x"))
    assert list(cores["tomt_id"]) == [name for name in GOLDEN if name not in WHY]
    HINDRE.check(golden()[1])


def test_a_lot_computed_alone_with_what_is_near_it_has_the_same_core(cores):
    tomter, hindre = golden()
    for i, name in enumerate(GOLDEN):
        near = hindre[hindre.distance(tomter.geometry.iloc[i]) <= reach_m(RULES)]
        assert same(run(tomter.iloc[[i]], near), cores[cores["tomt_id"] == name]), name


def test_threads_and_the_order_of_the_input_change_nothing(cores):
    tomter, hindre = golden()
    assert same(run(tomter, hindre, traader=2), cores)
    assert same(run(tomter.iloc[::-1], hindre.iloc[::-1]), cores)


def test_what_stands_there_unknown_leaves_the_shape_and_is_said():
    account = Account("kjerner")
    found = run(golden()[0], None, account).set_index("tomt_id")
    assert account.merknader["hindre ukjent"] == len(GOLDEN)
    assert found.loc["crowded", "areal_m2"] == pytest.approx(900 - 4 * CORNER, abs=0.6)
    assert same(run(golden()[0], golden()[1].iloc[:0]), found.reset_index())


def test_a_kind_without_distance_is_taken_as_it_is():
    lot, road = box(0, 0, 60, 40), box(28, -50, 32, 90)
    assert core(lot, [("veg", road)], veg_m=0).area == pytest.approx(28 * 40 - 4 * CORNER, abs=0.6)
    point = [("bygningspunkt", Point(30, 20))]
    assert core(lot, point, bygningspunkt_m=0).area == pytest.approx(2400 - 4 * CORNER, abs=0.6)
    assert core(lot, point, minste_bredde_m=0).area == pytest.approx(2400 - np.pi * 225, abs=6)


def test_the_reach_is_the_largest_distance():
    assert reach_m(RULES) == 15
    assert reach_m(RULES.model_copy(update={"veg_m": 40.0})) == 40


def test_empty_frames_have_no_cores():
    tomter, hindre = golden()
    for found in (
        run(tomter.iloc[:0], hindre),
        run(tomter.iloc[:0], None),
        run(tomter[tomter["tomt_id"] == "small"], None),
    ):
        assert len(found) == 0
        KJERNER.check(found.assign(noekkel="x"))
    areas = core_areas(tomter["tomt_id"], run(tomter.iloc[:0], hindre))
    assert (areas == 0).all()
    assert areas.index.equals(tomter.index)


def test_a_lot_of_several_polygons_has_the_largest_as_its_core_and_one_without_a_polygon_has_none():
    account = Account("kjerner")
    several = MultiPolygon([box(-20, 0, -10, 10), box(0, 0, 20, 20), box(30, 0, 60, 30), box(100, 0, 105, 300)])
    with np.errstate(invalid="ignore"):
        broken = Polygon([(0, 0), (30, 0), (30, float("nan")), (0, 30)])
    found = run(
        lots({"a": several, "b": None, "c": Polygon(), "d": broken, "e": box(0, 0, 40, 40)}), obstacles([]), account
    )
    assert list(found["tomt_id"]) == ["a", "e"]
    assert list(found["areal_m2"]) == pytest.approx([900 - 4 * CORNER, 1600 - 4 * CORNER], abs=0.6)
    assert account.utelatt["ingen kjerne: uten flate"].ider == ("b", "c", "d")


def test_obstacles_that_are_broken_are_mended_or_counted():
    account = Account("kjerner")
    bow = Polygon([(28, -50), (32, -50), (28, 90), (32, 90)])  # crosses itself at y 20
    with np.errstate(invalid="ignore"):
        nowhere = Polygon([(0, 0), (1, float("nan")), (1, 1)])
    rows = [
        ("veg", bow),
        ("veg", None),
        ("bygning", Polygon()),
        ("bygningspunkt", Point()),
        ("bygningspunkt", Point(float("nan"), 3)),
        ("bygningspunkt", Point(float("inf"), 3)),
        ("bygningspunkt", shapely.MultiPoint([(1e6, 3), (-1e6, 3)])),
        ("bygningspunkt", Point(1e7, 0, 12)),
        ("bygning", nowhere),
    ]
    found = run(lots({"a": box(0, 0, 60, 40)}), obstacles(rows), account)
    # Mended it is two wedges, 0.57 m to each side of x 30 at y 0 and 40 and none at y 20: 26 − 0.286 m are left.
    assert found["areal_m2"].item() == pytest.approx(40 * (26 - 0.286) - 4 * CORNER, abs=0.6)
    assert account.ider["hindre reparert"] == ("h0",)
    assert account.merknader["hindre uten geometri"] == 6
    assert account.ider["hindre uten geometri"] == ("h1", "h2", "h3", "h4", "h5")


def test_a_mistake_in_the_input_is_named():
    tomter, hindre = golden()
    with pytest.raises(LandError, match=r"slag \['mast'\] unknown, first \['h1'\]; wanted is one of bygningspunkt"):
        run(tomter, hindre.assign(slag=["mast" if i == 1 else "veg" for i in range(len(hindre))]))
    with pytest.raises(LandError, match="hindre: CRS is EPSG:25832, that of tomter EPSG:25833"):
        run(tomter, hindre.to_crs(25832))
    with pytest.raises(LandError, match="tomter: CRS is EPSG:4258"):
        run(tomter.to_crs(4258), None)
    with pytest.raises(LandError, match="tomter: CRS is None"):
        run(tomter.set_crs(None, allow_override=True), None)


def test_a_thousand_houses_on_one_lot():
    rows = [("bygningspunkt", Point(x * 30, y * 30)) for x in range(32) for y in range(32)]
    # The circles touch each other: between four of them is an island of (4 − π) 15² = 193 m², so none is left …
    assert core(box(-20, -20, 950, 950), rows, minste_areal_m2=250) is None
    # … and round them runs a strip 5 m wide beside circles, of which nothing is 6 m wide on 250 m².
    wide = core(box(-40, -40, 970, 970), rows)
    assert wide.area > 4 * 1010 * 20
    assert len(wide.interiors) == 1


COORDINATE = st.integers(0, 16).map(lambda n: n * 5.0)


@st.composite
def shapes(draw):
    """Return a lot made of boxes, some of them narrow, with a hole or a bay, in any direction."""
    corners = draw(st.lists(st.tuples(COORDINATE, COORDINATE), min_size=1, max_size=4))
    side = st.sampled_from([3.0, 8.0, 20.0, 45.0])
    shape = shapely.union_all([box(x, y, x + draw(side), y + draw(side)) for x, y in corners])
    x, y = draw(COORDINATE), draw(COORDINATE)
    shape = shape.difference(box(x, y, x + 7, y + 9))
    parts = [part for part in shapely.get_parts(shape) if part.area > 10]
    largest = max(parts, key=lambda part: part.area) if parts else box(0, 0, 30, 30)
    return affinity.rotate(largest, draw(st.sampled_from([0, 31, 45])), origin=(0, 0))


@st.composite
def standing(draw):
    slag = draw(st.sampled_from(["bygningspunkt", "bygning", "veg"]))
    x, y = draw(COORDINATE), draw(COORDINATE)
    return slag, Point(x, y) if slag == "bygningspunkt" else box(x, y, x + 8, y + draw(st.sampled_from([4.0, 60.0])))


DISTANCE = {"bygningspunkt": 15, "bygning": 10, "veg": 4}


@settings(deadline=None, max_examples=40)
@given(shapes(), st.lists(standing(), max_size=4))
def test_a_core_lies_in_its_lot_keeps_its_distance_and_is_wide_everywhere(lot, rows):
    found = core(lot, rows, minste_areal_m2=50)
    left = lot
    for slag, shape in rows:
        left = left.difference(shape.buffer(DISTANCE[slag], quad_segs=64))
    # All that is 10 cm wider than asked is found …
    eroded = shapely.get_parts(left.buffer(-3.05, quad_segs=64))
    largest = shapely.area(shapely.buffer(eroded, 3.05, quad_segs=64)).max(initial=0)
    assert largest < 51 or found.area > largest - 1.0
    if found is None:
        return
    # … and nothing else.
    assert found.is_valid
    assert found.difference(lot).area < 1e-6
    assert all(found.distance(shape) >= DISTANCE[slag] * 0.995 for slag, shape in rows)
    within = found.buffer(-2.95, quad_segs=64)
    assert isinstance(within, Polygon)  # no neck narrower than that holds it together …
    lost = shapely.area(shapely.get_parts(found.difference(within.buffer(3))))
    assert lost.max(initial=0) < 1  # … nor does anything stick out; a circle has 28 m²


@settings(deadline=None, max_examples=40)
@given(shapes(), st.lists(standing(), max_size=4), standing(), st.randoms(use_true_random=False))
def test_one_more_obstacle_never_enlarges_a_core_and_order_is_irrelevant(lot, rows, more, random):
    before, after = core(lot, rows, minste_areal_m2=49), core(lot, [*rows, more], minste_areal_m2=50)
    strict = core(lot, [*rows, more], minste_areal_m2=50, minste_bredde_m=6.1)  # a place 6 m wide may go either way
    assert strict is None or strict.area <= before.area + 2
    turned = [*rows, more]
    random.shuffle(turned)
    again = core(lot, turned, minste_areal_m2=50)
    assert (again is None) == (after is None)
    assert after is None or again.symmetric_difference(after).area < 1e-6
