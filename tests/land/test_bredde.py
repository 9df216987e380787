"""Width: the rule that tells a strip from land, and the parts that are wide everywhere, by hand and as properties."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely import Polygon, affinity, box

from tasks.land.bredde import wide_enough, wide_parts

WIDTH = 6.0
CORNER = (1 - np.pi / 4) * 3**2  # what a disc of radius 3 leaves of a right-angled corner: 1.93 m²
HALVES = shapely.union_all([box(0, 0, 25, 25), box(25, 12, 35, 13), box(35, 0, 60, 25)])
DOOR = box(0, 0, 50, 25).difference(shapely.union_all([box(24.95, 0, 25.05, 12), box(24.95, 14, 25.05, 25)]))


def array(*polygons) -> np.ndarray:
    return np.array(polygons, dtype=object)


@st.composite
def lands(draw):
    """Return a polygon with corners, bays and holes of all widths around that of the rule, in any direction."""
    side = st.integers(2, 40)
    shape = shapely.union_all(
        [
            box(x, y, x + draw(side), y + draw(side))
            for x, y in draw(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=5))
        ]
    )
    for x, y in draw(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=6)):
        shape = shape.difference(shapely.Point(x, y).buffer(draw(st.sampled_from([0.1, 1.0, 4.0]))))
    parts = [p for p in shapely.get_parts(shape) if p.area > 1]
    largest = max(parts, key=lambda p: p.area) if parts else box(0, 0, 5, 5)
    return affinity.rotate(largest, draw(st.sampled_from([0, 17, 45])), origin=(0, 0))


@pytest.mark.parametrize(
    ("polygon", "wide"),
    [
        (box(0, 0, 5.9, 400), False),
        (box(0, 0, 6.1, 400), True),
        (box(0, 0, 100, 100), True),
        (HALVES, True),  # 625 m² twice: the neck is no reason to leave it out
        (Polygon([(0, 0), (400, 0), (0, 5)]), False),  # a wedge of 1,000 m²
        (Polygon([(0, 0), (60, 0), (0, 25)]), True),
    ],
)
def test_a_strip_is_told_from_land(polygon, wide):
    assert wide_enough(array(polygon), width_m=WIDTH).tolist() == [wide]


def test_area_by_perimeter_proves_nothing_about_a_polygon_with_many_holes():
    # Poles every 4 m: no point is further than √8 = 2.8 m from one, though area / perimeter is far above 3.
    poles = shapely.buffer(shapely.points([(x, y) for x in range(0, 101, 4) for y in range(0, 101, 4)]), 0.05)
    field = box(-1, -1, 101, 101).difference(shapely.union_all(poles))
    assert field.area / field.length > 3 * WIDTH / 2
    assert not wide_enough(array(field), width_m=WIDTH)[0]
    assert not wide_enough(array(shapely.union(field, box(200, 0, 205, 50))), width_m=WIDTH)[0]
    ring = shapely.Point(0, 0).buffer(20, quad_segs=90).difference(shapely.Point(0, 0).buffer(13.9, quad_segs=90))
    assert wide_enough(array(ring), width_m=WIDTH)[0]


def test_no_polygon_is_narrow_several_polygons_are_as_wide_as_the_widest_and_no_rule_leaves_nothing_out():
    strips = shapely.union_all([box(0, y, 400, y + 5) for y in range(0, 100, 10)])
    mixed = array(None, strips, shapely.union(strips, box(0, 200, 7, 207)), box(0, 0, 1, 1))
    assert wide_enough(mixed, width_m=WIDTH).tolist() == [False, False, True, False]
    assert wide_enough(mixed, width_m=0).tolist() == [True] * 4
    assert wide_enough(array(), width_m=WIDTH).tolist() == []


@given(lands(), st.sampled_from([3.0, 6.0, 9.0]))
def test_the_rule_says_what_the_erosion_says(land, width):
    assert wide_enough(array(land), width_m=width)[0] == (not land.buffer(-width / 2).is_empty)


def test_necks_corners_and_strips_are_taken_away():
    polygons = array(box(0, 0, 25, 25), HALVES, box(0, 0, 5.9, 400), DOOR)
    parts, source = wide_parts(polygons, width_m=WIDTH)
    assert sorted(source) == [0, 1, 1, 3, 3]
    assert shapely.area(parts[source < 3]) == pytest.approx([625 - 4 * CORNER] * 3, abs=0.4)


def test_a_door_parts_two_rooms_which_the_opening_alone_would_keep_together():
    opening = DOOR.buffer(-WIDTH / 2).buffer(WIDTH / 2)
    assert opening.geom_type == "Polygon"
    assert opening.area == pytest.approx(2 * (24.95 * 25 - 4 * CORNER), abs=1.5)
    west, east = sorted(wide_parts(array(DOOR), width_m=WIDTH)[0], key=lambda part: part.bounds[0])
    assert (west.area, east.area) == pytest.approx([24.95 * 25 - 4 * CORNER] * 2, abs=0.6)


def test_what_is_missing_has_no_wide_part_and_no_rule_changes_nothing():
    parts, source = wide_parts(array(None, HALVES, Polygon()), width_m=WIDTH)
    assert source.tolist() == [1, 1]
    several = shapely.MultiPolygon([box(0, 0, 1, 1), box(5, 5, 6, 6)])
    parts, source = wide_parts(array(None, HALVES, several), width_m=0)
    assert parts.tolist() == [HALVES, *several.geoms]
    assert source.tolist() == [1, 2, 2]
    assert len(wide_parts(array(), width_m=WIDTH)[0]) == 0


@given(lands(), lands())
def test_wide_parts_lie_inside_are_the_whole_opening_and_never_grow(land, other):
    parts, _ = wide_parts(array(land), width_m=WIDTH)
    assert (len(parts) > 0) == wide_enough(array(land), width_m=WIDTH)[0]
    together = shapely.union_all(parts)
    assert together.difference(land).area < 1e-6
    # Narrow by a hair may go either way: what a circle 10 cm wider than asked reaches is kept, what one 10 cm narrower
    # does not reach is not. Where arcs meet sides, GEOS's simplification and chords cost up to 0.4 m² in a place; a
    # circle has 28 m².
    assert largest_outside(exact_erosion(land, WIDTH + 0.1).buffer(WIDTH / 2), together) < 0.5
    assert largest_outside(together, exact_erosion(land, WIDTH - 0.1).buffer(WIDTH / 2)) < 0.5
    less, _ = wide_parts(array(land.difference(other)), width_m=WIDTH + 0.1)
    assert largest_outside(shapely.union_all(less), together.buffer(0.05)) < 0.5


@given(lands())
def test_a_circle_gets_everywhere_in_a_wide_part(land):
    for part in wide_parts(array(land), width_m=WIDTH)[0]:
        within = exact_erosion(part, WIDTH - 0.1)
        assert within.geom_type == "Polygon"
        assert largest_outside(part, within.buffer(WIDTH / 2)) < 0.5


def exact_erosion(polygon, width):
    return polygon.buffer(-width / 2, quad_segs=64)


def largest_outside(polygon, other) -> float:
    """Return the area of the largest piece of a polygon that lies outside the other."""
    return float(shapely.area(shapely.get_parts(shapely.difference(polygon, other))).max(initial=0))
