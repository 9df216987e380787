"""Old kommunenummer: where the old kommune was split, the geometry decides."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from config.registers import earlier_numbers, numbers_in_use
from tasks.account import Account
from tasks.sources.numre import Numre, lies_in
from tasks.sources.planrader import plan_ids

# 1507 became 1508 (west of x = 0) and 1580 (east); 1601 became three; 0217 became 1508 alone
WEST, EAST = shapely.box(-10_000, 0, 0, 10_000), shapely.box(0, 0, 5_000, 10_000)
OLD = {"1507": ("1508", "1580"), "1601": ("1508", "1580", "1590"), "0217": ("1508",), "0218": ("4601",)}
IN_USE = frozenset({"1508", "1580", "1590", "4601"})


def run(kommune: str, *, grense: shapely.Geometry | None = None) -> Numre:
    return Numre(kommune, IN_USE, OLD, grense)


def ids(numre: Numre, numbers: Sequence[str | None], shapes: Sequence[shapely.Geometry | None]) -> list[str]:
    columns = {
        "arealplanId.kommunenummer": numbers,
        "arealplanId.planidentifikasjon": ["P"] * len(numbers),
        "kopidata.områdeId": [numre.kommunenummer] * len(numbers),
    }
    frame = gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries(list(shapes), crs=25833), crs=25833)
    return [i.removesuffix("_P") for i in plan_ids(frame, numre, Account("prove"))]


IN_WEST, IN_EAST = shapely.box(-900, 100, -800, 200), shapely.box(800, 100, 900, 200)


def test_the_row_lies_where_it_lies() -> None:
    assert ids(run("1508", grense=WEST), ["1507", "1507"], [IN_WEST, IN_EAST]) == ["1508", "1580"]
    assert ids(run("1580", grense=EAST), ["1507", "1507"], [IN_WEST, IN_EAST]) == ["1508", "1580"]


def test_of_three_heirs_the_others_are_not_told_apart() -> None:
    assert ids(run("1508", grense=WEST), ["1601", "1601"], [IN_WEST, IN_EAST]) == ["1508", "1601"]


def test_without_a_boundary_it_is_the_kommune_of_the_run() -> None:
    assert ids(run("1508"), ["1507", "1507"], [IN_WEST, IN_EAST]) == ["1508", "1508"]


def test_a_number_that_was_not_split_or_is_in_use_needs_no_geometry() -> None:
    numbers = ["0217", "1580", "1508", "0218", "9999", None]
    expected = ["1508", "1580", "1508", "4601", "1508", "1508"]
    assert ids(run("1508", grense=WEST), numbers, [IN_EAST] * 6) == expected


def test_a_plan_across_the_new_border_holds_on_both_sides() -> None:
    # the plan of all of the old kommune: only a third of it lies in the smaller heir
    whole = shapely.union(WEST, EAST)
    assert ids(run("1508", grense=WEST), ["1507"], [whole]) == ["1508"]
    assert ids(run("1580", grense=EAST), ["1507"], [whole]) == ["1580"]


@pytest.mark.parametrize(("into_east", "today"), [(5, "1508"), (19, "1508"), (21, "1580"), (60, "1580")])
def test_a_sliver_across_the_border_is_none(into_east: float, today: str) -> None:
    zone = shapely.box(-1_000, 0, into_east, 1_000)
    assert ids(run("1580", grense=EAST), ["1507"], [zone]) == [today]


def test_a_small_row_follows_its_larger_part() -> None:
    mostly_east, mostly_west = shapely.box(-4, 0, 8, 10), shapely.box(-8, 0, 4, 10)
    assert ids(run("1580", grense=EAST), ["1507", "1507"], [mostly_east, mostly_west]) == ["1580", "1508"]


def test_broken_and_missing_shapes_survive() -> None:
    bow = shapely.Polygon([(100, 100), (300, 300), (300, 100), (100, 300)])
    broken_border = shapely.Polygon([(0, 0), (5_000, 10_000), (5_000, 0), (0, 10_000)])
    shapes = [bow, None, shapely.Polygon(), shapely.Point(10, 10), shapely.affinity.translate(bow, -200)]
    assert ids(run("1580", grense=EAST), ["1507"] * 5, shapes) == ["1580"] * 5
    ids(run("1580", grense=broken_border), ["1507"] * 5, shapes)


def test_the_area_of_delivery_is_followed_too() -> None:
    assert run("1508").today(None, "0217") == "1508"
    assert run("4601").today(None, "0217") == "1508"


def test_no_rows() -> None:
    assert ids(run("1508", grense=WEST), [], []) == []


def test_the_register_knows_the_split_of_aalesund() -> None:
    numre = Numre("1580", numbers_in_use(sandbox=False), earlier_numbers(sandbox=False), EAST)
    assert ids(numre, ["1507", "1507"], [IN_EAST, IN_WEST]) == ["1580", "1508"]


BOXES = st.builds(
    lambda x, y, w, h: shapely.box(x, y, x + w, y + h),
    st.integers(-9_000, 4_000),
    st.integers(0, 9_000),
    st.integers(1, 900),
    st.integers(1, 900),
)


@settings(deadline=None)
@given(st.lists(BOXES, min_size=1, max_size=8))
def test_every_row_of_a_split_kommune_belongs_to_an_heir(shapes: list[shapely.Geometry]) -> None:
    rows = np.array(shapes, dtype=object)
    assert (lies_in(rows, WEST) | lies_in(rows, EAST)).all()
    alone = [bool(lies_in(np.array([s], dtype=object), EAST)[0]) for s in shapes]
    assert lies_in(rows, EAST).tolist() == alone
