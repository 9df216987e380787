"""Properties of the land engine's parts: areas account for themselves, nothing overlaps, order does not matter."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Polygon, box

from tasks.account import Account
from tasks.errors import LandError
from tasks.land.clean import clean, polygonal, repair
from tasks.land.differanse import components, dissolve, subtract
from tasks.land.identity import match, with_gone
from tasks.land.kutt import cut
from tasks.land.omraade import ids_of_groups
from tests.land.golden import frame

GRID = st.integers(0, 20).map(lambda n: n * 5.0)


@st.composite
def boxes(draw, most: int = 8):
    count = draw(st.integers(1, most))
    made = []
    for _ in range(count):
        x, y = draw(GRID), draw(GRID)
        made.append(box(x, y, x + draw(GRID) + 5, y + draw(GRID) + 5))
    return np.array(made, dtype=object)


@given(boxes(), boxes())
def test_what_is_left_is_the_target_minus_the_union(targets, tools):
    left = subtract(targets, tools)
    union = shapely.union_all(tools)
    for target, rest in zip(targets, left, strict=True):
        wanted = shapely.difference(target, union)
        assert (0 if rest is None else rest.area) == pytest.approx(wanted.area, abs=1e-9)
        if rest is not None:
            assert shapely.intersection(rest, union).area == pytest.approx(0, abs=1e-9)


@given(boxes(), boxes(), st.randoms(use_true_random=False))
def test_the_order_of_the_plans_does_not_matter(targets, tools, random):
    turned = list(tools)
    random.shuffle(turned)
    one, two = subtract(targets, tools), subtract(targets, np.array(turned, dtype=object))
    assert shapely.area(one) == pytest.approx(shapely.area(two), nan_ok=True)


@given(boxes(), boxes(), st.floats(1, 2000))
def test_the_floor_gives_up_exactly_what_falls_below_it(targets, tools, floor):
    free, floored = subtract(targets, tools), subtract(targets, tools, floor_m2=floor)
    for whole, kept in zip(free, floored, strict=True):
        area = 0 if whole is None else whole.area
        assert (kept is not None) == (area >= floor)
        assert kept is None or kept.area == pytest.approx(area)


@given(boxes())
def test_dissolved_polygons_are_disjoint_and_keep_the_area(pieces):
    polygons, polygon_of = dissolve(pieces)
    assert shapely.area(polygons).sum() == pytest.approx(shapely.union_all(pieces).area)
    for a in range(len(polygons)):
        for b in range(a):
            assert polygons[a].intersection(polygons[b]).area == 0
            assert polygons[a].intersection(polygons[b]).length == 0  # a shared border would have joined them
    assert all(polygons[p].covers(piece.buffer(-1e-9)) for piece, p in zip(pieces, polygon_of, strict=True))


def test_pieces_that_meet_in_a_point_stay_apart():
    polygons, polygon_of = dissolve(np.array([box(0, 0, 1, 1), box(1, 1, 2, 2), box(1, 0, 3, 1)], dtype=object))
    # The third joins both: it shares a border with each.
    assert (len(polygons), set(polygon_of)) == (1, {0})
    polygons, polygon_of = dissolve(np.array([box(0, 0, 1, 1), box(1, 1, 2, 2)], dtype=object))
    assert (len(polygons), list(polygon_of)) in [(2, [0, 1]), (2, [1, 0])]


@given(boxes(5), boxes(6))
def test_pieces_lie_in_their_omraade_and_their_teig_and_none_is_missing(omraader, teiger):
    joined, _ = dissolve(omraader)
    polygons, i, j = cut(joined, teiger, tolerance_m=0.02)
    assert all(
        joined[a].buffer(1e-6).covers(p) and teiger[b].buffer(1e-6).covers(p)
        for p, a, b in zip(polygons, i, j, strict=True)
    )
    expected = sum(
        part.area
        for o in joined
        for t in teiger
        for part in shapely.get_parts(o.intersection(t))
        if part.geom_type == "Polygon"
    )
    assert shapely.area(polygons).sum() == pytest.approx(expected)


def test_a_hairline_where_two_borders_do_not_quite_meet_is_no_piece():
    teiger = np.array([box(0, 0, 50, 50), box(49.99, 0, 100, 50)], dtype=object)
    polygons, _, teig = cut(np.array([box(0, 0, 50, 50)], dtype=object), teiger, tolerance_m=0.02)
    assert (len(polygons), list(teig)) == (1, [0])


def test_a_slit_in_an_omraade_does_not_cut_the_lot():
    # A slit of 1 mm from the edge to the middle of the område; the teig lies astride it and ends before its end.
    slit = box(0, 0, 100, 50).difference(Polygon([(0, 24.9995), (60, 25), (0, 25.0005)]))
    polygons, _, teig = cut(np.array([slit]), np.array([box(-5, 10, 50, 40), box(60, 0, 90, 50)]), tolerance_m=0.02)
    assert sorted(zip(teig, shapely.area(polygons).round(), strict=True)) == [(0, 1500), (1, 1500)]
    # A ditch of 50 cm does.
    ditch = box(0, 0, 100, 50).difference(box(0, 24, 60, 24.5))
    assert len(cut(np.array([ditch]), np.array([box(-5, 10, 50, 40)]), tolerance_m=0.02)[0]) == 2


@given(st.integers(1, 30), st.data())
def test_components_join_what_pairs_connect(count, data):
    pairs = data.draw(st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=40))
    left, right = (np.array([p[k] for p in pairs], dtype=np.intp) for k in (0, 1))
    label = components(count, left, right)
    group = {n: {n} for n in range(count)}
    for a, b in pairs:
        if group[a] is not group[b]:
            joined = group[a] | group[b]
            group.update(dict.fromkeys(joined, joined))
    assert [int(n) for n in label] == [min(group[n]) for n in range(count)]


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["", "10", "9", "a", "b", "æ"]))))
def test_each_group_has_its_ids_once_and_sorted(pairs):
    ids, owner = np.array([i for _, i in pairs], dtype=object), np.array([o for o, _ in pairs], dtype=np.intp)
    groups = np.array([0, 2, 3, 7])
    wanted = [sorted({i for o, i in pairs if o == group}) for group in groups]
    assert ids_of_groups(ids, owner, groups) == wanted


# --- cleaning ---

BOW_TIE = Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])


def test_a_bow_tie_becomes_its_two_halves_and_height_goes():
    mended, repaired = repair(np.array([BOW_TIE, shapely.force_3d(box(0, 0, 1, 1), 7.0)], dtype=object))
    assert list(repaired) == [True, False]
    assert mended[0].area == pytest.approx(50)
    assert not mended[1].has_z


def test_only_the_polygons_of_a_collection_are_kept():
    mixed = shapely.GeometryCollection([box(0, 0, 2, 1), shapely.LineString([(0, 0), (9, 9)]), shapely.Point(5, 5)])
    lines = shapely.GeometryCollection([shapely.Point(1, 1)])
    kept = polygonal(np.array([mixed, lines, None, shapely.Point(0, 0), Polygon()], dtype=object))
    assert kept[0].equals(box(0, 0, 2, 1))
    assert list(kept[1:]) == [None, None, None, None]


def test_coordinates_that_are_no_numbers_are_dropped_and_counted():
    given_frame = frame([{"id": "a"}, {"id": "b"}, {"id": "c"}], [(0, 0, 10, 10)] * 3)
    with np.errstate(invalid="ignore"):
        given_frame.loc[1, "geometry"] = Polygon([(0, 0), (float("nan"), 1), (1, 1), (1, 0)])
    given_frame.loc[2, "geometry"] = None
    account = Account("prøve")
    kept = clean(given_frame, epsg=25833, key="id", account=account)
    assert list(kept["id"]) == ["a"]
    assert account.utelatt["uten flate"].ider == ("b", "c")
    assert (account.inn, account.ut) == (3, 1)


def test_what_cannot_be_reprojected_is_dropped_and_counted():
    rows = [{"id": "a"}, {"id": "beyond"}, {"id": "c"}]
    degrees = gpd.GeoDataFrame(
        rows, geometry=[box(10, 60, 10.01, 60.01), box(10, 91, 10.01, 91.01), box(11, 60, 11.01, 60.01)], crs=4258
    )
    account = Account("prøve")
    kept = clean(degrees, epsg=25832, key="id", account=account)
    assert list(kept["id"]) == ["a", "c"]
    assert not kept.geometry.isna().any()
    assert account.utelatt["kan ikke reprojiseres"].ider == ("beyond",)
    assert (account.inn, account.ut) == (3, 2)


@pytest.mark.parametrize("crs", [None, 3857, 32633])
def test_a_crs_that_is_not_one_of_ours_is_refused(crs):
    given_frame = frame([{"id": "a"}], [(0, 0, 10, 10)]).set_crs(crs, allow_override=True)
    with pytest.raises(LandError, match="prøve: CRS is"):
        clean(given_frame, epsg=25833, key="id", account=Account("prøve"))


# --- identity ---


def rows(polygons, ids, tilstand="aktiv", aarsak=None):
    """Return lots as the store has them."""
    columns = {"tomt_id": ids, "tilstand": tilstand, "aarsak": aarsak}
    return gpd.GeoDataFrame(columns, geometry=polygons, crs=25833, index=range(len(ids))).astype({"aarsak": object})


def test_a_gone_lot_says_which_lot_it_became_part_of():
    before = rows([box(0, 0, 10, 10), box(10, 0, 20, 10), box(50, 0, 60, 10), box(20, 0, 30, 10)], list("abcd"))
    # b lies wholly, d by four tenths in the new a; c lies under nothing.
    after = rows([box(0, 0, 24, 10)], ["a"]).drop(columns=["tilstand", "aarsak"])
    told = with_gone(after, before, id_column="tomt_id", aarsak="borte", sammen="Slått sammen med {}")
    wanted = [None, "Slått sammen med a", "borte", "borte"]
    assert [None if isinstance(why, float) else why for why in told["aarsak"]] == wanted
    # Gone before: the reason of that day stands, whatever lies there now.
    kept = with_gone(
        after, rows([box(1, 1, 9, 9)], ["x"], "borte", "den gang"), id_column="tomt_id", aarsak="borte", sammen="{}"
    )
    assert kept.set_index("tomt_id").loc["x", "aarsak"] == "den gang"


def same(new, old, new_teig=None, old_teig=None):
    """Return the match of lists of polygons, all on one teig unless said otherwise."""
    teig = [np.array(t or ["t"] * len(p), dtype=object) for t, p in ((new_teig, new), (old_teig, old))]
    found = match(
        np.array(new, dtype=object),
        np.array(old, dtype=object),
        new_group=teig[0],
        old_group=teig[1],
        old_rank=np.arange(len(old)),
        min_iou=0.5,
    )
    return [int(n) for n in found]


def test_a_split_keeps_the_id_on_the_largest_part():
    assert same([box(0, 0, 4, 10), box(4.5, 0, 10, 10)], [box(0, 0, 10, 10)]) == [-1, 0]
    assert same([box(0, 0, 3, 10), box(3, 0, 6, 10), box(6, 0, 10, 10)], [box(0, 0, 10, 10)]) == [-1, -1, 0]


def test_a_merge_keeps_the_oldest():
    assert same([box(0, 0, 10, 10)], [box(0, 0, 5, 10), box(5, 0, 10, 10)]) == [0]
    assert same([box(0, 0, 10, 10)], [box(0, 0, 4, 10), box(4, 0, 7, 10), box(7, 0, 10, 10)]) == [0]


def test_a_lot_on_the_same_teig_goes_before_one_across():
    new, old = [box(0, 0, 10, 10)], [box(0, 0, 10, 9), box(0, 0, 10, 8)]
    assert same(new, old, ["b"], ["a", "b"]) == [1]


def test_a_renumbered_teig_keeps_its_lot():
    assert same([box(0, 0, 10, 10)], [box(0, 0, 10, 10)], ["ny"], ["gammel"]) == [0]


def test_land_that_only_touches_is_another_lot():
    assert same([box(10, 0, 20, 10)], [box(0, 0, 10, 10)]) == [-1]


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_jitter_of_2_cm_keeps_every_id(seed):
    random = np.random.default_rng(seed)
    old = [box(x, y, x + 40, y + 40) for x in range(0, 200, 40) for y in range(0, 200, 40)]
    new = [Polygon(shapely.get_coordinates(p)[:-1] + random.uniform(-0.02, 0.02, (4, 2))) for p in old]
    order = random.permutation(len(old))
    teig = [f"t{n}" for n in range(len(old))]
    found = same([new[n] for n in order], old, [teig[n] for n in order], teig)
    assert found == [int(n) for n in order]
