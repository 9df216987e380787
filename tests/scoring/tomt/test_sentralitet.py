"""Centrality: distances by hand, by air and by road, and what must hold whatever the surroundings.

The roads are those of test_vegnett: up from A (0, 0) to B, over to C (200, 100), down to D (200, 0).
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from config.registers import read_toml
from config.tomtefaktorer import FILE, LANGS_VEG, LUFTLINJE, Tomtefaktorer, read_tomtefaktorer, tomtefaktorer
from tasks.scoring.tomt.sentralitet import maal_sentralitet
from tests.scoring.tomt.plasser import box, frame, line, lots, roads, services, spot, stops, surroundings

ROADS = roads(
    ("A", "B", line((0, 0), (0, 100))), ("B", "C", line((0, 100), (200, 100))), ("C", "D", line((200, 100), (200, 0)))
)


@cache
def factors() -> Tomtefaktorer:
    """Return those of config, but that any road leads somewhere."""
    data = read_toml(FILE)
    return read_tomtefaktorer(data | {"rekkevidde": data["rekkevidde"] | {"minste_nett_m": 0}}, FILE)


def measured(tomter, **known) -> pd.DataFrame:
    return maal_sentralitet(replace(surroundings(tomter, **known), faktorer=factors()))


def towns(*rows: tuple[str, float, shapely.Geometry]):
    return frame(
        [g for _, _, g in rows],
        tettstedsnummer=[f"{k:04d}" for k in range(len(rows))],
        navn=[n for n, _, _ in rows],
        folketall=[p for _, p, _ in rows],
    )


def test_by_air_where_no_roads_are_known():
    facts = measured(lots(spot(-10, 0)), holdeplasser=stops(Torget=(290, 410), Fjern=(900, 0)))
    assert facts.loc[0, ["holdeplass_navn", "holdeplass_m", "avstand_metode"]].tolist() == ["Torget", 500, LUFTLINJE]


def test_by_road_where_they_are():
    facts = measured(lots(spot(-10, 40)), holdeplasser=stops(Torget=(210, 0)), veglenker=ROADS)
    assert facts["holdeplass_m"][0] == pytest.approx(10 + 60 + 200 + 100 + 10)
    assert facts["avstand_metode"][0] == LANGS_VEG


def test_a_longer_way_counts_as_twice_the_straight_line():
    facts = measured(lots(spot(-10, 0)), holdeplasser=stops(Torget=(160, 0)), veglenker=ROADS)
    assert facts["holdeplass_m"][0] == 2 * 170  # by road 10 + 100 + 200 + 100 + 40


def test_no_way_by_road_counts_as_twice_the_straight_line():
    facts = measured(lots(spot(-10, 0)), holdeplasser=stops(Øya=(590, 0)), veglenker=ROADS)
    assert facts.loc[0, ["holdeplass_navn", "holdeplass_m"]].tolist() == ["Øya", 1200]


def test_a_lot_far_from_every_road_is_measured_by_air():
    facts = measured(lots(spot(-400, 0), spot(-10, 0)), holdeplasser=stops(Torget=(0, 100)), veglenker=ROADS)
    assert facts["avstand_metode"].tolist() == [LUFTLINJE, LANGS_VEG]
    assert facts["holdeplass_m"].tolist() == pytest.approx([math.hypot(400, 90), 110])


def test_not_known_and_nothing_within_reach_are_two_things():
    facts = measured(lots(spot(0, 0)), holdeplasser=stops(Borte=(2001, 0)), tjenester=services(("skole", "613", 50, 0)))
    assert facts["holdeplass_m"][0] == math.inf
    assert facts["holdeplass_navn"][0] is None
    assert facts.loc[0, ["dagligvare_m", "skole_m", "barnehage_m"]].tolist() == [math.inf, 50, math.inf]
    unknown = measured(lots(spot(0, 0)))
    wanted = ["tettsted_m", "tettsted_folketall", "holdeplass_m", "dagligvare_m", "skole_m", "barnehage_m"]
    assert unknown[wanted].isna().all(axis=None)


def test_inside_a_tettsted_it_is_0_to_it_holes_and_edges_too():
    ring = box(0, 0, 1000, 1000).difference(box(400, 400, 600, 600))
    inside, over_edge = box(100, 100, 150, 150), box(-20, 10, 5, 20)
    in_hole = box(450, 450, 500, 500)
    facts = measured(lots(inside, over_edge, in_hole), tettsteder=towns(("By", 3000, ring)))
    assert facts["tettsted_m"].tolist() == [0, 0, 50]
    assert facts["tettsted_navn"].tolist() == ["By"] * 3


def test_the_tettsted_that_gives_most_is_told():
    village, town = ("Grenda", 200, box(0, 0, 100, 100)), ("Byen", 30_000, box(1600, 0, 3000, 1000))
    facts = measured(lots(box(600, 0, 700, 50), box(120, 0, 140, 20)), tettsteder=towns(village, town))
    # Grenda 500 m × 200 people: 0.9 × 0.4 = 0.36; Byen 900 m × 30,000: 0.82 × 1 = 0.82
    assert facts.loc[0, ["tettsted_navn", "tettsted_m", "tettsted_folketall"]].tolist() == ["Byen", 900, 30_000]
    # from 20 m: Grenda 0.996 × 0.4 = 0.398; Byen 1,460 m: 0.708
    assert facts["tettsted_navn"][1] == "Byen"


def test_where_no_tettsted_gives_anything_the_nearest_is_told_and_one_without_people_is_no_choice():
    near, far = ("Nær", math.nan, box(6000, 0, 6100, 100)), ("Fjern", 30_000, box(9000, 0, 9100, 100))
    assert measured(lots(box(0, 0, 50, 50)), tettsteder=towns(near, far))["tettsted_navn"][0] == "Nær"
    uncounted, counted = ("Ukjent", math.nan, box(100, 0, 200, 100)), ("Kjent", 200, box(900, 0, 1000, 100))
    facts = measured(lots(box(0, 0, 50, 50)), tettsteder=towns(uncounted, counted))
    assert facts.loc[0, ["tettsted_navn", "tettsted_m"]].tolist() == ["Kjent", 850]


def test_along_the_road_to_where_it_enters_the_tettsted():
    facts = measured(lots(spot(-10, 0)), tettsteder=towns(("By", 3000, box(150, -10, 300, 150))), veglenker=ROADS)
    assert facts["tettsted_m"][0] == pytest.approx(10 + 100 + 150)


def test_of_two_as_near_the_first_by_id_is_told_whatever_the_order():
    both = stops(b=(100, 0), a=(-100, 0))
    for holdeplasser in (both, both.iloc[::-1]):
        facts = measured(lots(box(-5, -5, 5, 5)), holdeplasser=holdeplasser)
        assert facts.loc[0, ["holdeplass_navn", "holdeplass_m"]].tolist() == ["a", 95]


PLACE = st.tuples(st.integers(-300, 300), st.integers(-300, 300))


@settings(max_examples=6)
@given(st.lists(PLACE, min_size=1, max_size=4), st.lists(PLACE, min_size=1, max_size=3), st.integers(0, 99))
def test_a_road_never_shortens_nor_is_it_worth_more_not_to_know_it(places, targets, seed):
    tomter = lots(*(spot(x, y) for x, y in places))
    known = {
        "holdeplasser": stops(**{f"s{k}": p for k, p in enumerate(targets)}),
        "tettsteder": towns(("By", 900, box(100, -50, 250, 60))),
    }
    by_air, by_road = measured(tomter, **known), measured(tomter, **known, veglenker=ROADS)
    for distance in ("holdeplass_m", "tettsted_m"):
        assert (by_road[distance] >= by_air[distance] - 1e-9).all()
        assert (by_road[distance] <= 2 * by_air[distance] + 1e-9).all()
    without_people = dict.fromkeys(["befolkning_1km", "befolkning_3km", "tetthet_per_km2"], math.nan)
    air, road = (tomtefaktorer().sentralitet.andeler(f.assign(**without_people)) for f in (by_air, by_road))
    assert all((air[part].lav <= road[part].lav + 1e-9).all() for part in air)
    mixed = {name: some.sample(frac=1, random_state=seed) for name, some in (known | {"veglenker": ROADS}).items()}
    turned = np.random.default_rng(seed).permutation(len(tomter))
    again = measured(tomter.iloc[turned].reset_index(drop=True), **mixed)
    pd.testing.assert_frame_equal(again, by_road.iloc[turned].reset_index(drop=True), check_dtype=False)
