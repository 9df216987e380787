"""What a lot can be connected to: roads, buildings and addresses counted by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import shapely

from tasks.scoring.tomt.infrastruktur import maal_infrastruktur
from tests.scoring.tomt.plasser import NORD, OST, at, box, frame, line, lots, roads, surroundings

LOT = box(0, 0, 100, 50)


def measured(tomter, **known) -> pd.Series:
    return maal_infrastruktur(surroundings(tomter, **known)).iloc[0]


def addresses(*places: tuple[float, float]):
    return frame([at(*p) for p in places], adresse_id=[str(k) for k in range(len(places))])


def test_counts_are_from_the_edge_and_what_stands_on_the_lot_counts():
    places = [(50, 25), (200, 0), (200.5, 0), (100, 350), (100, 350.5), (101, 350), (400, 0)]
    facts = measured(lots(LOT), adressepunkter=addresses(*places))
    assert facts[["adresser_100m", "adresser_300m"]].tolist() == [2, 5]


def test_an_outline_of_a_building_counts_by_its_nearest_wall():
    near, far = box(199, 0, 260, 10), box(201, 0, 260, 10)
    buildings = frame([near, far], hinder_id=["a", "b"], slag=["bygning"] * 2)
    assert measured(lots(LOT), bygninger=buildings)[["bygninger_100m", "bygninger_300m"]].tolist() == [1, 2]


def test_the_nearest_road_and_its_category():
    facts = measured(lots(LOT), veglenker=roads(("a", "b", line((0, 90), (100, 90))), kategori="F"))
    assert facts[["veg_m", "vegkategori"]].tolist() == [40, "F"]


def test_a_good_road_close_by_counts_more_than_a_track_along_the_edge():
    track, street = line((0, 50), (100, 50)), line((0, 90), (100, 90))
    both = pd.concat([roads(("a", "b", track), kategori="S"), roads(("c", "d", street), kategori="K")])
    for veglenker in (both, both.iloc[::-1]):
        assert measured(lots(LOT), veglenker=veglenker)[["veg_m", "vegkategori"]].tolist() == [40, "K"]


def test_of_roads_that_give_as_much_the_nearest_is_told():
    near, far = line((0, 60), (100, 60)), line((0, 75), (100, 75))
    both = pd.concat([roads(("a", "b", near), kategori="F"), roads(("c", "d", far), kategori="K")])
    assert measured(lots(LOT), veglenker=both)[["veg_m", "vegkategori"]].tolist() == [10, "F"]


def test_of_roads_too_far_to_give_anything_the_nearest_is_told():
    both = pd.concat(
        [
            roads(("a", "b", line((0, -350), (100, -350))), kategori="S"),
            roads(("c", "d", line((0, -400), (100, -400))), kategori="K"),
        ]
    )
    assert measured(lots(LOT), veglenker=both)[["veg_m", "vegkategori"]].tolist() == [350, "S"]


def test_a_road_of_no_listed_category_is_told_without_one():
    facts = measured(lots(LOT), veglenker=roads(("a", "b", line((0, 60), (100, 60))), kategori=None))
    assert facts["veg_m"] == 10
    assert facts["vegkategori"] is None


def test_not_known_nothing_there_and_nothing_within_reach():
    unknown = measured(lots(LOT))
    assert unknown.drop("vegkategori").isna().all()
    far = roads(("a", "b", line((0, 600), (100, 600))))
    facts = measured(lots(LOT), veglenker=far, adressepunkter=addresses(), bygninger=addresses((9000, 0)))
    assert facts["veg_m"] == math.inf
    assert facts["vegkategori"] is None
    assert facts[["bygninger_300m", "adresser_300m"]].tolist() == [0, 0]


def test_counts_as_by_one_at_a_time():
    rng = np.random.default_rng(3)
    corners = [(OST + x, NORD + y) for x, y in rng.uniform(0, 1500, (20, 2))]
    shapes = [shapely.Polygon([(x, y), (x + 150, y + 20), (x + 10, y + 90)]) for x, y in corners]
    points = [at(*p) for p in rng.uniform(-400, 2000, (400, 2))]
    there = frame(points, adresse_id=[str(k) for k in range(400)])
    facts = maal_infrastruktur(surroundings(lots(*shapes), adressepunkter=there))
    for within in (100, 300):
        wanted = [sum(s.distance(p) <= within for p in points) for s in shapes]
        assert facts[f"adresser_{within}m"].tolist() == wanted
