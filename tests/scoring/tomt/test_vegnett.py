"""The road network: ways by hand, and what must hold of any.

y = 100   B ────────── C
          │            │
y = 0     A            D
        x = 0        x = 200
"""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.scoring.tomt.vegnett import Vegnett, bygg_vegnett
from tests.scoring.tomt.plasser import at, box, line, roads, spot

AB, BC, CD = line((0, 0), (0, 100)), line((0, 100), (200, 100)), line((200, 100), (200, 0))
BRIDGE = [("A", "B", AB), ("B", "C", BC), ("C", "D", CD)]


def net(*links, minst: float = 0) -> Vegnett:
    return bygg_vegnett(roads(*links), minste_nett_m=minst)


def way(nett: Vegnett, fra, til, *, reach: float = 50, within: float = 10_000) -> list[float]:
    """Return the way from each place to the nearest target, inf where there is none."""
    places, targets = (np.array(list(g), dtype=object) for g in (fra, til))
    found = nett.avstander(nett.tilknytt(places, innen_m=reach), nett.tilknytt(targets, innen_m=reach), innen_m=within)
    return found["avstand_m"].reindex(range(len(places)), fill_value=np.inf).round(6).tolist()


def test_leg_road_and_leg_add_up():
    assert way(net(*BRIDGE), [spot(-10, 0)], [at(210, 0)]) == [10 + 100 + 200 + 100 + 10]


def test_a_place_beside_a_link_starts_along_it():
    assert way(net(*BRIDGE), [spot(-10, 40)], [at(210, 30)]) == [10 + 60 + 200 + 70 + 10]


def test_a_lot_along_a_road_starts_beside_its_middle():
    assert way(net(*BRIDGE), [box(-50, 20, -10, 60)], [at(210, 0)]) == [10 + 60 + 200 + 100 + 10]


def test_places_on_one_link_pass_no_node():
    assert way(net(*BRIDGE), [at(-10, 20), at(-10, 90)], [at(5, 50)]) == [10 + 30 + 5, 10 + 40 + 5]


def test_the_nearest_of_several_targets_by_road_is_told_not_the_nearest_by_air():
    nett = net(*BRIDGE)
    near_by_air, near_by_road = at(190, 0), at(60, 110)
    lots = nett.tilknytt(np.array([at(0, 0)], dtype=object), innen_m=50)
    found = nett.avstander(lots, nett.tilknytt(np.array([near_by_air, near_by_road]), innen_m=50), innen_m=1e4)
    assert found.iloc[0].tolist() == [100 + 60 + 10, 1]


def test_ways_run_in_both_directions_whichever_way_links_are_drawn():
    turned = [(b, a, shapely.reverse(g)) for a, b, g in BRIDGE]
    assert way(net(*turned), [spot(-10, 40), at(210, 0)], [at(210, 30)]) == [10 + 60 + 200 + 70 + 10, 50]


def test_links_that_cross_without_a_node_are_not_joined():
    over = ("X", "Y", line((100, 50), (100, 150)))  # a bridge over BC
    assert way(net(*BRIDGE, over), [at(0, 0)], [at(100, 150)], reach=20) == [np.inf]


def test_parts_of_a_link_with_the_ids_of_the_whole_keep_their_length():
    half, rest = line((0, 0), (0, 60)), line((0, 60), (0, 100))
    parts = [("A", "B", half), ("A", "B", rest), *BRIDGE[1:]]
    assert way(net(*parts), [at(0, 0)], [at(200, 0)]) == [400]


def test_ends_without_an_id_meet_where_they_lie():
    nameless = [(None, None, g) for _, _, g in BRIDGE]
    assert way(net(*nameless), [at(0, 0)], [at(200, 0)]) == [400]


def test_ends_of_one_node_meet_though_their_coordinates_differ_a_little():
    off = line((0.3, 100.2), (200, 100))
    assert way(net(BRIDGE[0], ("B", "C", off), BRIDGE[2]), [at(0, 0)], [at(200, 0)])[0] == pytest.approx(400, abs=0.5)


def test_a_road_that_leads_nowhere_ties_nobody():
    track = ("T", "U", line((-5, -50), (-5, 0)))
    assert way(net(*BRIDGE, track), [at(-6, -40)], [at(200, 0)]) == [np.inf]
    assert way(net(*BRIDGE, track, minst=300), [at(-6, -40)], [at(200, 0)]) == pytest.approx([np.hypot(6, 40) + 400])


def test_a_place_too_far_from_every_road_has_no_way():
    assert way(net(*BRIDGE), [at(-60, 0), at(0, 0)], [at(200, 0)]) == [np.inf, 400]


def test_ways_longer_than_asked_for_are_not_told():
    assert way(net(*BRIDGE), [at(0, 0)], [at(200, 0)], within=399) == [np.inf]


def test_parallel_links_count_by_the_shorter():
    short = ("B", "C", line((0, 100), (200, 100)))
    long = ("B", "C", line((0, 100), (100, 400), (200, 100)))
    assert way(net(BRIDGE[0], long, short, BRIDGE[2]), [at(0, 0)], [at(200, 0)]) == [400]


def test_where_roads_enter_an_area():
    nett = net(*BRIDGE)
    town = box(150, -10, 250, 150)  # BC enters it at x = 150
    lots = nett.tilknytt(np.array([at(0, 0)], dtype=object), innen_m=50)
    assert nett.avstander(lots, nett.ender(town), innen_m=1e4)["avstand_m"].tolist() == [100 + 150]


def test_no_roads_no_ways():
    assert way(net(), [at(0, 0)], [at(1, 1)]) == [np.inf]
    assert way(net(*BRIDGE), [], [at(1, 1)]) == []


COORDINATE = st.integers(0, 6).map(lambda v: v * 50.0)
PLACE = st.tuples(COORDINATE, COORDINATE)
LINKS = st.lists(st.tuples(PLACE, PLACE).filter(lambda e: e[0] != e[1]), min_size=1, max_size=12, unique=True)


@settings(max_examples=15)
@given(LINKS, st.lists(PLACE, min_size=1, max_size=4), st.lists(PLACE, min_size=1, max_size=4), st.randoms())
def test_a_way_is_never_shorter_than_the_straight_line_and_order_does_not_matter(links, lots, targets, random):
    drawn = [(str(a), str(b), line(a, b)) for a, b in links]
    frame = roads(*drawn)
    here, there = [at(x + 3, y + 1) for x, y in lots], [at(*p) for p in targets]
    told = way(bygg_vegnett(frame, minste_nett_m=0), here, there)
    straight = [min(shapely.distance(p, t) for t in there) for p in here]
    assert all(w >= s - 1e-6 for w, s in zip(told, straight, strict=True))
    mixed = frame.sample(frac=1, random_state=random.randrange(99))
    random.shuffle(there)
    assert way(bygg_vegnett(mixed, minste_nett_m=0), here, there) == told
