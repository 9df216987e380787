"""Rings → polygons: holes by containment, whichever way they turn; by orientation where rings overlap."""

from __future__ import annotations

import time

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from tasks.sources.arcgis_ringer import geometry_of, polygon_of


def square(x: float, y: float, side: float, *, clockwise: bool = True) -> np.ndarray:
    ring = np.array([[x, y], [x, y + side], [x + side, y + side], [x + side, y], [x, y]], dtype=float)
    return ring if clockwise else ring[::-1]


def cleaned(shape: shapely.Geometry) -> shapely.Geometry:
    return shapely.make_valid(shape, method="structure", keep_collapsed=False)


@given(st.lists(st.booleans(), min_size=4, max_size=4), st.permutations(range(4)))
def test_nesting_does_not_depend_on_order_or_orientation(turns: list[bool], order: list[int]) -> None:
    nested = [square(k * 10, k * 10, 100 - 20 * k, clockwise=turns[k]) for k in range(4)]
    made = polygon_of([nested[k] for k in order])
    assert made is not None
    assert made.area == 100**2 - 80**2 + 60**2 - 40**2  # an island in a hole, with a hole of its own
    assert made.is_valid
    assert shapely.get_num_geometries(made) == 2


def test_parts_beside_each_other_and_holes_in_the_right_one() -> None:
    rings = [square(0, 0, 10), square(20, 0, 10), square(22, 2, 2, clockwise=False), square(10, 10, 5)]
    made = polygon_of(rings)
    assert made is not None
    assert made.area == 100 + 96 + 25
    assert sorted(len(part.interiors) for part in made.geoms) == [0, 0, 1]


def test_hole_that_touches_the_outer_ring_from_within() -> None:
    made = polygon_of([square(0, 0, 10), square(0, 3, 4, clockwise=False)])
    assert made is not None
    assert cleaned(made).area == 84


def test_a_ring_in_a_bay_is_no_hole() -> None:
    bay = np.array([[0, 0], [0, 10], [4, 10], [4, 2], [6, 2], [6, 10], [10, 10], [10, 0], [0, 0]], dtype=float)
    plug = np.array([[4, 2], [4, 10], [6, 10], [6, 2], [4, 2]], dtype=float)
    made = polygon_of([bay, plug])
    assert made is not None
    assert cleaned(made).area == 100


@pytest.mark.parametrize(("clockwise", "area"), [(False, 100 - 8), (True, 100 + 16)])
def test_overlapping_rings_go_by_their_orientation(clockwise: bool, area: float) -> None:
    made = polygon_of([square(0, 0, 10), square(8, 3, 4, clockwise=clockwise)])
    assert made is not None
    parts = shapely.get_parts(made)
    assert sum(part.area for part in parts) == (100 - 16 if not clockwise else area)
    assert len(parts) == (1 if not clockwise else 2)


def test_repeated_open_and_tiny_rings() -> None:
    ring = square(0, 0, 10)
    made = polygon_of([ring[:-1], ring, ring[::-1], np.array([[1.0, 1.0], [2.0, 2.0]]), np.empty((0, 2))])
    assert made is not None
    assert made.equals(shapely.box(0, 0, 10, 10))
    assert polygon_of([np.array([[1.0, 1.0], [2.0, 2.0]])]) is None


def test_a_ring_that_crosses_itself_stays_for_the_cleaning() -> None:
    made = geometry_of({"rings": [[[0, 0], [10, 10], [10, 0], [0, 10], [0, 0]], [[20, 0], [20, 5], [25, 5], [20, 0]]]})
    assert made is not None
    assert not made.is_valid
    assert cleaned(made).area == pytest.approx(50 + 12.5)


def test_far_from_the_origin_small_rings_keep_their_area() -> None:
    for n in range(20):
        x, y = -31_868 + n * 0.37, 6_740_000 + n * 0.73
        made = polygon_of([square(x + 0.0005, y + 0.0005, 0.009, clockwise=False), square(x, y, 0.01)])
        assert made is not None
        assert made.area == pytest.approx(0.01**2 - 0.009**2, abs=1e-9)


def test_heights_are_left_out_and_other_kinds_read() -> None:
    high = geometry_of({"hasZ": True, "rings": [[[0, 0, 5], [0, 1, 5], [1, 1, 5], [0, 0, 5]]]})
    assert high is not None
    assert not high.has_z
    assert geometry_of({"x": 1, "y": 2}) == shapely.Point(1, 2)
    assert geometry_of({"x": "NaN", "y": "NaN"}) is None
    assert geometry_of({"paths": [[[0, 0], [1, 1]]]}) == shapely.MultiLineString([[(0, 0), (1, 1)]])


def test_a_ring_of_107000_points_with_200_holes_is_read_in_seconds() -> None:
    turn = np.linspace(0, -2 * np.pi, 107_000)
    outer = np.column_stack([np.cos(turn), np.sin(turn)]) * 1_000
    holes = [square(-500 + 50 * (n % 20), -300 + 50 * (n // 20), 20, clockwise=False) for n in range(200)]
    start = time.process_time()
    made = polygon_of([*holes, outer])
    assert made is not None
    assert len(made.interiors) == 200
    assert time.process_time() - start < 5


def test_two_thousand_nested_rings_are_quick() -> None:
    rings = [square(-k, -k, 2.0 * k).tolist() for k in range(1, 2001)]
    before = time.perf_counter()
    made = geometry_of({"rings": rings})
    assert time.perf_counter() - before < 5  # a minute when each is compared with all
    assert made is not None
    assert len(made.geoms) == 1000
    assert made.area == sum((2 * k) ** 2 * (-1) ** k for k in range(1, 2001))


def test_rings_in_one_feature_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.sources.arcgis_ringer.MAX_RINGS", 3)
    rings = [square(20 * k, 0, 10).tolist() for k in range(4)]
    assert geometry_of({"rings": rings[:3]}) is not None
    with pytest.raises(ValueError, match="4 rings in one feature, more than 3"):
        geometry_of({"rings": rings})


def test_rings_end_when_there_is_no_time_left() -> None:
    def in_time() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        polygon_of([square(0, 0, 10), square(2, 2, 2)], in_time=in_time)
