"""Seams: a hairline between two polygons joins them, a point or a real gap does not."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Polygon, affinity, box

from tasks.land.differanse import dissolve
from tasks.land.soem import stitch

TOLERANCE = 0.02
EAST, NORTH = 20_000, 6_700_000  # near Bergen, in EPSG:25833


def joined(*polygons: Polygon):
    pieces, piece_of = dissolve(np.array(polygons, dtype=object))
    stitched, of = stitch(pieces, tolerance_m=TOLERANCE)
    return stitched, of[piece_of]


def with_vertex(x: float):
    """Return 30 × 50 west and 30 × 50 east of a slanted border; only the second has a vertex on it."""
    slant = np.array([[30.0, 0.0], [37.0, 50.0]])
    on_border = slant[0] + x * (slant[1] - slant[0])
    west = Polygon([(0, 0), *slant, (7, 50)])
    east = Polygon([slant[0], (60, 0), (67, 50), slant[1], on_border])
    return west, east


@pytest.mark.parametrize("epsg", [25832, 25833, 25835])
def test_a_vertex_that_only_one_has_does_not_cut(epsg):
    pieces = gpd.GeoSeries([affinity.translate(p, EAST, NORTH) for p in with_vertex(0.37)], crs=25833).to_crs(epsg)
    polygons, of = joined(*pieces)
    assert (len(polygons), list(of)) == (1, [0, 0])
    assert polygons[0].is_valid
    assert polygons[0].area == pytest.approx(pieces.area.sum(), abs=1e-3)


@settings(deadline=None)
@given(st.floats(0.02, 0.98), st.floats(0, 359), st.floats(0, 1000))
def test_coordinates_rounded_to_a_centimetre_do_not_cut(x, turn, shift):
    whole = [affinity.translate(affinity.rotate(p, turn, origin=(30, 20)), shift, shift) for p in with_vertex(x)]
    polygons, _ = joined(*(shapely.transform(p, lambda c: c.round(2)) for p in whole))
    assert len(polygons) == 1
    assert polygons[0].is_valid
    assert polygons[0].area == pytest.approx(sum(p.area for p in whole), abs=TOLERANCE * 200)


def test_a_gap_narrower_than_the_tolerance_is_closed_and_a_wider_one_is_not():
    for gap, count in ((0.015, 1), (0.025, 2)):
        west, east = box(0, 0, 30, 50), box(30 + gap, 10, 60, 90)
        polygons, _ = joined(west, east)
        assert len(polygons) == count
        # 90 is the length of the two facing edges together: y 0–90.
        assert shapely.area(polygons).sum() == pytest.approx(west.area + east.area, abs=gap * 90)


def test_polygons_that_nearly_meet_in_a_point_stay_apart_and_as_they_were():
    corner, edge = box(30.005, 50.005, 60, 90), Polygon([(-20, 25), (-0.004, 20), (-20, 15)])
    given_polygons = [box(0, 0, 30, 50), corner, edge]
    polygons, of = joined(*given_polygons)
    assert sorted(of) == [0, 1, 2]
    assert all(polygons[k] is p or polygons[k].equals_exact(p) for k, p in zip(of, given_polygons, strict=True))


def test_a_chain_becomes_one_and_a_stranger_is_not_touched():
    chain = [box(30.01 * k, k, 30.01 * k + 30, k + 50) for k in range(5)]
    stranger = box(500, 500, 600, 600)
    polygons, of = joined(*chain, stranger)
    assert len(polygons) == 2
    assert len(set(of[:5])) == 1
    assert polygons[of[5]] is stranger


def test_what_is_itself_a_hairline_joins_nothing():
    # A sliver of 1 cm between two areas 40 m apart: rounding leaves such strips between two plans.
    polygons, _ = joined(box(0, 0, 30, 50), box(30.005, 20, 69.995, 20.01), box(70, 0, 100, 50))
    assert len(polygons) == 3


def test_a_polygon_that_snapping_would_break_stays_as_it_is():
    # Its waist is 5 mm: both sides of it would snap to the tip of the neighbour, and pinch it.
    waist = Polygon([(0, 0), (30, 0), (15, 25), (30, 50), (0, 50), (14.995, 25)])
    spear = Polygon([(40, 20), (15.01, 25), (40, 30)])
    polygons, of = joined(waist, spear)
    assert all(p.is_valid for p in polygons)
    assert shapely.area(polygons).sum() == pytest.approx(waist.area + spear.area, abs=1)
    assert len(of) == 2


def test_nothing_in_nothing_out():
    polygons, of = stitch(np.empty(0, dtype=object), tolerance_m=TOLERANCE)
    assert (len(polygons), len(of)) == (0, 0)
