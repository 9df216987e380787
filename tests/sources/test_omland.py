"""Tettsteder, grunnkretser, stops and addresses from rows as sources write them."""

from __future__ import annotations

import math
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from tasks.sources import omland
from tasks.tomtekontrakter import ADRESSEPUNKTER, GRUNNKRETSER, HOLDEPLASSER, TETTSTEDER

A, B = shapely.box(0, 6_700_000, 100, 6_700_100), shapely.box(100, 6_700_000, 200, 6_700_100)


def raw(geometry: list[Any], **columns: list[Any]) -> gpd.GeoDataFrame:
    data = {c: pd.Series(v, dtype=object) for c, v in columns.items()}
    return gpd.GeoDataFrame(data, geometry=geometry, crs=25833)


@pytest.mark.parametrize(
    ("nummer", "navn", "folketall"),
    [
        ("tettstedsnummer", "tettstedsnavn", "folketall"),
        ("app:tettstednummer", "app:tettstednavn", "app:totalBefolkning"),
        ("TETTSTED_NR", "NAVN", "Befolkning"),
    ],
)
def test_tettsteder_by_whatever_names(nummer: str, navn: str, folketall: str):
    frame, account = omland.tettsteder(
        raw([A, B], **{nummer: ["0801", "0802"], navn: ["Ås", None], folketall: ["11 500", "x"]})
    )
    TETTSTEDER.check(frame)
    assert frame["navn"].tolist() == ["Ås", None]
    assert frame["folketall"].iloc[0] == 11_500
    assert math.isnan(frame["folketall"].iloc[1])
    assert account.merknader["uleselig folketall"] == 1


def test_parts_of_one_tettsted_are_one():
    frame, account = omland.tettsteder(raw([A, B, None, A], tettstedsnummer=["1", "1", "2", None], folketall=["5"] * 4))
    assert frame["tettstedsnummer"].tolist() == ["1"]
    assert frame.area.iloc[0] == pytest.approx(20_000)
    assert {r: d.antall for r, d in account.utelatt.items()} == {"uten tettstedsnummer": 1, "uten geometri": 1}


def test_grunnkretser_get_their_inhabitants_and_their_own_area():
    rows = raw(
        [A, B, shapely.box(200, 6_700_000, 300, 6_700_100)], grunnkretsnummer=["3010101", "03010102", "03010103"]
    )
    people = omland.people(raw([None] * 2, grunnkretsnummer=["03010101", "03010102"], folketall=["120", None]))
    frame, account = omland.grunnkretser(rows, people, epsg=25832)
    GRUNNKRETSER.check(frame)
    assert frame["grunnkretsnummer"].tolist() == ["03010101", "03010102", "03010103"]
    assert frame["folketall"].iloc[0] == 120
    assert frame["folketall"].isna().tolist() == [False, True, True]
    assert account.merknader["uten folketall"] == 1
    assert frame["areal_m2"].iloc[0] == pytest.approx(A.area, rel=0.02)
    assert frame["areal_m2"].iloc[0] != A.area  # measured in the kommune's own zone


def test_stops_each_once():
    points = [shapely.Point(0, 0), shapely.Point(1, 1), shapely.Point(2, 2)]
    frame, account = omland.holdeplasser(
        raw(points, stopp_id=["a", "b", "a"], navn=["A", None, "A"], transport=["bus,rail", None, "x"])
    )
    HOLDEPLASSER.check(frame)
    assert frame["transport"].tolist() == [["bus", "rail"], []]
    assert account.utelatt["samme nøkkel"].antall == 1


def test_of_an_address_only_where_it_is():
    points = [shapely.Point(0, 0), shapely.MultiPoint([(1, 1)]), shapely.Point(2, 2), None]
    columns = {"app:adresseId": ["7", None, "7", "8"], "adressetilleggsnavn": ["Solli"] * 4}
    frame, account = omland.adressepunkter(raw(points, **columns))
    ADRESSEPUNKTER.check(frame)
    assert list(frame.columns) == ["adresse_id", "geometry"]
    assert len(frame) == 2
    assert frame["adresse_id"].iloc[0] == "7"
    assert account.merknader["uten adresseId"] == 1


@pytest.mark.parametrize("read", [omland.tettsteder, omland.holdeplasser, omland.adressepunkter])
def test_nothing_is_nothing(read: Any):
    frame, _ = read(raw([]))
    assert not len(frame)
