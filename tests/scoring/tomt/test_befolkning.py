"""People around lots: counted by hand in a grunnkrets of 1 km², and what must hold of any."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from tasks.scoring.tomt.befolkning import maal_befolkning
from tests.scoring.tomt.plasser import at, box, frame, lots, surroundings


def districts(*rows: tuple[float, object]):
    return frame(
        [g for _, g in rows],
        grunnkretsnummer=[f"7001{k:04d}" for k in range(len(rows))],
        navn=["Krets"] * len(rows),
        folketall=[float(p) for p, _ in rows],
        areal_m2=[g.area for _, g in rows],
    )


def houses(*places: tuple[float, float]):
    ids = [f"bygning-{k}" for k in range(len(places))]
    return frame([at(*p) for p in places], hinder_id=ids, slag=["bygningspunkt"] * len(places))


def measured(tomter, **known) -> pd.DataFrame:
    return maal_befolkning(surroundings(tomter, **known))


LOT = box(-20, -20, 20, 20)


def test_people_live_where_the_buildings_are():
    krets = districts((100, box(-500, -500, 5000, 500)))
    near, middle, far = [(100, 0), (800, 0)], [(2500, 0)], [(4500, 0)]
    facts = measured(lots(LOT), grunnkretser=krets, bygninger=houses(*near, *middle, *far))
    assert facts.loc[0, ["befolkning_1km", "befolkning_3km"]].tolist() == [50, 75]  # 25 each


def test_people_are_spread_over_the_land_where_no_building_is_known():
    krets = districts((1000, box(-10_000, -10_000, 10_000, 10_000)))  # 2.5 per km²
    facts = measured(lots(LOT), grunnkretser=krets)
    assert facts["befolkning_1km"][0] == pytest.approx(2.5 * math.pi, rel=0.02)
    assert facts["befolkning_3km"][0] == pytest.approx(2.5 * math.pi * 9, rel=0.01)
    assert facts["tetthet_per_km2"][0] == pytest.approx(2.5)


def test_a_grunnkrets_without_buildings_of_its_own_is_spread_and_one_smaller_than_a_square_is_a_place():
    built, bare, tiny = box(-500, -500, 0, 500), box(0, -500, 500, 500), box(600.5, 10.5, 610, 20)
    facts = measured(lots(LOT), grunnkretser=districts((10, built), (40, bare), (7, tiny)), bygninger=houses((-90, 0)))
    assert facts["befolkning_1km"][0] == pytest.approx(57, abs=0.5)


def test_a_grunnkrets_without_a_number_is_not_known_only_where_it_matters():
    here, beside = (10, box(-500, -500, 500, 500)), (math.nan, box(500, -500, 1500, 500))
    away = (math.nan, box(1500, -500, 2500, 500))
    assert measured(lots(LOT), grunnkretser=districts(here, beside))["befolkning_1km"].isna()[0]
    facts = measured(lots(LOT), grunnkretser=districts(here, away))
    assert facts["befolkning_1km"][0] == pytest.approx(10, abs=0.01)
    assert math.isnan(facts["befolkning_3km"][0])
    many = (3500, here[1])  # as many as give full points within 1 km
    assert measured(lots(LOT), grunnkretser=districts(many, beside))["befolkning_1km"][0] == pytest.approx(3500)


def test_density_is_that_of_the_grunnkrets_around_the_lot():
    krets = districts((250, box(-500, -500, 500, 500)), (math.nan, box(500, -500, 1500, 500)))
    facts = measured(lots(LOT, box(900, 0, 950, 50), box(9000, 0, 9050, 50)), grunnkretser=krets)
    assert facts["tetthet_per_km2"].tolist()[0] == pytest.approx(250)
    assert facts["tetthet_per_km2"].isna().tolist() == [False, True, True]  # no number; outside of all


def test_nothing_is_known_without_grunnkretser():
    assert measured(lots(LOT)).isna().all(axis=None)
    assert len(measured(lots(), grunnkretser=districts((1, LOT)))) == 0


def test_order_does_not_matter_nor_who_else_is_measured():
    rng = np.random.default_rng(7)
    tomter = lots(*(box(x, y, x + 40, y + 30) for x, y in rng.uniform(-4000, 4000, (30, 2))))
    cells = [
        (rng.integers(0, 900), box(x, y, x + 1500, y + 1500)) for x in range(-6000, 6000, 1500) for y in (-900, 600)
    ]
    known = {"grunnkretser": districts(*cells), "bygninger": houses(*rng.uniform(-5000, 5000, (300, 2)))}
    whole = measured(tomter, **known)
    mixed = {name: some.sample(frac=1, random_state=1) for name, some in known.items()}
    again = measured(tomter.iloc[[17, 3]].reset_index(drop=True), **mixed)
    pd.testing.assert_frame_equal(again, whole.iloc[[17, 3]].reset_index(drop=True), atol=0.01)


def test_nobody_is_counted_twice():
    cells = [(100, box(x, y, x + 500, y + 500)) for x in range(-1500, 1500, 500) for y in range(-1500, 1500, 500)]
    facts = measured(lots(LOT), grunnkretser=districts(*cells), bygninger=houses((10, 10), (600, 600), (1400, -1400)))
    assert facts["befolkning_3km"][0] == pytest.approx(3600)
