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


def test_people_of_a_grunnkrets_that_has_no_building_are_spread_over_its_land():
    krets = districts((1000, box(-10_000, -10_000, 10_000, 10_000)))  # 2.5 per km²
    facts = measured(lots(LOT), grunnkretser=krets, bygninger=houses())
    assert facts["befolkning_1km"][0] == pytest.approx(2.5 * math.pi, rel=0.02)
    assert facts["befolkning_3km"][0] == pytest.approx(2.5 * math.pi * 9, rel=0.01)
    assert facts["tetthet_per_km2"][0] == pytest.approx(2.5)


def test_a_grunnkrets_without_buildings_of_its_own_is_spread_and_one_smaller_than_a_square_is_a_place():
    built, bare, tiny = box(-500, -500, 0, 500), box(0, -500, 500, 500), box(600.5, 10.5, 610, 20)
    facts = measured(lots(LOT), grunnkretser=districts((10, built), (40, bare), (7, tiny)), bygninger=houses((-90, 0)))
    assert facts["befolkning_1km"][0] == pytest.approx(57)


def test_where_buildings_are_not_known_only_who_surely_lives_within_is_counted():
    here, edge, away = box(-300, -300, 300, 300), box(800, -300, 1400, 300), box(4000, 0, 4500, 500)
    alone = measured(lots(LOT), grunnkretser=districts((10, here), (500, away)))
    assert alone[["befolkning_1km", "befolkning_3km"]].to_numpy().tolist() == [[10, 10]]
    beside = measured(lots(LOT), grunnkretser=districts((10, here), (500, edge)))
    assert beside["befolkning_1km"].isna()[0]  # 10 to 510
    assert beside["befolkning_3km"][0] == 510
    nobody = measured(lots(LOT), grunnkretser=districts((10, here), (0, edge)))
    assert nobody["befolkning_1km"][0] == 10
    full = measured(lots(LOT), grunnkretser=districts((3500, here), (500, edge), (math.nan, away)))
    assert full["befolkning_1km"][0] == 3500  # as many as give full points: more would not matter
    none = measured(lots(LOT), grunnkretser=districts((math.nan, here), (500, away)))
    assert none["befolkning_1km"].isna()[0]


@pytest.mark.parametrize("seed", range(4))
def test_never_more_people_for_not_knowing_where_buildings_stand(seed):
    rng = np.random.default_rng(seed)
    side = (400, 900, 1500, 2500)[seed]
    cells = [
        (rng.integers(0, 900), box(x, y, x + side, y + side))
        for x in range(-3000, 3000, side)
        for y in range(-3000, 3000, side)
    ]
    tomter = lots(*(box(x, y, x + 40, y + 30) for x, y in rng.uniform(-2500, 2500, (40, 2))))
    krets, built = districts(*cells), houses(*rng.uniform(-3000, 3000, (400, 2)))
    dark, lit = measured(tomter, grunnkretser=krets), measured(tomter, grunnkretser=krets, bygninger=built)
    for column, most in (("befolkning_1km", 3000), ("befolkning_3km", 10_000)):
        known = dark[column].notna()
        assert (dark[column][known].clip(upper=most) <= lit[column][known].clip(upper=most) + 0.002).all()
    if side < 500:
        assert dark["befolkning_3km"].notna().any()


def test_a_grunnkrets_without_a_number_is_not_known_only_where_it_matters():
    here, beside = (10, box(-500, -500, 500, 500)), (math.nan, box(500, -500, 1500, 500))
    away = (math.nan, box(1500, -500, 2500, 500))
    none = houses()
    assert measured(lots(LOT), grunnkretser=districts(here, beside), bygninger=none)["befolkning_1km"].isna()[0]
    facts = measured(lots(LOT), grunnkretser=districts(here, away), bygninger=none)
    assert facts["befolkning_1km"][0] == pytest.approx(10, abs=0.01)
    assert math.isnan(facts["befolkning_3km"][0])
    many = (3500, here[1])  # as many as give full points within 1 km
    facts = measured(lots(LOT), grunnkretser=districts(many, beside), bygninger=none)
    assert facts["befolkning_1km"][0] == pytest.approx(3500)


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
