"""Framing: every lot is seen whole, with land around it; scale and north are true."""

from __future__ import annotations

import math

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Transformer

from config.bilder import bilder
from tasks.crm.bilder.utsnitt import frame, north_angle, scale_bar

REGLER, BILDE = bilder().utsnitt, bilder().bilde
SIDES = st.floats(5, 5000)


def seen(width, height, *, at=(300_000.0, 7_000_000.0)):
    return frame((at[0], at[1], at[0] + width, at[1] + height), 25833, regler=REGLER, bilde=BILDE)


@given(SIDES, SIDES)
def test_a_lot_is_seen_whole_with_a_margin(width, height):
    view = seen(width, height)
    west, south, east, north = view.bounds
    margins = (300_000 - west, 7_000_000 - south, east - 300_000 - width, north - 7_000_000 - height)
    assert min(margins) >= REGLER.minste_marg_m - 0.2
    assert (east - west) / (north - south) == pytest.approx(BILDE.bredde / BILDE.kart_hoyde)
    assert max(east - west, north - south) <= REGLER.storste_m + 0.2


@pytest.mark.parametrize(("side", "least", "most"), [(32, 0.2, 0.35), (550, 0.5, 0.7), (1400, 0.6, 0.8)])
def test_small_and_large_lots_fill_a_fair_part_of_the_map(side, least, most):
    view = seen(side, side)
    assert least < side / (view.hoyde * view.opplosning) < most


def test_what_is_longer_than_the_largest_extent_is_cut_around_its_middle():
    view = seen(20_000, 30)
    west, _, east, _ = view.bounds
    assert east - west == pytest.approx(REGLER.storste_m, rel=1e-3)
    assert (west + east) / 2 == pytest.approx(310_000, abs=0.2)


def test_a_lot_that_moves_by_less_than_a_step_is_seen_from_the_same_place():
    assert seen(100, 100) == seen(100, 100, at=(300_000.004, 7_000_000.004))


def test_pixels_run_from_the_lower_left_corner():
    view = seen(32, 32)
    west, south, east, north = view.bounds
    corners = view.to_pixels(shapely.box(west, south, east, north)).bounds
    assert corners == pytest.approx((0, 0, BILDE.bredde, BILDE.kart_hoyde), abs=0.05)


@given(st.floats(0.01, 20))
def test_the_scale_bar_is_round_and_as_long_as_fits(metres_a_pixel):
    metres, pixels = scale_bar(metres_a_pixel, most_px=240)
    assert 240 / 2.5 - 1e-9 <= pixels <= 240 + 1e-9
    assert metres / 10 ** math.floor(math.log10(metres) + 1e-9) in {1.0, 2.0, 5.0}
    assert metres == pytest.approx(pixels * metres_a_pixel)


@pytest.mark.parametrize(("epsg", "lon", "lat"), [(25833, 9.7, 69.8), (25832, 5.0, 61.0), (25835, 31.0, 70.0)])
def test_the_arrow_points_along_the_meridian(epsg, lon, lat):
    to_zone = Transformer.from_crs(4326, epsg, always_xy=True)
    (x, y), (x2, y2) = to_zone.transform(lon, lat), to_zone.transform(lon, lat + 1e-4)
    assert north_angle(epsg, lengdegrad=lon, breddegrad=lat) == pytest.approx(
        math.degrees(math.atan2(x2 - x, y2 - y)), abs=0.01
    )
